/**
 * The audit log. Changes are recorded in the transaction that makes them; sign-ins and refusals apart, in batches.
 * A record never holds a key, a password or a token, nor part of one.
 */
import type { Caller } from "./caller.ts";

const AUDIT_EVENTS = ["METHOD_CALL", "AUTHENTICATION", "LOGOUT"] as const;
export type AuditEvent = (typeof AUDIT_EVENTS)[number];

export interface AuditRecord {
  /** UUID. */
  readonly id: string;
  readonly at: number;
  readonly event: AuditEvent;
  /** What was done, such as `key.create`; for sign-ins the kind of credential, such as `API_KEY`. */
  readonly action: string;
  /** A sentence for people, such as `Create API key ci`. */
  readonly description: string;
  readonly username: string | null;
  readonly address: string | null;
  readonly sessionId: string | null;
  readonly door: string;
  /** The credential that acted, shaped as the dialect's `credentials` member. */
  readonly credentials: CredentialNote | null;
  readonly target: {
    readonly kind: "key" | "user" | "group" | "settings" | "session";
    readonly id: number | null;
    readonly name: string;
  } | null;
  /** For a change: fields with their values before and after. For a call of the dialect: method and params. */
  readonly details: Readonly<Record<string, unknown>>;
  readonly success: boolean;
  readonly error: string | null;
}

export type CredentialKind =
  | "UNIX_SOCKET"
  | "LOGIN_PASSWORD"
  | "LOGIN_TWOFACTOR"
  | "API_KEY"
  | "SCRAM"
  | "TOKEN"
  | "COMMAND_LINE";

export interface CredentialNote {
  readonly credentials: CredentialKind;
  readonly credentials_data: Readonly<Record<string, unknown>>;
}

const KIND_OF_METHOD: Readonly<Record<string, SessionKind>> = {
  password: "LOGIN_PASSWORD",
  key: "API_KEY",
  scram: "API_KEY",
  token: "TOKEN",
};
type SessionKind = Extract<CredentialKind, "LOGIN_PASSWORD" | "API_KEY" | "TOKEN">;

/** What outside is called by the method that came first. The TrueNAS API knows people by a password alone. */
export function credentialKind([first = ""]: readonly string[]): SessionKind {
  return KIND_OF_METHOD[first] ?? "LOGIN_PASSWORD";
}

/** The credential of a caller as the audit and the list of sessions show it. */
export function credentialNote(caller: Caller): CredentialNote {
  if (caller.kind === "system")
    return { credentials: "COMMAND_LINE", credentials_data: { username: caller.username } };
  if (caller.key === null)
    return { credentials: credentialKind(caller.methods), credentials_data: { username: caller.username } };
  const key = { id: caller.key.id, name: caller.key.name };
  return { credentials: "API_KEY", credentials_data: { username: caller.username, api_key: key } };
}

/** The changed fields of two states, as `{ field: [before, after] }`. */
export function differences<T extends object>(
  before: T,
  after: Partial<T>,
): Record<string, [unknown, unknown]> {
  const changed: Record<string, [unknown, unknown]> = {};
  for (const name of Object.keys(after) as (keyof T & string)[]) {
    const [was, is] = [before[name], after[name]];
    if (JSON.stringify(was) !== JSON.stringify(is)) changed[name] = [was, is];
  }
  return changed;
}
