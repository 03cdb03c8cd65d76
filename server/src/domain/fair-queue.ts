/**
 * Shares something that only so many may use at once: password hashes, derivations, searches.
 *
 * Who waits is served in turn, party by party, and of one party no more at once than `eachAtOnce`, so that the many of one
 * do not hold up the one of another. The queue is bounded, and full never means that nobody gets in: where one party
 * holds more of its places than the newcomer would, the last of that party's gives way (held by `fair-queue.test.ts`).
 */

/** Whom a place is for, by any name that tells one from another; null: the server itself, which is never turned away. */
export type Party = string | null;

export interface FairShares {
  readonly atOnce: number;
  /** Of one party. */
  readonly eachAtOnce: number;
  readonly waiting: number;
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
    party: Party,
    work: () => Promise<Result>,
  ): Promise<{ readonly of: Result } | undefined> {
    const leave = await this.enter(party);
    if (!leave) return undefined;
    try {
      return { of: await work() };
    } finally {
      leave();
    }
  }

  /** @returns the way out, to be taken once; undefined where it was turned away */
  async enter(party: Party): Promise<(() => void) | undefined> {
    if (this.#mayRun(party)) this.#count(party, 1);
    else if (!this.#makeRoom(party) || !(await this.#wait(party))) return undefined;
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

  #wait(party: Party): Promise<boolean> {
    return new Promise((resolve) => {
      const mine = this.#waiting.get(party) ?? [];
      mine.push({ settle: resolve });
      this.#waiting.set(party, mine);
      this.#waitingInAll++;
    });
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
