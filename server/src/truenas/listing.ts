/**
 * The query methods: filters and options over entries, said as a question to a use case over its records.
 *
 * Every filter is translated, so that the store judges it: a member by its name, a constant at once, a flag by the two
 * conditions that it stands for. Only an order by what is no member is made here, over all that match.
 */
import type { Caller } from "../domain/caller.ts";
import {
  type Condition,
  MatchNotFound,
  type Operator,
  type Order,
  type QueryOptions,
  type Test,
} from "../domain/query.ts";
import { matches } from "../domain/query-match.ts";
import { compareByOrder, selectFields } from "../domain/query-options.ts";
import type { QueryValue } from "../domain/query-values.ts";
import type { Keys } from "../keys/keys.ts";
import type { Entry } from "./version.ts";

export type ListQuery = Parameters<Keys["list"]>[1];
export interface Page<Row> {
  readonly rows: readonly Row[];
  readonly total: number | undefined;
}

export const ALWAYS: Condition = { kind: "all", of: [] };
export const NEVER: Condition = { kind: "any", of: [] };

/** One field of an entry. */
export interface Field<Row> {
  /** The same test, over the record. */
  where(test: Test): Condition;
  /** The record's member that has the same order; null: the same in all entries. */
  readonly order?: string | null;
  /** Where it has no such member. */
  readonly of?: (row: Row) => QueryValue;
}

export type Fields<Row> = Readonly<Record<string, Field<Row>>>;

export interface Listing<Row> {
  readonly fields: Fields<Row>;
  readonly defaultOrder?: readonly Order[];
  readonly rowsMax?: number;
  list(caller: Caller, query: ListQuery): Promise<Page<Row>>;
  /** As this caller and version see them. `names`: the members that are asked for; undefined for all. */
  entries(rows: readonly Row[], names: ReadonlySet<string> | undefined): Promise<readonly Entry[]>;
}

/** A member of the record with the same value. */
export function member<Row>(name: string & keyof Row): Field<Row> {
  return {
    where: (test) => (test.path.length === 1 ? { ...test, path: [name] } : NEVER),
    order: name,
  };
}

/** A path in the record whose value may be a list or an object, into which filters may look. */
export function inside<Row>(...path: readonly string[]): Field<Row> {
  return { where: (test) => ({ ...test, path: [...path, ...test.path.slice(1)] }), order: path[0]! };
}

/** The same in all entries. */
export function constant<Row>(value: QueryValue): Field<Row> {
  const where = (test: Test): Condition =>
    matches({ ...test, path: ["value", ...test.path.slice(1)] }, { value }) ? ALWAYS : NEVER;
  return { where, order: null };
}

/** True for the records of one condition, false for those of the other. */
export function flagged<Row>(when: Condition, unless: Condition, of: (row: Row) => boolean): Field<Row> {
  return cases(
    [
      { when, value: true },
      { when: unless, value: false },
    ],
    of,
  );
}

/** Of each record exactly one condition holds; it says the value, or the member that has it. */
export function cases<Row>(
  parts: readonly { readonly when: Condition; readonly value?: QueryValue; readonly member?: string }[],
  of: (row: Row) => QueryValue,
): Field<Row> {
  const where = (test: Test): Condition => {
    const any = parts.map(({ when, value = null, member: name }) => {
      const inner =
        name === undefined ? constant(value).where(test) : { ...test, path: [name, ...test.path.slice(1)] };
      return all(when, inner);
    });
    return { kind: "any", of: any };
  };
  return { where, of };
}

export function all(...of: readonly Condition[]): Condition {
  return { kind: "all", of };
}

export function any(...of: readonly Condition[]): Condition {
  return { kind: "any", of };
}

export function test(name: string, op: Operator, value: QueryValue): Condition {
  return { kind: "test", path: name.split("."), op, fold: false, value };
}

/** Runs a query method. */
export async function runQuery<Row extends object>(
  listing: Listing<Row>,
  caller: Caller,
  condition: Condition,
  options: QueryOptions,
): Promise<unknown> {
  const where = translate(condition, listing.fields);
  if (options.count) return (await listing.list(caller, { where, want: "count" })).total ?? 0;
  const { offset } = options;
  const limit = options.get ? 1 : options.limit || (listing.rowsMax ?? 0);
  const order = translateOrder(options.orderBy, listing);
  const rows = order
    ? (await listing.list(caller, { where, order, offset, limit })).rows
    : await sortedHere(listing, caller, where, { ...options, offset, limit });
  const names = options.select.length > 0 ? new Set(options.select.map(({ path }) => path[0]!)) : undefined;
  const entries = await listing.entries(rows, names);
  const selected = entries.map((entry) => selectFields(entry, options.select));
  if (!options.get) return selected;
  if (selected.length === 0) throw new MatchNotFound();
  return selected[0];
}

function translate<Row>(condition: Condition, fields: Fields<Row>): Condition {
  if (condition.kind !== "test") {
    return { kind: condition.kind, of: condition.of.map((part) => translate(part, fields)) };
  }
  const name = condition.path[0]!;
  return Object.hasOwn(fields, name) ? fields[name]!.where(condition) : NEVER;
}

/** @returns undefined where the store cannot know the order */
function translateOrder<Row>(
  orderBy: readonly Order[],
  { fields, defaultOrder }: Listing<Row>,
): readonly Order[] | undefined {
  if (orderBy.length === 0) return defaultOrder ?? [];
  const order: Order[] = [];
  for (const one of orderBy) {
    const field = fieldOf(fields, one);
    if (field?.order === null || !field || one.path.length > 1) continue;
    if (field.order === undefined) return undefined;
    order.push({ ...one, path: [field.order] });
  }
  return order;
}

async function sortedHere<Row extends object>(
  { fields, list }: Listing<Row>,
  caller: Caller,
  where: Condition,
  { orderBy, offset, limit }: QueryOptions,
): Promise<readonly Row[]> {
  const { rows } = await list(caller, { where });
  const records = rows.map((row) => {
    const values = orderBy.map((one, place) => [String(place), fieldValue(row, fieldOf(fields, one))]);
    return { row, values: Object.fromEntries(values) as object };
  });
  const compare = compareByOrder(orderBy.map((one, place) => ({ ...one, path: [String(place)] })));
  records.sort((a, b) => compare(a.values, b.values));
  return records.slice(offset, limit > 0 ? offset + limit : undefined).map(({ row }) => row);
}

function fieldOf<Row>(fields: Fields<Row>, { path }: Order): Field<Row> | undefined {
  return Object.hasOwn(fields, path[0]!) ? fields[path[0]!] : undefined;
}

function fieldValue<Row extends object>(row: Row, field: Field<Row> | undefined): QueryValue {
  if (field?.of) return field.of(row);
  return field?.order ? ((row as Record<string, QueryValue>)[field.order] ?? null) : null;
}
