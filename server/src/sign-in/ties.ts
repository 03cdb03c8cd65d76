/**
 * What a session of this process has to do with tokens: the one that it was opened with, and those that it made. What its
 * end means for them is written to the database, where every other process learns of it.
 *
 * An end that cannot be written now (the disk is full, the database is busy) is written later, until it is.
 */
import type { Clock } from "../domain/clock.ts";
import type { Log } from "../log.ts";
import type { Store, Transaction } from "../store/store.ts";
import type { Session, SessionEnd, TokenOfSession } from "./credential.ts";
import { TOKEN_TOUCH_EVERY_MS } from "./token.ts";

/** How a token was used by the sessions of this process that it opened. Monotonic. */
export interface TokenUse {
  readonly token: TokenOfSession;
  sessions: number;
  usedAt: number;
  writtenAt: number;
}

export interface TiesDeps {
  readonly store: Pick<Store, "transact">;
  readonly clock: Clock;
  readonly log: Log;
}

type Work = (tx: Transaction) => Promise<unknown>;

/** The tokens are there to come back with. */
const TOKENS_SURVIVE: readonly SessionEnd[] = ["disconnect", "replaced"];
/** What ended the session has ended its tokens in the same commit. */
const ENDED_WITH_IT: readonly SessionEnd[] = ["terminated", "key_ended", "user_ended"];

export class Ties {
  readonly #deps: TiesDeps;
  readonly #makers = new Set<string>();
  readonly #uses = new Map<string, TokenUse>();
  /** Sessions and tokens that ended without taking anything along. */
  #left: string[] = [];
  #unwritten: Work[] = [];
  readonly #writing = new Set<Promise<void>>();

  constructor(deps: TiesDeps) {
    this.#deps = deps;
  }

  /** From now on this session's end is more than this process's own. */
  makesToken({ id }: Session): void {
    this.#makers.add(id);
  }

  opened({ credential: { token } }: Session): TokenUse | undefined {
    if (token === null) return undefined;
    const now = this.#deps.clock.monotonic();
    const use = this.#uses.get(token.id) ?? { token, sessions: 0, usedAt: now, writtenAt: now };
    use.sessions++;
    use.usedAt = now;
    this.#uses.set(token.id, use);
    return use;
  }

  /** Written at most once a minute, and never waited for. */
  touch(use: TokenUse): void {
    const { clock, store } = this.#deps;
    const { id, isSingleUse } = use.token;
    use.usedAt = clock.monotonic();
    if (isSingleUse || use.usedAt - use.writtenAt < TOKEN_TOUCH_EVERY_MS) return;
    use.writtenAt = use.usedAt;
    store.transact("session_use", (tx) => tx.touchToken(id, clock.now())).catch(() => {});
  }

  /** Whether it has rested for too long. */
  isOver({ token, usedAt }: TokenUse): boolean {
    return this.#deps.clock.monotonic() - usedAt >= token.ttlMs;
  }

  /** Ends, in the transaction that ends these sessions, what hangs on them. */
  async endIn(tx: Transaction, sessions: readonly Session[]): Promise<void> {
    const makers = sessions.filter(({ id }) => this.#makers.has(id));
    if (makers.length > 0)
      await tx.endTokens(makers.map(({ id, credential }) => ({ id, userId: credential.userId })));
    for (const { credential } of sessions) {
      const own = ownToken(credential.token);
      if (own !== undefined) await tx.spendToken(own);
    }
  }

  /** The session is over. Resolves when that is written; rejects where it could not be, and is written later. */
  async ended(session: Session, use: TokenUse | undefined, reason: SessionEnd): Promise<void> {
    const work = this.#workOf(session, reason);
    if (use && --use.sessions === 0) this.#uses.delete(use.token.id);
    if (reason !== "replaced") this.#makers.delete(session.id);
    if (work) await this.#write(work);
  }

  /** Writes what could not be written before, and tidies up. */
  async sweep(): Promise<void> {
    const [left, again] = [this.#left, this.#unwritten];
    this.#left = [];
    this.#unwritten = [];
    for (const work of again) await this.#write(work).catch(() => {});
    if (left.length > 0) await this.#write((tx) => tx.leaveTokenLines(left)).catch(() => {});
  }

  /** Resolves when nothing is being written any more. */
  async settled(): Promise<void> {
    await this.sweep();
    await Promise.allSettled(this.#writing);
  }

  #workOf({ id, credential }: Session, reason: SessionEnd): Work | undefined {
    if (ENDED_WITH_IT.includes(reason)) return undefined;
    const hasMade = this.#makers.has(id);
    const own = reason === "token_ended" ? undefined : ownToken(credential.token);
    const survives = TOKENS_SURVIVE.includes(reason);
    // The connection may sign in again, and then end what it made before.
    if (hasMade && reason === "disconnect") this.#left.push(id);
    if (own !== undefined && survives) this.#left.push(own);
    const ends = hasMade && !survives;
    if (!ends && own === undefined) return undefined;
    return async (tx) => {
      if (ends) await tx.endTokens([{ id, userId: credential.userId }]);
      if (own !== undefined) await tx.spendToken(own);
    };
  }

  async #write(work: Work): Promise<void> {
    const writing = this.#deps.store.transact("sign_out", async (tx) => void (await work(tx)), {
      urgent: true,
    });
    this.#writing.add(writing);
    try {
      await writing;
    } catch (error) {
      this.#unwritten.push(work);
      this.#deps.log.warn("The end of a session could not be written; it is tried again", { error });
      throw error;
    } finally {
      this.#writing.delete(writing);
    }
  }
}

/** A token goes with the session that it opened; one for a single use is gone already. */
function ownToken(token: TokenOfSession | null): string | undefined {
  return token === null || token.isSingleUse ? undefined : token.id;
}
