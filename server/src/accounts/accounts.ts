/**
 * Who there is and who is signed in: users, groups, passwords, sign-in by password, key, SCRAM and token, sessions.
 *
 * What every part promises stands at its interface here; each lives in a file of its own beside this one.
 */
import type { Role } from "@chatelaine/contract/roles";
import type { Audit } from "../audit/audit.ts";
import type { Random, Secrets } from "../crypto.ts";
import type { CredentialKind } from "../domain/audit.ts";
import {
  type Caller,
  type CallerKey,
  type ConnectionRef,
  type Origin,
  requireRole,
} from "../domain/caller.ts";
import type { Clock } from "../domain/clock.ts";
import type { KeyTextFault } from "../domain/key-text.ts";
import type { Ceilings } from "../domain/limits.ts";
import type { ListQuery, Page } from "../domain/listing.ts";
import type { Twins } from "../domain/names.ts";
import type { Group, User } from "../domain/user.ts";
import type { Feed } from "../feed/feed.ts";
import type { Keys } from "../keys/keys.ts";
import type { Log } from "../log.ts";
import type { MaybePromise, Profile, Store, Transaction, WaitingToken } from "../store/store.ts";
import type { Usage } from "../usage/usage.ts";
import type { RateState, Refusal, Verify } from "../verify/verify.ts";
import { createGroups } from "./groups.ts";
import { createPasswords } from "./passwords.ts";
import { RefusalLog } from "./refusal-log.ts";
import { LiveSessions } from "./sessions.ts";
import { createSetup } from "./setup.ts";
import { createSignIn } from "./sign-in.ts";
import { TokenBox } from "./tokens.ts";
import { createUsers } from "./users.ts";
import { createWebSessions, type WebSessions } from "./web-sessions.ts";

export type { WaitingToken, WebSession } from "../store/store.ts";
export { clearTextRule } from "./clear-text.ts";
export { createJudge } from "./judge.ts";

export interface Accounts {
  readonly users: Users;
  readonly groups: Groups;
  readonly setup: Setup;
  readonly signIn: SignIn;
  readonly sessions: Sessions;
  readonly tokens: Tokens;
  readonly web: WebSessions;
  /** ACCOUNT_READ. Users and groups whose names differ in case alone: from before names were unique without it. */
  twins(caller: Caller): Promise<readonly Twins[]>;
  /** Throws as a change by this caller would: asked before an answer that was long in coming. */
  requireStanding(caller: Caller): MaybePromise<void>;
  /** AUTH_SESSIONS_WRITE. A session of whichever kind, or a waiting token. @returns false for an unknown id */
  endSession(caller: Caller, id: string): Promise<boolean>;
  /** All but the caller's own: browsers, sockets in every process, and all tokens. */
  endOtherSessions(caller: Caller): Promise<void>;
  close(): Promise<void>;
}

export interface Users {
  /** ACCOUNT_READ. Members as of User. */
  list(caller: Caller, query: ListQuery): Promise<Page<User>>;
  /** ACCOUNT_READ, or oneself. Throws not_found. */
  get(caller: Caller, by: { readonly id: number } | { readonly username: string }): Promise<User>;
  /** What the caller may always know of himself. Throws not_found for somebody who is no user. */
  profile(caller: Caller): MaybePromise<Profile>;
  /**
   * ACCOUNT_WRITE, and nobody grants what he lacks.
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
  /** Sessions of a locked user end, his keys stop. The last unlocked FULL_ADMIN cannot be locked: conflict. */
  lock(caller: Caller, id: number): Promise<User>;
  unlock(caller: Caller, id: number): Promise<User>;
  /** Deletes his keys too, audited one by one. */
  remove(caller: Caller, id: number): Promise<User>;
  /** Free JSON of the caller's own. */
  setAttribute(caller: Caller, name: string, value: unknown): Promise<void>;
}

export interface NewUserInput {
  readonly username: string;
  readonly fullName?: string;
  readonly email?: string | null;
  readonly roles?: readonly Role[];
  readonly scopes?: readonly string[];
  readonly locked?: boolean;
  /** Absent: cannot sign in by password. */
  readonly password?: string;
  readonly groups?: readonly string[];
}

export interface UserChange extends Partial<NewUserInput> {
  /** Takes the password away. */
  readonly passwordDisabled?: boolean;
  /** What holds for all his keys. Nobody sets his own. */
  readonly ceilings?: Ceilings | null;
  /** The version that the change was decided on; another one is a conflict. Absent: whatever is there. */
  readonly version?: number | undefined;
}

export interface NewPassword {
  /** null takes it away. */
  readonly password: string | null;
  /** The one that the user has. */
  readonly current?: string | undefined;
}

