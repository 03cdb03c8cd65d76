/**
 * What is written often and may be cut: sign-ins and refusals, last use, counters of guesses. In a file of its own, in
 * slices, so that a flood of it neither holds up a change of keys nor fills their database. Refusals of strangers and
 * counters of their guesses have parts of their own, whose oldest rows give way to newer ones of the same part alone.
 */
import { DAY_MS } from "@chatelaine/contract/instant";
import type { AuditRecord } from "../../domain/audit.ts";
import { auditColumns } from "../row-mappers.ts";
import type { Fold } from "../store.ts";
import type { Thread } from "./threads.ts";
import type { BatchStatement } from "./worker.ts";

/** Rows of one transaction: below 20 ms. */
const SLICE_ROWS = 2_000;
const RECORDS_MAX = 1_000_000;
const RECORDS_AGE_MS_MAX = 400 * DAY_MS;
export const FOLDS_MAX = 50_000;
const GUESSES_MAX = 100_000;
/** How many slices, or how long, passes between two cuts. */
const CUT_EVERY = 16;
const CUT_EVERY_MS = 60_000;

const RECORD_COLUMNS = [
  "id",
  "at",
  "event",
  "action",
  "description",
  "username",
  "address",
  "session_id",
  "door",
  "credentials",
  "target_kind",
  "target_id",
  "target_name",
  "details",
  "success",
  "error",
] as const;
const INSERT_RECORD = `INSERT INTO records (${RECORD_COLUMNS.join(", ")}) VALUES (${RECORD_COLUMNS.map(() => "?").join(", ")})`;
const FOLD_COLUMNS = [...RECORD_COLUMNS, "name", "count", "last_at"];
/** How many there were stands in the details, where lists show it, and by itself for sums. */
const ADD_FOLD = `INSERT INTO folds (${FOLD_COLUMNS.join(", ")}) VALUES (${FOLD_COLUMNS.map(() => "?").join(", ")})
  ON CONFLICT (name) DO UPDATE SET count = count + excluded.count, last_at = max(last_at, excluded.last_at),
    details = json_set(details, '$.count', count + excluded.count, '$.lastAt', max(last_at, excluded.last_at))`;
/** Longer than any window in which guesses are counted, and than a network is known for an account. */
const GUESSES_AGE_MS_MAX = 3_600_000;
const KNOWN_AGE_MS_MAX = 31 * DAY_MS;

/** By their place, not by their number: numbers have gaps where one was added to. */
const CUT_FOLDS = "DELETE FROM folds WHERE seq <= (SELECT seq FROM folds ORDER BY seq DESC LIMIT 1 OFFSET ?)";
const CUT_GUESSES = `DELETE FROM guesses WHERE bucket NOT LIKE 'known|%' AND started_at <= (SELECT started_at FROM guesses
  WHERE bucket NOT LIKE 'known|%' ORDER BY started_at DESC LIMIT 1 OFFSET ?)`;

const PROBE = `INSERT INTO guesses (bucket, started_at, count) VALUES ('', ?, 0)
  ON CONFLICT (bucket) DO UPDATE SET started_at = excluded.started_at`;

export interface Activity {
  record(records: readonly AuditRecord[], now: number): Promise<void>;
  fold(folds: readonly Fold[], now: number): Promise<void>;
  /** Throws unless the disk takes a write. */
  probe(now: number): Promise<void>;
}

export function openActivity(writer: Thread): Activity {
  let slices = 0;
  let cutAt = Number.NEGATIVE_INFINITY;
  const write = (statements: readonly BatchStatement[]) =>
    writer.ask({ kind: "batch", database: "activity", statements });
  const cut = (now: number) =>
    write([
      { sql: "DELETE FROM records WHERE at < ?", rows: [[now - RECORDS_AGE_MS_MAX]] },
      { sql: "DELETE FROM records WHERE seq <= (SELECT max(seq) FROM records) - ?", rows: [[RECORDS_MAX]] },
      { sql: "DELETE FROM guesses WHERE started_at < ?", rows: [[now - KNOWN_AGE_MS_MAX]] },
      {
        sql: "DELETE FROM guesses WHERE started_at < ? AND bucket NOT LIKE 'known|%'",
        rows: [[now - GUESSES_AGE_MS_MAX]],
      },
      { sql: "DELETE FROM folds WHERE at < ?", rows: [[now - RECORDS_AGE_MS_MAX]] },
      { sql: CUT_FOLDS, rows: [[FOLDS_MAX]] },
      { sql: CUT_GUESSES, rows: [[GUESSES_MAX]] },
    ]);
  const cutInTime = async (now: number): Promise<void> => {
    if (++slices % CUT_EVERY !== 0 && Math.abs(now - cutAt) < CUT_EVERY_MS) return;
    cutAt = now;
    await cut(now);
  };
  return {
    record: async (records, now) => {
      for (let from = 0; from < records.length; from += SLICE_ROWS) {
        const rows = records.slice(from, from + SLICE_ROWS).map(recordValues);
        await write([{ sql: INSERT_RECORD, rows }]);
        await cutInTime(now);
      }
    },
    fold: async (folds, now) => {
      if (folds.length === 0) return;
      await write([{ sql: ADD_FOLD, rows: folds.map(foldValues) }]);
      await cutInTime(now);
    },
    probe: async (now) => {
      await write([{ sql: PROBE, rows: [[now]] }]);
    },
  };
}

function foldValues({ name, record, count, lastAt }: Fold): unknown[] {
  const details = { ...record.details, count, lastAt };
  return [...recordValues({ ...record, details }), name, count, lastAt];
}

function recordValues(record: AuditRecord): unknown[] {
  const columns = auditColumns(record);
  return RECORD_COLUMNS.map((name) => columns[name]);
}
