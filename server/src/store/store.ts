/**
 * Everything that is kept, behind one interface of deep operations, made up of one for each subject. Types alone: `open.ts`
 * opens it.
 *
 * A change, its audit record and its row of the numbered feed commit together in `transact`, or not at all; a change without an
 * audit record is refused. A change of a row carries the version it may leave (`changeKey(id, from, patch)` is false for
 * the loser), so that check and act are one statement. Sign-ins, last use and counters of guesses are kept apart
 * (`activity.db`), so that a flood of them neither slows the keys' database nor moves its feed.
 *
 * What a check reads is answered by `MaybePromise`: at once by SQLite, later by a database over the network.
 */

import type { Role } from "@chatelaine/contract/roles";
import type { BackupState } from "../domain/alert.ts";
import type { AuditRecord } from "../domain/audit.ts";
import type { Caller, WritingActor } from "../domain/caller.ts";
import type { Clock } from "../domain/clock.ts";
import type { Asking } from "../domain/fair-queue.ts";
import type { Key, KeyFields } from "../domain/key.ts";
import type { RateLimit, UserLimits } from "../domain/limits.ts";
import type { ListQuery, Page } from "../domain/listing.ts";
import type { GroupMember } from "../domain/minting.ts";
import type { Twins } from "../domain/names.ts";
import type { Settings, SettingsPatch } from "../domain/settings.ts";
import type { Group, User } from "../domain/user.ts";
import type { Log } from "../log.ts";
import type { Named, WantedName } from "./folded-names.ts";
import type { SessionChanges, SessionStore, WebSession } from "./kept-sessions.ts";
import type { UsageStore } from "./kept-use.ts";
import type { AlertStore, Delivery } from "./outgoing.ts";
import type { Snapshot } from "./snapshot-parts.ts";

export type { NewToken, StoredToken, TokenRoot, WaitingToken, WebSession } from "./kept-sessions.ts";
export type { KeyDay, KeyUse, RefusalRecord, UseTally } from "./kept-use.ts";
export type { AlertDelivery, AlertMark, Delivery } from "./outgoing.ts";
export type { Snapshot } from "./snapshot-parts.ts";

export type MaybePromise<T> = T | Promise<T>;

/** All that judging a key needs, in one read. */
export interface CheckRecord {
  readonly id: number;
  readonly name: string;
  readonly description: string;
  readonly tags: readonly string[];
  /** 0 once the feed has told of the expiry: that holds wherever the clock goes. */
  readonly expiresAt: number | null;
  readonly pausedAt: number | null;
  readonly revokedAt: number | null;
  readonly roles: readonly Role[] | null;
  readonly scopes: readonly string[] | null;
  readonly allowedIps: readonly string[] | null;
  readonly rateLimit: RateLimit | null;
  readonly managesSignIn: boolean;
  readonly version: number;
  readonly secrets: readonly StoredSecret[];
  readonly user: CheckUser;
}

export interface CheckUser {
  readonly id: number;
  readonly username: string;
  readonly fullName: string;
  readonly email: string | null;
  readonly lockedAt: number | null;
  readonly roles: readonly Role[];
  readonly scopes: readonly string[];
  readonly groups: readonly string[];
  /** What holds for all their keys, whatever they say themselves. */
  readonly ceilings: UserLimits | null;
}

/** What a check needs of a key, and nothing for people. Lists are JSON text, so that equal ones are known without reading them. */
export interface HotKey {
  readonly userId: number;
  readonly expiresAt: number | null;
  readonly pausedAt: number | null;
  readonly revokedAt: number | null;
  readonly limits: {
    readonly roles: string | null;
    readonly scopes: string | null;
    readonly allowedIps: string | null;
    readonly rateLimit: string | null;
  };
  readonly secrets: readonly Pick<StoredSecret, "digest" | "createdAt" | "endsAt">[];
}

export type KeyLabels = Pick<CheckRecord, "name" | "description" | "tags">;

