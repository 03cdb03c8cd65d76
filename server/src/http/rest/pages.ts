/**
 * Lists by cursor. A cursor holds the place in the order, not a count of rows: what others add or delete meanwhile makes
 * no entry appear twice or get lost (held by `rest-lists.test.ts`). It names its order, and is refused under another.
 */

import { PAGE_ENTRIES } from "@chatelaine/contract/limits";
import { insideName } from "@chatelaine/contract/names";
import type { z } from "zod";
import { AppError } from "../../domain/errors.ts";
import type { Condition, Operator, Order, Test } from "../../domain/filter.ts";
import { fold, type QueryValue } from "../../domain/filter-values.ts";
import type { ListQuery, Page } from "../../domain/listing.ts";
import { parseFilters, QueryError } from "../../truenas/query-filters.ts";
import { EXCESS_MESSAGES, jsonExcess } from "../json-bounds.ts";

const WORDS_MAX = 10;

/** One term of an order: a member of the record, ascending. */
interface Term {
  readonly path: readonly string[];
  /** Where the record that a page is made of has no such member: what it would be. */
  readonly of?: (row: never) => QueryValue;
  readonly descending?: boolean;
  /** Where null stands when ascending. Default: first. */
  readonly nulls?: "first" | "last";
}

export interface Listing {
  /** By the names that `order` takes. */
  readonly orders: Readonly<Record<string, readonly Term[]>>;
  readonly defaultOrder: string;
  /** Members that `filter` may ask about, by their names on the wire. */
  readonly fields: Readonly<Record<string, readonly string[]>>;
  /** Members that `q` looks into: each by itself, or one that has all words, folded, each on lines of its own. */
  readonly words: readonly (readonly string[])[];
  /** Members that a word of `q` must be the whole of. */
  readonly wholeWords?: readonly (readonly string[])[];
}

/** Orders by one member each, by the names that the contract offers. */
export function ordersBy<Name extends string>(
  names: readonly Name[],
): Readonly<Record<Name, readonly Term[]>> {
  return Object.fromEntries(names.map((name) => [name, [{ path: [insideName(name)] }]])) as unknown as Record<
    Name,
    readonly Term[]
  >;
}

/** All members of an entry, but those that are derived, or are lists and objects. */
export function fieldsOf<Shape extends z.core.$ZodLooseShape>(
  { shape }: z.ZodObject<Shape>,
  ...but: readonly (keyof Shape)[]
): Listing["fields"] {
  const names = Object.keys(shape).filter((name) => !but.includes(name));
  return Object.fromEntries(names.map((name) => [name, [insideName(name)]]));
}

export interface PageInput {
  readonly q?: string;
  readonly filter?: string;
  readonly order?: string;
  readonly limit?: number;
  readonly cursor?: string;
  readonly offset?: number;
}

export interface PageOutput<Entry> {
  entries: Entry[];
  total: number;
  next: string | null;
  previous: string | null;
}

interface Cursor {
  readonly order: string;
  readonly backwards: boolean;
  /** Values of the terms at the entry that the page begins after. */
  readonly values: readonly QueryValue[];
}

/** Ends every order, so that no two rows are alike. */
const ID: Term = { path: ["id"] };

