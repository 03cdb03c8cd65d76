/**
 * The query language's options: what is picked, in which order, how many of it.
 *
 * Order of work: order, offset and limit, select, get or count; `count` counts all matches. Without a prefix nulls are the
 * smallest: first when ascending, last when descending. A missing field is ordered as null.
 */
import { type FieldPath, type Order, parsePath } from "../domain/filter.ts";
import { compareByOrder } from "../domain/filter-match.ts";
import { isMapping, type QueryValue } from "../domain/filter-values.ts";
import {
  MatchNotFound,
  PATH_STEPS_MAX,
  QueryError,
  type QueryIssue,
  type QueryOptions,
  type Select,
} from "./query-filters.ts";
import { textFault } from "./query-values.ts";

const LIMIT_MAX = 10_000;
const SELECT_MAX = 200;
const ORDER_MAX = 20;

/**
 * @param options undefined is `{}`; `extra` and `force_sql_filters` are checked and change nothing
 * @throws QueryError with every issue
 */
export function parseOptions(options: unknown): QueryOptions {
  const reader = new OptionsReader(options === undefined ? {} : options);
  const parsed = {
    select: reader.list("select", SELECT_MAX, parseSelect),
    orderBy: reader.list("order_by", ORDER_MAX, parseOrder),
    limit: reader.integer("limit", LIMIT_MAX),
    offset: reader.integer("offset", Number.MAX_SAFE_INTEGER),
    count: reader.boolean("count"),
    get: reader.boolean("get"),
  };
  reader.boolean("force_sql_filters");
  reader.object("extra");
  reader.end();
  return parsed;
}

/**
 * @param records those that match, all of them
 * @throws MatchNotFound for `get` of nothing
 */
export function applyOptions<T extends object>(records: readonly T[], options: QueryOptions): unknown {
  if (options.count) return records.length;
  const ordered = options.orderBy.length > 0 ? records.toSorted(compareByOrder(options.orderBy)) : records;
  const page = ordered.slice(options.offset, options.limit > 0 ? options.offset + options.limit : undefined);
  if (!options.get) return page.map((record) => selectFields(record, options.select));
  const first = page[0];
  if (first === undefined) throw new MatchNotFound();
  return selectFields(first, options.select);
}

/** A dotted path stays nested, a field that is not there is left out. Lists are not entered. */
export function selectFields(record: object, select: readonly Select[]): unknown {
  if (select.length === 0) return record;
  const result = emptyResult();
  const made = new Set<unknown>([result]);
  for (const { path, as } of select) {
    const value = readMember(record, path);
    if (value === undefined) continue;
    if (as === undefined) setNested(result, path, value, made);
    else result[as] = value;
  }
  return result;
}

type Result = { [name: string]: unknown };

/** Without a prototype, so that a field named `__proto__` is a field. */
function emptyResult(): Result {
  return Object.create(null) as Result;
}

function readMember(record: object, path: FieldPath): QueryValue | undefined {
  let value: QueryValue | undefined = record as QueryValue;
  for (const step of path) {
    if (!isMapping(value) || !Object.hasOwn(value, step)) return undefined;
    value = value[step];
  }
  return value;
}

/** What was selected whole before stays whole. */
function setNested(result: Result, path: FieldPath, value: QueryValue, made: Set<unknown>): void {
  let inner = result;
  for (const step of path.slice(0, -1)) {
    if (!(step in inner)) {
      inner[step] = emptyResult();
      made.add(inner[step]);
    }
    if (!made.has(inner[step])) return;
    inner = inner[step] as Result;
  }
  inner[path.at(-1)!] = value;
}

/** @returns a value, or a message. */
type Parsed<T> = { readonly value: T } | { readonly message: string };