/** What is left of a limit in its running window. */
export interface RateState {
  /** Whether the cost was still in it, and is spent now. */
  readonly ok: boolean;
  readonly limit: number;
  readonly windowSeconds: number;
  readonly remaining: number;
  readonly resetMs: number;
}

/** Refusals of strangers that are alike. */
export interface Fold {
  /** What is alike in them: of the same name there is one. */
  readonly name: string;
  /** Of the first. */
  readonly record: AuditRecord;
  readonly count: number;
  readonly lastAt: number;
}

/** One secret of a key. Nothing in it authenticates without the master secret. */
export interface StoredSecret {
  readonly digest: Uint8Array;
  /** stored key and server key of SCRAM, sealed. */
  readonly sealed: Uint8Array;
  readonly salt: Uint8Array;
  readonly iterations: number;
  readonly createdAt: number;
  /** When it stops, where two overlap. */
  readonly endsAt: number | null;
}

export type Profile = Pick<User, "username" | "fullName" | "attributes">;

/** What password sign-in needs, in one read. */
export interface PasswordRecord extends CheckUser {
  readonly passwordHash: string | null;
  readonly passwordChangedAt: number | null;
}

/** A row of the feed. `seq` rises in commit order. */
export interface Change {
  readonly seq: number;
  readonly at: number;
  readonly kind: "key" | "user" | "group" | "settings" | "session";
  readonly action: "added" | "changed" | "removed";
  /** 0 for settings, and for sessions and tokens, whose name is their id. */
  readonly id: number;
  readonly name: string;
  /** The owner of a key or session, or the user. */
  readonly userId: number | null;
  /** Whether sessions end that were opened with this key, by this user, or hang on this session or token. */
  readonly endsSessions: boolean;
  /** The session that lives on all the same: the one that changed its own password. */
  readonly exceptSession: string | null;
}

/** What a request with an `Idempotency-Key` has done. */
export interface IdempotencyRecord {
  /** Of who asked, and of the key that they sent. */
  readonly digest: Uint8Array;
  /** Of the request itself, so that another one under the same key is noticed. */
  readonly request: Uint8Array;
  /** What was made or changed. */
  readonly entityId: number;
}

export interface KeptIdempotencyRecord extends IdempotencyRecord {
  /** When the transaction began that did it. */
  readonly at: number;
}

/** What a caller hangs on, as the rows have it. */
export interface StandingRows {
  /** Of the caller's key. */
  readonly record: CheckRecord | undefined;
  readonly user: CheckUser | undefined;
  /** Of the caller's browser session; undefined where it is gone, or there was none. */
  readonly browser: { readonly session: WebSession; readonly hours: number } | undefined;
}

/**
 * Throws credential_ended where the caller has ended, and forbidden where less is left of the rights or limits that the
 * request was judged with.
 */
export type Judge = (caller: Caller, rows: StandingRows) => MaybePromise<void>;

export interface Quarantine {
  /**
   * The state file knows a later change; it knows one that this database never had; the log of the database is damaged; a
   * backup was restored.
   */
  readonly why: "behind" | "apart" | "damaged_log" | "restored";
  /** Number of the last change in the database when it was found. */
  readonly found: number;
  /** Number of the last change that was ever known of it. */
  readonly expected: number;
  /** Id of the last audit record that was known of it, which it may lack. */
  readonly missing?: string | undefined;
  readonly since: number;
}

