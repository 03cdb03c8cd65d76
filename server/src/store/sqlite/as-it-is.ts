/**
 * Reads a database that may be somebody else's: not a byte of the file, or of the log beside it, is written, and nothing is
 * made beside it where there is no log. A connection that may write would carry the log into the file when it closes.
 */
import { constants, Database } from "bun:sqlite";
import { statSync } from "node:fs";
import { pathToFileURL } from "node:url";

/** undefined: there is no log beside it. */
export function logBytes(path: string): number | undefined {
  return statSync(`${path}-wal`, { throwIfNoEntry: false })?.size;
}

/** Whether there is a log, with something in it. */
export function hasLog(path: string): boolean {
  return (logBytes(path) ?? 0) > 0;
}

/** The database as an opener sees it. */
export function readAsItIs<Result>(path: string, read: (database: Database) => Result): Result {
  if (!hasLog(path)) return readWithoutLog(path, read);
  return readAndClose(new Database(path, { readonly: true, strict: true }), read);
}

/**
 * The file as if there were no log. While somebody carries a log into it, or was killed in that, some pages are newer than
 * others: what is read may be an error.
 */
export function readWithoutLog<Result>(path: string, read: (database: Database) => Result): Result {
  const flags = constants.SQLITE_OPEN_READONLY | constants.SQLITE_OPEN_URI;
  return readAndClose(new Database(`${pathToFileURL(path).href}?immutable=1`, flags), read);
}

function readAndClose<Result>(database: Database, read: (database: Database) => Result): Result {
  try {
    database.run(`PRAGMA busy_timeout = ${WAIT_MS}; PRAGMA trusted_schema = OFF`);
    return read(database);
  } finally {
    database.close();
  }
}

const WAIT_MS = 2_000;

export function versionOf(database: Database): number {
  return (database.query("PRAGMA user_version").get() as { user_version: number }).user_version;
}

/** @returns what the database says of itself under this name */
export function metaOf(database: Database, name: string): string | undefined {
  const row = database.query("SELECT value FROM meta WHERE name = ?").get(name);
  return (row as { value: string } | null)?.value;
}
