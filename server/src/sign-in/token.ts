/**
 * Tokens for further connections (`conformance/3.7-sessions.txt`), kept in the database by their digest, so that every process on the folder
 * knows them and ends them.
 *
 * A token dies with the session that made it, however long the line of tokens in between, unless that session only lost its
 * connection or gave it to another sign-in: the token is there to come back with, over a restart of the server too. It dies
 * in the same commit with its key, its user, another password or a lost right; with the session that it opened; when it is
 * ended from the list; and when it has rested for as long as it may. Of a single use, of two at once one has it. Held by
 * `tokens.test.ts`, with two processes on one folder.
 */
import { TOKEN_TTL_SECONDS_MAX } from "@chatelaine/contract/limits";
import type { Audit } from "../activity/audit.ts";
import { makeId, makeToken, type Random, type Secrets } from "../crypto.ts";
import { credentialKind } from "../domain/audit.ts";
import { type Caller, type Origin, requireRole } from "../domain/caller.ts";
import type { Clock } from "../domain/clock.ts";
import { refuseIssues } from "../domain/errors.ts";
import type { MaybePromise, NewToken, Store, StoredToken, TokenRoot, WaitingToken } from "../store/store.ts";
import type { Verify } from "../verify/verify.ts";
import { noteRefusal, noteToken, type RefusalNotes, wordsOfRefusal } from "./audit.ts";
import { type StandingDeps, standingOf } from "./caller.ts";
import { requireAllowedTransport } from "./clear-text.ts";
import {
  type Credential,
  newLogin,
  type Session,
  type SignInMethod,
  type SignInOutcome,
  type TokenOptions,
} from "./credential.ts";
import { lineOf, type MarkDeps, markNow } from "./revocations.ts";

export type { WaitingToken };

/** Short-lived tokens for further connections. */
export interface Tokens {
  /** Throws session_expired, insecure_transport, invalid, limit_reached. Audited. */
  generate(session: Session, options: TokenOptions): Promise<string>;
  /** AUTH_SESSIONS_READ. Those that wait to be used. */
  list(caller: Caller): Promise<readonly WaitingToken[]>;
  /** Drops those that time has ended. */
  sweep(): Promise<void>;
}

export const TOKENS_PER_SESSION_MAX = 100;
export const TOKENS_PER_USER_MAX = 1_000;
/** How stale the last use may be: a use does not write. Beyond it a token may end so much early, and never late. */
export const TOKEN_TOUCH_EVERY_MS = 60_000;

export interface TokensDeps {
  readonly store: Pick<Store, "findToken" | "listTokens" | "hasEndedTokens" | "readSettings" | "transact">;
  readonly audit: Pick<Audit, "note">;
  readonly secrets: Pick<Secrets, "digestToken">;
  readonly clock: Clock;
  readonly random: Random;
  readonly sessions: {
    caller(session: Session): MaybePromise<Caller>;
    /** From now on the session's end is more than this process's own. */
    makesToken(session: Session): void;
  };
}

export class TokenBox implements Tokens {
  readonly #deps: TokensDeps;

  constructor(deps: TokensDeps) {
    this.#deps = deps;
  }

