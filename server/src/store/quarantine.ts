/**
 * Data that may be older than what was acknowledged is in quarantine: looked at and changed by the command line, judged by
 * nobody, until `chatelaine restore --accept`. The mark is in the database itself, so every process on it agrees.
 */
import type { Database } from "bun:sqlite";
import { AppError } from "../domain/errors.ts";
import { MARK } from "./tables.ts";

export interface Quarantine {
  /**
   * The state file knows a later change; it knows one that this database never had; the log of the database is damaged; a
   * backup was restored.
   */
  readonly why: "behind" | "apart" | "damaged_log" | "restored";
  /** Number of the last change in the database when it was found. */
  readonly found: number;
  /** Number of the last change that was ever known of it. */
  readonly expected: number;
  /** Id of the last audit record that was known of it, which it may lack. */
  readonly missing?: string | undefined;
  readonly since: number;
}

const READ = `SELECT value FROM meta WHERE name = '${MARK}'`;

export function readQuarantine(database: Database): Quarantine | undefined {
  const statement = database.prepare<{ value: string }, []>(READ);
  try {
    return quarantineOf(statement.get()?.value);
  } finally {
    statement.finalize();
  }
}

export function quarantineOf(value: string | undefined): Quarantine | undefined {
  return value === undefined ? undefined : (JSON.parse(value) as Quarantine);
}

/** Begins it, or keeps the one that there is with the higher number. */
export function putQuarantine(database: Database, quarantine: Quarantine): Quarantine {
  const before = readQuarantine(database);
  const { expected, missing = before?.missing } = quarantine;
  const after = before ? { ...before, expected: Math.max(before.expected, expected), missing } : quarantine;
  database.run(`INSERT OR REPLACE INTO meta (name, value) VALUES ('${MARK}', ?)`, [JSON.stringify(after)]);
  return after;
}

export function restoreNotAccepted(): AppError {
  return new AppError(
    "restore_not_accepted",
    "The database was put back from an older copy; `chatelaine restore --accept` on its machine accepts it",
  );
}