export interface Groups {
  list(caller: Caller): Promise<readonly Group[]>;
  get(caller: Caller, name: string): Promise<Group>;
  create(caller: Caller, input: GroupInput & { readonly name: string }): Promise<Group>;
  /** Throws conflict where the group is not at the version that the change was decided on. */
  update(caller: Caller, name: string, change: GroupChange): Promise<Group>;
  remove(caller: Caller, name: string): Promise<Group>;
  /** Does nothing, whatever the version, where it is so already; else throws conflict as `update` does. */
  addMember(caller: Caller, member: Member): Promise<Group>;
  removeMember(caller: Caller, member: Member): Promise<Group>;
}

export interface Member {
  /** Of the group. */
  readonly name: string;
  readonly username: string;
  readonly version?: number | undefined;
}

export interface GroupInput {
  readonly name?: string;
  readonly roles: readonly Role[];
  readonly scopes: readonly string[];
}

export interface GroupChange extends Partial<GroupInput> {
  /** The version that the change was decided on; another one is a conflict. Absent: whatever is there. */
  readonly version?: number | undefined;
}

/** The one-time link by which the first administrator is made. */
export interface Setup {
  isNeeded(): MaybePromise<boolean>;
  /**
   * By the machine itself. @returns a fresh token, good for an hour; the one before is dead.
   * Throws forbidden, conflict when a user exists.
   */
  makeToken(caller: Caller): Promise<string>;
  /** Throws forbidden for a wrong, spent or late token, conflict when a user exists. */
  createFirst(
    token: string,
    input: NewUserInput & { readonly password: string },
    origin: Origin,
  ): Promise<User>;
}

/** What a session was opened with. */
export interface Credential {
  readonly kind: Extract<CredentialKind, "LOGIN_PASSWORD" | "API_KEY" | "TOKEN">;
  readonly userId: number;
  readonly username: string;
  readonly key:
    | (Pick<CallerKey, "id" | "name" | "secret"> & {
        /** As it was at the sign-in. */
        readonly expiresAt: number | null;
      })
    | null;
  /** Whether the key proved itself by SCRAM. */
  readonly scram: boolean;
  readonly loginId: string;
  readonly loginAt: number;
  /** Of the password that was checked: what names it among those that the user had. */
  readonly passwordChangedAt: number | null;
  /** The credential of the session that made the token. */
  readonly parent: Credential | null;
  /** What it was opened with, where that was a token. */
  readonly token: TokenOfSession | null;
  /** Where this process stood in the feed before the proof was checked: what ended since then opens no session. */
  readonly seen: number;
}

/** A token that a session was opened with; not its text. */
export interface TokenOfSession {
  readonly id: string;
  readonly ttlMs: number;
  readonly isSingleUse: boolean;
  /** The sessions and tokens by way of which it was made. */
  readonly line: readonly string[];
}

export type SignInRefusal = Refusal | "too_many_guesses" | "busy";

export type SignInResult =
  | { readonly ok: true; readonly credential: Credential }
  | ({ readonly ok: false } & SignInRefused);

export interface SignInRefused {
  readonly reason: SignInRefusal;
  /** With `too_many_guesses`: after so long at most another attempt is looked at. */
  readonly waitMs?: number;
  /** With `rate_limited`: the limit that is spent. */
  readonly rate?: RateState;
  /** With `insecure_transport`, where the key was left whole: what to do about the connection. */
  readonly advice?: string;
}

export type CallerResult =
  | {
      readonly ok: true;
      readonly caller: Caller;
      /** What is left of the key's limits; absent where it has none. */
      readonly rate?: RateState;
    }
  | ({ readonly ok: false; readonly fault?: KeyTextFault } & SignInRefused);

/** Every attempt is audited, apart from changes and never with what was presented. */
export interface SignIn {
  /**
   * @param username the owner whom the client named; undefined: whoever it is
   * A right key over an insecure transport is treated as the settings say for this door.
   */
  byKey(text: string, username: string | undefined, origin: Origin): Promise<SignInResult>;
  /**
   * For doors that ask with every request: judged as `byKey` does, without a session. Its use is counted, not audited.
   */
  callerOfKey(text: string, origin: Origin): MaybePromise<CallerResult>;
  /** The same for a request that goes on: judged anew, but no use of the key, so nothing is counted, spent or noted. */
  callerAgain(text: string, origin: Origin): MaybePromise<CallerResult>;
  /** Slowed for each account and network. Takes as long for a name that does not exist. */
  byPassword(username: string, password: string, origin: Origin): Promise<SignInResult>;
  byToken(token: string, origin: Origin): Promise<SignInResult>;
  /**
   * First step of SCRAM-SHA-512 (protocol 3.4). Unknown names get a fake salt and fail at the second step.
   * @param binding tls-server-end-point of the certificate that the client sees; undefined off TLS
   * @returns undefined where the first message is refused at once
   */
  scramFirst(
    message: string,
    origin: Origin,
    binding: Uint8Array | undefined,
  ): Promise<ScramExchange | undefined>;
}