/** Keys, and what judging one needs. */
interface KeyStore {
  /** One indexed read. */
  findCheck(keyId: number): MaybePromise<CheckRecord | undefined>;
  /** One indexed read of what a check needs. */
  findHot(keyId: number): MaybePromise<HotKey | undefined>;
  findLabels(keyId: number): MaybePromise<KeyLabels | undefined>;
  findKey(id: number): MaybePromise<Key | undefined>;
  findKeyId(name: string): MaybePromise<number | undefined>;
  /** Lists take turns, user by user (`sqlite/shared-threads.ts`). Throws unavailable where too many wait. */
  listKeys(query: ListQuery, asking: Asking): Promise<Page<Key>>;
  /** The newest secret of each key. */
  findSecrets(keyIds: readonly number[]): Promise<Map<number, StoredSecret>>;
  /** Keys whose expiry passed, of which no change tells yet. At most 1 000. */
  listFreshlyExpired(now: number): Promise<readonly Pick<Key, "id" | "version">[]>;
  /** Keys that got older between these instants than their owner's keys may, and had not expired. At most 1 000. */
  listPastLimit(
    from: number,
    until: number,
  ): Promise<readonly (Pick<Key, "id" | "version"> & { readonly endedAt: number })[]>;
  /**
   * A number for a key that is to be made, never given before, of a range that a server draws at once; a key's text and its SCRAM verifier are made from it, before the
   * transaction. Throws limit_reached when all are used up.
   */
  reserveKeyId(): Promise<number>;
  findRequest(digest: Uint8Array): Promise<KeptIdempotencyRecord | undefined>;
}

/** Users, groups and their names. */
interface AccountStore {
  findCheckUser(userId: number): MaybePromise<CheckUser | undefined>;
  /** What a sign-in tells somebody of themselves. */
  findProfile(userId: number): MaybePromise<Profile | undefined>;
  findUser(by: { readonly id: number } | { readonly username: string }): Promise<User | undefined>;
  findPassword(username: string): Promise<PasswordRecord | undefined>;
  listUsers(query: ListQuery, asking: Asking): Promise<Page<User>>;
  countUsers(): MaybePromise<number>;
  findGroup(name: string): Promise<Group | undefined>;
  isNameTaken(kind: Named, wanted: WantedName): Promise<boolean>;
  /** Users and groups whose names differ in case alone. */
  listTwins(): Promise<readonly Twins[]>;
  listGroups(asking: Asking): Promise<readonly Group[]>;
}

/** What was committed, by whomever. */
interface ChangeFeed {
  /**
   * A number that is the same as before only if nobody has committed anything since: what was read under it is still so.
   * undefined: nothing can be proven, and nothing may be remembered.
   */
  stamp(): number | undefined;
  /**
   * Changes that anybody committed since the last call, oldest first; next to free where there are none.
   * One caller alone: the follower of the feed.
   */
  poll(isThorough?: boolean): MaybePromise<readonly Change[]>;
}

/** Every change. */
interface Transacting {
  /**
   * @param by who writes: a caller, who is judged in the closing statements, or a part of the system by its name
   * @param options.urgent takes a right away: space is held back for it, so that a full disk does not stop it
   * Throws credential_ended and forbidden for a caller who has ended or lost a right meanwhile, storage_full and
   * unavailable, with nothing changed, and what `work` throws.
   */
  transact<Result>(
    by: Caller | WritingActor,
    work: (tx: Transaction) => Promise<Result>,
    options?: { readonly urgent?: boolean },
  ): Promise<Result>;
  /** The same judgement without a change: before an answer that was long in coming. Throws as `transact` does. */
  requireStanding(caller: Caller): MaybePromise<void>;
  /** Resolves when each transaction whose caller was judged before this call has committed or failed. */
  settled(): Promise<void>;
}

/** Acts of callers, and refusals. */
interface AuditStore {
  /** Changes and activity in one list; members of AuditRecord. */
  listAudit(query: ListQuery, asking: Asking): Promise<Page<AuditRecord>>;
  /** Writes sign-ins and refused acts of callers, in slices; cuts what is too old or too much. */
  recordActivity(records: readonly AuditRecord[]): Promise<void>;
  /** Adds to those of the same names, whose first record stays; in a part of their own, which evicts only itself. */
  recordFolds(folds: readonly Fold[]): Promise<void>;
}

