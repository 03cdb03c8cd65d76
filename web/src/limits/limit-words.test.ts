import { expect, test } from "bun:test";
import {
  lifetimeUnitsWith,
  sayCeilings,
  sayLifetime,
  sayRate,
  splitLifetime,
  windowsWith,
} from "./limit-words.ts";

test("rates are said by their window, also by one that the form does not offer", () => {
  expect(sayRate({ limit: 100, window_seconds: 60 })).toBe("100 uses a minute");
  expect(sayRate({ limit: 1, window_seconds: 90 })).toBe("1 use in 90 seconds");
  expect(windowsWith("60")).toHaveLength(4);
  expect(windowsWith("90").at(-1)).toEqual({ value: "90", label: "in 90 seconds" });
});

test("lifetimes are said in the largest unit that fits, and come back as they were", () => {
  const seconds = [86_400, 90 * 86_400, 3_600 * 36, 60, 61];
  expect(seconds.map(sayLifetime)).toEqual(["1 day", "90 days", "36 hours", "1 minute", "61 seconds"]);
  for (const one of seconds) {
    const { count, unit } = splitLifetime(one);
    expect(count * Number(unit)).toBe(one);
    expect(lifetimeUnitsWith(unit).some(({ value }) => value === unit)).toBe(true);
  }
});

test("ceilings are told one by one, and only those that are there", () => {
  expect(
    sayCeilings({
      allowed_ips: ["10.0.0.0/8"],
      rate_limit: { limit: 5, window_seconds: 1 },
      lifetime_seconds: null,
    }),
  ).toEqual(["Works only from 10.0.0.0/8", "5 uses a second, all together"]);
});
