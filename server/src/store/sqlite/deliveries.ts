/**
 * What is to be sent to the webhook, kept in `activity.db` so that a restart loses nothing. Anyone who sends claims a
 * delivery by one guarded statement, for as long as an attempt may take: of several processes one gets it, and what a
 * process had claimed when it died is there again.
 */

import type { Delivery, Store } from "../store.ts";
import type { Thread } from "./threads.ts";

const DONE_KEPT = 100;
const COLUMNS = `id, at, kind, body, state, attempts, next_at AS "nextAt", status, error, done_at AS "doneAt"`;
const DUE = "state IN ('waiting', 'sending') AND next_at <= ?";

export function openDeliveries(
  writer: Thread,
  reader: Thread,
): Pick<Store, "claimDelivery" | "finishDelivery" | "listDeliveries"> & {
  putDelivery(delivery: Delivery): Promise<void>;
} {
  const read = async <Row>(sql: string, params: readonly unknown[]): Promise<readonly Row[]> =>
    (await reader.ask({ kind: "run", database: "main", sql, params })).rows as readonly Row[];
  const write = (sql: string, params: readonly unknown[]) =>
    writer.ask({ kind: "run", database: "activity", sql, params });
  return {
    putDelivery: async ({ id, at, kind, body, state, attempts, nextAt }) => {
      await write(
        "INSERT INTO deliveries (id, at, kind, body, state, attempts, next_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
        [id, at, kind, body, state, attempts, nextAt],
      );
    },
    claimDelivery: async (now, until) => {
      const [due] = await read<{ id: string }>(
        `SELECT id FROM activity.deliveries WHERE ${DUE} ORDER BY next_at, seq LIMIT 1`,
        [now],
      );
      if (!due) return undefined;
      const { rows } = await write(
        `UPDATE deliveries SET state = 'sending', attempts = attempts + 1, next_at = ?
         WHERE id = ? AND ${DUE} RETURNING ${COLUMNS}`,
        [until, due.id, now],
      );
      return (rows[0] as Delivery | undefined) ?? "lost";
    },
    finishDelivery: async ({ id, attempts }, { state, status, error, at, nextAt }) => {
      await writer.ask({
        kind: "batch",
        database: "activity",
        statements: [
          {
            sql: `UPDATE deliveries SET state = ?, status = ?, error = ?, next_at = ?, done_at = ?
                  WHERE id = ? AND state = 'sending' AND attempts = ?`,
            rows: [[state, status, error, nextAt, state === "waiting" ? null : at, id, attempts]],
          },
          {
            sql: `DELETE FROM deliveries WHERE seq IN (SELECT seq FROM deliveries
                  WHERE state IN ('delivered', 'failed') ORDER BY seq DESC LIMIT -1 OFFSET ${DONE_KEPT})`,
            rows: [[]],
          },
        ],
      });
    },
    listDeliveries: (limit) =>
      read<Delivery>(`SELECT ${COLUMNS} FROM activity.deliveries ORDER BY seq DESC LIMIT ?`, [limit]),
  };
}
