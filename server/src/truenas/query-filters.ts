/**
 * The query language of the TrueNAS API: its filters.
 *
 * Parsing refuses everything that cannot be judged within bounds, so that judging a record never throws and costs a bounded
 * time. `domain/filter-match.ts` judges, `query-options.ts` parses the options, `store/filter-sql.ts` says the same rules in SQL.
 */
import { PATTERNS_MAX } from "@chatelaine/contract/limits";
import {
  type Condition,
  type FieldPath,
  OPERATORS,
  type Operator,
  type Order,
  parsePath,
  type Test,
} from "../domain/filter.ts";
import { compilePattern, type Pattern } from "../domain/filter-pattern.ts";
import { fold, isList, parseIsoInstant, type QueryValue } from "../domain/filter-values.ts";
import { PATTERN_SIZE_MAX } from "../domain/pattern-bounds.ts";
import { ValueReader } from "./query-values.ts";

export interface Select {
  readonly path: FieldPath;
  /** The name in the result, instead of the path. */
  readonly as?: string;
}

export interface QueryOptions {
  /** Empty: everything. */
  readonly select: readonly Select[];
  /** The first decides most. */
  readonly orderBy: readonly Order[];
  /** 0: no limit. */
  readonly limit: number;
  readonly offset: number;
  readonly count: boolean;
  readonly get: boolean;
}

export interface QueryIssue {
  /** The attribute, such as `filters` or `options.limit`. */
  readonly path: string;
  /** In pydantic's words. */
  readonly message: string;
}

/** A query that breaks rules: a validation error with errno EINVAL. */
export class QueryError extends Error {
  readonly issues: readonly QueryIssue[];
  readonly errno = 22;

  constructor(issues: readonly QueryIssue[]) {
    super(issues.map(({ path, message }) => `[EINVAL] ${path}: ${message}`).join("\n"));
    this.name = "QueryError";
    this.issues = issues;
  }
}

/** `get` found nothing. */
export class MatchNotFound extends Error {
  constructor() {
    super("MatchNotFound()");
    this.name = "MatchNotFound";
  }
}

const GROUP_DEPTH_MAX = 3;
const FILTERS_MAX = 200;
export const PATH_STEPS_MAX = 16;
const INSTANT_SUFFIX = ".$date";
const INSTANT_OPERATORS: readonly string[] = ["=", "!=", ">", ">=", "<", "<="];

/**
 * @param filters a list of filters, `["OR", [...]]` in it or instead of it; undefined is no filter
 * @throws QueryError
 */
export function parseFilters(filters: unknown): Condition {
  if (filters === undefined) return { kind: "all", of: [] };
  if (!Array.isArray(filters)) return refuse("Input should be a valid list");
  const parser = new FilterParser();
  return isOr(filters) ? parser.element(filters, 0) : parser.group(filters, 0);
}

class FilterParser {
  readonly #values = new ValueReader(refuse);
  #filtersLeft = FILTERS_MAX;
  #patternsLeft = PATTERNS_MAX;
  #patternSizeLeft = PATTERN_SIZE_MAX;

  group(filters: readonly unknown[], depth: number): Condition {
    return { kind: "all", of: Array.from(filters, (filter) => this.element(filter, depth)) };
  }

  element(filter: unknown, depth: number): Condition {
    if (!Array.isArray(filter)) return refuse("Input should be a valid list");
    if (this.#filtersLeft-- <= 0) return invalid(`a query may have at most ${FILTERS_MAX} filters`);
    if (filter.length === 3) return this.#test(filter[0], filter[1], filter[2]);
    if (filter.length !== 2) return invalid(`Invalid filter ${show(filter)}`);
    return filter[0] === "OR"
      ? this.#any(filter[1], depth + 1)
      : invalid(`Invalid operation: ${show(filter[0])}`);
  }

  #any(branches: unknown, depth: number): Condition {
    if (!Array.isArray(branches)) return refuse("Input should be a valid list");
    if (depth > GROUP_DEPTH_MAX) return invalid("query-filters max recursion depth exceeded");
    if (branches.length === 0) return invalid("OR filter requires at least one branch.");
    return {
      kind: "any",
      of: Array.from(branches, (branch) =>
        isGroup(branch) ? this.group(branch, depth) : this.element(branch, depth),
      ),
    };
  }

