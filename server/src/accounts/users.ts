/**
 * Users: who may see, make, edit, lock and delete them. Every change is decided, made and audited in one transaction, on
 * the state that is there then: `minting.ts` judges the user before the change and after it.
 */
import { ATTRIBUTE_NAME_CHARS_MAX } from "@chatelaine/contract/limits";
import { type Audit, recordOf } from "../activity/audit.ts";
import type { Secrets } from "../crypto.ts";
import { askingOf, type Caller, partyOf, requireRole } from "../domain/caller.ts";
import type { Clock } from "../domain/clock.ts";
import { AppError, refuseIssues, takenAs } from "../domain/errors.ts";
import { keptTextIssues } from "../domain/kept-text.ts";
import type { ListQuery, Page } from "../domain/listing.ts";
import { isHeldKey, requireMayMint } from "../domain/minting.ts";
import { inBothForms, type Twins } from "../domain/names.ts";
import { ATTRIBUTES_BYTES_MAX, isUsername, type User } from "../domain/user.ts";
import { changedMeanwhile, requireVersion } from "../domain/version.ts";
import { rememberRequest } from "../keys/keys.ts";
import { requireAllowedTransport } from "../sign-in/clear-text.ts";
import { type NewPassword, proveOwnPassword } from "../sign-in/password.ts";
import type { Passwords } from "../sign-in/passwords.ts";
import type { RefusalLog } from "../sign-in/refusal-log.ts";
import type { MaybePromise, Profile, Store, Transaction } from "../store/store.ts";
import { type Act, getUser, keepAnAdmin, orNote, setGroups } from "./acts.ts";
import { checkGroups, insertUser, NAME_TAKEN, prepareUser } from "./new-user.ts";
import { checkUserInput, distinct, type NewUserInput } from "./rules.ts";
import {
  actOfChange,
  changesOf,
  changesOfNew,
  feedNoteOf,
  inOurWords,
  patchOf,
  takesAway,
  type UserChange,
} from "./user-changes.ts";

export interface Users {
  /** ACCOUNT_READ. Members as of User. */
  list(caller: Caller, query: ListQuery): Promise<Page<User>>;
  /** ACCOUNT_READ, or oneself. Throws not_found. */
  get(caller: Caller, by: { readonly id: number } | { readonly username: string }): Promise<User>;
  /** What the caller may always know of themselves. Throws not_found for somebody who is no user. */
  profile(caller: Caller): MaybePromise<Profile>;
  /**
   * ACCOUNT_WRITE, and nobody grants what they lack.
   * Throws invalid with issues, name_taken, forbidden, limit_reached, unavailable where too many passwords are hashed.
   */
  create(caller: Caller, input: NewUserInput): Promise<User>;
  /**
   * ACCOUNT_WRITE. A new password of somebody else ends their sessions; one's own is changed by `setPassword`.
   * Throws as create does, and not_found and conflict.
   */
  update(caller: Caller, id: number, change: UserChange): Promise<User>;
  /**
   * One's own with the one that one has, by a session and not by a key; another's with ACCOUNT_WRITE. Ends the user's other
   * sessions. Throws as update does, insecure_transport, and too_many_requests for guesses.
   */
  setPassword(
    caller: Caller,
    by: { readonly id: number } | { readonly username: string },
    wanted: NewPassword,
  ): Promise<User>;
  /** Sessions of a locked user end, their keys stop. The last unlocked FULL_ADMIN cannot be locked: conflict. */
  lock(caller: Caller, id: number): Promise<User>;
  unlock(caller: Caller, id: number): Promise<User>;
  /** Deletes their keys too, audited one by one. */
  remove(caller: Caller, id: number): Promise<User>;
  /** ACCOUNT_READ. Users and groups whose names differ in case alone: from before names were unique without it. */
  twins(caller: Caller): Promise<readonly Twins[]>;
  /** Free JSON of the caller's own. */
  setAttribute(caller: Caller, name: string, value: unknown): Promise<void>;
}

export interface UsersDeps {
  readonly store: Store;
  readonly secrets: Pick<Secrets, "digestToken">;
  readonly passwords: Passwords;
  readonly audit: Pick<Audit, "note" | "refuse">;
  readonly refusalLog: Pick<RefusalLog, "tell">;
  readonly clock: Clock;
}

export function createUsers(deps: UsersDeps): Users {
  const change = (caller: Caller, id: number, wanted: UserChange): Promise<User> =>
    orNote(deps, caller, actOfChange(wanted, { id, username: String(id) }), () =>
      update(deps, caller, { id, change: wanted }),
    );
  return {
    list: async (caller, query) => {
      requireRole(caller, "ACCOUNT_READ");
      const where = query.where && inBothForms(query.where);
      return deps.store.listUsers(where ? { ...query, where } : query, askingOf(caller));
    },
    get: (caller, by) => get(deps, caller, by),
    profile: (caller) => {
      const found = deps.store.findProfile(caller.userId);
      return found instanceof Promise ? found.then(orMissing) : orMissing(found);
    },
    create: (caller, input) =>
      orNote(deps, caller, actOfCreate(input.username), () => create(deps, caller, input)),
    update: change,
    setPassword: (caller, by, wanted) => setPassword(deps, caller, by, wanted),
    lock: (caller, id) => change(caller, id, { locked: true }),
    unlock: (caller, id) => change(caller, id, { locked: false }),
    remove: (caller, id) =>
      orNote(deps, caller, actOfRemove({ id, username: String(id) }), () => remove(deps, caller, id)),
    twins: async (caller) => {
      requireRole(caller, "ACCOUNT_READ");
      return deps.store.listTwins();
    },
    setAttribute: (caller, name, value) => setAttribute(deps, caller, { name, value }),
  };
}

