/**
 * Space that the keys' database holds inside its own files, so that on a full disk what takes a right away needs nothing of the
 * disk: a byte that is given back to the file system belongs to anyone who asks for it first (held by `full-disk.test.ts`, beside a
 * process that takes all that becomes free).
 *
 * It is of three kinds. No change is committed before the file itself has a place for every page of it, so that carrying the
 * log into the file needs no room, and the log can begin again. The log is kept at a length, and written, not left as a
 * hole. And there are rows of filler, whose pages serve the urgent change that finds no other. On file systems that overwrite
 * nothing in place (btrfs, ZFS) all this needs room as well.
 *
 * For the writer's thread, outside of transactions unless said otherwise.
 */
import type { Database } from "bun:sqlite";
import { closeSync, fdatasyncSync, openSync, statSync, writeSync } from "node:fs";

/** Of one row of filler: more than the new pages of one revocation. */
export const ROW_BYTES = 64 * 1024;
/** Processes on one folder count its keys at different moments: what one holds for keys made lately another leaves there. */
const SLACK_ROWS = 8;
/** Added in one go, so that no change waits for it. */
const ROWS_AT_ONCE = 64;
/** Row 0 says how many rows there were before any was given up. Not of the schema: a backup has none, and a start makes it. */
const TABLE = "held_back";
const MAKE = `CREATE TABLE IF NOT EXISTS ${TABLE} (id INTEGER PRIMARY KEY, held ANY NOT NULL) STRICT`;
const IS_THERE = `SELECT 1 FROM sqlite_schema WHERE name = '${TABLE}'`;
const COUNT = `SELECT coalesce(max(id), 0) AS held, coalesce((SELECT held FROM ${TABLE} WHERE id = 0), 0) AS full FROM ${TABLE}`;
const PUT = `INSERT INTO ${TABLE} VALUES (?, zeroblob(${ROW_BYTES}))`;
const PUT_FULL = `INSERT OR REPLACE INTO ${TABLE} VALUES (0, ?)`;
const DROP = `DELETE FROM ${TABLE} WHERE id > ?`;

/** sqlite.org/c3ref/c_fcntl_begin_atomic_write.html */
const FCNTL_SIZE_HINT = 5;
const FCNTL_CHUNK_SIZE = 6;
/** Of a write-ahead log. */
const HEADER_BYTES = 32;

/** What SQLite says where there is no room. */
function full(): Error {
  return Object.assign(new Error("database or disk is full"), { code: "SQLITE_FULL" });
}

/** Before the first transaction: how `requirePlaces` has the file grow. */
export function growByPages(database: Database): void {
  const { page_size } = one<{ page_size: number }>(database, "PRAGMA page_size");
  // SQLite reads 32 bits of it, Bun wants 64.
  database.fileControl(FCNTL_CHUNK_SIZE, new Int32Array([page_size, 0]));
}

/** In a transaction, as its last statement before COMMIT. Throws SQLITE_FULL where the file cannot grow to hold its pages. */
export function requirePlaces(database: Database): void {
  const { page_count } = one<{ page_count: number }>(database, "PRAGMA page_count");
  const { page_size } = one<{ page_size: number }>(database, "PRAGMA page_size");
  const bytes = page_count * page_size;
  if (sizeOf(database.filename) >= bytes) return;
  database.fileControl(FCNTL_SIZE_HINT, new BigInt64Array([BigInt(bytes)]));
  if (sizeOf(database.filename) < bytes) throw full();
}

/**
 * Makes the log as long as that, as far as there is room; never shorter. Nobody else writes to it meanwhile, and what is appended
 * is no frame of it for want of a checksum.
 */
export function keepLog(database: Database, bytes: number): void {
  const path = `${database.filename}-wal`;
  if (sizeOf(path) >= bytes) return;
  // Zeros without a header before them would pass for a damaged log.
  if (sizeOf(path) < HEADER_BYTES) beginLog(database);
  database.run("BEGIN IMMEDIATE");
  try {
    const size = sizeOf(path);
    if (size >= HEADER_BYTES) append(path, bytes - size);
  } finally {
    database.run("ROLLBACK");
  }
}

/** Writes something that changes nothing. */
export function beginLog(database: Database): void {
  const { user_version } = one<{ user_version: number }>(database, "PRAGMA user_version");
  database.run(`PRAGMA user_version = ${user_version}`);
}

function append(path: string, bytes: number): void {
  if (bytes <= 0) return;
  const file = openSync(path, "a");
  try {
    for (let left = bytes; left > 0; ) left -= writeSync(file, Buffer.alloc(Math.min(left, ROW_BYTES)));
    fdatasyncSync(file);
  } catch {
    // The disk is full: this much it is.
  } finally {
    closeSync(file);
  }
}

/** Whether no row is given up. */
export function areRowsWhole(database: Database): boolean {
  if (!isThere(database)) return true;
  const { held, full: before } = one<{ held: number; full: number }>(database, COUNT);
  return held >= before;
}

/**
 * Adds what is missing, not all in one go, and gives up what is far too much.
 * @param rows null: as many as there were before any was given up
 * @returns whether no row is given up
 */
export function fitRows(database: Database, rows: number | null): boolean {
  if (rows === null && areRowsWhole(database)) return true;
  // All in one transaction, or, where they do not fit, as many as do.
  if (tryFit(database, rows, ROWS_AT_ONCE) === undefined)
    for (let added = 0; added < ROWS_AT_ONCE && tryFit(database, rows, 1) === true; added++);
  return areRowsWhole(database);
}

/** @returns whether something was done; undefined: there is no room */
function tryFit(database: Database, wanted: number | null, atOnce: number): boolean | undefined {
  try {
    return change(database, () => fitSome(database, wanted, atOnce));
  } catch (error) {
    if (/^SQLITE_(FULL|IOERR)/.test(String((error as { code?: unknown }).code))) return undefined;
    throw error;
  }
}

/** In a transaction. @returns whether something was done */
function fitSome(database: Database, wanted: number | null, atOnce: number): boolean {
  database.run(MAKE);
  const { held, full: before } = one<{ held: number; full: number }>(database, COUNT);
  const rows = wanted ?? before;
  if (held > rows + SLACK_ROWS) {
    database.run(DROP, [rows]);
    database.run(PUT_FULL, [rows]);
    return true;
  }
  const to = Math.min(Math.max(rows, before), held + atOnce);
  for (let row = held + 1; row <= to; row++) database.run(PUT, [row]);
  if (to > before) database.run(PUT_FULL, [to]);
  return to > held;
}

/** Gives up one row. @returns whether there was one. Throws SQLITE_FULL where the log has no room for this. */
export function releaseRow(database: Database): boolean {
  if (!isThere(database)) return false;
  return change(database, () => {
    const { held } = one<{ held: number }>(database, COUNT);
    if (held > 0) database.run(DROP, [held - 1]);
    return held > 0;
  });
}

/** Commits only what does something. */
function change(database: Database, work: () => boolean): boolean {
  database.run("BEGIN IMMEDIATE");
  try {
    const isChanged = work();
    if (isChanged) requirePlaces(database);
    database.run(isChanged ? "COMMIT" : "ROLLBACK");
    return isChanged;
  } catch (error) {
    if (database.inTransaction) database.run("ROLLBACK");
    throw error;
  }
}

function isThere(database: Database): boolean {
  return database.query(IS_THERE).get() !== null;
}

function one<Row>(database: Database, sql: string): Row {
  return database.query(sql).get() as Row;
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
