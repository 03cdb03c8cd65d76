/**
 * A thread that holds database connections, so that neither an fsync, nor another process's lock, nor a long search makes
 * the main thread wait. Started as `writer`, which alone writes, and as `reader`: for single rows, for lists, and for searches, which
 * leave the processor to everybody else.
 *
 * It answers one message by one message with the same number. Of a long list it gives a part and keeps the rest until it is
 * asked for `more`, so that no message is long to read. A `batch` commits whole or not at all.
 */

import { Database, type SQLQueryBindings, type Statement } from "bun:sqlite";
import { existsSync, statfsSync, statSync } from "node:fs";
import { setPriority } from "node:os";
import { LIST_CHARS_MAX } from "@chatelaine/contract/limits";
import type { Condition } from "../../domain/filter.ts";
import { matches } from "../../domain/filter-match.ts";
import { SLICE_LENGTH } from "../../domain/slices.ts";
import { type Listed, queryRecord } from "../row-mappers.ts";
import { MARK } from "../schema.ts";
import { GONE_PLACES, goneAt } from "./gone-places.ts";
import {
  areRowsWhole,
  beginLog,
  fitRows,
  growByPages,
  keepLog,
  releaseRow,
  requirePlaces,
} from "./held-space.ts";
import { type History, openHistory, watchFile } from "./history.ts";
import { isCarriedOver, LAST_CHANGE, type LastChangeRow, lastChangeOf } from "./last-change.ts";
import { BUSY_MS } from "./open-database.ts";
import { fitReserve, type ReserveSize } from "./reserve.ts";
import { type Noted, openStateNotes, type StateHead, type StateNotes } from "./state-file.ts";

export type ThreadRole = "writer" | "reader" | "searcher";
export type DatabaseName = "main" | "activity";

export type WorkerRequest =
  | {
      readonly kind: "open";
      readonly role: ThreadRole;
      readonly main: string;
      readonly activity: string;
      /** For the writer: where to note each change; undefined: nowhere. */
      readonly notes: { readonly folder: string; readonly head: StateHead } | undefined;
      /** Not 0 once the thread is to end, or at the place of a request that nobody waits for (`gone-places.ts`): what runs long gives up. */
      readonly ending: Int32Array;
    }
  | { readonly kind: "close" }
  | { readonly kind: "tidy"; readonly reserve: ReserveSize }
  /** @param waits for anyone who keeps the log from beginning again, as long as for a lock */
  | { readonly kind: "regain"; readonly reserve: ReserveSize; readonly waits: boolean }
  /** Of what is held inside the keys' database: one part is given up; or whether all of it is there. */
  | { readonly kind: "release" | "look" }
  /** Whether the file is still the one that is open. */
  | { readonly kind: "watch" }
  | { readonly kind: "more"; readonly of: number }
  | {
      readonly kind: "run";
      readonly database: DatabaseName;
      readonly sql: string;
      readonly params: readonly unknown[];
    }
  | {
      readonly kind: "batch";
      readonly database: DatabaseName;
      readonly statements: readonly BatchStatement[];
    }
  | SearchRequest;

/** One set of parameters for each time that it runs, by rows; or by columns, which cost a quarter of it between threads. */
export type BatchStatement =
  | { readonly sql: string; readonly rows: readonly (readonly unknown[])[] }
  | { readonly sql: string; readonly columns: readonly (readonly unknown[])[] };

/** Rows in SQL's order, of which the condition, offset and limit then choose: for what SQL cannot say. */
interface SearchRequest {
  readonly kind: "search";
  readonly listed: Listed;
  readonly sql: string;
  readonly params: readonly unknown[];
  readonly where: Condition;
  readonly offset: number;
  readonly limit: number;
  readonly want: "rows" | "count" | "page";
}

export interface WorkerResult {
  readonly rows: readonly object[];
  readonly changed: number;
  readonly insertId: number;
  /** Under this number there are more rows. */
  readonly more?: number;
  /** Whether nothing of the space inside the keys' database is given up; undefined: it was not looked at. */
  readonly isWhole?: boolean;
  /** Whether the keys' database is another than it was (`history.ts`); undefined: it was not looked at. */
  readonly isOther?: boolean;
  /** Why the change could not be noted outside the data folder. It is committed all the same. */
  readonly notNoted?: string;
}

export type WorkerReply =
  | { readonly id: number; readonly result: WorkerResult }
  | { readonly id: number; readonly failure: { readonly code: string; readonly message: string } };

