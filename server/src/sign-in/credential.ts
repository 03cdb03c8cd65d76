/** What all ways to sign in share: how an attempt ends, what a session was opened with, and the session. */
import { makeId } from "../crypto.ts";
import type { CredentialKind } from "../domain/audit.ts";
import type { Caller, CallerKey, Origin } from "../domain/caller.ts";
import type { Clock } from "../domain/clock.ts";
import type { KeyTextFault } from "../domain/key-text.ts";
import type { RateState, RefusalReason } from "../verify/verify.ts";

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
  /** What proved it, in its order: `password`, `key`, `scram` or `token`, and factors that were asked for beside it. */
  readonly methods: readonly string[];
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

/** What is new with each sign-in, and what most ways have nothing of. */
export function newLogin(clock: Clock, user: { readonly id: number; readonly username: string }) {
  const { id: userId, username } = user;
  const login = { userId, username, loginId: makeId(), loginAt: clock.now() };
  return { ...login, passwordChangedAt: null, parent: null, token: null };
}

export type SignInRefusal = RefusalReason | "too_many_guesses" | "busy";

/** Whether the secret was right; of others nothing is known. */
export function isProven(reason: SignInRefusal): reason is Exclude<RefusalReason, "malformed" | "unknown"> {
  return !["malformed", "unknown", "too_many_guesses", "busy"].includes(reason);
}

/** One way to sign in by what is shown at once. A second factor is one that asks another first, and then `needs` more. */
export interface SignInMethod<Given> {
  signIn(given: Given, origin: Origin): Promise<SignInOutcome>;
}

/** How an attempt to sign in ends. Every door handles all three. */
export type SignInOutcome = SignedIn | NeedsFactor | NotSignedIn;

interface SignedIn {
  readonly kind: "signed_in";
  readonly credential: Credential;
}

interface NeedsFactor {
  readonly kind: "needs";
  /** What is asked for, such as `otp`. */
  readonly factor: string;
  readonly pending: PendingSignIn;
}

export interface NotSignedIn extends SignInRefused {
  readonly kind: "refused";
}

/** What was shown is right, and opens nothing yet. */
export interface PendingSignIn {
  readonly username: string;
  /** @param given for the factor. Once: a second call is refused */
  finish(given: string): Promise<SignInOutcome>;
}

export interface SignInRefused {
  readonly reason: SignInRefusal;
  /** With `too_many_guesses`: after so long at most another attempt is looked at. */
  readonly waitMs?: number;
  /** With `rate_limited`: the limit that is spent. */
  readonly rate?: RateState;
  /** With `insecure_transport`, where the key was left whole: what to do about the connection. */
  readonly advice?: string;
  /** With `insecure_transport`: the key was revoked for it. */
  readonly isRevoked?: boolean;
}

export type CallerResult =
  | {
      readonly ok: true;
      readonly caller: Caller;
      /** What is left of the key's limits; absent where it has none. */
      readonly rate?: RateState;
    }
  | ({ readonly ok: false; readonly fault?: KeyTextFault } & SignInRefused);

export interface ScramExchange {
  readonly serverFirst: string;
  /** Once: a second call is refused. */
  finish(clientFinal: string): Promise<(SignedIn & { readonly serverFinal: string }) | NotSignedIn>;
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

export interface TokenOptions {
  readonly ttlSeconds: number;
  readonly attributes: Readonly<Record<string, unknown>>;
  /** Only from the address that it was made from. */
  readonly matchOrigin: boolean;
  readonly singleUse: boolean;
  /** The call that asked for it, for the audit. */
  readonly call?: Caller["call"];
}