  async generate(session: Session, options: TokenOptions): Promise<string> {
    const { store, audit, clock, random, sessions } = this.#deps;
    const { ttlSeconds } = options;
    if (!Number.isInteger(ttlSeconds) || ttlSeconds < 1 || ttlSeconds > TOKEN_TTL_SECONDS_MAX) {
      const message = `A token may live for 1 to ${TOKEN_TTL_SECONDS_MAX} seconds`;
      refuseIssues([{ path: ["ttl"], code: "shape", message }]);
    }
    await requireAllowedTransport(store, session.origin);
    const caller = await sessions.caller(session);
    sessions.makesToken(session);
    const text = makeToken(random);
    const token = newToken(session, options, clock.now());
    const max = { ofSession: TOKENS_PER_SESSION_MAX, ofUser: TOKENS_PER_USER_MAX };
    await store.transact(caller, async (tx) => {
      await requireAllowedTransport(tx, session.origin);
      await tx.putToken(token, this.#digest(text), max);
    });
    noteToken(audit, session, options);
    return text;
  }

  /** Finds the token, and spends it where it is for a single use: of two at once, in whichever process, one has it. */
  async take(text: string, origin: Origin): Promise<StoredToken | undefined> {
    const { store, clock } = this.#deps;
    const token = await store.findToken(this.#digest(text));
    if (!token) return undefined;
    const now = clock.now();
    if (token.endsAt <= now) {
      // Gone for good, wherever the clock goes.
      await this.drop(token.id);
      return undefined;
    }
    if (!token.opensSessions) return undefined;
    if (token.matchesAddress && token.address !== origin.address) return undefined;
    if (token.isSingleUse)
      return (await store.transact("sign_in", (tx) => tx.spendToken(token.id))) ? token : undefined;
    if (now - token.usedAt < TOKEN_TOUCH_EVERY_MS) return token;
    return (await store.transact("session_use", (tx) => tx.touchToken(token.id, now))) ? token : undefined;
  }

  /** It is no good any more; what it opened is judged by itself. */
  async drop(id: string): Promise<void> {
    await this.#deps.store.transact("session_use", (tx) => tx.spendToken(id), { urgent: true });
  }

  async list(caller: Caller): Promise<readonly WaitingToken[]> {
    requireRole(caller, "AUTH_SESSIONS_READ");
    return this.#deps.store.listTokens(this.#deps.clock.now());
  }

  async sweep(): Promise<void> {
    const { store, clock } = this.#deps;
    const now = clock.now();
    if (await store.hasEndedTokens(now))
      await store.transact("expiry_sweep", (tx) => tx.dropEndedTokens(now));
  }

  #digest(text: string): Uint8Array {
    return this.#deps.secrets.digestToken(text);
  }
}

export interface TokenSignInDeps extends MarkDeps, RefusalNotes {
  readonly clock: Clock;
  readonly store: StandingDeps["store"] & Pick<Store, "readSettings">;
  readonly verify: Pick<Verify, "admit">;
  readonly tokens: Pick<TokenBox, "take" | "drop">;
}

/** Throws insecure_transport. */
export function createTokenMethod(deps: TokenSignInDeps): SignInMethod<string> {
  return { signIn: (text, origin) => signIn(deps, text, origin) };
}

async function signIn(deps: TokenSignInDeps, text: string, origin: Origin): Promise<SignInOutcome> {
  const { store, verify, tokens } = deps;
  const seen = await markNow(deps);
  await requireAllowedTransport(store, origin).catch((error: unknown) => {
    const failed = { kind: "TOKEN", reason: "insecure_transport", error: (error as Error).message } as const;
    noteRefusal(deps, failed, origin);
    throw error;
  });
  const token = await tokens.take(text, origin);
  if (!token) {
    noteRefusal(deps, { kind: "TOKEN", reason: "unknown", error: "Invalid token" }, origin);
    return { kind: "refused", reason: "unknown" };
  }
  const root = credentialAtRoot(token, seen);
  const admitted = { store, verify: { judge: verify.admit } };
  const standing = await standingOf(admitted, root, { origin, session: null });
  if (!standing.ok) {
    const { reason } = standing;
    if (!token.isSingleUse && reason !== "rate_limited") await tokens.drop(token.id);
    const { username } = root;
    noteRefusal(deps, { kind: "TOKEN", reason, error: wordsOfRefusal(reason), username }, origin);
    return { kind: "refused", reason };
  }
  return { kind: "signed_in", credential: credentialOfToken(deps, root, token) };
}

/** A token belongs to the credential at its root, and has its limits. */
function credentialOfToken(
  { clock }: Pick<TokenSignInDeps, "clock">,
  root: Credential,
  { id, ttlMs, isSingleUse, line }: StoredToken,
): Credential {
  const { key, seen } = root;
  const login = newLogin(clock, { id: root.userId, username: root.username });
  const token = { id, ttlMs, isSingleUse, line };
  return { ...login, kind: "TOKEN", methods: ["token"], key, parent: root, token, seen };
}

/** What the session was opened with that the token comes from. */
function credentialAtRoot({ root }: StoredToken, seen: number): Credential {
  return { ...root, kind: credentialKind(root.methods), parent: null, token: null, seen };
}

function newToken({ id, credential, origin }: Session, options: TokenOptions, now: number): NewToken {
  const root = credential.parent ?? credential;
  return {
    id: makeId(),
    root: rootOf(root),
    ttlMs: options.ttlSeconds * 1_000,
    createdAt: now,
    origin,
    matchesAddress: options.matchOrigin,
    opensSessions: Object.keys(options.attributes).length === 0,
    isSingleUse: options.singleUse,
    line: [id, ...lineOf(credential)],
  };
}

function rootOf(root: Credential): TokenRoot {
  const { userId, username, key, methods, loginId, loginAt, passwordChangedAt } = root;
  return { userId, username, key, methods, loginId, loginAt, passwordChangedAt };
}
