/**
 * Lists of keys, users and audit records: what SQL can say is said in SQL, the rest is judged row by row in the search
 * thread. Every order ends with the id, so that pages do not overlap.
 */
import { PAGE_ENTRIES_MAX } from "@chatelaine/contract/limits";
import { type Kysely, type RawBuilder, type SqlBool, sql } from "kysely";
import type { Condition, Operator, Order } from "../domain/filter.ts";
import { compareByOrder } from "../domain/filter-match.ts";
import { PAUSED_REASON } from "../domain/key.ts";
import type { ListQuery, Page } from "../domain/listing.ts";
import { KEY_IDS } from "./dialect.ts";
import { type Column, type Columns, pushDown, pushOrder } from "./filter-sql.ts";
import { isOwnerLocked, isOwnerRoleless, lastInstantAt, limitEndsAt } from "./owner-state.ts";
import { type Listed, queryRecord } from "./row-mappers.ts";
import { KEY_COLUMNS, USER_COLUMNS } from "./schema.ts";
import type { Thread } from "./sqlite/threads.ts";

interface Source {
  readonly select: RawBuilder<unknown>;
  readonly from: RawBuilder<unknown>;
  /** What a condition that is judged row by row needs besides. */
  readonly judged?: RawBuilder<unknown>;
  readonly columns: Columns;
  /** Ends every order. */
  readonly last: RawBuilder<unknown>;
}

const column = (reference: string, type: Column["type"], nullable = false): Column => ({
  sql: sql.ref(reference),
  type,
  nullable,
});

/** Of the words that the row is searched by. */
const words = (reference: string, type: Column["type"] = "text", nullable = false): Column => ({
  ...column(reference, type, nullable),
  searchText: sql.ref(`${reference.split(".")[0]}.search_text`),
});

/** As `row-mappers.ts` derives it. */
const derived = (expression: RawBuilder<unknown>, type: Column["type"], nullable = false): Column => ({
  sql: expression,
  type,
  nullable,
});

function withoutBrackets(reference: string): RawBuilder<string> {
  const list = sql.ref(reference);
  return sql`substr(${list}, 2, length(${list}) - 2)`;
}

const OWNER_LOCKED = sql.raw(isOwnerLocked("keys"));
const OWNER_ROLELESS = sql.raw(isOwnerRoleless("keys"));
/** When a key gets older than its owner's keys may. */
export const LIMIT_ENDS_AT = sql.raw(limitEndsAt("keys"));
/** What is shown: all columns but what is searched. */
const shown = (table: "keys" | "users", columns: readonly string[]): RawBuilder<unknown> =>
  sql.join(columns.map((name) => sql.ref(`${table}.${name}`)));
const LAST_USE = sql`left join activity.key_use as key_use on key_use.key_id = keys.id`;
const KEYS: Source = {
  select: sql`${shown("keys", KEY_COLUMNS)}, key_use.last_used_at, key_use.address as last_used_address, key_use.client as last_used_client`,
  from: sql`keys ${LAST_USE}`,
  judged: sql`${OWNER_LOCKED} as owner_locked, ${OWNER_ROLELESS} as owner_roleless, ${LIMIT_ENDS_AT} as limit_ends_at, keys.search_text`,
  last: sql`keys.id`,
  columns: {
    standsRevoked: derived(sql`(keys.revoked_at is not null or keys.paused_at is not null)`, "boolean"),
    shownReason: derived(
      sql`(case when keys.revoked_at is not null then keys.revoked_reason when keys.paused_at is not null then ${PAUSED_REASON} end)`,
      "text",
      true,
    ),
    tagsInOrder: derived(withoutBrackets("keys.tags"), "text"),
    scopesInOrder: derived(withoutBrackets("keys.scopes"), "text", true),
    isOwnerLocked: derived(OWNER_LOCKED, "boolean"),
    isOwnerRoleless: derived(OWNER_ROLELESS, "boolean"),
    limitEndsAt: derived(LIMIT_ENDS_AT, "instant", true),
    lastInstantAt: derived(sql.raw(lastInstantAt("keys")), "instant", true),
    searchText: { ...column("keys.search_text", "text"), isFolded: true },
    id: column("keys.id", "integer"),
    name: words("keys.name"),
    userId: column("keys.user_id", "integer"),
    username: words("keys.username"),
    description: words("keys.description"),
    tags: words("keys.tags", "texts"),
    hint: column("keys.hint", "text"),
    createdAt: column("keys.created_at", "instant"),
    createdBy: column("keys.created_by", "text"),
    resetAt: column("keys.reset_at", "instant", true),
    expiresAt: column("keys.expires_at", "instant", true),
    hasExpired: column("keys.expiry_told", "boolean"),
    pausedAt: column("keys.paused_at", "instant", true),
    revokedAt: column("keys.revoked_at", "instant", true),
    revokedReason: column("keys.revoked_reason", "text", true),
    managesSignIn: column("keys.manages_sign_in", "boolean"),
    version: column("keys.version", "integer"),
    lastUsedAt: column("key_use.last_used_at", "instant", true),
    lastUsedAddress: column("key_use.address", "text", true),
    lastUsedClient: column("key_use.client", "text", true),
  },
};

