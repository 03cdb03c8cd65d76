/**
 * Counts by day get smaller with age: hours become one sum after 90 days, and what is older than two years goes. This is
 * done a few hundred rows at a time beside the writing of new counts, so that neither 100 000 keys used daily nor a server
 * that was away for weeks makes a change of a key wait.
 */
import type { Thread } from "./threads.ts";

const HOURLY_DAYS = 90;
const DAILY_DAYS = 2 * 365;
const ROWS_AT_ONCE = 250;

const HAS_HOURS = `counts GLOB '*"[0-9][0-9][a-z]"*'`;
const DAY_BEFORE = "SELECT max(day) AS day FROM activity.key_days INDEXED BY key_days_day WHERE day < ?";
const FIND_HOURS = `SELECT 1 FROM activity.key_days INDEXED BY key_days_day WHERE day = ? AND ${HAS_HOURS} LIMIT 1`;
const LAST_OF_SLICE = `SELECT max(key_id) AS last FROM (SELECT key_id FROM activity.key_days INDEXED BY key_days_day
  WHERE day = ? AND key_id > ? ORDER BY key_id LIMIT ${ROWS_AT_ONCE})`;
const PACK = `UPDATE key_days INDEXED BY key_days_day SET counts =
  (SELECT json_group_object(outcome, total) FROM
    (SELECT substr(key, -1) AS outcome, sum(value) AS total FROM json_each(key_days.counts) GROUP BY 1))
  WHERE day = ? AND key_id > ? AND key_id <= ? AND ${HAS_HOURS}`;
const FORGET = `DELETE FROM key_days WHERE (key_id, day) IN (SELECT key_id, day FROM key_days INDEXED BY key_days_day
  WHERE day < ? LIMIT ${ROWS_AT_ONCE})`;

export interface KeyDaysAging {
  /** One slice of what is to be done on this day. */
  step(today: number): Promise<void>;
}

export function openKeyDaysAging(writer: Thread, reader: Thread): KeyDaysAging {
  let seenDay = 0;
  let isForgetting = false;
  /** Days that may hold hours still; the last one is the oldest, and is done up to this key. */
  let days: number[] = [];
  let doneTo = 0;
  const read = async (sql: string, ...params: readonly number[]) =>
    (await reader.ask({ kind: "run", database: "main", sql, params })).rows[0] as
      | Record<string, number | null>
      | undefined;
  const write = (sql: string, ...params: readonly number[]) =>
    writer.ask({ kind: "run", database: "activity", sql, params });
  /** They were packed from the oldest on, so behind one without hours there are none. */
  const findDays = async (before: number): Promise<number[]> => {
    const found: number[] = [];
    for (let day = before; ; ) {
      const next = (await read(DAY_BEFORE, day))?.day ?? null;
      if (next === null || !(await read(FIND_HOURS, next))) return found;
      found.push(next);
      day = next;
    }
  };
  const pack = async (day: number): Promise<void> => {
    const last = (await read(LAST_OF_SLICE, day, doneTo))?.last ?? null;
    if (last !== null) await write(PACK, day, doneTo, last);
    doneTo = last ?? 0;
    if (last === null) days.pop();
  };
  return {
    step: async (today) => {
      if (today > seenDay) {
        days = await findDays(today - HOURLY_DAYS);
        [seenDay, doneTo, isForgetting] = [today, 0, true];
      }
      if (isForgetting) isForgetting = (await write(FORGET, today - DAILY_DAYS)).changed > 0;
      const day = days.at(-1);
      if (day !== undefined) await pack(day);
    },
  };
}
