import { expect, test } from "bun:test";
import { boundsOf, narrowed, offsetOf } from "./server-clock.ts";

const at = (ms: number): string => new Date(ms).toUTCString();
const NOON = Date.UTC(2030, 0, 1, 12);

/** As a browser whose clock is `ahead` sees an answer that the server makes at `made`, and that takes 40 ms each way. */
function seen(made: number, ahead: number) {
  return boundsOf({ date: at(made), askedAt: made + ahead - 40, cameAt: made + ahead + 40 });
}

test("clocks that may agree are taken to agree, whatever part of the second an answer comes in", () => {
  for (const part of [0, 1, 499, 500, 999]) {
    const bounds = seen(NOON + part, 0);
    expect(bounds && offsetOf(bounds)).toBe(0);
  }
  const late = boundsOf({ date: at(NOON - 3_000), askedAt: NOON, cameAt: NOON + 40 });
  expect(late && offsetOf(late)).toBe(0);
});

test("a clock that is off is known to the second by one answer, and closer by many", () => {
  for (const ahead of [86_400_000, -86_400_000, 150_000, -7_000]) {
    const first = seen(NOON + 250, ahead);
    expect(Math.abs((first ? offsetOf(first) : 0) + ahead)).toBeLessThanOrEqual(1_040);
    let bounds = first;
    for (let part = 0; part < 1_000; part += 90) {
      const next = seen(NOON + 5_000 + part, ahead);
      if (next) bounds = narrowed(bounds, next);
    }
    expect(Math.abs((bounds ? offsetOf(bounds) : 0) + ahead)).toBeLessThanOrEqual(700);
  }
});

test("a clock that is set while the page is open counts from then on", () => {
  const before = seen(NOON, 0);
  const after = seen(NOON + 60_000, 3_600_000);
  const bounds = before && after && narrowed(before, after);
  expect(Math.abs((bounds ? offsetOf(bounds) : 0) + 3_600_000)).toBeLessThanOrEqual(1_040);
});

test("an answer that names no time teaches nothing", () => {
  expect(boundsOf({ date: null, askedAt: 0, cameAt: 1 })).toBeUndefined();
  expect(boundsOf({ date: "tomorrow", askedAt: 0, cameAt: 1 })).toBeUndefined();
  expect(boundsOf({ date: at(NOON), askedAt: 2, cameAt: 1 })).toBeUndefined();
});
