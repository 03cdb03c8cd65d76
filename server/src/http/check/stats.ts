/** Counts of checks since the start, for `/metrics`. Every 64th check is timed. */
import type { UseOutcome } from "../../activity/use.ts";
import type { CheckStats } from "../../verify/check.ts";

const SAMPLE_EVERY = 64;
/** Microseconds. */
export const LATENCY_BOUNDS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 10_000, 100_000] as const;

export interface CheckFigures extends CheckStats {
  readonly counts: ReadonlyMap<string, number>;
  readonly buckets: readonly number[];
  readonly timed: () => { readonly count: number; readonly sumMicroseconds: number };
}

export function createStats(monotonic: () => number): CheckFigures {
  const counts = new Map<string, number>();
  const buckets = LATENCY_BOUNDS.map(() => 0);
  let turn = 0;
  let count = 0;
  let sum = 0;
  return {
    count: (door, outcome) => {
      const name = NAMES[door]?.[outcome] ?? `door="${door}",outcome="${outcome}"`;
      counts.set(name, (counts.get(name) ?? 0) + 1);
    },
    sample: () => (++turn % SAMPLE_EVERY === 0 ? monotonic() : undefined),
    time: (began) => {
      const microseconds = (monotonic() - began) * 1000;
      count++;
      sum += microseconds;
      LATENCY_BOUNDS.forEach((bound, place) => {
        if (microseconds <= bound) buckets[place]!++;
      });
    },
    counts,
    buckets,
    timed: () => ({ count, sumMicroseconds: sum }),
  };
}

/** The commonest, so that no text is built for each check. */
const NAMES: Readonly<Record<string, Partial<Record<UseOutcome, string>>>> = {
  auth: { ok: 'door="auth",outcome="ok"', unknown: 'door="auth",outcome="unknown"' },
  verify: { ok: 'door="verify",outcome="ok"', unknown: 'door="verify",outcome="unknown"' },
};
