/**
 * The query methods: filters and options over entries, said as a question to a use case over its records.
 *
 * Every filter and order is translated, so that the store judges it: a member by its name, a constant at once, a flag by the
 * two conditions that it stands for. Long lists are shaped in slices.
 */
import type { Caller } from "../domain/caller.ts";
import type { Condition, Operator, Order, Test } from "../domain/filter.ts";
import { matches } from "../domain/filter-match.ts";
import type { QueryValue } from "../domain/filter-values.ts";
import { mapSlices, type Slices } from "../domain/slices.ts";
import type { Keys } from "../keys/keys.ts";
import { MatchNotFound, type QueryOptions } from "./query-filters.ts";
import { selectFields } from "./query-options.ts";
import type { Entry } from "./version.ts";

type ListQuery = Parameters<Keys["list"]>[1];
interface Page<Row> {
  readonly rows: readonly Row[];
  readonly total: number | undefined;
}

const ALWAYS: Condition = { kind: "all", of: [] };
export const NEVER: Condition = { kind: "any", of: [] };

/** One field of an entry. */
export interface Field {
  /** The same test, over the record. */
  where(test: Test): Condition;
  /** The record's member, or what the store knows of the record, that has the same order; null: it has none. */
  readonly order: string | null;
}

export type Fields = Readonly<Record<string, Field>>;

export interface RpcListing<Row> {
  readonly fields: Fields;
  readonly defaultOrder?: readonly Order[];
  readonly rowsMax?: number;
  list(caller: Caller, query: ListQuery): Promise<Page<Row>>;
  /** As this caller and version see them. `names`: the members that are asked for; undefined for all. */
  entries(rows: readonly Row[], names: ReadonlySet<string> | undefined): Slices<Entry>;
}

/** A member of the record with the same value. */
export function member<Row>(name: string & keyof Row): Field {
  return {
    where: (test) => (test.path.length === 1 ? { ...test, path: [name] } : NEVER),
    order: name,
  };
}

const SECOND_MS = 1_000;

/**
 * An instant of which entries show whole seconds: a filter compares what is shown, so that the value of an entry finds it.
 * @param as how the entry writes it: `$date`, or seconds since the epoch as a number
 */
export function shownSecond<Row>(name: string & keyof Row, as: "date" | "number"): Field {
  const millisecondsOf = (value: QueryValue): number | undefined => {
    if (as === "number") return typeof value === "number" ? value * SECOND_MS : undefined;
    return value instanceof Date ? value.getTime() : undefined;
  };
  const where = (asked: Test): Condition => {
    const { op, value } = asked;
    if (op === "in" || op === "nin") {
      const values = Array.isArray(value) ? (value as readonly QueryValue[]) : [];
      const tests = values.map((one) => where({ ...asked, op: op === "in" ? "=" : "!=", value: one }));
      return op === "in" ? any(...tests) : all(...tests);
    }
    const at = asked.path.length === 1 ? millisecondsOf(value) : undefined;
    if (at !== undefined) return secondTest(name, op, at);
    if (value === null && (op === "=" || op === "!=")) return test(name, op, null);
    return op === "!=" ? ALWAYS : NEVER;
  };
  return { where, order: name };
}

function secondTest(name: string, op: Operator, at: number): Condition {
  const floor = Math.floor(at / SECOND_MS) * SECOND_MS;
  const isWhole = floor === at;
  const from = (instant: number): Condition => test(name, ">=", new Date(instant));
  const before = (instant: number): Condition => test(name, "<", new Date(instant));
  const ceiling = isWhole ? at : floor + SECOND_MS;
  switch (op) {
    case ">=":
      return from(ceiling);
    case ">":
      return from(floor + SECOND_MS);
    case "<":
      return before(ceiling);
    case "<=":
      return before(floor + SECOND_MS);
    case "=":
      return isWhole ? all(from(at), before(at + SECOND_MS)) : NEVER;
    case "!=":
      return isWhole ? any(before(at), from(at + SECOND_MS), test(name, "=", null)) : ALWAYS;
    default:
      return NEVER;
  }
}

/** A path in the record whose value may be a list or an object, into which filters may look. Lists have no order. */
export function inside(...path: readonly string[]): Field {
  return { where: (test) => ({ ...test, path: [...path, ...test.path.slice(1)] }), order: null };
}

/** The same in all entries. */
export function constant(value: QueryValue): Field {
  const where = (test: Test): Condition =>
    matches({ ...test, path: ["value", ...test.path.slice(1)] }, { value }) ? ALWAYS : NEVER;
  return { where, order: null };
}

/** True for the records of one condition, false for those of the other. */
export function flagged(when: Condition, unless: Condition, order: string): Field {
  return cases(
    [
      { when, value: true },
      { when: unless, value: false },
    ],
    order,
  );
}

/** Of each record exactly one condition holds; it says the value, or the member that has it. */
export function cases(
  parts: readonly { readonly when: Condition; readonly value?: QueryValue; readonly member?: string }[],
  order: string,
): Field {
  const where = (test: Test): Condition => {
    const any = parts.map(({ when, value = null, member: name }) => {
      const inner =
        name === undefined ? constant(value).where(test) : { ...test, path: [name, ...test.path.slice(1)] };
      return all(when, inner);
    });
    return { kind: "any", of: any };
  };
  return { where, order };
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

/** Runs a query method. @returns a number, one entry, or the slices of a list */
export async function runQuery<Row extends object>(
  listing: RpcListing<Row>,
  caller: Caller,
  condition: Condition,
  options: QueryOptions,
): Promise<unknown> {
  const where = translate(condition, listing.fields);
  if (options.count) return (await listing.list(caller, { where, want: "count" })).total ?? 0;
  const { offset } = options;
  const limit = options.get ? 1 : options.limit || (listing.rowsMax ?? 0);
  const order = translateOrder(options.orderBy, listing);
  const { rows } = await listing.list(caller, { where, order, offset, limit });
  const names = options.select.length > 0 ? new Set(options.select.map(({ path }) => path[0]!)) : undefined;
  const selected = mapSlices(listing.entries(rows, names), (entry) => selectFields(entry, options.select));
  if (!options.get) return selected;
  for await (const [first] of selected) return first;
  throw new MatchNotFound();
}

function translate(condition: Condition, fields: Fields): Condition {
  if (condition.kind !== "test") {
    return { kind: condition.kind, of: condition.of.map((part) => translate(part, fields)) };
  }
  const name = condition.path[0]!;
  return Object.hasOwn(fields, name) ? fields[name]!.where(condition) : NEVER;
}

function translateOrder<Row>(
  orderBy: readonly Order[],
  { fields, defaultOrder }: RpcListing<Row>,
): readonly Order[] {
  if (orderBy.length === 0) return defaultOrder ?? [];
  return orderBy.flatMap((one) => {
    const name = one.path[0]!;
    const order = Object.hasOwn(fields, name) && one.path.length === 1 ? fields[name]!.order : null;
    return order === null ? [] : [{ ...one, path: [order] }];
  });
}
