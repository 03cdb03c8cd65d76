import { Database } from "bun:sqlite";
import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  areRowsWhole,
  fitRows,
  growByPages,
  keepLog,
  ROW_BYTES,
  releaseRow,
  requirePlaces,
} from "./held-space.ts";
import { isDamagedLog } from "./opening.ts";
import { fitReserve, holdReserve } from "./reserve.ts";

let folder: string;
let path: string;
const opened: Database[] = [];
function open(): Database {
  const database = new Database(path, { strict: true });
  database.run("PRAGMA journal_mode = WAL");
  growByPages(database);
  opened.push(database);
  return database;
}
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "chatelaine-held-"));
  path = join(folder, "held.db");
});
afterEach(() => {
  for (const database of opened.splice(0)) database.close();
  rmSync(folder, { recursive: true, force: true });
});

const pages = (database: Database): number =>
  (database.query("PRAGMA page_count").get() as { page_count: number }).page_count;

test("a process that has not counted the newest keys yet takes nothing from what another holds for them", () => {
  const [one, two] = [open(), open()];
  for (const [database, rows] of [
    [one, 9],
    [two, 4],
  ] as const) {
    expect(fitRows(database, rows)).toBe(true);
    expect([areRowsWhole(one), areRowsWhole(two)]).toEqual([true, true]);
  }
  // The command line knows of no number.
  expect(releaseRow(two)).toBe(true);
  expect([areRowsWhole(one), areRowsWhole(two)]).toEqual([false, false]);
  expect(fitRows(two, null)).toBe(true);
  expect(areRowsWhole(one)).toBe(true);
});

test("what is held for keys that are gone is given up", () => {
  const database = open();
  while (fitRows(database, 40) && pages(database) < (40 * ROW_BYTES) / 4096);
  const before = pages(database);
  expect(fitRows(database, 4)).toBe(true);
  const free = (database.query("PRAGMA freelist_count").get() as { freelist_count: number }).freelist_count;
  expect(free * 4096).toBeGreaterThan(35 * ROW_BYTES);
  expect(pages(database)).toBe(before);
});

test("what is given up serves a change in the file as it is", () => {
  const database = open();
  database.run("CREATE TABLE texts (text TEXT)");
  fitRows(database, 4);
  const before = pages(database);
  expect(releaseRow(database)).toBe(true);
  database.run("INSERT INTO texts VALUES (?)", ["x".repeat(ROW_BYTES - 8_192)]);
  expect(pages(database)).toBe(before);
  for (let left = 3; left > 0; left--) expect(releaseRow(database)).toBe(true);
  expect(releaseRow(database)).toBe(false);
});

test("before a commit the file has a place for each page, so that the log is carried over without room", () => {
  const database = open();
  database.run("CREATE TABLE texts (text TEXT)");
  database.run("BEGIN IMMEDIATE");
  database.run("INSERT INTO texts VALUES (?)", ["x".repeat(1_000_000)]);
  requirePlaces(database);
  database.run("COMMIT");
  const { size, blocks } = statSync(path);
  expect([size, blocks * 512 >= size]).toEqual([pages(database) * 4096, true]);
});

test("the log is kept at its length without becoming another's, or a damaged one", () => {
  const database = open();
  keepLog(database, 512 * 1024);
  database.run("CREATE TABLE texts (text TEXT)");
  expect(statSync(`${path}-wal`).size).toBe(512 * 1024);
  expect(statSync(`${path}-wal`).blocks * 512).toBeGreaterThanOrEqual(512 * 1024);
  expect(isDamagedLog(`${path}-wal`)).toBe(false);
  database.run("PRAGMA wal_checkpoint(RESTART)");
  database.run("INSERT INTO texts VALUES ('kept')");
  const other = open();
  expect(other.query("SELECT text FROM texts").get()).toEqual({ text: "kept" });
  expect(other.query("PRAGMA integrity_check").get()).toEqual({ integrity_check: "ok" });
});

test("of the file of older versions what is too much is given up", () => {
  const reserve = holdReserve(folder, true);
  fitReserve({ ...reserve.wanted(), bytes: 10_000_000 });
  fitReserve(reserve.wanted());
  expect(statSync(join(folder, "reserve")).size).toBe(reserve.wanted().bytes);
  expect(reserve.isWhole()).toBe(true);
});
