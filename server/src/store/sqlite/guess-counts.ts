/**
 * Counters of guesses, in `activity.db`, so that they outlive a restart. Where the disk is full they go on in memory, from what
 * was counted last, and are written when there is room again: a full disk neither lets guesses go uncounted nor keeps out
 * somebody whose password is right (held by `full-disk.test.ts`).
 */
import { AppError, errorCode } from "../../domain/errors.ts";
import type { Thread } from "./threads.ts";

const COUNT = `INSERT INTO guesses (bucket, started_at, count) VALUES (?1, ?2, ?3)
  ON CONFLICT (bucket) DO UPDATE SET
    count = CASE WHEN started_at > ?4 THEN count + ?3 ELSE ?3 END,
    started_at = CASE WHEN started_at > ?4 THEN started_at ELSE excluded.started_at END
  RETURNING count`;
const ASK = "SELECT count FROM guesses WHERE bucket = ? AND started_at > ?";
const PUT = "INSERT OR REPLACE INTO guesses (bucket, started_at, count) VALUES (?, ?, ?)";
const CLEAR = "DELETE FROM guesses WHERE bucket = ?";
/** Counters that wait for room; those counted longest ago give way. */
const WAITING_MAX = 10_000;

export interface GuessCounts {
  countGuess(bucket: string, now: number, windowMs: number, by?: -1 | 0 | 1): Promise<number>;
  clearGuesses(bucket: string): Promise<void>;
}

/** Stands for the row of a bucket. */
interface Waiting {
  startedAt: number;
  count: number;
}

/** @param hasRoom whether the disk takes what is not urgent */
export function openGuessCounts(writer: Thread, hasRoom: () => boolean): GuessCounts {
  const waiting = new Map<string, Waiting>();
  const run = async (sql: string, params: readonly unknown[]): Promise<number> => {
    const { rows } = await writer.ask({ kind: "run", database: "activity", sql, params });
    return (rows[0] as { count: number } | undefined)?.count ?? 0;
  };
  /** undefined: there is no room. */
  const write = async (sql: string, params: readonly unknown[]): Promise<number | undefined> => {
    try {
      if (!hasRoom()) throw new AppError("storage_full", "The disk is full");
      return await run(sql, params);
    } catch (error) {
      if (errorCode(error) !== "storage_full") throw error;
      return undefined;
    }
  };
  const keep = (bucket: string, row: Waiting): void => {
    waiting.delete(bucket);
    if (waiting.size >= WAITING_MAX) waiting.delete(waiting.keys().next().value!);
    waiting.set(bucket, row);
  };
  /** Counts in memory first, so that of two at once both count. */
  const countWaiting = async (bucket: string, row: Waiting): Promise<number> => {
    const { startedAt, count } = row;
    keep(bucket, row);
    const isWritten = (await write(PUT, [bucket, startedAt, count])) !== undefined;
    if (isWritten && waiting.get(bucket)?.count === count) waiting.delete(bucket);
    return count;
  };
  return {
    countGuess: async (bucket, now, windowMs, by = 1) => {
      const since = now - windowMs;
      const before = waiting.get(bucket);
      const runs = before !== undefined && before.startedAt > since;
      if (by === 0) return before ? (runs ? before.count : 0) : run(ASK, [bucket, since]);
      if (before)
        return countWaiting(
          bucket,
          runs ? { ...before, count: before.count + by } : { startedAt: now, count: by },
        );
      const count = await write(COUNT, [bucket, now, by, since]);
      if (count !== undefined) return count;
      const onDisk = await run(ASK, [bucket, since]);
      // Another may have begun it meanwhile.
      const latest = waiting.get(bucket) ?? { startedAt: now, count: onDisk };
      keep(bucket, { ...latest, count: latest.count + by });
      return latest.count + by;
    },
    clearGuesses: async (bucket) => {
      if ((await write(CLEAR, [bucket])) === undefined) keep(bucket, { startedAt: 0, count: 0 });
      else waiting.delete(bucket);
    },
  };
}
