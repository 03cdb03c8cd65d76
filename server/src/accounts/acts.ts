/**
 * What changes of users and groups share: finding them, their memberships, the last administrator who stays, and the note of a
 * change that was refused, apart from the audit of changes, so that a flood of them fills nothing.
 */
import { type Audit, recordOf } from "../activity/audit.ts";
import type { AuditRecord } from "../domain/audit.ts";
import type { Caller } from "../domain/caller.ts";
import type { Clock } from "../domain/clock.ts";
import { AppError } from "../domain/errors.ts";
import type { Group, User } from "../domain/user.ts";
import type { Store, Transaction } from "../store/store.ts";

/** What was tried. */
export type Act = Pick<AuditRecord, "action" | "description" | "target">;

export interface RefusalDeps {
  readonly audit: Pick<Audit, "note">;
  readonly clock: Clock;
}

/** Runs the work; where it throws, notes that the act was refused and why. */
export async function orNote<Result>(
  { audit, clock }: RefusalDeps,
  caller: Caller,
  act: Act,
  work: () => Promise<Result>,
): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    const reason = error instanceof AppError ? error.message : "Internal error";
    audit.note({ ...recordOf(caller, clock.now(), act), success: false, error: reason });
    throw error;
  }
}

/** Throws not_found. */
export async function getUser(store: Pick<Store | Transaction, "findUser">, id: number): Promise<User> {
  const user = await store.findUser({ id });
  if (!user) throw new AppError("not_found", "User does not exist");
  return user;
}

/** Throws not_found. */
export async function getGroup(store: Pick<Store | Transaction, "findGroup">, name: string): Promise<Group> {
  const group = await store.findGroup(name);
  if (!group) throw new AppError("not_found", "Group does not exist");
  return group;
}

/** Makes the user a member of exactly these groups. Throws not_found. */
export async function setGroups(
  tx: Transaction,
  user: Pick<User, "id" | "groups">,
  groups: readonly string[],
): Promise<void> {
  for (const name of groups) {
    if (!user.groups.includes(name)) await tx.addMember((await getGroup(tx, name)).id, user.id);
  }
  for (const name of user.groups) {
    if (!groups.includes(name)) await tx.removeMember((await getGroup(tx, name)).id, user.id);
  }
}

/** The last unlocked full administrator stays. Throws conflict, and so rolls back, where the work took away the last one. */
export async function keepAnAdmin<Result>(tx: Transaction, work: () => Promise<Result>): Promise<Result> {
  if ((await tx.countAdmins()) > 0)
    tx.atClose(async () => {
      if ((await tx.countAdmins()) === 0)
        throw new AppError("conflict", "The last unlocked full administrator must stay");
    });
  return work();
}