const USERS: Source = {
  select: sql`${shown("users", USER_COLUMNS)}, ${KEY_IDS} as key_ids`,
  from: sql`users`,
  judged: sql`users.search_text`,
  last: sql`users.id`,
  columns: {
    isLocked: derived(sql`(users.locked_at is not null)`, "boolean"),
    hasNoPassword: derived(sql`(users.password_hash is null)`, "boolean"),
    searchText: { ...column("users.search_text", "text"), isFolded: true },
    id: column("users.id", "integer"),
    username: words("users.username"),
    fullName: words("users.full_name"),
    email: words("users.email", "text", true),
    lockedAt: column("users.locked_at", "instant", true),
    passwordChangedAt: column("users.password_changed_at", "instant", true),
    createdAt: column("users.created_at", "instant"),
    version: column("users.version", "integer"),
  },
};

const AUDIT: Source = {
  select: sql`entries.*`,
  // Columns as they stand, nothing computed: only so are the three merged by their indexes, and not sorted.
  from: sql`(select * from audit union all select * from activity.records union all
    select seq, id, at, event, action, description, username, address, session_id, door, credentials, target_kind, target_id,
      target_name, details, success, error from activity.folds) as entries`,
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

/** Of a page; more are a long list. */
const PAGE_ROWS_MAX = PAGE_ENTRIES_MAX + 1;
const COMPARISONS: ReadonlySet<Operator> = new Set(["=", "!=", "<", "<=", ">", ">=", "in", "nin"]);
/** Of the audit log, which has a million rows and no index by other columns. */
const AUDIT_INDEXED: ReadonlySet<string> = new Set(["id", "at"]);

/** Whether it is soon done: a page, a count, or the keys of one user, said to SQL by comparisons alone. */
export function isPlain(listed: Listed, query: ListQuery): boolean {
  const { where = ALL, order = [], limit = 0, want } = query;
  const isPage = limit > 0 && limit <= PAGE_ROWS_MAX;
  const isBounded = want === "count" || isPage || (listed === "keys" && isOfOneUser(where));
  const { columns } = SOURCES[listed];
  const isOrdered = order.every(({ path: [name = "", ...rest] }) => {
    return rest.length === 0 && name in columns && (listed !== "audit" || AUDIT_INDEXED.has(name));
  });
  return isBounded && isOrdered && isCompared(listed, where) && pushDown(where, columns).exact;
}

/** They have no more keys than a page may have (KEYS_PER_USER_MAX). */
function isOfOneUser(where: Condition): boolean {
  if (where.kind === "all") return where.of.some(isOfOneUser);
  return where.kind === "test" && where.op === "=" && where.path[0] === "userId";
}

function isCompared(listed: Listed, condition: Condition): boolean {
  if (condition.kind !== "test") return condition.of.every((part) => isCompared(listed, part));
  const { op, fold, path } = condition;
  return COMPARISONS.has(op) && !fold && (listed !== "audit" || AUDIT_INDEXED.has(path.join(".")));
}

/** @returns rows as the table has them. */
export async function listRows<Row extends object>(
  reader: Kysely<object>,
  thread: Pick<Thread, "ask">,
  listed: Listed,
  query: ListQuery,
): Promise<Page<Row>> {
  const { where = ALL, order = [], offset = 0, limit = 0, want = "rows" } = query;
  const source = SOURCES[listed];
  const pushed = pushDown(where, source.columns);
  const terms = pushOrder(order, source.columns);
  if (!terms) return sortInMemory(reader, thread, listed, query);
  const by = sql.join(lastTerms(order, terms, source));
  if (!pushed.exact) {
    const request = searchOf(reader, listed, where, select(judgedSource(source), pushed.where, by));
    const { rows, changed } = await thread.ask({ ...request, offset, limit, want });
    return { rows: rows as Row[], total: want === "rows" ? undefined : changed };
  }
  if (want === "count") return { rows: [], total: await countRows(reader, source, pushed.where) };
  const page = sql<Row>`${select(source, pushed.where, by)} limit ${limit === 0 ? -1 : limit} offset ${offset}`;
  const { rows } = await page.execute(reader);
  if (want === "rows") return { rows, total: undefined };
  const isLast = limit === 0 || rows.length < limit;
  // Where the page is the last one, it has shown how many there are.
  const isCounted = isLast && (rows.length > 0 || offset === 0);
  return { rows, total: isCounted ? offset + rows.length : await countRows(reader, source, pushed.where) };
}

function judgedSource(source: Source): Source {
  return source.judged ? { ...source, select: sql`${source.select}, ${source.judged}` } : source;
}

function searchOf(reader: Kysely<object>, listed: Listed, where: Condition, statement: RawBuilder<unknown>) {
  const { sql: text, parameters } = statement.compile(reader);
  return { kind: "search", listed, sql: text, params: parameters, where } as const;
}

function select(
  { select: columns, from }: Source,
  where: RawBuilder<SqlBool>,
  order: RawBuilder<unknown>,
): RawBuilder<unknown> {
  return sql`select ${columns} from ${from} where ${where} order by ${order}`;
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
  thread: Pick<Thread, "ask">,
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
