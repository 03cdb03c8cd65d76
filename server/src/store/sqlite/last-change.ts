/**
 * How far a database has come, and by which way: the number of its last change, and the id of its last audit record. Numbers
 * alone tell an older copy, but not one that went on by itself and reached the same number. Every change has its audit record,
 * and those are never cut, so a database that lacks one that is known elsewhere has not the history that is known there.
 */
import type { Database } from "bun:sqlite";
import { ACCEPTED } from "../schema.ts";

export interface LastChange {
  /** Of the last change, those included that were cut from the feed; 0: none yet. */
  readonly seq: number;
  /** Id of an audit record that was committed with that change or after it. */
  readonly record: string | undefined;
}

/** Both as of one moment. */
export const LAST_CHANGE = `SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'changes'), 0) AS seq,
  (SELECT id FROM audit ORDER BY seq DESC LIMIT 1) AS record`;
/** Backwards: what is asked for is one of the last, unless it is not there. */
const HAS_RECORD = "SELECT 1 FROM audit WHERE id = ?1 ORDER BY seq DESC LIMIT 1";
const HAS_ACCEPTED = `SELECT 1 FROM meta WHERE name = '${ACCEPTED}' AND value = ?1`;

/** Looks and does nothing. */
const LOG_STATE = "PRAGMA wal_checkpoint(NOOP)";

/**
 * Whether all of the log is in the file, on the disk. To be asked after each commit: SQLite carries the log over at the end
 * of one and begins it anew in the next.
 */
export function isCarriedOver(database: Database): boolean {
  const row = database.query(LOG_STATE).get() as { log: number; checkpointed: number };
  return row.log === row.checkpointed;
}

export interface LastChangeRow {
  readonly seq: number;
  readonly record: string | null;
}

export function lastChangeOf({ seq, record }: LastChangeRow): LastChange {
  return { seq, record: record ?? undefined };
}

export function lastChange(database: Database): LastChange {
  return lastChangeOf(database.query(LAST_CHANGE).get() as LastChangeRow);
}

/**
 * Whether it has this record, or somebody accepted that it has not. Of old state files there is no record to ask for.
 * @param from where a backup is attached, its name
 */
export function hasRecord(database: Database, record: string | undefined, from = "main"): boolean {
  if (record === undefined) return true;
  const inAudit = HAS_RECORD.replace("FROM audit", `FROM ${from}.audit`);
  const inMeta = HAS_ACCEPTED.replace("FROM meta", `FROM ${from}.meta`);
  return [inAudit, inMeta].some((sql) => database.query(sql).get(record) !== null);
}
