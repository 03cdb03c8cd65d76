import { describe, expect, test } from "bun:test";
import { bucketsOf, type KeyUseEntry, SPANS, sayReasons, sumsOf } from "./use-buckets.ts";

const NOW = new Date(2026, 2, 31, 15, 20).getTime();
const HOUR_MS = 3_600_000;

function count(at: number, outcomes: KeyUseEntry["counts"][number]["outcomes"], hours: 1 | 24 = 1) {
  return { at: new Date(at).toISOString(), hours, outcomes };
}

describe("the bars of a graph", () => {
  test("are as many as the span has and end with now", () => {
    for (const span of ["hours", "days", "weeks"] as const) {
      const bars = bucketsOf([count(NOW - (NOW % HOUR_MS), { ok: 1 })], span, NOW);
      expect([span, bars.length, bars.at(-1)?.allowed]).toEqual([span, SPANS[span].bars, 1]);
    }
  });

  test("begin at local midnights, also where the clock is changed, and weeks on Mondays", () => {
    const begins = (span: "days" | "weeks") => bucketsOf([], span, NOW).map(({ at }) => new Date(at));
    expect(begins("days").every((at) => at.getHours() === 0)).toBe(true);
    expect(new Set(begins("days").map((at) => at.toDateString())).size).toBe(90);
    expect(begins("weeks").every((at) => at.getDay() === 1 && at.getHours() === 0)).toBe(true);
  });

  test("hold what fell into them, refusals apart, and nothing from before", () => {
    const hour = NOW - (NOW % HOUR_MS);
    const bars = bucketsOf(
      [
        count(hour - 48 * HOUR_MS, { ok: 100 }),
        count(hour - HOUR_MS, { ok: 3, expired: 1 }),
        count(hour, { ok: 4, scope_missing: 2, rate_limited: 5 }),
      ],
      "hours",
      NOW,
    );
    expect(bars.slice(-2).map(({ allowed, refused }) => [allowed, refused])).toEqual([
      [3, 1],
      [4, 7],
    ]);
    const sums = sumsOf(bars);
    expect([sums.allowed, sums.refused]).toEqual([7, 8]);
    expect(sayReasons(sums)).toBe("5 rate limited, 2 scope missing, 1 expired");
  });

  test("take a day that is counted as one into the week that it lies in", () => {
    const monday = new Date(2026, 2, 30).getTime();
    const bars = bucketsOf([count(monday, { ok: 9 }, 24)], "weeks", NOW);
    expect(bars.at(-1)?.allowed).toBe(9);
  });
});