/** @param filters what the operation's own filters want */
export async function readPage<Row extends object, Entry>(
  listing: Listing,
  input: PageInput,
  filters: readonly Condition[],
  fetch: (query: ListQuery) => Promise<Page<Row>>,
  shape: (row: Row) => Entry,
): Promise<PageOutput<Entry>> {
  const { limit = PAGE_ENTRIES, offset = 0, order = listing.defaultOrder } = input;
  const where = all([...filters, ...searchConditions(listing, input)]);
  const terms = termsOf(listing, order);
  const cursor = input.cursor === undefined ? undefined : decodeCursor(input.cursor, order, terms.length);
  if (cursor && input.offset !== undefined)
    throw refused("offset", "A page has a cursor or an offset, not both");
  const directed = cursor?.backwards ? terms.map(reversed) : terms;
  const found = await fetchRows({ where, cursor, directed, limit, offset }, fetch);
  const isMore = found.rows.length > limit;
  const rows = found.rows.slice(0, limit);
  if (cursor?.backwards) rows.reverse();
  const isAfter = cursor ? !cursor.backwards || isMore : offset > 0;
  const isBefore = cursor?.backwards ? true : isMore;
  const place = (row: Row | undefined, backwards: boolean): string | null =>
    row ? encodeCursor({ order, backwards, values: terms.map((term) => valueAt(row, term)) }) : null;
  return {
    entries: rows.map(shape),
    total: found.total,
    next: isBefore ? place(rows.at(-1), false) : null,
    previous: isAfter ? place(rows[0], true) : null,
  };
}

export function test(path: readonly string[], op: Operator, value: QueryValue): Test {
  return { kind: "test", path, op, fold: false, value };
}

export function all(of: readonly Condition[]): Condition {
  return { kind: "all", of };
}

export function any(of: readonly Condition[]): Condition {
  return { kind: "any", of };
}

/** What `q` and `filter` want. */
export function searchConditions(listing: Listing, { q, filter }: PageInput): Condition[] {
  const words = (q ?? "")
    .split(/\s+/)
    .filter((word) => word !== "")
    .slice(0, WORDS_MAX);
  return [
    ...words.map((word) => wordCondition(listing, word)),
    ...(filter === undefined ? [] : [readFilter(listing, filter)]),
  ];
}

async function fetchRows<Row>(
  {
    where,
    cursor,
    directed,
    limit,
    offset,
  }: {
    readonly where: Condition;
    readonly cursor: Cursor | undefined;
    readonly directed: readonly Term[];
    readonly limit: number;
    readonly offset: number;
  },
  fetch: (query: ListQuery) => Promise<Page<Row>>,
): Promise<{ rows: Row[]; total: number }> {
  const order = directed.map(orderOf);
  if (!cursor) {
    const { rows, total } = await fetch({ where, order, offset, limit: limit + 1, want: "page" });
    return { rows: [...rows], total: total ?? 0 };
  }
  const [{ rows }, { total }] = await Promise.all([
    fetch({ where: all([where, after(directed, cursor.values)]), order, limit: limit + 1 }),
    fetch({ where, want: "count" }),
  ]);
  return { rows: [...rows], total: total ?? 0 };
}

function termsOf(listing: Listing, order: string): Term[] {
  const terms = order.split(",").flatMap((name) => {
    const isTurned = name.startsWith("-");
    const field = isTurned ? name.slice(1) : name;
    const found = Object.hasOwn(listing.orders, field) ? listing.orders[field] : undefined;
    if (!found) throw refused("order", `There is no order by "${field.slice(0, 40)}"`);
    return isTurned ? found.map(reversed) : found;
  });
  if (terms.length > 10) throw refused("order", "Too many fields");
  return [...terms, { ...ID, descending: terms[0]?.descending }];
}

function reversed(term: Term): Term {
  return { ...term, descending: !term.descending };
}

function isNullsFirst({ nulls = "first", descending = false }: Term): boolean {
  return (nulls === "first") !== descending;
}

function orderOf(term: Term): Order {
  return { path: term.path, descending: term.descending ?? false, nullsFirst: isNullsFirst(term) };
}

/** Rows that stand after these values: the first term decides, the next where it is equal, and so on. */
function after(terms: readonly Term[], values: readonly QueryValue[]): Condition {
  const branches = terms.flatMap((term, at) => {
    const beyond = beyondValue(term, values[at]!);
    const equal = terms.slice(0, at).map(({ path }, index) => test(path, "=", values[index]!));
    return beyond ? [all([...equal, beyond])] : [];
  });
  const [first] = terms;
  const isRange = first && values[0] !== null && isNullsFirst(first);
  // Said once more for the first term alone, because an index can answer that.
  const range = isRange ? [test(first.path, first.descending ? "<=" : ">=", values[0]!)] : [];
  return all([...range, branches.length === 0 ? test(["id"], "=", 0) : any(branches)]);
}

