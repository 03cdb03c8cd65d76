/**
 * What wants attention, as the tables say it: keys that are revoked, will end soon or are not used, and refused sign-ins.
 * Each is an indexed read. Which alerts are known already stands in `activity.db`, so that one that is raised or cleared is
 * told once, whichever process sees it first: only the rows that a batch really inserts or marks are in its delivery.
 */

import { DAY_MS } from "@chatelaine/contract/instant";
import { SOON_DAYS } from "@chatelaine/contract/limits";
import {
  type AlertedKey,
  CLEAR_TEXT_ACTION,
  type ClearTextProgram,
  type KeyAlertKind,
  UNUSED_DAYS,
} from "../../domain/alert.ts";
import { isOwnerLocked, isOwnerRoleless, LIMITED_USERS, lastInstantAt, limitEndsAt } from "../owner-state.ts";
import type { AlertDelivery, AlertMark, Store } from "../store.ts";
import type { Thread } from "./threads.ts";
import type { BatchStatement } from "./worker.ts";

/** Raised or cleared at a time. */
const CHANGES_AT_ONCE = 2_000;
/** Alerts of one delivery; the rest is told as a number. */
const ALERTS_OF_DELIVERY = 100;
const WAITING_MAX = 1_000;

interface Source {
  readonly from: string;
  readonly where: string;
  /** When it began. */
  readonly since: string;
  readonly order: string;
}

/** The sums keep the planner from the indexes of what nearly all keys are: it would look at all of them. */
const NOT_ENDED = "k.revoked_at + 0 IS NULL AND k.paused_at + 0 IS NULL";
const LIMIT_ENDS_AT = limitEndsAt("k");
const LAST_INSTANT_AT = lastInstantAt("k");
/** Of a key whose owner stops it, the owner is what wants attention. With what a list calls active: `alert-lists.test.ts`. */
const WORKS = `${NOT_ENDED} AND NOT ${isOwnerLocked("k")} AND NOT ${isOwnerRoleless("k")}`;
/** Parameters: ?1 now, ?2 soon, ?3 what counts as long ago. */
const SOURCES: Readonly<Record<KeyAlertKind, Source>> = {
  key_revoked: {
    from: "keys k",
    where: "k.revoked_at >= 0",
    since: "k.revoked_at",
    order: "k.revoked_at DESC, k.id DESC",
  },
  key_expires_soon: {
    from: "keys k",
    // The first line leads to few by their indexes, the second is exact.
    where: `(k.expires_at > ?1 AND k.expires_at <= ?2 OR k.user_id IN (${LIMITED_USERS}))
      AND +${LAST_INSTANT_AT} > ?1 AND +${LAST_INSTANT_AT} <= ?2 AND ${WORKS}`,
    since: `max(k.created_at, ${LAST_INSTANT_AT} - ${SOON_DAYS * DAY_MS})`,
    order: `${LAST_INSTANT_AT}, k.id`,
  },
  key_unused: {
    from: "keys k LEFT JOIN activity.key_use u ON u.key_id = k.id",
    where: `k.created_at < ?3 AND ${WORKS} AND (k.expires_at IS NULL OR k.expires_at > ?1)
      AND (${LIMIT_ENDS_AT} IS NULL OR ${LIMIT_ENDS_AT} > ?1) AND (u.last_used_at IS NULL OR u.last_used_at < ?3)`,
    since: `max(k.created_at, coalesce(u.last_used_at, 0)) + ${UNUSED_DAYS * DAY_MS}`,
    order: "k.created_at, k.id",
  },
};
/** So that each statement has all three parameters, whichever it looks at. */
const ALL_BOUND = "?1 + ?2 + ?3 IS NOT NULL";
const MEMBERS = `k.id AS "keyId", k.name, k.username, k.revoked_reason AS reason,
  ${LAST_INSTANT_AT} AS "expiresAt"`;
/** Parameter ?1: since when. Connections that were not opened are no sign-ins, and told apart. */
const FOLD_FAILED = "event = 'AUTHENTICATION' AND last_at >= ?1";
/** Different ones; who comes from far can make up names. */
const PROGRAMS_MAX = 100;
const FAILED = "event = 'AUTHENTICATION' AND success = 0";
/** More are not counted one by one. */
const FAILURES_MAX = 10_000;

const INSERT_ALERT = `INSERT OR IGNORE INTO alerts (kind, key_id, since, shown, batch) VALUES (?, ?, ?, ?, ?)`;
const MARK_CLEARED =
  "UPDATE alerts SET cleared = ? WHERE kind = ? AND key_id = ? AND since = ? AND cleared IS NULL";
const INSERT_DELIVERY = (
  column: "batch" | "cleared",
) => `INSERT INTO deliveries (id, at, kind, body, state, attempts, next_at)
  SELECT ?1, ?2, ?3, json_object('id', ?1, 'type', ?3, 'at', ?4, 'server', ?5, 'alerts',
    json((SELECT json_group_array(json(shown)) FROM
      (SELECT shown FROM alerts WHERE ${column} = ?1 ORDER BY seq LIMIT ${ALERTS_OF_DELIVERY}))),
    'more', max(count(*) - ${ALERTS_OF_DELIVERY}, 0)), 'waiting', 0, ?2
  FROM alerts WHERE ${column} = ?1 HAVING count(*) > 0`;
const DROP_OLDEST = `UPDATE deliveries SET state = 'failed', error = 'Too many were waiting' WHERE seq IN
  (SELECT seq FROM deliveries WHERE state = 'waiting' ORDER BY seq DESC LIMIT -1 OFFSET ${WAITING_MAX})`;

