import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openRateCounters, type RateCounters } from "./rate-counters.ts";

const START = Date.UTC(2030, 0, 1);
const rule = { limit: 3, windowSeconds: 60 };

let folder: string;
let one: RateCounters;
/** Another process on the folder. */
let other: RateCounters;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "chatelaine-rates-"));
  [one, other] = [openRateCounters(folder), openRateCounters(folder)];
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const left = (counters: RateCounters, afterMs: number, cost = 1, id = 7): number | "no" => {
  const state = counters.take("key", id, { rule, cost, now: START + afterMs });
  return state.ok ? state.remaining : "no";
};

test("a window ends to the millisecond, counted from its first use, in all processes", () => {
  expect([left(one, 0), left(other, 1), left(one, 59_999), left(other, 59_999)]).toEqual([2, 1, 0, "no"]);
  expect([left(one, 60_000), left(other, 60_000)]).toEqual([2, 1]);
  expect(left(one, 119_999)).toBe(0);
  expect(left(one, 120_000)).toBe(2);
});

test("a process that looked at its clock before another one began the window begins no second one", () => {
  expect([left(one, 5), left(one, 5), left(one, 5)]).toEqual([2, 1, 0]);
  expect([left(other, 0), left(one, 6)]).toEqual(["no", "no"]);
});

const file = () => join(folder, "rates", "key-0");
const LOST: Readonly<Record<string, () => void>> = {
  "the folder is deleted": () => rmSync(join(folder, "rates"), { recursive: true }),
  "the file is deleted": () => rmSync(file()),
  "an empty one is put in its place": () => {
    rmSync(file());
    writeFileSync(file(), new Uint8Array(4_096 * 8));
  },
  "another process counts in a new one": () => {
    rmSync(file());
    left(openRateCounters(folder), 3);
  },
};
for (const [name, lose] of Object.entries(LOST))
  test(`where ${name}, nothing is given anew once a server has looked`, () => {
    expect([left(one, 0), left(one, 0, 1, 8), left(other, 1), left(one, 2)]).toEqual([2, 2, 1, 0]);
    expect(one.rejoin()).toEqual([]);
    lose();
    expect(one.rejoin()).toEqual([file()]);
    expect(one.rejoin()).toEqual([]);
    const third = openRateCounters(folder);
    const later = name === "another process counts in a new one" ? 59_999 : 4;
    expect([left(one, later), left(other, later), left(third, later, 1, 8), left(one, later, 1, 8)]).toEqual([
      ...(later === 4 ? (["no", "no"] as const) : ([1, "no"] as const)),
      1,
      0,
    ]);
    expect([other.rejoin(), left(other, later, 1, 8)]).toEqual([[file()], "no"]);
  });

test("a clock that steps back by less than a window gives nothing anew, and by more closes nothing for good", () => {
  for (let spent = 0; spent < 3; spent++) left(one, 0);
  const refused = one.take("key", 7, { rule, cost: 1, now: START - 59_999 });
  expect(refused).toMatchObject({ ok: false, remaining: 0, resetMs: 119_999 });
  expect(left(one, -60_000)).toBe(2);
});

test("a cost is taken whole or not, asks only where it is 0, and can be given back", () => {
  expect([left(one, 0, 2), left(one, 0, 2), left(one, 0, 0), left(one, 0, 4)]).toEqual([1, "no", 1, "no"]);
  one.giveBack("key", 7, 2);
  expect(left(one, 0, 0)).toBe(3);
  one.giveBack("key", 7, 1_000_000);
  expect(left(one, 0, 3)).toBe(0);
  expect(left(one, 0, 0)).toBe(0);
});

test("a limit that is lowered below what was spent refuses even what costs nothing", () => {
  for (let spent = 0; spent < 3; spent++) left(one, 0);
  const lower = { limit: 2, windowSeconds: 60 };
  expect(one.take("key", 7, { rule: lower, cost: 0, now: START })).toMatchObject({ ok: false, remaining: 0 });
});

test("neighbours, users and the highest numbers count apart, and the highest limit holds", () => {
  const big = { limit: 1_000_000, windowSeconds: 86_400 };
  const take = (whose: "key" | "user", id: number, cost: number) =>
    one.take(whose, id, { rule: big, cost, now: START }).remaining;
  expect([take("key", 4_095, 1), take("key", 4_096, 2), take("user", 4_096, 3)]).toEqual([
    999_999, 999_998, 999_997,
  ]);
  expect([take("key", 2_147_483_647, 1_000_000), take("key", 2_147_483_647, 1)]).toEqual([0, 0]);
  expect(one.take("key", 2_147_483_647, { rule: big, cost: 1, now: START + 86_399_999 }).ok).toBe(false);
});