function orMissing(profile: Profile | undefined): Profile {
  if (!profile) throw missing();
  return profile;
}

/** A user whom the caller may not see is not there for them. */
async function get(
  { store }: UsersDeps,
  caller: Caller,
  by: { readonly id: number } | { readonly username: string },
): Promise<User> {
  const user = await store.findUser(by);
  if (!user || (user.id !== caller.userId && !caller.roles.has("ACCOUNT_READ"))) throw missing();
  return user;
}

async function create(deps: UsersDeps, caller: Caller, input: NewUserInput): Promise<User> {
  requireRole(caller, "ACCOUNT_WRITE");
  const prepared = await prepareUser(deps, { caller, party: partyOf(caller) }, input);
  return deps.store.transact(caller, async (tx) => {
    const user = await insertUser(tx, caller, prepared);
    const act = { ...actOfCreate(user.username), target: targetOf(user) };
    await rememberRequest(tx, caller, user.id, deps.clock.now());
    tx.audit(recordOf(caller, deps.clock.now(), { ...act, details: { changes: changesOfNew(user) } }));
    return user;
  });
}

async function update(
  deps: UsersDeps,
  caller: Caller,
  { id, change }: { readonly id: number; readonly change: UserChange },
): Promise<User> {
  requireRole(caller, "ACCOUNT_WRITE");
  const user = await getUser(deps.store, id);
  return decide(deps, caller, { user, change: inOurWords(user, change), isProven: false });
}

async function setPassword(
  deps: UsersDeps,
  caller: Caller,
  by: { readonly id: number } | { readonly username: string },
  wanted: NewPassword,
): Promise<User> {
  const { password } = wanted;
  const user = await deps.store.findUser(by);
  const isOwn = caller.kind !== "system" && user?.id === caller.userId;
  const act = actOfChange({ password: "" }, user ?? { id: 0, username: "" });
  return orNote(deps, caller, { ...act, target: user ? act.target : null }, async () => {
    // Who may not even see others learns which role is missing, not whether they exist.
    if (!isOwn) requireRole(caller, "ACCOUNT_READ", "ACCOUNT_WRITE");
    if (!user) throw missing();
    if (isOwn) await proveOwnPassword(deps, caller, user, wanted);
    else requireRole(caller, "ACCOUNT_WRITE");
    const change = password === null ? { passwordDisabled: true } : { password };
    return decide(deps, caller, { user, change, isProven: isOwn });
  });
}

interface Wanted {
  /** As they were when this was asked for. */
  readonly user: User;
  readonly change: UserChange;
  /** Whether the caller has just proved the password that this user has. */
  readonly isProven: boolean;
}

/** Refuses what can be refused before a password is hashed, then decides in the transaction. */
async function decide(deps: UsersDeps, caller: Caller, wanted: Wanted): Promise<User> {
  const { user, change } = wanted;
  const { ceilings = user.ceilings } = change;
  requireMayMint(caller, { ...mintingOf(wanted, user), after: { ...user, ceilings } });
  requireVersion("user", user.version, change.version);
  if (change.password !== undefined) await requireAllowedTransport(deps.store, caller.origin);
  await refuseChange(deps, user, change);
  const { password } = change;
  const hash = password === undefined ? undefined : await deps.passwords.hash(password, partyOf(caller));
  return deps.store.transact(
    caller,
    (tx) => keepAnAdmin(tx, () => applyChange({ tx, caller, now: deps.clock.now(), hash }, wanted)),
    { urgent: takesAway(user, change) },
  );
}

function mintingOf({ change, isProven }: Wanted, before: User) {
  const takes = change.passwordDisabled === true && before.hasPassword ? "takes_away" : "keeps";
  const password = change.password === undefined ? takes : "sets";
  return { what: "user", before, password, isProven, setsLimits: change.ceilings !== undefined } as const;
}

async function refuseChange(deps: UsersDeps, user: User, change: UserChange): Promise<void> {
  const { username, groups, password, passwordDisabled } = change;
  const isRenamed = username !== undefined && username !== user.username;
  const isTaken = isRenamed && (await deps.store.isNameTaken("user", { name: username, but: user.id }));
  const isBoth = password !== undefined && passwordDisabled === true;
  const path = ["passwordDisabled"];
  refuseIssues([
    ...checkUserInput(change, username ?? user.username),
    ...(isTaken ? [NAME_TAKEN] : []),
    ...(groups ? await checkGroups(deps.store, groups) : []),
    ...(isBoth ? [{ path, code: "shape", message: "Either a password or none" } as const] : []),
  ]);
}

