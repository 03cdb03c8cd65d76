/** Making a user, the first one too: what is checked and hashed before the transaction, and what happens in it. */
import type { Issue } from "@chatelaine/contract/errors";
import type { Clock } from "../domain/clock.ts";
import { AppError, refuseIssues } from "../domain/errors.ts";
import type { Party } from "../domain/fair-queue.ts";
import { USERS_MAX, type User } from "../domain/user.ts";
import type { NewUser, Store, Transaction } from "../store/store.ts";
import type { NewUserInput } from "./accounts.ts";
import { setGroups } from "./memberships.ts";
import type { Passwords } from "./passwords.ts";
import { checkUserInput, distinct } from "./user-rules.ts";

export interface NewUserDeps {
  readonly store: Pick<Store, "findUser" | "findGroup">;
  readonly passwords: Passwords;
  readonly clock: Clock;
}

export interface PreparedUser {
  readonly user: NewUser;
  readonly groups: readonly string[];
}

/**
 * Throws invalid or name_taken with issues; unavailable where too many passwords are being hashed.
 * @param party who makes the user
 */
export async function prepareUser(
  { store, passwords, clock }: NewUserDeps,
  input: NewUserInput,
  party: Party,
): Promise<PreparedUser> {
  const groups = distinct(input.groups ?? []);
  refuseIssues([
    ...checkUserInput(input),
    ...((await store.findUser({ username: input.username })) ? [nameTaken()] : []),
    ...(await checkGroups(store, groups)),
  ]);
  const passwordHash = input.password === undefined ? null : await passwords.hash(input.password, party);
  const user = {
    username: input.username,
    fullName: input.fullName ?? "",
    email: input.email ?? null,
    roles: distinct(input.roles ?? []),
    scopes: distinct(input.scopes ?? []),
    createdAt: clock.now(),
    passwordHash,
  };
  return { user, groups };
}

/** Throws name_taken, limit_reached. */
export async function insertUser(tx: Transaction, { user, groups }: PreparedUser): Promise<User> {
  if (await tx.findUser({ username: user.username })) refuseIssues([nameTaken()]);
  if ((await tx.countUsers()) >= USERS_MAX) {
    throw new AppError("limit_reached", `There are ${USERS_MAX} users already`);
  }
  const id = await tx.insertUser(user);
  await setGroups(tx, { id, groups: [] }, groups);
  return getUser(tx, id);
}

export async function checkGroups(
  store: Pick<Store, "findGroup">,
  names: readonly string[],
): Promise<Issue[]> {
  const found = await Promise.all(names.map((name) => store.findGroup(name)));
  return names.flatMap((_name, at): Issue[] =>
    found[at] ? [] : [{ path: ["groups", at], code: "shape", message: "No such group" }],
  );
}

/** Throws not_found. */
export async function getUser(store: Pick<Store | Transaction, "findUser">, id: number): Promise<User> {
  const user = await store.findUser({ id });
  if (!user) throw new AppError("not_found", "User does not exist");
  return user;
}

export function nameTaken(): Issue {
  return { path: ["username"], code: "name_taken", message: "A user with this name exists already" };
}
