/**
 * Changes of browsers and tokens within a transaction. Their rows of the feed are no changes of which an audit record must
 * tell: what time has ended is dropped without one, and sign-ins are recorded apart.
 */
import type { Kysely } from "kysely";
import { AppError } from "../domain/errors.ts";
import { ALL_SESSIONS } from "../domain/sessions.ts";
import type { FeedRow } from "./feed-rows.ts";
import type { SessionChanges, WebSession } from "./kept-sessions.ts";
import type { Tables } from "./tables.ts";
import {
  countTokens,
  dropEndedTokens,
  endTokensBy,
  endTokensOf,
  leaveTokenLines,
  putToken,
  spendToken,
  touchToken,
} from "./tokens.ts";
import { endWebSessionsOf, putWebSession, removeWebSessions, touchWebSession } from "./web-sessions.ts";

export interface SqlSessionsDeps {
  readonly db: Kysely<Tables>;
  readonly now: number;
  readonly feed: (row: FeedRow) => void;
  /** Before sessions of browsers change. */
  readonly before: () => Promise<void> | undefined;
}

export class SqlSessions implements SessionChanges {
  readonly #deps: SqlSessionsDeps;

  constructor(deps: SqlSessionsDeps) {
    this.#deps = deps;
  }

  async putWebSession(
    ...[session, digest, dead]: Parameters<SessionChanges["putWebSession"]>
  ): Promise<void> {
    await putWebSession(this.#deps.db, session, digest, dead);
    this.#feed("added", session);
  }

  touchWebSession(id: string, seenAt: number): Promise<boolean> {
    return touchWebSession(this.#deps.db, id, seenAt);
  }

  async removeWebSessions(
    which: Parameters<SessionChanges["removeWebSessions"]>[0],
  ): Promise<readonly WebSession[]> {
    await this.#deps.before();
    const removed = await removeWebSessions(this.#deps.db, which);
    for (const session of removed) this.#feed("removed", session);
    return removed;
  }

  async putToken(...[token, digest, max]: Parameters<SessionChanges["putToken"]>): Promise<void> {
    const { db, now } = this.#deps;
    const { id, root, line } = token;
    await dropEndedTokens(db, now);
    const there = await countTokens(db, { sessionId: line[0]!, userId: root.userId });
    if (there.ofSession >= max.ofSession || there.ofUser >= max.ofUser)
      throw new AppError("limit_reached", "There are too many live tokens");
    await putToken(db, token, digest);
    this.#feed("added", { id, userId: root.userId });
  }

  async spendToken(id: string): Promise<boolean> {
    const { db, now, feed } = this.#deps;
    const spent = await spendToken(db, id, now);
    // What it opened lives on.
    if (spent) feed({ kind: "session", action: "removed", id: 0, name: id, userId: spent.userId });
    return spent?.isGood === true;
  }

  touchToken(id: string, usedAt: number): Promise<boolean> {
    return touchToken(this.#deps.db, id, usedAt);
  }

  async endTokens(of: Parameters<SessionChanges["endTokens"]>[0]): Promise<number> {
    const ids = of.map(({ id }) => id);
    const ended = await endTokensBy(this.#deps.db, ids);
    for (const one of of) this.#feed("removed", one);
    return ended;
  }

  async endAllTokens(spares: string | null): Promise<number> {
    const ended = await endTokensOf(this.#deps.db, "everybody");
    const row = { kind: "session", action: "removed", id: 0, name: ALL_SESSIONS, userId: null } as const;
    this.#deps.feed({ ...row, ends: true, spares });
    return ended;
  }

  leaveTokenLines(holders: readonly string[]): Promise<void> {
    return leaveTokenLines(this.#deps.db, holders);
  }

  dropEndedTokens(now: number): Promise<void> {
    return dropEndedTokens(this.#deps.db, now);
  }

  /** With a key or user that ends, and another password, which all tokens of the user end by. */
  async endWith({ kind, id, spares }: FeedRow): Promise<void> {
    const { db } = this.#deps;
    if (kind === "key") await endTokensOf(db, { keyId: id });
    if (kind !== "user") return;
    await endWebSessionsOf(db, id, spares ?? null);
    await endTokensOf(db, { userId: id });
  }

  #feed(action: "added" | "removed", { id, userId }: Pick<WebSession, "id" | "userId">): void {
    this.#deps.feed({ kind: "session", action, id: 0, name: id, userId, ends: action === "removed" });
  }
}