/** What the webhook is sent. */
interface DeliveryStore {
  /**
   * The oldest that is due, claimed until then and its attempt counted; `lost` where another process was faster, undefined
   * where none is due.
   */
  claimDelivery(now: number, until: number): Promise<Delivery | "lost" | undefined>;
  /** Does nothing where the claim has passed to somebody else. */
  finishDelivery(
    claimed: Pick<Delivery, "id" | "attempts">,
    outcome: Pick<Delivery, "state" | "status" | "error" | "nextAt"> & { readonly at: number },
  ): Promise<void>;
  /** Newest first. */
  listDeliveries(limit: number): Promise<readonly Delivery[]>;
}

/** Counters of guesses. */
interface GuessStore {
  /**
   * Counts one guess; resolves to how many fell into the running window, this one included.
   * @param by 0 only asks, -1 takes one back; default 1
   */
  countGuess(bucket: string, now: number, windowMs: number, by?: -1 | 0 | 1): Promise<number>;
  clearGuesses(bucket: string): Promise<void>;
}

/** What is left of limits. */
interface RateStore {
  /**
   * Spends from a limit, exactly, over all processes on this store; a cost of 0 only asks. Throws unavailable where it cannot
   * be counted.
   */
  takeRate(
    whose: "key" | "user",
    id: number,
    want: { readonly rule: RateLimit; readonly cost: number; readonly now: number },
  ): MaybePromise<RateState>;
  giveBackRate(whose: "key" | "user", id: number, cost: number): MaybePromise<void>;
}

/** The installation as a whole. */
interface Upkeep {
  readSettings(): MaybePromise<Settings>;
  /** What tells it apart from all others, those of the same master secret too. */
  installation(): string;
  readBackupState(): Promise<BackupState>;
  writeBackupState(state: BackupState): Promise<void>;
  /** All that a backup holds, as of this moment. To be closed. */
  openSnapshot(): Promise<Snapshot>;
  /** Throws unless what a check reads can be read, and the database and its folder take writes. */
  probe(): Promise<void>;
  /** Why the data waits to be accepted; undefined: it does not. As of the last poll. */
  quarantine(): Quarantine | undefined;
  close(): Promise<void>;
}

export interface Store
  extends KeyStore,
    AccountStore,
    SessionStore,
    ChangeFeed,
    Transacting,
    AuditStore,
    UsageStore,
    AlertStore,
    DeliveryStore,
    GuessStore,
    RateStore,
    Upkeep {}

/** `username`: of its owner. */
export type NewKey = Pick<Key, "id" | "name" | "userId" | "username" | "createdAt" | "createdBy" | "hint"> &
  Required<Omit<KeyFields, "name">>;

export type KeyPatch = Partial<
  KeyFields & Pick<Key, "hint" | "resetAt" | "pausedAt" | "revokedAt" | "revokedReason">
>;

export type NewUser = Pick<
  User,
  "username" | "fullName" | "email" | "roles" | "scopes" | "createdAt" | "lockedAt" | "ceilings"
> & {
  readonly passwordHash: string | null;
};

export type UserPatch = Partial<
  Pick<
    User,
    "username" | "fullName" | "email" | "roles" | "scopes" | "lockedAt" | "attributes" | "ceilings"
  > & {
    readonly passwordHash: string | null;
    readonly passwordChangedAt: number;
  }
>;

/** How a change shows in the feed. */
export interface FeedNote {
  readonly ends?: boolean;
  readonly spares?: string | null;
}

/**
 * Reads in it see its own writes, and nobody else writes until it ends. Every change feeds its own row to the feed.
 * Denormalised rights follow by themselves: users who lose a right through any of these calls lose their sessions too.
 * Versions of users and groups rise with whatever is shown of them, by which side it ever changed (`versions.test.ts`).
 */
