import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fitReserve, holdReserve } from "./reserve.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "chatelaine-reserve-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test("a process that has not counted the newest keys yet takes nothing from what another holds for them", () => {
  const [one, two] = [holdReserve(folder, true), holdReserve(folder, true)];
  one.resize(20);
  two.resize(10);
  for (const reserve of [one, two]) {
    fitReserve(reserve.wanted());
    expect([one.isWhole(), two.isWhole()]).toEqual([true, true]);
  }
});

test("what is held for keys that are gone is given up", () => {
  const reserve = holdReserve(folder, true);
  reserve.resize(10_000);
  fitReserve(reserve.wanted());
  reserve.resize(10);
  fitReserve(reserve.wanted());
  expect(statSync(join(folder, "reserve")).size).toBe(reserve.wanted().bytes);
  expect(reserve.isWhole()).toBe(true);
});