function beyondValue(term: Term, value: QueryValue): Condition | undefined {
  const isFirst = isNullsFirst(term);
  if (value === null) return isFirst ? test(term.path, "!=", null) : undefined;
  const beyond = test(term.path, term.descending ? "<" : ">", value);
  return isFirst || term.path === ID.path ? beyond : any([beyond, test(term.path, "=", null)]);
}

/** Instants are numbers in records and Date in conditions; members that hold them end in `At`, or are `at`. */
function valueAt(row: object, { path, of }: Term): QueryValue {
  if (of) return of(row as never);
  let value: unknown = row;
  for (const step of path) value = (value as Record<string, unknown> | null)?.[step] ?? null;
  return typeof value === "number" && isInstant(path) ? new Date(value) : (value as QueryValue);
}

function isInstant(path: readonly string[]): boolean {
  return /At$|^at$/.test(path.at(-1) ?? "");
}

function encodeCursor({ order, backwards, values }: Cursor): string {
  const plain = values.map((value) => (value instanceof Date ? { at: value.getTime() } : value));
  return Buffer.from(JSON.stringify([order, backwards, plain])).toString("base64url");
}

function decodeCursor(text: string, order: string, length: number): Cursor {
  try {
    const [itsOrder, backwards, values] = JSON.parse(Buffer.from(text, "base64url").toString()) as unknown[];
    if (itsOrder !== order) throw refused("cursor", "The cursor is of another order");
    if (typeof backwards !== "boolean" || !Array.isArray(values) || values.length !== length)
      throw badCursor();
    return { order, backwards, values: values.map(readValue) };
  } catch (error) {
    throw error instanceof AppError ? error : badCursor();
  }
}

function readValue(value: unknown): QueryValue {
  if (value === null || typeof value === "string" || typeof value === "boolean") return value;
  if (typeof value === "number" && Number.isFinite(value)) return value;
  const at = (value as { at?: unknown }).at;
  if (typeof at === "number" && Math.abs(at) < 8.64e15) return new Date(at);
  throw badCursor();
}

function wordCondition(listing: Listing, word: string): Condition {
  const within = listing.words.map(
    (path): Test => ({ kind: "test", path, op: "rin", fold: true, value: fold(word) }),
  );
  const whole = (listing.wholeWords ?? []).map((path) => test(path, "=", word));
  const byId = /^[1-9]\d{0,9}$/.test(word) ? [test(["id"], "=", Number(word))] : [];
  return any([...within, ...whole, ...byId]);
}

function readFilter(listing: Listing, text: string): Condition {
  const excess = jsonExcess(text);
  if (excess) throw refused("filter", `The filter is ${EXCESS_MESSAGES[excess]}`);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw refused("filter", "The filter is not JSON");
  }
  try {
    return renamed(listing, parseFilters(json));
  } catch (error) {
    if (error instanceof QueryError)
      throw refused("filter", error.issues.map(({ message }) => message).join("; "));
    throw error;
  }
}

function renamed(listing: Listing, condition: Condition): Condition {
  if (condition.kind !== "test")
    return { ...condition, of: condition.of.map((part) => renamed(listing, part)) };
  const [name = "", ...rest] = condition.path;
  const path = Object.hasOwn(listing.fields, name) ? listing.fields[name] : undefined;
  if (!path) throw refused("filter", `There is no field "${name.slice(0, 40)}"`);
  return { ...condition, path: [...path, ...rest] };
}

function badCursor(): AppError {
  return refused("cursor", "That is no cursor of this list");
}

function refused(member: string, message: string): AppError {
  return new AppError("invalid", message, { issues: [{ path: [member], code: "shape", message }] });
}
