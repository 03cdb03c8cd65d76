/**
 * Live tokens of this process, by digest alone.
 *
 * A token dies with the session that made it, unless that one only lost its connection or gave it to another sign-in:
 * it is there to come back with. It dies with the session that it opened, with its key or user, and when it was not
 * used for as long as it may rest.
 */
import type { Audit } from "../audit/audit.ts";
import { makeId, makeToken, type Random, type Secrets } from "../crypto.ts";
import type { Origin } from "../domain/caller.ts";
import type { Clock } from "../domain/clock.ts";
import { AppError, refuseIssues } from "../domain/errors.ts";
import type { Change, Store } from "../store/store.ts";
import type { Credential, Session, TokenOptions, Tokens } from "./accounts.ts";
import { requireAllowedTransport } from "./clear-text.ts";
import { endsCredential } from "./endings.ts";
import { Index } from "./session-index.ts";
import { noteToken } from "./sign-in-notes.ts";

export const TOKENS_PER_SESSION_MAX = 100;
export const TOKENS_PER_USER_MAX = 1_000;
export const TOKEN_TTL_SECONDS_MAX = 30 * 86_400;

export interface LiveToken {
  readonly id: string;
  readonly digest: string;
  readonly makerId: string;
  /** What the maker's session was opened with; never a token itself. */
  readonly root: Credential;
  readonly ttlMs: number;
  readonly matchAddress: string | null | undefined;
  readonly opensSessions: boolean;
  readonly singleUse: boolean;
  /** Monotonic. */
  usedAt: number;
}

export interface TokenDeps {
  readonly secrets: Pick<Secrets, "digestToken">;
  readonly clock: Clock;
  readonly random: Random;
}

export class LiveTokens {
  readonly #deps: TokenDeps;
  readonly #byDigest = new Map<string, LiveToken>();
  readonly #byId = new Map<string, LiveToken>();
  readonly #byMaker = new Index<string, LiveToken>();
  readonly #byUser = new Index<number, LiveToken>();

  constructor(deps: TokenDeps) {
    this.#deps = deps;
  }

  /** Throws invalid for a bad lifetime, limit_reached where session or user have too many. */
  issue(session: Session, options: TokenOptions): string {
    const { ttlSeconds } = options;
    if (!Number.isInteger(ttlSeconds) || ttlSeconds < 1 || ttlSeconds > TOKEN_TTL_SECONDS_MAX) {
      const message = `A token may live for 1 to ${TOKEN_TTL_SECONDS_MAX} seconds`;
      refuseIssues([{ path: ["ttl"], code: "shape", message }]);
    }
    const { userId } = session.credential;
    if (
      this.#byMaker.of(session.id).size >= TOKENS_PER_SESSION_MAX ||
      this.#byUser.of(userId).size >= TOKENS_PER_USER_MAX
    ) {
      throw new AppError("limit_reached", "There are too many live tokens");
    }
    const text = makeToken(this.#deps.random);
    this.#add({
      id: makeId(),
      digest: this.#digest(text),
      makerId: session.id,
      root: session.credential.parent ?? session.credential,
      ttlMs: ttlSeconds * 1_000,
      matchAddress: options.matchOrigin ? session.origin.address : undefined,
      opensSessions: Object.keys(options.attributes).length === 0,
      singleUse: options.singleUse,
      usedAt: this.#deps.clock.monotonic(),
    });
    return text;
  }

  /** Finds the token and spends it where it is for a single use: of two at once, one has it. */
  take(text: string, origin: Origin): LiveToken | undefined {
    const token = this.#byDigest.get(this.#digest(text));
    if (!token) return undefined;
    if (this.isOver(token)) {
      this.drop(token);
      return undefined;
    }
    if (!token.opensSessions) return undefined;
    if (token.matchAddress !== undefined && token.matchAddress !== origin.address) return undefined;
    this.touch(token);
    if (token.singleUse) this.#byDigest.delete(token.digest);
    return token;
  }

  /** The token that a session was opened with, as long as it lives. */
  find(id: string): LiveToken | undefined {
    return this.#byId.get(id);
  }

  touch(token: LiveToken): void {
    token.usedAt = this.#deps.clock.monotonic();
  }

  isOver(token: LiveToken): boolean {
    return this.#deps.clock.monotonic() - token.usedAt >= token.ttlMs;
  }

  drop(token: LiveToken): void {
    this.#byDigest.delete(token.digest);
    this.#byId.delete(token.id);
    this.#byMaker.remove(token.makerId, token);
    this.#byUser.remove(token.root.userId, token);
  }

  /** @returns those that a session made */
  madeBy(sessionId: string): readonly LiveToken[] {
    return [...this.#byMaker.of(sessionId)];
  }

  /** Drops what hangs on a key or user that ended, whether or not the session that made it is still there. */
  endBy(change: Change): void {
    if (change.userId === null) return;
    for (const token of [...this.#byUser.of(change.userId)]) {
      if (endsCredential(change, token.root, token.makerId)) this.drop(token);
    }
  }

  /** Forgets what rested for too long. */
  dropOver(): void {
    for (const token of [...this.#byId.values()]) if (this.isOver(token)) this.drop(token);
  }

  #add(token: LiveToken): void {
    this.#byDigest.set(token.digest, token);
    this.#byId.set(token.id, token);
    this.#byMaker.add(token.makerId, token);
    this.#byUser.add(token.root.userId, token);
  }

  #digest(text: string): string {
    return Buffer.from(this.#deps.secrets.digestToken(text)).toString("base64");
  }
}

interface GenerateDeps {
  readonly store: Pick<Store, "readSettings">;
  readonly audit: Pick<Audit, "note">;
  readonly sessions: { requireLive(session: Session): void };
  readonly tokens: LiveTokens;
}

export function createTokens({ store, audit, sessions, tokens }: GenerateDeps): Tokens {
  return {
    generate: async (session, options) => {
      await requireAllowedTransport(store, session.origin);
      sessions.requireLive(session);
      const text = tokens.issue(session, options);
      noteToken(audit, session, options);
      return text;
    },
  };
}