  #test(field: unknown, operator: unknown, json: unknown): Test {
    if (typeof field !== "string" || field === "") return invalid(`Invalid filter field: ${show(field)}`);
    this.#values.read(field);
    const { op, folds } = parseOperator(operator);
    if (field.endsWith(INSTANT_SUFFIX) && field !== INSTANT_SUFFIX)
      return instantTest(field, String(operator), json);
    const value = this.#values.read(json);
    checkOperand(op, value);
    const test = {
      kind: "test",
      path: readFieldPath(field),
      op,
      fold: folds,
      value: folds ? fold(value) : value,
    } as const;
    return op === "~" ? { ...test, pattern: this.#pattern(value as string) } : test;
  }

  #pattern(source: string): Pattern {
    if (this.#patternsLeft-- <= 0)
      return invalid(`a query may have at most ${PATTERNS_MAX} regular expressions`);
    try {
      const pattern = compilePattern(source, this.#patternSizeLeft);
      this.#patternSizeLeft -= pattern.size;
      return pattern;
    } catch (error) {
      return invalid((error as Error).message);
    }
  }
}

function instantTest(field: string, operator: string, value: unknown): Test {
  if (!INSTANT_OPERATORS.includes(operator)) return invalid(`${operator}: invalid timestamp operation.`);
  const at = typeof value === "string" ? parseIsoInstant(value) : undefined;
  if (!at) return invalid(`${show(value)}: must be an ISO-8601 formatted timestamp string`);
  const path = readFieldPath(field.slice(0, -INSTANT_SUFFIX.length));
  return { kind: "test", path, op: operator as Operator, fold: false, value: at };
}

function parseOperator(operator: unknown): { op: Operator; folds: boolean } {
  if (typeof operator !== "string") return invalid(`Invalid operation: ${show(operator)}`);
  const folds = operator.startsWith("C");
  const op = OPERATORS.find((known) => known === (folds ? operator.slice(1) : operator));
  if (!op) return invalid(`Invalid operation: ${show(operator)}`);
  if (folds && op === "~") return invalid(`Invalid case-insensitive operation: ${operator}`);
  return { op, folds };
}

function readFieldPath(field: string): FieldPath {
  const path = parsePath(field);
  return path.length > PATH_STEPS_MAX ? invalid(`a field may have at most ${PATH_STEPS_MAX} names`) : path;
}

/** Refuses values that no field could ever pass with. */
function checkOperand(op: Operator, value: QueryValue): void {
  if (
    (op === "in" || op === "nin") &&
    typeof value !== "string" &&
    !isList(value) &&
    !(value instanceof Set)
  ) {
    invalid(`${op}: the value must be a list`);
  }
  if (["~", "^", "!^", "$", "!$"].includes(op) && typeof value !== "string") {
    invalid(`${op}: the value must be a string`);
  }
}

function isOr(filter: readonly unknown[]): boolean {
  return filter.length === 2 && filter[0] === "OR";
}

function isGroup(branch: unknown): branch is unknown[] {
  return Array.isArray(branch) && Array.isArray(branch[0]);
}

function refuse(message: string): never {
  throw new QueryError([{ path: "filters", message }]);
}

function invalid(message: string): never {
  return refuse(`Value error, ${message}`);
}

/** Short, whatever it is shown. */
function show(value: unknown): string {
  if (Array.isArray(value))
    return `[${value.slice(0, 4).map(showScalar).join(", ")}${value.length > 4 ? ", ..." : ""}]`;
  return typeof value === "string" ? value.slice(0, 60) : showScalar(value);
}

function showScalar(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.slice(0, 60));
  if (Array.isArray(value)) return "[...]";
  return typeof value === "object" && value !== null ? "{...}" : String(value);
}
