/**
 * Shares something that only so many may use at once: password hashes, derivations, searches.
 *
 * Who waits is served in turn, party by party, and of one party no more at once than `eachAtOnce`, so that the many of one
 * do not hold up the one of another. The queue is bounded, and full never means that nobody gets in: where one party
 * holds more of its places than the newcomer would, the last of that party's gives way (held by `fair-queue.test.ts`).
 * Who goes away while they wait leaves their place.
 */

/** Whom a place is for, by any name that tells one from another; null: the server itself, which is never turned away. */
export type Party = string | null;

export interface FairShares {
  readonly atOnce: number;
  /** Of one party. */
  readonly eachAtOnce: number;
  readonly waiting: number;
  /** Who has waited so long is turned away; absent: what runs ends soon by itself. The server itself waits on. */
  readonly waitMs?: number;
}

/** Who asks for something that is shared, and whether they still wait for it. */
export interface Asking {
  readonly party: Party;
  /** Ends when who asks has gone: their socket or their request. */
  readonly gone?: AbortSignal | undefined;
}

interface Waiter {
  /** false: turned away. */
  settle(isIn: boolean): void;
}

export class FairQueue {
  readonly #shares: FairShares;
  readonly #running = new Map<Party, number>();
  /** In the order of turns. */
  readonly #waiting = new Map<Party, Waiter[]>();
  #runningInAll = 0;
  #waitingInAll = 0;

  constructor(shares: FairShares) {
    this.#shares = shares;
  }

  /** @returns undefined where it was turned away, and the work not begun */
  async pass<Result>(
    asking: Party | Asking,
    work: () => Promise<Result>,
  ): Promise<{ readonly of: Result } | undefined> {
    const leave = await this.enter(asking);
    if (!leave) return undefined;
    try {
      return { of: await work() };
    } finally {
      leave();
    }
  }

  /** @returns the way out, to be taken once; undefined where it was turned away */
  async enter(asking: Party | Asking): Promise<(() => void) | undefined> {
    const { party, gone } = isParty(asking) ? { party: asking } : asking;
    if (gone?.aborted) return undefined;
    if (this.#mayRun(party)) this.#count(party, 1);
    else if (!this.#makeRoom(party) || !(await this.#wait(party, gone))) return undefined;
    let isIn = true;
    return () => {
      if (!isIn) return;
      isIn = false;
      this.#count(party, -1);
      this.#next();
    };
  }

  #mayRun(party: Party): boolean {
    return (
      this.#runningInAll < this.#shares.atOnce && (this.#running.get(party) ?? 0) < this.#shares.eachAtOnce
    );
  }

  #count(party: Party, step: 1 | -1): void {
    this.#runningInAll += step;
    const left = (this.#running.get(party) ?? 0) + step;
    if (left > 0) this.#running.set(party, left);
    else this.#running.delete(party);
  }

  async #wait(party: Party, gone: AbortSignal | undefined): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const waiter = { settle: resolve };
    const mine = this.#waiting.get(party) ?? [];
    mine.push(waiter);
    this.#waiting.set(party, mine);
    this.#waitingInAll++;
    const giveUp = (): void => {
      if (this.#drop(party, waiter)) resolve(false);
    };
    const { waitMs } = this.#shares;
    const late = waitMs === undefined || party === null ? undefined : setTimeout(giveUp, waitMs);
    gone?.addEventListener("abort", giveUp);
    try {
      return await promise;
    } finally {
      clearTimeout(late);
      gone?.removeEventListener("abort", giveUp);
    }
  }

  /** @returns whether it still waited */
  #drop(party: Party, waiter: Waiter): boolean {
    const mine = this.#waiting.get(party) ?? [];
    const at = mine.indexOf(waiter);
    if (at < 0) return false;
    mine.splice(at, 1);
    if (mine.length === 0) this.#waiting.delete(party);
    this.#waitingInAll--;
    return true;
  }

  /** @returns whether one more of this party may wait */
  #makeRoom(party: Party): boolean {
    if (party === null || this.#waitingInAll < this.#shares.waiting) return true;
    let most = { party, waiting: (this.#waiting.get(party)?.length ?? 0) + 1 };
    for (const [one, { length }] of this.#waiting)
      if (one !== null && length > most.waiting) most = { party: one, waiting: length };
    if (most.party === party) return false;
    this.#take(most.party, "last")?.settle(false);
    return true;
  }

  #next(): void {
    for (const party of [...this.#waiting.keys()]) {
      if (this.#runningInAll >= this.#shares.atOnce) return;
      if (!this.#mayRun(party)) continue;
      const first = this.#take(party, "first");
      if (!first) continue;
      this.#count(party, 1);
      first.settle(true);
    }
  }

  /** A party whose first is taken has its next turn after all others. */
  #take(party: Party, which: "first" | "last"): Waiter | undefined {
    const mine = this.#waiting.get(party) ?? [];
    const taken = which === "first" ? mine.shift() : mine.pop();
    if (taken) this.#waitingInAll--;
    if (which === "first" || mine.length === 0) this.#waiting.delete(party);
    if (which === "first" && mine.length > 0) this.#waiting.set(party, mine);
    return taken;
  }
}

function isParty(asking: Party | Asking): asking is Party {
  return asking === null || typeof asking === "string";
}
