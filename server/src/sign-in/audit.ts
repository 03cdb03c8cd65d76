/**
 * How sign-ins, refusals and sign-outs stand in the audit (`conformance/8-audit.txt`), and as uses of a key beside those that services ask
 * about: its owner sees them together. What was presented is never part of it, and a
 * name only where there is such a user: people type passwords into the wrong field.
 */
import type { Audit, StrangerNote } from "../activity/audit.ts";
import type { Usage } from "../activity/use.ts";
import { makeId } from "../crypto.ts";
import type { AuditRecord, CredentialKind, CredentialNote } from "../domain/audit.ts";
import type { Origin } from "../domain/caller.ts";
import type { Clock } from "../domain/clock.ts";
import type { CheckRecord } from "../store/store.ts";
import {
  type Credential,
  isProven,
  type Session,
  type SessionEnd,
  type SignInRefusal,
  type TokenOptions,
} from "./credential.ts";
import type { RefusalLog } from "./refusal-log.ts";

type Notes = Pick<Audit, "note">;

/** A credential as the list of sessions and the audit show it (`conformance/3.7-sessions.txt`). */
function describeCredential(credential: Credential): CredentialNote {
  const { kind, username, loginId, loginAt, key, parent } = credential;
  const login = { username, login_id: loginId, login_at: { $date: Math.floor(loginAt / 1000) * 1000 } };
  if (kind === "TOKEN" && parent) {
    return { credentials: kind, credentials_data: { ...login, parent: describeCredential(parent) } };
  }
  if (key === null) return { credentials: kind, credentials_data: login };
  return { credentials: kind, credentials_data: { ...login, api_key: { id: key.id, name: key.name } } };
}

export function noteSignIn(audit: Notes, credential: Credential, origin: Origin): void {
  const { kind, key, username, methods } = credential;
  const way = methods.includes("scram") ? "SCRAM" : kind;
  audit.note({
    ...placeOf(origin),
    event: "AUTHENTICATION",
    action: way,
    description: `Sign in ${WAYS[way]}`,
    success: true,
    username,
    credentials: describeCredential(credential),
    target: targetOf(key),
    ...(methods.length > 1 && { details: { methods } }),
  });
}

export interface FailedSignIn {
  readonly kind: "API_KEY" | "SCRAM" | "LOGIN_PASSWORD" | "LOGIN_TWOFACTOR" | "TOKEN";
  readonly reason: SignInRefusal;
  /** For people; never what was presented. */
  readonly error: string;
  /** Only of a user who exists. */
  readonly username?: string | undefined;
  /** Only where the secret was right. */
  readonly key?: Pick<CheckRecord, "id" | "name"> | undefined;
}

export interface RefusalNotes {
  readonly audit: Pick<Audit, "refuse">;
  readonly refusalLog: Pick<RefusalLog, "tell">;
}

/** A refused sign-in, by whichever way: a line of the log, and folded in the audit. */
export function noteRefusal({ audit, refusalLog }: RefusalNotes, failed: FailedSignIn, origin: Origin): void {
  const { kind, reason, username, key } = failed;
  refusalLog.tell({ kind, reason }, origin);
  const { address, door } = origin;
  const proven = isProven(reason) ? `${key?.id ?? ""} ${username ?? ""}` : undefined;
  const act = { event: "AUTHENTICATION", action: kind, address, door, reason, proven } as const;
  audit.refuse(act, () => refusalNote(failed, origin));
}

function refusalNote({ kind, reason, error, username, key }: FailedSignIn, origin: Origin): StrangerNote {
  const api_key = key ? { id: key.id, name: key.name } : "<INVALID>";
  const data = {
    API_KEY: { username, api_key },
    SCRAM: {},
    LOGIN_PASSWORD: { username },
    LOGIN_TWOFACTOR: { username },
    TOKEN: {},
  }[kind];
  return {
    sessionId: origin.sessionId,
    description: `Sign in ${WAYS[kind]}`,
    username: username ?? null,
    credentials: { credentials: kind, credentials_data: data },
    target: targetOf(key ?? null),
    details: { reason },
    error,
  };
}

