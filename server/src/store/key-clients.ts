/**
 * Who used a key in the last hour. Written with last use, in the same batches; the moment is right to a minute, so that a
 * client that calls all the time does not write all the time.
 */
import { CLIENTS_AGE_MS, CLIENTS_MAX, type ClientUse } from "../domain/recent-clients.ts";
import type { Thread } from "./sqlite-threads.ts";
import type { BatchStatement } from "./worker.ts";

const STALE_MS = 60_000;

const PUT = `INSERT INTO key_clients (key_id, address, client, last_used_at) VALUES (?, ?, ?, ?)
  ON CONFLICT (key_id, address, client) DO UPDATE SET last_used_at = excluded.last_used_at
  WHERE excluded.last_used_at >= last_used_at + ${STALE_MS}`;
const CUT = `DELETE FROM key_clients WHERE key_id = ?1 AND last_used_at < (SELECT last_used_at FROM key_clients
  WHERE key_id = ?1 ORDER BY last_used_at DESC LIMIT 1 OFFSET ${CLIENTS_MAX - 1})`;
const FORGET = "DELETE FROM key_clients WHERE last_used_at < ?";

interface Used {
  readonly keyId: number;
  readonly at: number;
  readonly clients?: readonly ClientUse[];
}

/** What a batch of uses adds. An unknown address or client is the empty text. */
export function clientStatements(uses: readonly Used[]): BatchStatement[] {
  const rows = uses.flatMap(({ keyId, clients = [] }) =>
    clients.map(({ address, client, at }) => [keyId, address ?? "", client ?? "", at]),
  );
  const last = uses.at(-1);
  if (rows.length === 0 || !last) return [];
  const keys = uses.filter(({ clients = [] }) => clients.length > 0).map(({ keyId }) => [keyId]);
  return [
    { sql: PUT, rows },
    { sql: CUT, rows: keys },
    { sql: FORGET, rows: [[last.at - CLIENTS_AGE_MS - STALE_MS]] },
  ];
}

export function openKeyClients(reader: Thread) {
  return {
    listKeyClients: async (keyId: number, since: number): Promise<readonly ClientUse[]> => {
      const { rows } = await reader.ask({
        kind: "run",
        database: "main",
        sql: `SELECT nullif(address, '') AS address, nullif(client, '') AS client, last_used_at AS at
          FROM activity.key_clients WHERE key_id = ? AND last_used_at >= ? ORDER BY last_used_at DESC, address, client`,
        params: [keyId, since],
      });
      return rows as readonly ClientUse[];
    },
  };
}
