import type { Role } from "@chatelaine/contract/roles";
import { AppError } from "./errors.ts";
import type { Party } from "./fair-queue.ts";
import { type Rights, rightsOf } from "./rights.ts";

/** The door through which somebody came. */
export type Door = "cli" | "websocket" | "rest" | "auth" | "internal";

/** Where a request came from. */
export interface Origin {
  readonly door: Door;
  /** Canonical text of the client's address, after trusted proxies; null on a unix socket and on the command line. */
  readonly address: string | null;
  readonly port: number | null;
  /** TLS, a unix socket or loopback, as the client sees it. */
  readonly secure: boolean;
  /** What the client calls itself (User-Agent), cut to 200 characters. */
  readonly client: string | null;
  /** The connection or browser session, for the audit. */
  readonly sessionId: string | null;
}

export interface CallerKey {
  readonly id: number;
  readonly name: string;
  readonly expiresAt: number | null;
  /** Where it may be used from; null: anywhere. */
  readonly allowedIps: readonly string[] | null;
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
  | "reader";

export type WritingActor = Exclude<Actor, "reader">;

/** Who asks, with the rights that hold at this moment. */
export interface Caller extends Rights {
  readonly kind: "system" | "user" | "key";
  /** With kind `system`: which part of the system. */
  readonly actor?: Actor;
  /** 0 for the system itself: the command line on the data folder, and the server's own clockwork. */
  readonly userId: number;
  readonly username: string;
  readonly key: CallerKey | null;
  readonly origin: Origin;
  /** The call as it came, secrets masked, for the audit of doors that record calls. */
  readonly call?: { readonly method: string; readonly params: unknown };
  /** Kept with what the call makes or changes, so that its repetition is known. Digests. */
  readonly once?: { readonly digest: Uint8Array; readonly request: Uint8Array };
}

export function systemCaller(actor: Actor, username = "system"): Caller {
  const door = actor === "command_line" ? "cli" : "internal";
  const origin: Origin = { door, address: null, port: null, secure: true, client: null, sessionId: null };
  return { kind: "system", actor, userId: 0, username, key: null, origin, ...rightsOf(["FULL_ADMIN"], []) };
}

/** For whom something shared is used: a user with all their keys and sessions is one party. */
export function partyOf({ kind, userId }: Pick<Caller, "kind" | "userId">): Party {
  return kind === "system" ? null : `user ${userId}`;
}

/** Throws role_missing unless the caller has one of the roles. */
export function requireRole(caller: Caller, ...anyOf: readonly Role[]): void {
  if (anyOf.some((role) => caller.roles.has(role))) return;
  throw new AppError("role_missing", "Not authorized", { details: { needs: anyOf } });
}
