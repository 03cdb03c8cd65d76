import type { Role } from "@chatelaine/contract/roles";
import { coversNetworks } from "./address.ts";
import { AppError } from "./errors.ts";
import type { Asking, Party } from "./fair-queue.ts";
import type { Key } from "./key.ts";
import { coversEnd, coversRate, coversUserLimits, type UserLimits } from "./limits.ts";
import { coversRights, coversScope, listedRights, type Rights, rightsOf } from "./rights.ts";
import type { Transport } from "./transport.ts";

/** The door through which somebody came. */
export type Door = "cli" | "websocket" | "rest" | "auth" | "internal";

/** Where a request came from. */
export interface Origin {
  readonly door: Door;
  /** Canonical text of the client's address, after trusted proxies; null on a unix socket and on the command line. */
  readonly address: string | null;
  readonly port: number | null;
  readonly transport: Transport;
  /** What the client calls itself (User-Agent), cut to 200 characters. */
  readonly client: string | null;
  /** The connection or browser session, for the audit. */
  readonly sessionId: string | null;
}

/** The key that asks, with what it is held to: that binds what it makes. */
export interface CallerKey
  extends Pick<
    Key,
    "id" | "name" | "expiresAt" | "allowedIps" | "rateLimit" | "roles" | "scopes" | "managesSignIn"
  > {
  /** Digest of the secret that was proved: after a reset another one is there. */
  readonly secret: Uint8Array;
  /** By itself or by what its user is held to; null: never. */
  readonly endsAt: number | null;
}

/** The session that a caller came by. It may end before the caller acts. */
export type SessionRef = { readonly kind: "browser"; readonly id: string } | ConnectionRef;

/** Of a socket: known to this process alone. */
export interface ConnectionRef {
  readonly kind: "connection";
  readonly id: string;
  /** Of the sign-in: another one on the same socket is another session. */
  readonly loginId: string;
}

/**
 * Who acts without a credential. Every such writer is named here: `Store.transact` takes a caller, whom it judges, or one
 * of these. `reader` reads for the server itself and writes nothing.
 */
export type Actor =
  | "command_line"
  | "expiry_sweep"
  | "exposed_key"
  | "setup_link"
  | "sign_in"
  | "sign_out"
  | "session_use"
  | "backup"
  | "reader";

export type WritingActor = Exclude<Actor, "reader">;

/** What a request that may be sent again is known by. Digests. */
interface IdempotencyMark {
  readonly digest: Uint8Array;
  readonly request: Uint8Array;
  /** It has done its work before, and gives another secret for the one that was lost. */
  readonly isAgain?: true;
}

/** Who asks, with the rights that hold at this moment. */
export interface Caller extends Rights {
  readonly kind: "system" | "user" | "key";
  /** With kind `system`: which part of the system. */
  readonly actor?: Actor;
  /** 0 for the system itself: the command line on the data folder, and the server's own clockwork. */
  readonly userId: number;
  readonly username: string;
  readonly key: CallerKey | null;
  /** What the sign-in was proved by, as in `Credential`; `key` where each request shows it; none of the system itself. */
  readonly methods: readonly string[];
  /** What all keys of this user are held to. */
  readonly ceilings: UserLimits | null;
  /** null: each request shows its key, or it is the system itself. */
  readonly session: SessionRef | null;
  /**
   * When this caller ends by itself: the earliest end of key, limits of its user, and session. Who keeps a caller beyond the
   * request ends it then. null: never.
   */
  readonly endsAt: number | null;
  /** A key that acts on itself alone, with all the rights of its owner. */
  readonly isOwnKey?: true;
  readonly origin: Origin;
  /** Ends when the request is aborted, or its socket closed: what still waits for its turn is not done. */
  readonly gone?: AbortSignal;
  /** What the request has changed so far: who has changed nothing is judged once more before they are answered. */
  readonly acts?: { committed: number };
  /** The call as it came, secrets masked, for the audit of doors that record calls. */
  readonly call?: { readonly method: string; readonly params: unknown };
  /** Kept with what the call makes or changes, so that its repetition is known. Digests. */
  readonly idempotency?: IdempotencyMark;
  /** What the call asks of what is there. */
  readonly precondition?: Precondition;
}

/** Judged once, with the caller, in the first transaction of the call (`Store.transact`): the version is one of those. */
export interface Precondition {
  readonly of:
    | { readonly kind: "key"; readonly id: number }
    | { readonly kind: "user" | "group"; readonly name: string }
    | { readonly kind: "settings" };
  /** Entity tags without quotes: the version, after the id and a dot for what is known by a name. */
  readonly tags: readonly string[];
  isMet: boolean;
}

export function systemCaller(actor: Actor, username = "system"): Caller {
  const door = actor === "command_line" ? "cli" : "internal";
  const origin: Origin = {
    door,
    address: null,
    port: null,
    transport: "secure",
    client: null,
    sessionId: null,
  };
  const rights = rightsOf(["FULL_ADMIN"], []);
  return {
    kind: "system",
    actor,
    userId: 0,
    username,
    key: null,
    methods: [],
    ceilings: null,
    session: null,
    endsAt: null,
    origin,
    ...rights,
  };
}

/**
 * Whether a caller may and reaches all that the other does: as it is now, and as its request was judged.
 */
export function coversCaller(now: Caller, then: Caller): boolean {
  if (!then.roles.isSubsetOf(now.roles)) return false;
  if (!then.scopes.every((scope) => coversScope(now.scopes, scope))) return false;
  if (!coversUserLimits(now.ceilings, then.ceilings)) return false;
  if (now.key === null || then.key === null) return now.key === then.key;
  return (
    coversRights(listedRights(now.key), listedRights(then.key)) &&
    coversNetworks(now.key.allowedIps, then.key.allowedIps) &&
    coversRate(now.key.rateLimit, then.key.rateLimit) &&
    coversEnd(now.key.endsAt, then.key.endsAt) &&
    (now.key.managesSignIn || !then.key.managesSignIn)
  );
}

/** For whom something shared is used: a user with all their keys and sessions is one party. */
export function partyOf({ kind, userId }: Pick<Caller, "kind" | "userId">): Party {
  return kind === "system" ? null : `user ${userId}`;
}

/** The same, with whether they still wait. */
export function askingOf(caller: Pick<Caller, "kind" | "userId" | "gone">): Asking {
  return { party: partyOf(caller), gone: caller.gone };
}

/** Throws role_missing unless the caller has one of the roles. */
export function requireRole(caller: Caller, ...anyOf: readonly Role[]): void {
  if (anyOf.some((role) => caller.roles.has(role))) return;
  throw new AppError("role_missing", "Not authorized", { details: { needs: anyOf } });
}
