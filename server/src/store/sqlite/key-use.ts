/**
 * Use of keys: one packed row for a key and day, the hosts that it was used at, and its last refusals. Every statement
 * adds to what is there and touches nothing of the key itself, so no change to a key is ever undone.
 */

import type { KeyDay, RefusalRecord, UseTally } from "../store.ts";
import { openKeyDaysAging } from "./key-days.ts";
import { lastUseStatements, masked, openKeyClients } from "./last-use.ts";
import type { Thread } from "./threads.ts";
import type { BatchStatement } from "./worker.ts";

/** Keys of one transaction: below 20 ms. */
const SLICE_KEYS = 1_000;
const HOSTS_MAX = 32;
const REFUSALS_MAX = 100;

const ADD_COUNT = `INSERT INTO key_days (key_id, day, counts) VALUES (?1, ?2, json_object(?3, ?4))
  ON CONFLICT (key_id, day) DO UPDATE SET
    counts = json_set(counts, '$.' || ?3, coalesce(counts ->> ('$.' || ?3), 0) + ?4)`;
/** Beyond the most hosts of a key, others are counted together under the empty name. */
const ADD_HOST = `INSERT INTO key_hosts (key_id, host, last_used_at, uses)
  SELECT ?1, CASE WHEN (SELECT count(*) FROM key_hosts WHERE key_id = ?1) < ${HOSTS_MAX}
    OR EXISTS (SELECT 1 FROM key_hosts WHERE key_id = ?1 AND host = ?2) THEN ?2 ELSE '' END, ?3, ?4
  WHERE true ON CONFLICT (key_id, host) DO UPDATE SET uses = uses + excluded.uses,
    last_used_at = max(last_used_at, excluded.last_used_at)`;
const ADD_REFUSAL = `INSERT OR IGNORE INTO refusals (decision, key_id, at, reason, rule, address, host)
  VALUES (?, ?, ?, ?, ?, ?, ?)`;
const CUT_REFUSALS = `DELETE FROM refusals WHERE key_id = ?1 AND decision NOT IN
  (SELECT decision FROM refusals WHERE key_id = ?1 ORDER BY at DESC, rowid DESC LIMIT ${REFUSALS_MAX})`;

interface StoredRefusal {
  readonly decision: string;
  readonly key_id: number;
  readonly at: number;
  readonly reason: string;
  readonly rule: string;
  readonly address: string | null;
  readonly host: string | null;
}

export function openKeyUse(writer: Thread, reader: Thread) {
  const aging = openKeyDaysAging(writer, reader);
  const write = (statements: readonly BatchStatement[]) =>
    writer.ask({ kind: "batch", database: "activity", statements });
  const read = async <Row>(sql: string, params: readonly unknown[]): Promise<readonly Row[]> =>
    (await reader.ask({ kind: "run", database: "main", sql, params })).rows as readonly Row[];
  return {
    ...openKeyClients(reader),
    recordUse: async (tallies: readonly UseTally[], refusals: readonly RefusalRecord[]): Promise<void> => {
      const days = tallies.flatMap(({ counts }) => counts.map(({ day }) => day));
      if (days.length > 0) await aging.step(days.reduce((latest, day) => Math.max(latest, day), 0));
      for (let from = 0; from < tallies.length; from += SLICE_KEYS)
        await write(statementsOf(tallies.slice(from, from + SLICE_KEYS)));
      if (refusals.length > 0) await write(refusalStatements(refusals));
    },
    listKeyDays: async (keyId: number, sinceDay: number): Promise<readonly KeyDay[]> => {
      const rows = await read<{ key_id: number; day: number; counts: string }>(
        "SELECT key_id, day, counts FROM activity.key_days WHERE key_id = ? AND day >= ? ORDER BY day",
        [keyId, sinceDay],
      );
      return rows.map((row) => ({ keyId: row.key_id, day: row.day, counts: JSON.parse(row.counts) }));
    },
    listKeyHosts: (keyId: number) =>
      read<{ host: string; uses: number; lastUsedAt: number }>(
        `SELECT host, uses, last_used_at AS "lastUsedAt" FROM activity.key_hosts WHERE key_id = ? ORDER BY uses DESC, host`,
        [keyId],
      ),
    listRefusals: async (keyId: number): Promise<readonly RefusalRecord[]> => {
      const rows = await read<StoredRefusal>(
        "SELECT * FROM activity.refusals WHERE key_id = ? ORDER BY at DESC, rowid DESC",
        [keyId],
      );
      return rows.map(refusalOf);
    },
    findRefusal: async (decision: string): Promise<RefusalRecord | undefined> => {
      const [row] = await read<StoredRefusal>("SELECT * FROM activity.refusals WHERE decision = ?", [
        decision,
      ]);
      return row && refusalOf(row);
    },
  };
}

function statementsOf(tallies: readonly UseTally[]): BatchStatement[] {
  const counts = tallies.flatMap(({ keyId, counts }) => counts.map((count) => ({ ...count, keyId })));
  const uses = tallies.flatMap(({ last }) => last ?? []);
  return [
    {
      sql: ADD_COUNT,
      columns: [
        counts.map(({ keyId }) => keyId),
        counts.map(({ day }) => day),
        counts.map(({ what }) => what),
        counts.map(({ times }) => times),
      ],
    },
    {
      sql: ADD_HOST,
      rows: tallies.flatMap(({ keyId, last, hosts }) =>
        [...hosts].map(([host, uses]) => [keyId, masked(host), last?.at, uses]),
      ),
    },
    ...lastUseStatements(uses),
  ];
}

function refusalStatements(refusals: readonly RefusalRecord[]): BatchStatement[] {
  const rows = refusals.map((one) => [
    one.decision,
    one.keyId,
    one.at,
    one.reason,
    masked(one.rule),
    one.address,
    masked(one.host),
  ]);
  const keys = [...new Set(refusals.map(({ keyId }) => keyId))];
  return [
    { sql: ADD_REFUSAL, rows },
    { sql: CUT_REFUSALS, rows: keys.map((id) => [id]) },
  ];
}

function refusalOf({ key_id, ...row }: StoredRefusal): RefusalRecord {
  return { ...row, keyId: key_id };
}