const STATEMENTS_MAX = 200;
/** As `nice`: a search has what is left of the processor, so that a check does not wait for it (held by `search-places.test.ts`). */
const SEARCH_NICENESS = 10;
/** After this a search gives up rather than hold others up. */
const SEARCH_MS_MAX = 5_000;
/** Twice what SQLite lets a log grow to where nobody reads for long. */
const LOG_BYTES_MAX = 8 * 1024 * 1024;
const NOTHING: WorkerResult = { rows: [], changed: 0, insertId: 0 };

declare const self: Worker;

const databases = new Map<DatabaseName, Database>();
const statements = new Map<string, Statement>();
const kept = new Map<number, readonly object[]>();
let notes: StateNotes | undefined;
let history: History | undefined;
let isFileSame: (() => boolean) | undefined;
let isFileOther = false;
let ending: Int32Array = new Int32Array(1 + GONE_PLACES);
/** The request that is being answered. */
let current = 0;

self.onmessage = ({ data }: MessageEvent<{ id: number; request: WorkerRequest }>) => {
  current = data.id;
  let reply: WorkerReply;
  try {
    refuseGone();
    reply = { id: data.id, result: partOf(data.id, answer(data.request)) };
  } catch (error) {
    const { code, message } = error as { code?: unknown; message: string };
    reply = { id: data.id, failure: { code: typeof code === "string" ? code : "", message } };
  }
  self.postMessage(reply);
};

/** What the result holds beyond a slice is kept under this number. */
function partOf(id: number, result: WorkerResult): WorkerResult {
  const { rows } = result;
  if (rows.length <= SLICE_LENGTH) return result;
  kept.set(id, rows.slice(SLICE_LENGTH));
  return { ...result, rows: rows.slice(0, SLICE_LENGTH), more: id };
}

function more(of: number): WorkerResult {
  const rows = kept.get(of) ?? [];
  kept.delete(of);
  return { ...NOTHING, rows };
}

function answer(request: WorkerRequest): WorkerResult {
  switch (request.kind) {
    case "open":
      return open(request);
    case "close":
      return close();
    case "tidy":
      return tidy(request.reserve);
    case "regain":
      return regain(request.reserve, request.waits);
    case "release":
      return release();
    case "look":
      return { ...NOTHING, isWhole: areRowsWhole(databases.get("main")!) };
    case "watch":
      return watch();
    case "more":
      return more(request.of);
    case "run":
      return run(request.database, request.sql, request.params);
    case "batch":
      return batch(request.database, request.statements);
    case "search":
      return search(request);
  }
}

function open({ role, main, activity, ...more }: Extract<WorkerRequest, { kind: "open" }>): WorkerResult {
  const pragmas = `PRAGMA busy_timeout = ${BUSY_MS}; PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF;`;
  ending = more.ending;
  notes = more.notes && openStateNotes(more.notes.folder, more.notes.head);
  if (role === "searcher") yieldProcessor();
  if (role !== "writer") {
    const database = new Database(main, { readonly: true, strict: true });
    database.run(pragmas);
    database.run("ATTACH DATABASE ? AS activity", [activity]);
    databases.set("main", database);
    return NOTHING;
  }
  for (const [name, path] of [
    ["main", main],
    ["activity", activity],
  ] as const) {
    const database = new Database(path, { readwrite: true, create: false, strict: true });
    database.run(
      `${pragmas} PRAGMA journal_mode = WAL; PRAGMA journal_size_limit = ${LOG_BYTES_MAX};
       PRAGMA synchronous = ${name === "main" ? "FULL" : "NORMAL"};`,
    );
    growByPages(database);
    databases.set(name, database);
  }
  history = openHistory(databases.get("main")!);
  isFileSame = watchFile(databases.get("main")!);
  return NOTHING;
}

/** On Linux this is said of one thread; elsewhere it would be of the whole process. */
function yieldProcessor(): void {
  if (process.platform === "linux") setPriority(0, SEARCH_NICENESS);
}

/** Throws where a statement is still open: a connection that only seems closed keeps the last one from clearing up. */
function close(): WorkerResult {
  const main = databases.get("main");
  const last = lastAtClose(main);
  history?.close();
  for (const statement of statements.values()) statement.finalize();
  statements.clear();
  for (const database of databases.values()) database.close(true);
  databases.clear();
  // The last to close has carried the log into the file.
  if (last && main && !existsSync(`${main.filename}-wal`)) notes?.note(() => ({ ...last, isInFile: true }));
  notes?.sync();
  return NOTHING;
}

