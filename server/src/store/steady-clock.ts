/**
 * A wall clock that does not go back before what has ended is written down as ended.
 *
 * Ends are instants, and a key whose end was seen must not live again because the clock of the machine is set back. So the
 * latest instant that any process on the folder has judged by is kept; where the wall clock is behind it, time stands still
 * at that instant while the ends up to it are written down, and then follows the wall clock again (held by `clock.test.ts`).
 */
import type { Clock } from "../domain/clock.ts";
import type { Log } from "../log.ts";
import { type LatestInstant, openLatestInstant } from "./latest-instant.ts";

/** Writes down what has ended between the two, by a clock that has been set back since. */
type KeepEnds = (from: number, until: number) => Promise<void>;

export interface SteadyClock extends Clock {
  /** From now on ends are kept, for all processes on the folder. @returns when those up to now are */
  keepEnds(folder: string, keep: KeepEnds): Promise<void>;
  /** Writes down what is left to write: for the clockwork, after a failure. */
  settle(): Promise<void>;
}

const SYSTEM_CLOCK: Clock = { now: () => Date.now(), monotonic: () => performance.now() };

/** @param wall that of the machine where absent */
export function createSteadyClock(wall: Clock | undefined, log: Log): SteadyClock {
  return new Steady(wall ?? SYSTEM_CLOCK, log);
}

class Steady implements SteadyClock {
  readonly #wall: Clock;
  readonly #log: Log;
  #latest: LatestInstant | undefined;
  #keep: KeepEnds | undefined;
  #settling: Promise<void> | undefined;
  #mayStart = true;
  readonly monotonic: () => number;

  constructor(wall: Clock, log: Log) {
    this.#wall = wall;
    this.#log = log;
    this.monotonic = () => wall.monotonic();
  }

  // Bound, because clocks are passed on by their functions.
  readonly now = (): number => {
    const now = this.#wall.now();
    const latest = this.#latest?.read() ?? 0;
    if (now === latest) return now;
    if (now > latest) {
      this.#latest?.write(now);
      return now;
    }
    // Once; after a failure the clockwork tries again.
    if (this.#mayStart) {
      this.#mayStart = false;
      queueMicrotask(() => void this.settle());
    }
    return latest;
  };

  async keepEnds(folder: string, keep: KeepEnds): Promise<void> {
    this.#keep = keep;
    this.#latest = openLatestInstant(folder);
    await this.settle();
  }

  settle(): Promise<void> {
    this.#settling ??= this.#settle()
      .catch((error: unknown) =>
        this.#log.warn("The clock was set back, and what had ended cannot be written down", { error }),
      )
      .finally(() => {
        this.#settling = undefined;
      });
    return this.#settling;
  }

  async #settle(): Promise<void> {
    const latest = this.#latest;
    if (!latest || !this.#keep) return;
    for (;;) {
      const [until, now] = [latest.read(), this.#wall.now()];
      if (now >= until) break;
      await this.#keep(now, until);
      // Somebody may have seen a later one, or have written this one's ends down, meanwhile.
      if (latest.read() === until) latest.write(Math.min(until, this.#wall.now()));
    }
    this.#mayStart = true;
  }
}
