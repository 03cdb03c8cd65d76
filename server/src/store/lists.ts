/**
 * Lists of keys, users and audit records: what SQL can say is said in SQL, the rest is judged row by row in the reader
 * thread. Every order ends with the id, so that pages do not overlap.
 */
import { type Kysely, type RawBuilder, type SqlBool, sql } from "kysely";
import { PAUSED_REASON } from "../domain/key.ts";
import type { ListQuery, Page } from "../domain/listing.ts";
import type { Condition, Order } from "../domain/query.ts";
import { compareByOrder } from "../domain/query-options.ts";
import { type Listed, queryRecord } from "./list-records.ts";
import { type Column, type Columns, pushDown, pushOrder } from "./query-sql.ts";
import type { Thread } from "./sqlite-threads.ts";

interface Source {
  readonly select: RawBuilder<unknown>;
  readonly from: RawBuilder<unknown>;
  readonly columns: Columns;
  /** Ends every order. */
  readonly last: RawBuilder<unknown>;
}

const column = (reference: string, type: Column["type"], nullable = false): Column => ({
  sql: sql.ref(reference),
  type,
  nullable,
});

/** As `list-records.ts` derives it. */
const derived = (expression: RawBuilder<unknown>, type: Column["type"], nullable = false): Column => ({
  sql: expression,
  type,
  nullable,
});

const KEYS: Source = {
  select: sql`keys.*, key_use.last_used_at, key_use.address as last_used_address, key_use.client as last_used_client`,
  from: sql`keys left join activity.key_use as key_use on key_use.key_id = keys.id`,
  last: sql`keys.id`,
  columns: {
    standsRevoked: derived(sql`(keys.revoked_at is not null or keys.paused_at is not null)`, "boolean"),
    shownReason: derived(
      sql`(case when keys.revoked_at is not null then keys.revoked_reason when keys.paused_at is not null then ${PAUSED_REASON} end)`,
      "text",
      true,
    ),
    id: column("keys.id", "integer"),
    name: column("keys.name", "text"),
    userId: column("keys.user_id", "integer"),
    username: column("keys.username", "text"),
    description: column("keys.description", "text"),
    tags: column("keys.tags", "json"),
    hint: column("keys.hint", "text"),
    createdAt: column("keys.created_at", "instant"),
    createdBy: column("keys.created_by", "text"),
    resetAt: column("keys.reset_at", "instant", true),
    expiresAt: column("keys.expires_at", "instant", true),
    pausedAt: column("keys.paused_at", "instant", true),
    revokedAt: column("keys.revoked_at", "instant", true),
    revokedReason: column("keys.revoked_reason", "text", true),
    version: column("keys.version", "integer"),
    lastUsedAt: column("key_use.last_used_at", "instant", true),
    lastUsedAddress: column("key_use.address", "text", true),
    lastUsedClient: column("key_use.client", "text", true),
  },
};

const USERS: Source = {
  select: sql`users.*, (select json_group_array(keys.id) from keys where keys.user_id = users.id) as key_ids`,
  from: sql`users`,
  last: sql`users.id`,
  columns: {
    isLocked: derived(sql`(users.locked_at is not null)`, "boolean"),
    hasNoPassword: derived(sql`(users.password_hash is null)`, "boolean"),
    id: column("users.id", "integer"),
    username: column("users.username", "text"),
    fullName: column("users.full_name", "text"),
    email: column("users.email", "text", true),
    lockedAt: column("users.locked_at", "instant", true),
    passwordChangedAt: column("users.password_changed_at", "instant", true),
    createdAt: column("users.created_at", "instant"),
    version: column("users.version", "integer"),
  },
};

const AUDIT: Source = {
  select: sql`entries.*`,
  from: sql`(select * from audit union all select * from activity.records) as entries`,
  last: sql`entries.id`,
  columns: {
    id: column("entries.id", "text"),
    at: column("entries.at", "instant"),
    event: column("entries.event", "text"),
    action: column("entries.action", "text"),
    description: column("entries.description", "text"),
    username: column("entries.username", "text", true),
    address: column("entries.address", "text", true),
    sessionId: column("entries.session_id", "text", true),
    door: column("entries.door", "text"),
    success: column("entries.success", "boolean"),
    error: column("entries.error", "text", true),
    "target.kind": { ...column("entries.target_kind", "text", true), nullIsMissing: true },
    "target.id": { ...column("entries.target_id", "integer", true), nullIsMissing: true },
    "target.name": { ...column("entries.target_name", "text", true), nullIsMissing: true },
  },
};

const SOURCES: Readonly<Record<Listed, Source>> = { keys: KEYS, users: USERS, audit: AUDIT };
const ALL: Condition = { kind: "all", of: [] };

/** @returns rows as the table has them. */
export async function listRows<Row extends object>(
  reader: Kysely<object>,
  thread: Thread,
  listed: Listed,
  query: ListQuery,
): Promise<Page<Row>> {
  const { where = ALL, order = [], offset = 0, limit = 0, want = "rows" } = query;
  const source = SOURCES[listed];
  const pushed = pushDown(where, source.columns);
  const terms = pushOrder(order, source.columns);
  if (!terms) return sortInMemory(reader, thread, listed, query);
  const ordered = sql`select ${source.select} from ${source.from} where ${pushed.where} order by ${sql.join(lastTerms(order, terms, source))}`;
  if (!pushed.exact) {
    const { sql: text, parameters } = ordered.compile(reader);
    const request = {
      kind: "search",
      listed,
      sql: text,
      params: parameters,
      where,
    } as const;
    const { rows, changed } = await thread.ask({ ...request, offset, limit, want });
    return { rows: rows as Row[], total: want === "rows" ? undefined : changed };
  }
  const total = want === "rows" ? undefined : await countRows(reader, source, pushed.where);
  if (want === "count") return { rows: [], total };
  const page = sql<Row>`${ordered} limit ${limit === 0 ? -1 : limit} offset ${offset}`;
  return { rows: (await page.execute(reader)).rows, total };
}

/** The id decides among equals; where it decides already, nothing comes after it. */
function lastTerms(
  order: readonly Order[],
  terms: readonly RawBuilder<unknown>[],
  source: Source,
): RawBuilder<unknown>[] {
  const decided = order.some(({ path }) => path.length === 1 && path[0] === "id");
  return decided ? [...terms] : [...terms, source.last];
}

async function countRows(
  reader: Kysely<object>,
  source: Source,
  where: RawBuilder<SqlBool>,
): Promise<number> {
  const counted = await sql<{
    total: number;
  }>`select count(*) as total from ${source.from} where ${where}`.execute(reader);
  return counted.rows[0]!.total;
}

/** An order by something that is no column, such as a list. */
async function sortInMemory<Row extends object>(
  reader: Kysely<object>,
  thread: Thread,
  listed: Listed,
  query: ListQuery,
): Promise<Page<Row>> {
  const { order = [], offset = 0, limit = 0, want = "rows" } = query;
  const { rows } = await listRows<Row>(reader, thread, listed, { where: query.where });
  const records = new Map(rows.map((row) => [queryRecord(listed, row), row]));
  const sorted = [...records.keys()].sort(compareByOrder(order)).map((record) => records.get(record)!);
  const page = sorted.slice(offset, limit === 0 ? undefined : offset + limit);
  return { rows: want === "count" ? [] : page, total: want === "rows" ? undefined : rows.length };
}