function parseSelect(json: unknown): Parsed<Select> {
  if (typeof json === "string") return parseFieldPath(json);
  if (!Array.isArray(json)) {
    return { message: "Value error, a selector must be a name or a list of two: the name and the new name" };
  }
  if (json.length !== 2) {
    const message =
      "Value error, A select as list may only contain two parameters: the name that is selected, and its new name";
    return { message };
  }
  const [path, as] = json as unknown[];
  if (typeof path !== "string") return { message: "Value error, first item must be a string." };
  if (typeof as !== "string") return { message: "Value error, second item must be a string." };
  const fault = textFault(as);
  const parsed = parseFieldPath(path);
  if (fault !== undefined) return { message: fault };
  return "value" in parsed ? { value: { ...parsed.value, as } } : parsed;
}

function parseOrder(json: unknown): Parsed<Order> {
  if (typeof json !== "string") return { message: "Input should be a valid string" };
  const [, nulls, minus, name] = /^(?:nulls_(first|last):)?(-?)(.*)$/s.exec(json)!;
  const parsed = parseFieldPath(name!);
  if ("message" in parsed) return parsed;
  const descending = minus === "-";
  return { value: { ...parsed.value, descending, nullsFirst: nulls ? nulls === "first" : !descending } };
}

function parseFieldPath(text: string): Parsed<{ path: FieldPath }> {
  if (text === "") return { message: "String should have at least 1 character" };
  const fault = textFault(text);
  if (fault !== undefined) return { message: fault };
  const path = parsePath(text);
  if (path.length > PATH_STEPS_MAX) {
    return { message: `Value error, a field may have at most ${PATH_STEPS_MAX} names` };
  }
  return { value: { path } };
}

/** Reads members one by one, gathers every issue, and knows which members nobody asked for. */
class OptionsReader {
  readonly #members: ReadonlyMap<string, unknown>;
  readonly #known = new Set<string>();
  readonly #issues: QueryIssue[] = [];

  constructor(options: unknown) {
    const valid = isMapping(options);
    if (!valid) this.#refuse("", "Input should be a valid dictionary or instance of QueryOptions");
    this.#members = new Map(valid ? Object.entries(options) : []);
  }

  integer(name: string, max: number): number {
    const value = this.#take(name, 0);
    if (!this.#is(name, Number.isSafeInteger(value), "Input should be a valid integer")) return 0;
    this.#is(name, (value as number) >= 0, "Input should be greater than or equal to 0");
    this.#is(name, (value as number) <= max, `Input should be less than or equal to ${max}`);
    return value as number;
  }

  boolean(name: string): boolean {
    const value = this.#take(name, false);
    this.#is(name, typeof value === "boolean", "Input should be a valid boolean");
    return value === true;
  }

  object(name: string): void {
    this.#is(name, isMapping(this.#take(name, {})), "Input should be a valid dictionary");
  }

  list<T>(name: string, max: number, parse: (json: unknown) => Parsed<T>): T[] {
    const list = this.#take(name, []);
    if (!Array.isArray(list)) {
      this.#refuse(name, "Input should be a valid list");
      return [];
    }
    if (!this.#is(name, list.length <= max, `List should have at most ${max} items, not ${list.length}`))
      return [];
    return list.flatMap((json: unknown, at) => {
      const parsed = parse(json);
      if ("value" in parsed) return [parsed.value];
      this.#refuse(`${name}.${at}`, parsed.message);
      return [];
    });
  }

  end(): void {
    for (const name of this.#members.keys()) {
      if (!this.#known.has(name)) this.#refuse(name.slice(0, 64), "Extra inputs are not permitted");
      if (this.#issues.length >= 20) break;
    }
    if (this.#issues.length > 0) throw new QueryError(this.#issues);
  }

  #take(name: string, fallback: unknown): unknown {
    this.#known.add(name);
    return this.#members.has(name) ? this.#members.get(name) : fallback;
  }

  #is(name: string, holds: boolean, message: string): boolean {
    if (!holds) this.#refuse(name, message);
    return holds;
  }

  #refuse(name: string, message: string): void {
    this.#issues.push({ path: name === "" ? "options" : `options.${name}`, message });
  }
}
