/**
 * What is written often and may be cut: sign-ins and refusals, last use, counters of guesses. In a file of its own, in
 * slices, so that a flood of it neither holds up a change of keys nor fills their database.
 */
import type { AuditRecord } from "../domain/audit.ts";
import { lastUseStatements } from "./last-use.ts";
import { auditColumns } from "./rows.ts";
import type { Thread } from "./sqlite-threads.ts";
import type { KeyUse } from "./store.ts";
import type { BatchStatement } from "./worker.ts";

/** Rows of one transaction: below 20 ms. */
const SLICE_ROWS = 2_000;
export const RECORDS_MAX = 1_000_000;
export const RECORDS_AGE_MS_MAX = 400 * 86_400_000;
/** How many slices pass between two cuts. */
const CUT_EVERY = 16;

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
/** Longer than any window in which guesses are counted, and than a network is known for an account. */
const GUESSES_AGE_MS_MAX = 3_600_000;
const KNOWN_AGE_MS_MAX = 31 * 86_400_000;

const PROBE = `INSERT INTO guesses (bucket, started_at, count) VALUES ('', ?, 0)
  ON CONFLICT (bucket) DO UPDATE SET started_at = excluded.started_at`;

export interface Activity {
  record(records: readonly AuditRecord[], use: readonly KeyUse[], now: number): Promise<void>;
  /** Throws unless the disk takes a write. */
  probe(now: number): Promise<void>;
}

export function openActivity(writer: Thread): Activity {
  let slices = 0;
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
    ]);
  return {
    record: async (records, use, now) => {
      for (let from = 0; from < records.length; from += SLICE_ROWS) {
        const rows = records.slice(from, from + SLICE_ROWS).map(recordValues);
        await write([{ sql: INSERT_RECORD, rows }]);
        if (++slices % CUT_EVERY === 0) await cut(now);
      }
      for (let from = 0; from < use.length; from += SLICE_ROWS) {
        await write(lastUseStatements(use.slice(from, from + SLICE_ROWS)));
      }
    },
    probe: async (now) => {
      await write([{ sql: PROBE, rows: [[now]] }]);
    },
  };
}

function recordValues(record: AuditRecord): unknown[] {
  const columns = auditColumns(record);
  return RECORD_COLUMNS.map((name) => columns[name]);
}