export function openAlerts(
  writer: Thread,
  reader: Thread,
): Pick<
  Store,
  | "readKeyAlerts"
  | "readSignInFailures"
  | "readClearTextPrograms"
  | "findAlertChanges"
  | "findOtherAlerts"
  | "writeAlertChanges"
  | "alertsMark"
> {
  const read = async <Row>(sql: string, params: readonly unknown[]): Promise<readonly Row[]> =>
    (await reader.ask({ kind: "run", database: "main", sql, params })).rows as readonly Row[];
  return {
    readKeyAlerts: async (kind, { now, userId, limit }) => {
      const { from, where, since, order } = SOURCES[kind];
      const own = userId === null ? "" : "AND k.user_id = ?4";
      const params = [...instants(now), ...(userId === null ? [] : [userId])];
      const [counted] = await read<{ total: number }>(
        `SELECT count(*) AS total FROM ${from} WHERE ${where} AND ${ALL_BOUND} ${own}`,
        params,
      );
      const rows = await read<AlertedKey>(
        `SELECT ${MEMBERS}, ${since} AS since FROM ${from} WHERE ${where} AND ${ALL_BOUND} ${own}
         ORDER BY ${order} LIMIT ${Number(limit)}`,
        params,
      );
      return { count: counted?.total ?? 0, rows };
    },
    readSignInFailures: async (since) => {
      const [row] = await read<{ count: number; first: number | null; last: number | null }>(
        // Those of before they were folded stand one by one.
        `SELECT sum(count) AS count, min(at) AS first, max(last_at) AS last FROM (
          SELECT count(*) AS count, min(at) AS at, max(at) AS last_at FROM
            (SELECT at FROM activity.records WHERE ${FAILED} AND at >= ?1 ORDER BY at DESC LIMIT ${FAILURES_MAX})
          UNION ALL SELECT sum(count), min(at), max(last_at) FROM
            (SELECT count, at, last_at FROM activity.folds WHERE ${FOLD_FAILED}
             AND action <> '${CLEAR_TEXT_ACTION}' ORDER BY last_at DESC LIMIT ${FAILURES_MAX}))`,
        [since],
      );
      const count = Math.min(row?.count ?? 0, FAILURES_MAX);
      return { count, firstAt: row?.first ?? null, lastAt: row?.last ?? null };
    },
    readClearTextPrograms: (since) =>
      read<ClearTextProgram>(
        `SELECT json_extract(details, '$.client') AS client, sum(count) AS count, min(at) AS "firstAt",
          iif(min(address) = max(address), min(address), NULL) AS address
         FROM activity.folds WHERE ${FOLD_FAILED} AND action = '${CLEAR_TEXT_ACTION}'
         GROUP BY client ORDER BY max(last_at) DESC LIMIT ${PROGRAMS_MAX}`,
        [since],
      ),
    findAlertChanges: async (kind, now) => {
      const { from, where, since } = SOURCES[kind];
      const raised = await read<AlertedKey>(
        `SELECT ${MEMBERS}, ${since} AS since FROM ${from} WHERE ${where} AND ${ALL_BOUND} AND NOT EXISTS
          (SELECT 1 FROM activity.alerts a WHERE a.kind = '${kind}' AND a.key_id = k.id AND a.since = ${since})
         LIMIT ${CHANGES_AT_ONCE}`,
        instants(now),
      );
      const cleared = await read<AlertMark>(
        `SELECT a.kind, a.key_id AS "keyId", a.since FROM activity.alerts a WHERE a.kind = '${kind}' AND NOT EXISTS
          (SELECT 1 FROM ${from} WHERE k.id = a.key_id AND ${where} AND ${ALL_BOUND} AND ${since} = a.since)
         LIMIT ${CHANGES_AT_ONCE}`,
        instants(now),
      );
      return { raised, cleared };
    },
    findOtherAlerts: () =>
      read<AlertMark>(`SELECT kind, key_id AS "keyId", since FROM activity.alerts WHERE key_id = 0`, []),
    writeAlertChanges: async ({ raised, cleared, delivery }) => {
      const statements: BatchStatement[] = [];
      if (raised.length > 0) {
        const rows = raised.map(({ kind, keyId, since, shown }) => [
          kind,
          keyId,
          since,
          shown,
          delivery.raisedId,
        ]);
        statements.push({ sql: INSERT_ALERT, rows });
        if (delivery.isWanted)
          statements.push(deliveryOf("batch", "alerts.raised", delivery.raisedId, delivery));
      }
      if (cleared.length > 0) {
        const rows = cleared.map(({ kind, keyId, since }) => [delivery.clearedId, kind, keyId, since]);
        statements.push({ sql: MARK_CLEARED, rows });
        if (delivery.isWanted)
          statements.push(deliveryOf("cleared", "alerts.cleared", delivery.clearedId, delivery));
        statements.push({ sql: "DELETE FROM alerts WHERE cleared = ?", rows: [[delivery.clearedId]] });
      }
      if (delivery.isWanted) statements.push({ sql: DROP_OLDEST, rows: [[]] });
      await writer.ask({ kind: "batch", database: "activity", statements });
    },
    alertsMark: async () => {
      const [row] = await read<{ total: number; last: number }>(
        "SELECT count(*) AS total, coalesce(max(seq), 0) AS last FROM activity.alerts",
        [],
      );
      return `${row?.total}.${row?.last}`;
    },
  };
}

function instants(now: number): [now: number, soon: number, long: number] {
  return [now, now + SOON_DAYS * DAY_MS, now - UNUSED_DAYS * DAY_MS];
}

function deliveryOf(
  column: "batch" | "cleared",
  kind: string,
  id: string,
  { at, server }: AlertDelivery,
): BatchStatement {
  return { sql: INSERT_DELIVERY(column), rows: [[id, at, kind, new Date(at).toISOString(), server]] };
}