export interface ScramExchange {
  readonly serverFirst: string;
  /** Once: a second call is refused. */
  finish(
    clientFinal: string,
  ): Promise<(SignInResult & { ok: true; serverFinal: string }) | { ok: false; reason: SignInRefusal }>;
}

export interface Session {
  /** UUID, of the connection. */
  readonly id: string;
  readonly credential: Credential;
  readonly origin: Origin;
  readonly createdAt: number;
}

export type SessionEnd =
  | "logout"
  | "disconnect"
  | "replaced"
  | "terminated"
  | "key_ended"
  | "key_expired"
  | "user_ended"
  | "token_ended"
  | "transport_ended"
  | "too_old";

/** Live sessions of this process. They end when what they were opened with ends, at the latest at their next use. */
export interface Sessions {
  /** @param onEnd called once, whatever ends it but the one who opened it */
  open(credential: Credential, origin: Origin, onEnd: (reason: SessionEnd) => void): Session;
  /**
   * The caller that this session is now, with rights as they are now.
   * Throws session_expired where it has ended.
   */
  caller(session: Session): MaybePromise<Caller>;
  /**
   * By the one who opened it. The session is over at once; resolves when every transaction that was judged while it lived
   * has ended, as `terminate` and `terminateOthers` do.
   */
  close(session: Session, reason: "logout" | "disconnect" | "replaced"): Promise<void>;
  /** Whether it lives, by all that was committed until now. */
  isLive(session: ConnectionRef): MaybePromise<boolean>;
  /** AUTH_SESSIONS_READ. */
  list(caller: Caller): readonly Session[];
  /** AUTH_SESSIONS_WRITE. A waiting token too, by its id. @returns false for an unknown id */
  terminate(caller: Caller, id: string): Promise<boolean>;
  /**
   * Ends all but the caller's own, in every process, and all tokens.
   * @param also in the same transaction, so that all end or none
   */
  terminateOthers(caller: Caller, also?: (tx: Transaction) => Promise<void>): Promise<void>;
  /** @returns the way out */
  subscribe(listener: (change: "added" | "removed", session: Session) => void): () => void;
}

/** Short-lived tokens for further connections (protocol 3.7): see `tokens.ts`. */
export interface Tokens {
  /** Throws session_expired, insecure_transport, invalid, limit_reached. Audited. */
  generate(session: Session, options: TokenOptions): Promise<string>;
  /** AUTH_SESSIONS_READ. Those that wait to be used. */
  list(caller: Caller): Promise<readonly WaitingToken[]>;
  /** Drops those that time has ended. */
  sweep(): Promise<void>;
}

export interface TokenOptions {
  readonly ttlSeconds: number;
  readonly attributes: Readonly<Record<string, unknown>>;
  /** Only from the address that it was made from. */
  readonly matchOrigin: boolean;
  readonly singleUse: boolean;
  /** The call that asked for it, for the audit. */
  readonly call?: Caller["call"];
}

export interface AccountsDeps {
  readonly store: Store;
  readonly verify: Verify;
  readonly keys: Pick<Keys, "revokeExposed">;
  readonly audit: Audit;
  readonly usage: Pick<Usage, "count" | "refuse">;
  readonly feed: Feed;
  readonly secrets: Secrets;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

export function createAccounts(deps: AccountsDeps): Accounts {
  const passwords = createPasswords();
  const refusalLog = new RefusalLog(deps);
  const sessions = new LiveSessions(deps);
  const tokens = new TokenBox({ ...deps, sessions });
  const web = createWebSessions(deps);
  return {
    users: createUsers({ ...deps, passwords, refusalLog }),
    groups: createGroups(deps),
    setup: createSetup({ ...deps, passwords, refusalLog }),
    signIn: createSignIn({ ...deps, passwords, refusalLog, sessions, tokens }),
    sessions,
    tokens,
    web,
    twins: async (caller) => {
      requireRole(caller, "ACCOUNT_READ");
      return deps.store.listTwins();
    },
    requireStanding: deps.store.requireStanding,
    endSession: async (caller, id) =>
      (await sessions.terminate(caller, id)) || (await web.terminate(caller, id)),
    endOtherSessions: (caller) => sessions.terminateOthers(caller, (tx) => web.endOthersIn(tx, caller)),
    close: async () => {
      await sessions.stop();
      refusalLog.close();
    },
  };
}