export interface Transaction extends SessionChanges {
  findKey(id: number): Promise<Key | undefined>;
  findUser(by: { readonly id: number } | { readonly username: string }): Promise<User | undefined>;
  findGroup(name: string): Promise<Group | undefined>;
  isNameTaken(kind: Named, wanted: WantedName): Promise<boolean>;
  /** Its members, those who are alike once. */
  listMemberKinds(groupId: number): Promise<readonly GroupMember[]>;
  countUsers(): Promise<number>;
  /** Users that are not locked and have FULL_ADMIN, by themselves or by a group. */
  countAdmins(): Promise<number>;
  /** Throws name_taken. */
  insertKey(key: NewKey, secret: StoredSecret): Promise<void>;
  /** Puts the one secret of a key in the place of those before. */
  replaceSecrets(keyId: number, secret: StoredSecret): Promise<void>;
  /** @returns false when the row is not at this version any more. Throws name_taken. */
  changeKey(id: number, from: number, patch: KeyPatch, note?: FeedNote): Promise<boolean>;
  /**
   * Notes that the feed has told of the expiry; false when it had already, or the key changed.
   * @param at an end by its owner's limits, which becomes its own
   */
  markExpired(id: number, from: number, at?: number): Promise<boolean>;
  removeKey(id: number, from: number): Promise<boolean>;
  /** Throws name_taken, as the next one does, and those of groups. */
  insertUser(user: NewUser): Promise<number>;
  changeUser(id: number, from: number, patch: UserPatch, note?: FeedNote): Promise<boolean>;
  /** Their keys must be gone before. */
  removeUser(id: number, from: number): Promise<boolean>;
  listKeysOf(userId: number): Promise<readonly Key[]>;
  insertGroup(group: Pick<Group, "name" | "roles" | "scopes" | "createdAt">): Promise<number>;
  changeGroup(
    id: number,
    from: number,
    patch: Partial<Pick<Group, "name" | "roles" | "scopes">>,
  ): Promise<boolean>;
  removeGroup(id: number, from: number): Promise<boolean>;
  /** @returns false when nothing changed. */
  addMember(groupId: number, userId: number): Promise<boolean>;
  removeMember(groupId: number, userId: number): Promise<boolean>;
  readSettings(): Promise<Settings>;
  /** @returns false when the settings are not at this version any more */
  putSettings(from: number, patch: SettingsPatch): Promise<boolean>;
  /** Puts the digest of a one-time setup link in the place of those before. */
  putSetupToken(digest: Uint8Array, endsAt: number): Promise<void>;
  /** @returns whether the token was there, unspent and in time; it is spent now. */
  takeSetupToken(digest: Uint8Array, now: number): Promise<boolean>;
  /** What is older than `since` counts no more. Throws conflict where one of the digests is there. */
  putRequests(once: readonly IdempotencyRecord[], since: number): Promise<void>;
  /**
   * Ends the quarantine, and with it all sessions and setup links, which came back with the data. The feed goes on after
   * every number that was ever known, so that what was put back and what it took the place of are never taken for each
   * other. @returns undefined where there is no quarantine
   */
  acceptRestored(): Promise<Quarantine | undefined>;
  /** Asked in the closing statements, of the rows as they are then. What it throws is thrown, and nothing has changed. */
  atClose(check: () => Promise<void>): void;
  /** Written in the closing statements, in this order. */
  audit(record: AuditRecord): void;
  /** Written as the last of all, just before COMMIT: it lies in the other database. */
  putDelivery(delivery: Delivery): void;
}

export interface StoreOptions {
  /** The data folder; it exists. */
  readonly folder: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Of the master secret; a database that knows another refuses to open. */
  readonly fingerprint: string;
  /** Where the state file is kept, outside the data folder; null: nowhere. */
  readonly stateFolder: string | null;
  /** Makes the databases where there are none. */
  readonly create: boolean;
  /** Settings that a database which is made now begins with, where they are not the defaults. */
  readonly firstSettings?: SettingsPatch;
  readonly judge: Judge;
}