function lastAtClose(main: Database | undefined): Noted | undefined {
  try {
    return notes && main && !main.inTransaction && !isOther() ? lastToNote() : undefined;
  } catch {
    // It cannot be read any more, and is to be closed all the same.
    return undefined;
  }
}

/**
 * The last change. In quarantine there is none: the state file keeps the one that is waited for, so that the right
 * database can still take this one's place.
 */
const LAST_TO_NOTE = `${LAST_CHANGE} WHERE NOT EXISTS (SELECT 1 FROM meta WHERE name = '${MARK}')`;

function lastToNote(): Noted | undefined {
  const row = prepared("main", LAST_TO_NOTE).get() as LastChangeRow | null;
  return row ? { ...lastChangeOf(row), isInFile: isCarriedOver(databases.get("main")!) } : undefined;
}

/**
 * What was committed is noted before anybody is told that it was (`state-file.ts`), unless it does not go on from what was
 * noted before: then it waits there for the right one to come back.
 */
function note(): WorkerResult {
  // Between two statements of a change nothing is committed yet that is news.
  if (databases.get("main")?.inTransaction) return NOTHING;
  try {
    if (isOther()) return { ...NOTHING, isOther: true };
    notes?.note(lastToNote);
    return { ...NOTHING, isOther: false };
  } catch (error) {
    return notes ? { ...NOTHING, notNoted: (error as Error).message } : NOTHING;
  }
}

function isOther(): boolean {
  return isFileOther || history?.goesOn() === false;
}

function watch(): WorkerResult {
  if (databases.get("main")?.inTransaction) return NOTHING;
  isFileOther = isFileSame?.() === false;
  return isFileOther ? { ...NOTHING, isOther: true } : NOTHING;
}

/**
 * Once a second: notes what other processes committed and what could not be noted before, and sees to the space on the disk. A log
 * that a long reader has let grow is cut as soon as nobody reads.
 */
function tidy(reserve: ReserveSize): WorkerResult {
  const result = note();
  if (result.notNoted === undefined) notes?.sync();
  // Between two statements of a change: the next time does it.
  if ([...databases.values()].some((database) => database.inTransaction)) return result;
  fitReserve(reserve);
  const main = databases.get("main")!;
  const isWhole = fitRows(main, reserve.rows);
  const isShort = freeBytes(main) < LOG_BYTES_MAX;
  for (const [name, database] of databases) {
    const most = isShort ? keptOf(name, reserve) : LOG_BYTES_MAX;
    if (logBytes(database) > most) withoutWaiting(database, () => cutLog(name, database, most));
  }
  withoutWaiting(main, () => keepLog(main, reserve.logBytes ?? 0));
  return { ...result, isWhole };
}

/**
 * After a full disk was met: has the logs begin again, gives back what they are longer than they are kept, and takes back what urgent
 * changes were given. Throws SQLITE_FULL where even this needs room.
 */
function regain(reserve: ReserveSize, waits: boolean): WorkerResult {
  // What takes a right away is worth it: a reader that a busy machine keeps from ending would cost it all that is held back.
  if (waits) run("main", "PRAGMA wal_checkpoint(RESTART)", []);
  for (const [name, database] of databases) {
    const most = keptOf(name, reserve);
    withoutWaiting(database, () => {
      if (logBytes(database) > most) cutLog(name, database, most);
      else run(name, "PRAGMA wal_checkpoint(PASSIVE)", []);
    });
  }
  // Before the log begins again: what cannot be noted now, the next time tries again.
  note();
  fitReserve(reserve);
  return { ...NOTHING, isWhole: fitRows(databases.get("main")!, reserve.rows) };
}

/** How long a log stays where the disk is short. Urgent changes need none in the other database. */
function keptOf(name: DatabaseName, { logBytes: kept }: ReserveSize): number {
  return name === "activity" ? 0 : (kept ?? LOG_BYTES_MAX);
}

function freeBytes({ filename }: Database): number {
  const { bavail, bsize } = statfsSync(filename);
  return bavail * bsize;
}

function release(): WorkerResult {
  const main = databases.get("main")!;
  const isReleased = releaseRow(main);
  return { ...NOTHING, changed: Number(isReleased), isWhole: areRowsWhole(main) };
}

function logBytes({ filename }: Database): number {
  return statSync(`${filename}-wal`, { throwIfNoEntry: false })?.size ?? 0;
}

/** Where somebody else reads or writes, the next time does it. */
function withoutWaiting(database: Database, work: () => void): void {
  database.run("PRAGMA busy_timeout = 0");
  try {
    work();
  } catch (error) {
    if (!String((error as { code?: unknown }).code).startsWith("SQLITE_BUSY")) throw error;
  } finally {
    database.run(`PRAGMA busy_timeout = ${BUSY_MS}`);
  }
}

