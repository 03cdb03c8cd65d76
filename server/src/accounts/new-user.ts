/** Making a user, the first one too: what is checked and hashed before the transaction, and what happens in it. */
import type { Issue } from "@chatelaine/contract/errors";
import type { Caller } from "../domain/caller.ts";
import type { Clock } from "../domain/clock.ts";
import { AppError, refuseIssues, takenAs } from "../domain/errors.ts";
import type { Party } from "../domain/fair-queue.ts";
import { requireMayMint } from "../domain/minting.ts";
import { inNfc } from "../domain/names.ts";
import { USER_TEXTS, USERS_MAX, type User } from "../domain/user.ts";
import { requireAllowedTransport } from "../sign-in/clear-text.ts";
import type { Passwords } from "../sign-in/passwords.ts";
import type { NewUser, Store, Transaction } from "../store/store.ts";
import { getUser, setGroups } from "./acts.ts";
import { checkUserInput, distinct, type NewUserInput } from "./rules.ts";

export interface NewUserDeps {
  readonly store: Pick<Store, "isNameTaken" | "findGroup" | "readSettings">;
  readonly passwords: Passwords;
  readonly clock: Clock;
}

export interface PreparedUser {
  readonly user: NewUser;
  readonly groups: readonly string[];
}

/**
 * Refuses first what the maker may not make, then hashes. A maker under limits passes them on.
 * Throws forbidden; invalid or name_taken with issues; insecure_transport; unavailable where too many passwords are being
 * hashed.
 * @param by who makes the user, and for whom the hashing counts
 */
export async function prepareUser(
  { store, passwords, clock }: NewUserDeps,
  by: { readonly caller: Caller; readonly party: Party },
  given: NewUserInput,
): Promise<PreparedUser> {
  const { caller, party } = by;
  const input = inNfc(given, USER_TEXTS);
  refuseIssues(checkUserInput(input));
  if (input.password !== undefined) await requireAllowedTransport(store, caller.origin);
  const groups = distinct(input.groups ?? []);
  refuseIssues([
    ...((await store.isNameTaken("user", { name: input.username })) ? [NAME_TAKEN] : []),
    ...(await checkGroups(store, groups)),
  ]);
  const { password } = input;
  const fields = {
    username: input.username,
    fullName: input.fullName ?? "",
    email: input.email ?? null,
    roles: distinct(input.roles ?? []),
    scopes: distinct(input.scopes ?? []),
    createdAt: clock.now(),
    lockedAt: input.locked ? clock.now() : null,
    ceilings: caller.ceilings,
  };
  const after = { ...NOBODY, ...fields, allRoles: fields.roles, allScopes: fields.scopes, groups };
  requireMayMint(caller, {
    what: "user",
    after: { ...after, hasPassword: password !== undefined },
    password: password === undefined ? "keeps" : "sets",
  });
  const passwordHash = password === undefined ? null : await passwords.hash(password, party);
  return { user: { ...fields, passwordHash }, groups };
}

/** What is not yet known of a user who is to be made. */
const NOBODY = {
  id: 0,
  passwordChangedAt: null,
  attributes: {},
  keyIds: [],
  version: 0,
} as const;

/** Throws name_taken and forbidden, and has the transaction throw limit_reached. */
export async function insertUser(
  tx: Transaction,
  caller: Caller,
  { user, groups }: PreparedUser,
): Promise<User> {
  if (await tx.isNameTaken("user", { name: user.username })) refuseIssues([NAME_TAKEN]);
  tx.atClose(async () => {
    if ((await tx.countUsers()) > USERS_MAX)
      throw new AppError("limit_reached", `There are ${USERS_MAX} users already`);
  });
  if (user.passwordHash !== null) await requireAllowedTransport(tx, caller.origin);
  const id = await tx.insertUser(user).catch(takenAs(NAME_TAKEN));
  await setGroups(tx, { id, groups: [] }, groups);
  const after = await getUser(tx, id);
  requireMayMint(caller, { what: "user", after, password: after.hasPassword ? "sets" : "keeps" });
  return after;
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

export const NAME_TAKEN: Issue = {
  path: ["username"],
  code: "name_taken",
  message: "A user with this name exists already",
};
