/**
 * Last use of keys, and who used them in the last hour. A key's last client stands with its last use, and is only written
 * apart when another takes its place: most keys have one client, and cost one row then.
 */
import { maskForeign } from "../../domain/masking.ts";
import { CLIENTS_AGE_MS, CLIENTS_MAX, type ClientUse } from "../../domain/recent-clients.ts";
import type { KeyUse } from "../store.ts";
import type { Thread } from "./threads.ts";
import type { BatchStatement } from "./worker.ts";

/** Of two clients the one that was there earlier; another process may have written a later use already. */
const MOVE_CLIENT = `INSERT INTO key_clients (key_id, address, client, last_used_at)
  SELECT key_id, coalesce(iif(last_used_at > ?2, ?3, address), ''), coalesce(iif(last_used_at > ?2, ?4, client), ''),
    min(last_used_at, ?2)
  FROM key_use WHERE key_id = ?1 AND (address IS NOT ?3 OR client IS NOT ?4) AND last_used_at > ?2 - ${CLIENTS_AGE_MS}
  ON CONFLICT (key_id, address, client) DO UPDATE SET last_used_at = max(last_used_at, excluded.last_used_at)`;
const LAST_USE = `INSERT INTO key_use (key_id, last_used_at, address, client, uses) VALUES (?1, ?2, ?3, ?4, ?5)
  ON CONFLICT (key_id) DO UPDATE SET uses = uses + excluded.uses,
    address = CASE WHEN excluded.last_used_at >= last_used_at THEN excluded.address ELSE address END,
    client = CASE WHEN excluded.last_used_at >= last_used_at THEN excluded.client ELSE client END,
    last_used_at = max(last_used_at, excluded.last_used_at)`;
const PUT_CLIENT = `INSERT INTO key_clients (key_id, address, client, last_used_at) VALUES (?, ?, ?, ?)
  ON CONFLICT (key_id, address, client) DO UPDATE SET last_used_at = max(last_used_at, excluded.last_used_at)`;
const CUT_CLIENTS = `DELETE FROM key_clients WHERE key_id = ?1 AND last_used_at < (SELECT last_used_at FROM key_clients
  WHERE key_id = ?1 ORDER BY last_used_at DESC LIMIT 1 OFFSET ${CLIENTS_MAX - 1})`;
const FORGET_CLIENTS = "DELETE FROM key_clients WHERE last_used_at <= ?";
const LIST_CLIENTS = `SELECT nullif(address, '') AS address, nullif(client, '') AS client, max(last_used_at) AS at FROM
    (SELECT coalesce(address, '') AS address, coalesce(client, '') AS client, last_used_at FROM activity.key_use WHERE key_id = ?1
    UNION ALL SELECT address, client, last_used_at FROM activity.key_clients WHERE key_id = ?1)
  WHERE last_used_at >= ?2 GROUP BY 1, 2 ORDER BY at DESC, 1, 2 LIMIT ${CLIENTS_MAX}`;

/** What clients and proxies say, as it may be kept. */
export function masked(text: string | null): string | null {
  return text === null ? null : maskForeign(text);
}

/** What a batch of uses adds. */
export function lastUseStatements(uses: readonly KeyUse[]): BatchStatement[] {
  const [first] = uses;
  if (!first) return [];
  const keyIds = uses.map(({ keyId }) => keyId);
  const columns = [
    keyIds,
    uses.map(({ at }) => at),
    uses.map(({ address }) => address),
    uses.map(({ client }) => masked(client)),
  ];
  const earlier = uses.flatMap(({ keyId, earlier: clients = [] }) =>
    clients.map(({ address, client, at }) => [keyId, address ?? "", masked(client) ?? "", at]),
  );
  const latest = uses.reduce((at, use) => Math.max(at, use.at), first.at);
  return [
    { sql: MOVE_CLIENT, columns },
    { sql: LAST_USE, columns: [...columns, uses.map(({ count }) => count)] },
    { sql: PUT_CLIENT, rows: earlier },
    { sql: CUT_CLIENTS, columns: [keyIds] },
    { sql: FORGET_CLIENTS, rows: [[latest - CLIENTS_AGE_MS]] },
  ];
}

export function openKeyClients(reader: Thread) {
  return {
    listKeyClients: async (keyId: number, since: number): Promise<readonly ClientUse[]> => {
      const { rows } = await reader.ask({
        kind: "run",
        database: "main",
        sql: LIST_CLIENTS,
        params: [keyId, since],
      });
      return rows as readonly ClientUse[];
    },
  };
}