export function noteEnd(audit: Notes, { id, origin, credential }: Session, reason: SessionEnd): void {
  if (reason === "replaced") return;
  audit.note({
    ...placeOf({ ...origin, sessionId: id }),
    event: "LOGOUT",
    action: credential.kind,
    description: WORDS_OF_END[reason],
    success: true,
    username: credential.username,
    credentials: describeCredential(credential),
    target: targetOf(credential.key),
    details: { reason },
  });
}

/** A token that a session made. Its attributes are the client's own and are not kept. */
export function noteToken(audit: Notes, { id, origin, credential }: Session, options: TokenOptions): void {
  const { ttlSeconds, matchOrigin, singleUse, call } = options;
  audit.note({
    ...placeOf({ ...origin, sessionId: id }),
    event: "METHOD_CALL",
    action: "token.create",
    description: "Generate authentication token for session",
    success: true,
    username: credential.username,
    credentials: describeCredential(credential),
    details: { ttlSeconds, matchOrigin, singleUse, ...(call ? { call } : {}) },
  });
}

export interface KeyUseNotes {
  readonly usage: Pick<Usage, "note" | "refuse">;
  readonly clock: Clock;
}

export function noteKeyUse({ usage }: KeyUseNotes, keyId: number, { address, client }: Origin): void {
  usage.note(keyId, "ok", { address, client, host: null });
}

interface RefusedKey {
  readonly keyId: number;
  readonly reason: SignInRefusal;
  /** In words, for the owner. */
  readonly rule: string;
}

/** Only where the secret was right. */
export function noteKeyRefusal(
  { usage, clock }: KeyUseNotes,
  refused: RefusedKey,
  { address, client }: Origin,
): void {
  const { keyId, reason, rule } = refused;
  if (!isProven(reason)) return;
  usage.note(keyId, reason, { address, client, host: null });
  usage.refuse({ decision: makeId(), keyId, at: clock.now(), reason, rule, address, host: null });
}

/** Words of the dialect for why a key was refused (`conformance/8-audit.txt`). */
export function wordsOfRefusal(reason: SignInRefusal): string {
  return WORDS_OF_REFUSAL[reason] ?? "Invalid API key";
}

const WORDS_OF_REFUSAL: Partial<Record<SignInRefusal, string>> = {
  expired: "Api key is expired",
  paused: "API key is paused",
  revoked: "API key is revoked",
  user_locked: "User is locked",
  no_roles: "User lacks API access.",
  address_not_allowed: "API key is not allowed from this address",
  rate_limited: "API key is used too often",
  insecure_transport: "API key refused over insecure transport",
  too_many_guesses: "Too many attempts",
  busy: "Too many passwords are being checked",
};

const WAYS: Partial<Record<CredentialKind, string>> = {
  API_KEY: "by key",
  SCRAM: "by key (SCRAM)",
  LOGIN_PASSWORD: "by password",
  LOGIN_TWOFACTOR: "by a second factor",
  TOKEN: "by token",
};

const WORDS_OF_END: Readonly<Record<SessionEnd, string>> = {
  logout: "Sign out",
  disconnect: "Disconnect",
  replaced: "Sign in again",
  terminated: "Session ended by somebody",
  key_ended: "Session ended with its key",
  transport_ended: "Session ended: it came over a connection that is not allowed any more",
  key_expired: "Session ended: key expired",
  user_ended: "Session ended: user changed",
  token_ended: "Session ended with its token",
  too_old: "Session ended: too old",
};

function placeOf(origin: Origin): Pick<AuditRecord, "address" | "sessionId" | "door"> {
  return { address: origin.address, sessionId: origin.sessionId, door: origin.door };
}

function targetOf(key: { readonly id: number; readonly name: string } | null): AuditRecord["target"] {
  return key && { kind: "key", id: key.id, name: key.name };
}