/** To the limit of its size, to which SQLite cuts it where a change is the first in a log that begins again. */
function cutLog(name: DatabaseName, database: Database, most: number): void {
  const [row] = run(name, "PRAGMA wal_checkpoint(RESTART)", []).rows as { busy: number }[];
  // Before the log begins again: what cannot be noted now, the next time tries again.
  if (name === "main") note();
  if (row?.busy !== 0) return;
  database.run(`PRAGMA journal_size_limit = ${most}`);
  try {
    beginLog(database);
  } finally {
    database.run(`PRAGMA journal_size_limit = ${LOG_BYTES_MAX}`);
  }
}

function run(name: DatabaseName, sql: string, params: readonly unknown[]): WorkerResult {
  if (sql === "COMMIT") requirePlaces(databases.get(name)!);
  const statement = prepared(name, sql);
  const bound = params as SQLQueryBindings[];
  if (statement.columnNames.length > 0) return { ...NOTHING, rows: rowsWithin(statement.iterate(...bound)) };
  const { changes, lastInsertRowid } = statement.run(...bound);
  if (sql === "COMMIT" && name === "main") return note();
  return { rows: [], changed: changes, insertId: Number(lastInsertRowid) };
}

/** A list is whole in memory, here and where it is asked for: one that is too large for that is refused before it is. */
function rowsWithin(found: Iterable<unknown>): object[] {
  const rows: object[] = [];
  const size = new ListSize();
  for (const row of found) rows.push(size.add(row as object));
  return rows;
}

class ListSize {
  #chars = 0;

  /** Throws where it is too much. */
  add(row: object): object {
    for (const value of Object.values(row)) if (typeof value === "string") this.#chars += value.length;
    if (this.#chars <= LIST_CHARS_MAX) return row;
    const message = `The list is larger than ${LIST_CHARS_MAX >> 20} MiB; ask for less at a time, with limit and offset`;
    throw Object.assign(new Error(message), { code: "LIST_SIZE" });
  }
}

function batch(name: DatabaseName, list: readonly BatchStatement[]): WorkerResult {
  run(name, "BEGIN IMMEDIATE", []);
  try {
    for (const statement of list) for (const row of rowsOf(statement)) run(name, statement.sql, row);
    return run(name, "COMMIT", []);
  } catch (error) {
    if (databases.get(name)?.inTransaction) run(name, "ROLLBACK", []);
    throw error;
  }
}

function* rowsOf(statement: BatchStatement): Generator<readonly unknown[]> {
  if ("rows" in statement) yield* statement.rows;
  else
    for (const place of statement.columns[0]?.keys() ?? [])
      yield statement.columns.map((column) => column[place]);
}

function refuseGone(): void {
  if (Atomics.load(ending, goneAt(current)) === current)
    throw Object.assign(new Error("Nobody waits for it any more"), { code: "SEARCH_GONE" });
}

function search({ listed, sql, params, where, offset, limit, want }: SearchRequest): WorkerResult {
  const until = performance.now() + SEARCH_MS_MAX;
  const rows: object[] = [];
  const size = new ListSize();
  let found = 0;
  for (const row of prepared("main", sql).iterate(...(params as SQLQueryBindings[]))) {
    refuseGone();
    if (performance.now() > until || Atomics.load(ending, 0) !== 0)
      throw Object.assign(new Error("The search takes too long"), { code: "SEARCH_TIME" });
    if (!matches(where, queryRecord(listed, row as object))) continue;
    found++;
    if (found > offset && (limit === 0 || rows.length < limit) && want !== "count")
      rows.push(size.add(row as object));
    if (want === "rows" && limit > 0 && rows.length === limit) break;
  }
  return { rows, changed: found, insertId: 0 };
}

function prepared(name: DatabaseName, sql: string): Statement {
  const known = `${name} ${sql}`;
  let statement = statements.get(known);
  if (!statement) {
    const database = databases.get(name);
    if (!database) throw new Error(`No connection to ${name}`);
    statement = database.prepare(sql);
    if (statements.size >= STATEMENTS_MAX) forgetOldest();
  } else {
    statements.delete(known);
  }
  statements.set(known, statement);
  return statement;
}

function forgetOldest(): void {
  const oldest = statements.keys().next().value;
  if (oldest === undefined) return;
  statements.get(oldest)?.finalize();
  statements.delete(oldest);
}
