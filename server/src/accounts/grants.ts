/**
 * The two rules that every change of users and groups obeys: nobody hands out or touches rights that he lacks himself, and
 * the last unlocked full administrator stays.
 */
import type { Caller } from "../domain/caller.ts";
import { AppError } from "../domain/errors.ts";
import { coversRights, rightsOf } from "../domain/rights.ts";
import type { Group, User } from "../domain/user.ts";
import type { Transaction } from "../store/store.ts";

/** Throws forbidden where the user has a right that the caller lacks. */
export function requireCoversUser(caller: Caller, user: Pick<User, "allRoles" | "allScopes">): void {
  requireCovers(caller, user.allRoles, user.allScopes);
}

/** Throws forbidden where the group, or what is to become of it, has a right that the caller lacks. */
export function requireCoversGroup(caller: Caller, group: Pick<Group, "roles" | "scopes">): void {
  requireCovers(caller, group.roles, group.scopes);
}

/** Throws conflict, and so rolls back, where the work took away the last one. */
export async function keepAnAdmin<Result>(tx: Transaction, work: () => Promise<Result>): Promise<Result> {
  const before = await tx.countAdmins();
  const result = await work();
  if (before > 0 && (await tx.countAdmins()) === 0) {
    throw new AppError("conflict", "The last unlocked full administrator must stay");
  }
  return result;
}

function requireCovers(caller: Caller, roles: User["roles"], scopes: readonly string[]): void {
  if (coversRights(caller, rightsOf(roles, scopes))) return;
  throw new AppError(
    "forbidden",
    `${caller.username}: nobody may give out or change rights that he lacks himself.`,
  );
}