interface Changing {
  readonly tx: Transaction;
  readonly caller: Caller;
  readonly now: number;
  /** Of a new password. */
  readonly hash: string | undefined;
}

async function applyChange({ tx, caller, now, hash }: Changing, wanted: Wanted): Promise<User> {
  const { change, isProven } = wanted;
  const { id, hasPassword, passwordChangedAt } = wanted.user;
  if (hash !== undefined) await requireAllowedTransport(tx, caller.origin);
  const before = await getUser(tx, id);
  requireVersion("user", before.version, change.version);
  const isOther = before.hasPassword !== hasPassword || before.passwordChangedAt !== passwordChangedAt;
  // What was proved is not the password any more.
  if (isProven && isOther) throw changedMeanwhile("user");
  const patch = patchOf(before, change, hash, now);
  const groups = change.groups && distinct(change.groups);
  if (patch.username !== undefined && (await tx.isNameTaken("user", { name: patch.username, but: id })))
    refuseIssues([NAME_TAKEN]);
  if (Object.keys(patch).length > 0) {
    const changing = tx.changeUser(id, before.version, patch, feedNoteOf(patch, caller));
    if (!(await changing.catch(takenAs(NAME_TAKEN)))) throw changedMeanwhile("user");
  }
  if (groups) await setGroups(tx, before, groups);
  const after = await getUser(tx, id);
  requireMayMint(caller, { ...mintingOf(wanted, before), after });
  const changes = changesOf(before, after);
  if (Object.keys(patch).length === 0 && Object.keys(changes).length === 0) return after;
  await rememberRequest(tx, caller, id, now);
  tx.audit(recordOf(caller, now, { ...actOfChange(change, before), details: { changes } }));
  return after;
}

async function remove(deps: UsersDeps, caller: Caller, id: number): Promise<User> {
  requireRole(caller, "ACCOUNT_WRITE");
  const now = deps.clock.now();
  const work = async (tx: Transaction): Promise<User> => {
    const user = await getUser(tx, id);
    requireMayMint(caller, { what: "user", before: user, password: "keeps" });
    for (const key of await tx.listKeysOf(id)) {
      if (!(await tx.removeKey(key.id, key.version))) throw changedMeanwhile("user");
      const target = { kind: "key", id: key.id, name: key.name } as const;
      const description = `Delete API key ${key.name}`;
      tx.audit(recordOf(caller, now, { action: "key.delete", description, target }));
    }
    if (!(await tx.removeUser(id, user.version))) throw changedMeanwhile("user");
    tx.audit(recordOf(caller, now, actOfRemove(user)));
    return user;
  };
  return deps.store.transact(caller, (tx) => keepAnAdmin(tx, () => work(tx)), { urgent: true });
}

async function setAttribute(
  { store, clock }: UsersDeps,
  caller: Caller,
  { name, value }: { readonly name: string; readonly value: unknown },
): Promise<void> {
  if (caller.kind === "system") throw new AppError("forbidden", "Not a user session");
  if (isHeldKey(caller))
    throw new AppError("forbidden", "A key that is held to limits keeps nothing for its user");
  if (name.length === 0 || name.length > ATTRIBUTE_NAME_CHARS_MAX || !name.isWellFormed()) {
    const message = `The name of an attribute has 1 to ${ATTRIBUTE_NAME_CHARS_MAX} characters`;
    refuseIssues([{ path: ["key"], code: "shape", message }]);
  }
  refuseIssues(keptTextIssues({ key: name, value }));
  await store.transact(caller, async (tx) => {
    const user = await getUser(tx, caller.userId);
    const attributes = Object.fromEntries([...Object.entries(user.attributes), [name, value ?? null]]);
    if (Buffer.byteLength(JSON.stringify(attributes)) > ATTRIBUTES_BYTES_MAX) {
      const message = `All attributes together may have ${ATTRIBUTES_BYTES_MAX} bytes`;
      refuseIssues([{ path: ["value"], code: "too_long", message }]);
    }
    if (!(await tx.changeUser(user.id, user.version, { attributes }))) throw changedMeanwhile("user");
    const act = { ...actOfChange({}, user), details: { attribute: name } };
    tx.audit(recordOf(caller, clock.now(), act));
  });
}

function actOfCreate(username: string): Act {
  const name = isUsername(username) ? username : "";
  const target = { kind: "user", id: null, name } as const;
  return { action: "user.create", description: `Create user ${name}`.trim(), target };
}

function actOfRemove(user: Pick<User, "id" | "username">): Act {
  return { action: "user.delete", description: `Delete user ${user.username}`, target: targetOf(user) };
}

function targetOf(user: Pick<User, "id" | "username">): NonNullable<Act["target"]> {
  return { kind: "user", id: user.id, name: user.username };
}

function missing(): AppError {
  return new AppError("not_found", "User does not exist");
}
