/**
 * Counters of rate limits: exact over all processes of one machine, kept over restarts, without a write to any disk on
 * the way of a request.
 *
 * A counter is eight bytes of a file that all processes map: 40 bits for when its window began (milliseconds since 2020),
 * 24 for what was spent in it, changed by compare-and-swap alone. Windows begin with their first use. A file has 4 096
 * counters, found by the number of the key or user.
 *
 * A file that is deleted or replaced goes on counting for anyone who has it mapped, while everybody else begins again. Once a
 * second a server looks, and carries what was spent into the file that is there.
 */
import { join } from "node:path";
import { AppError } from "../domain/errors.ts";
import type { RateLimit } from "../domain/limits.ts";
import { prepareMapped } from "./mapped-file.ts";
import { identityOf } from "./sqlite/same-files.ts";
import type { RateState } from "./store.ts";

export const RATES_FOLDER = "rates";
const COUNTERS = 4_096;
const BYTES = COUNTERS * 8;
const EPOCH = Date.UTC(2020, 0, 1);
const COUNT_BITS = 24n;
const COUNT_MASK = (1n << COUNT_BITS) - 1n;
const BEGAN_MAX = 2 ** 40;

export interface RateCounters {
  /** Spends, unless that would be more than is left; a cost of 0 only asks. Throws unavailable. */
  take(
    whose: "key" | "user",
    id: number,
    want: { readonly rule: RateLimit; readonly cost: number; readonly now: number },
  ): RateState;
  /** Gives back what was just taken. */
  giveBack(whose: "key" | "user", id: number, cost: number): void;
  /** @returns the files that were not those any more that are counted in. Throws unavailable. */
  rejoin(): readonly string[];
}

interface Mapped {
  readonly counters: BigUint64Array;
  /** As `same-files.ts` has it. */
  readonly identity: string | undefined;
}

export function openRateCounters(folder: string): RateCounters {
  const files = new Map<string, Mapped>();
  const inFolder = join(folder, RATES_FOLDER);
  const counterOf = (whose: string, id: number): [BigUint64Array, number] => {
    const name = `${whose}-${Math.floor(id / COUNTERS)}`;
    let mapped = files.get(name);
    if (!mapped) {
      mapped = mapCounters(inFolder, name);
      files.set(name, mapped);
    }
    return [mapped.counters, id % COUNTERS];
  };
  return {
    take: (whose, id, { rule, cost, now }) => {
      const [counters, place] = counterOf(whose, id);
      const windowMs = rule.windowSeconds * 1000;
      const clock = (((now - EPOCH) % BEGAN_MAX) + BEGAN_MAX) % BEGAN_MAX;
      for (;;) {
        const before = Atomics.load(counters, place);
        const began = Number(before >> COUNT_BITS);
        // Clocks step back, and a process that was held up between its clock and this line comes late: neither is to open
        // a window anew that another one has begun. Only a step of more than a window is believed.
        const runs = before !== 0n && Math.abs(clock - began) < windowMs;
        const spent = runs ? Number(before & COUNT_MASK) : 0;
        const start = runs ? began : clock;
        const resetMs = start + windowMs - clock;
        const state = { limit: rule.limit, windowSeconds: rule.windowSeconds, resetMs };
        if (spent + cost > rule.limit)
          return { ...state, ok: false, remaining: Math.max(0, rule.limit - spent) };
        const after = (BigInt(start) << COUNT_BITS) | BigInt(spent + cost);
        if (cost === 0 || Atomics.compareExchange(counters, place, before, after) === before)
          return { ...state, ok: true, remaining: rule.limit - spent - cost };
      }
    },
    giveBack: (whose, id, cost) => {
      const [counters, place] = counterOf(whose, id);
      for (;;) {
        const before = Atomics.load(counters, place);
        const spent = before & COUNT_MASK;
        const back = spent < BigInt(cost) ? spent : BigInt(cost);
        if (Atomics.compareExchange(counters, place, before, before - back) === before) return;
      }
    },
    rejoin: () =>
      [...files].flatMap(([name, before]) => {
        const path = join(inFolder, name);
        if (identityOf(path) === before.identity) return [];
        const now = mapCounters(inFolder, name);
        carryOver(before.counters, now.counters);
        files.set(name, now);
        return [path];
      }),
  };
}

/** The later window counts, and in the same one what was spent more: a counter has its window in front. */
function carryOver(from: BigUint64Array, to: BigUint64Array): void {
  for (let place = 0; place < COUNTERS; place++) {
    const spent = Atomics.load(from, place);
    for (let there = Atomics.load(to, place); there < spent; there = Atomics.load(to, place))
      Atomics.compareExchange(to, place, there, spent);
  }
}

/** Whole or not at all; of two processes that make the file at once both map the first one's. */
function mapCounters(folder: string, name: string): Mapped {
  const path = join(folder, name);
  try {
    prepareMapped(path, BYTES);
    const identity = identityOf(path);
    const mapped = Bun.mmap(path, { shared: true });
    return { counters: new BigUint64Array(mapped.buffer, mapped.byteOffset, COUNTERS), identity };
  } catch (cause) {
    throw new AppError("unavailable", "The counters of rate limits cannot be kept", { cause });
  }
}
