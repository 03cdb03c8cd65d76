/** What is kept of sessions: browsers that are signed in, and tokens that wait to be used. Both outlive a restart. */
import type { Origin } from "../domain/caller.ts";

/** A browser that is signed in. The cookie's text is kept as a digest alone. */
export interface WebSession {
  /** UUID. */
  readonly id: string;
  readonly userId: number;
  readonly createdAt: number;
  readonly seenAt: number;
  readonly address: string | null;
  readonly client: string | null;
  readonly secure: boolean;
  /** What its sign-in was proved by. */
  readonly methods: readonly string[];
}

/** What the session was opened with at the root of a token. */
export interface TokenRoot {
  readonly userId: number;
  readonly username: string;
  readonly key: {
    readonly id: number;
    readonly name: string;
    readonly expiresAt: number | null;
    /** Digest of the secret that was proved. */
    readonly secret: Uint8Array;
  } | null;
  readonly methods: readonly string[];
  readonly loginId: string;
  readonly loginAt: number;
  readonly passwordChangedAt: number | null;
}

interface TokenFacts {
  /** UUID; not the token. */
  readonly id: string;
  readonly root: TokenRoot;
  readonly ttlMs: number;
  readonly createdAt: number;
  /** Good only from the address that it was made from. */
  readonly matchesAddress: boolean;
  readonly opensSessions: boolean;
  readonly isSingleUse: boolean;
}

export interface NewToken extends TokenFacts {
  readonly origin: Origin;
  /** The sessions and tokens that it hangs on, the nearest first: whichever ends takes it along. */
  readonly line: readonly string[];
}

/** A token that waits to be used. Its text is kept as a digest alone. */
export interface WaitingToken extends TokenFacts {
  readonly usedAt: number;
  readonly endsAt: number;
  /** Of the session that made it. */
  readonly address: string | null;
  readonly client: string | null;
  readonly secure: boolean;
}

export interface StoredToken extends WaitingToken {
  readonly line: readonly string[];
}

export interface SessionStore {
  /** When the link to set up that has this token ends. */
  findSetupToken(digest: Uint8Array): Promise<number | undefined>;
  findWebSession(
    by: { readonly digest: Uint8Array } | { readonly id: string },
  ): Promise<WebSession | undefined>;
  /** By time of sign-in. */
  listWebSessions(): Promise<readonly WebSession[]>;
  findToken(digest: Uint8Array): Promise<StoredToken | undefined>;
  /** Those that have not ended, by time of making. */
  listTokens(now: number): Promise<readonly WaitingToken[]>;
  /** Whether there are tokens that time has ended, to be dropped. */
  hasEndedTokens(now: number): Promise<boolean>;
}

/** Within a transaction. */
export interface SessionChanges {
  /** Drops those that were not seen since, or are older than, these instants. */
  putWebSession(
    session: WebSession,
    digest: Uint8Array,
    dead: { readonly seenBefore: number; readonly createdBefore: number },
  ): Promise<void>;
  /** @returns false where it is gone. */
  touchWebSession(id: string, seenAt: number): Promise<boolean>;
  /** They also go by themselves where a user loses a right, or a lock, a password or a deletion ends them. @returns those that were there */
  removeWebSessions(
    which: { readonly id: string } | { readonly otherThan: string },
  ): Promise<readonly WebSession[]>;
  /** Those that time has ended go first. Throws limit_reached where session or user have too many. */
  putToken(
    token: NewToken,
    digest: Uint8Array,
    max: { readonly ofSession: number; readonly ofUser: number },
  ): Promise<void>;
  /** Takes one away that nothing else ends by. @returns false where it is gone, or time has ended it */
  spendToken(id: string): Promise<boolean>;
  /** @returns false where it is gone. */
  touchToken(id: string, usedAt: number): Promise<boolean>;
  /**
   * Ends these sessions of sockets and tokens for all processes: with them go the tokens that hang on them, and by the feed
   * the sessions that do. Tokens also go by themselves with their key, user, password or right.
   * @returns how many tokens went
   */
  endTokens(of: readonly { readonly id: string; readonly userId: number }[]): Promise<number>;
  /** Ends all tokens and, by the feed, all sessions of sockets in every process but this one. @returns how many tokens */
  endAllTokens(spares: string | null): Promise<number>;
  /** These have ended in a way that ends no token; nothing hangs on them any more. */
  leaveTokenLines(holders: readonly string[]): Promise<void>;
  dropEndedTokens(now: number): Promise<void>;
}
