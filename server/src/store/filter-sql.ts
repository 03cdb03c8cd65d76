/**
 * Conditions and orders as SQL, for every table. `where` holds for each row that the condition holds for; `exact` says
 * that it holds for no other.
 *
 * It relies on columns that say what the record says: the record always has the field, null for NULL unless told
 * otherwise, and text has no U+0000 (PostgreSQL cannot store it, SQLite's `length` stops at it). Values of another
 * type than the column's are judged here and never reach the database, so that no affinity turns "7" into 7. Text is
 * compared byte by byte, which in UTF-8 is the order of code points. Folding and most regular expressions are left to
 * `domain/filter-match.ts`, but for what `query-words.ts` says of ordinary text. `server/test/query-sql.test.ts` holds all of
 * it to the same answers.
 */
import { type RawBuilder, type SqlBool, sql } from "kysely";
import { type Condition, formatPath, type Operator, type Order, type Test } from "../domain/filter.ts";
import { testValue } from "../domain/filter-match.ts";
import { codePoints, isList, type QueryValue } from "../domain/filter-values.ts";
import { type Clause, contains, type Dialect, isPartShort, text } from "./clause.ts";
import { areWordsShort, pushHolds, pushMember, pushWords } from "./query-words.ts";

/** `instant`: integer milliseconds, a Date in records. `texts`: a list of strings in JSON. `json` is never pushed. */
type ColumnType = "integer" | "text" | "boolean" | "instant" | "json" | "texts";

export interface Column {
  /** A reference or expression with exactly the record's value: where records have whole seconds, so has this. */
  readonly sql: RawBuilder<unknown>;
  readonly type: ColumnType;
  readonly nullable: boolean;
  /** NULL: the record has no such field, which passes no test, rather than null in it. */
  readonly nullIsMissing?: boolean;
  /** Whether the table knows of which rows its text is ordinary (`query-words.ts`). */
  readonly isWords?: boolean;
}

/** By path, as `formatPath` writes it. */
export type Columns = Readonly<Record<string, Column>>;

export interface PushedCondition {
  readonly where: RawBuilder<SqlBool>;
  readonly exact: boolean;
  /**
   * Where it is not exact: holds for no row that the condition does not hold for, and for every other whose words are
   * ordinary text. Undefined where SQL cannot say that.
   */
  readonly ordinary?: RawBuilder<SqlBool>;
}

interface Pushed {
  readonly clause: Clause;
  readonly exact: boolean;
  readonly ordinary?: Clause;
}

const UNKNOWN: Pushed = { clause: true, exact: false };

export function pushDown(
  condition: Condition,
  columns: Columns,
  dialect: Dialect = "sqlite",
): PushedCondition {
  const { clause, exact, ordinary } = push(condition, columns, dialect);
  if (exact || ordinary === undefined || !areWordsShort(condition)) return { where: toSql(clause), exact };
  return { where: toSql(clause), exact, ordinary: toSql(ordinary) };
}

/**
 * @returns terms for ORDER BY, none for no order; undefined where one of them is not to be had in SQL. Rows that are equal
 *   in all of them have no order yet.
 */
export function pushOrder(
  order: readonly Order[],
  columns: Columns,
  dialect: Dialect = "sqlite",
): readonly RawBuilder<unknown>[] | undefined {
  const terms: RawBuilder<unknown>[] = [];
  for (const { path, descending, nullsFirst } of order) {
    const column = findColumn(columns, formatPath(path));
    if (!column || column.type === "json" || column.type === "texts") return undefined;
    const direction = descending ? sql`desc` : sql`asc`;
    const nulls = nullsFirst ? sql`nulls first` : sql`nulls last`;
    const value = ordered(column, dialect);
    terms.push(column.nullable ? sql`${value} ${direction} ${nulls}` : sql`${value} ${direction}`);
  }
  return terms;
}

function push(condition: Condition, columns: Columns, dialect: Dialect): Pushed {
  if (condition.kind === "test") return pushTest(condition, columns, dialect);
  const parts = condition.of.map((part) => push(part, columns, dialect));
  const combine = condition.kind === "all" ? and : or;
  const clause = combine(parts.map((part) => part.clause));
  // A constant that decides a group decides it whatever the other parts leave open.
  const decided = parts.some((part) => part.exact && part.clause === (condition.kind === "any"));
  if (decided || parts.every((part) => part.exact)) return { clause, exact: true };
  const ordinary = parts.map((part) => (part.exact ? part.clause : part.ordinary));
  const isKnown = ordinary.every((part) => part !== undefined);
  return { clause, exact: false, ...(isKnown && { ordinary: combine(ordinary) }) };
}

function pushTest(test: Test, columns: Columns, dialect: Dialect): Pushed {
  const { path } = test;
  if (path.at(-1) === "*")
    return pushMembers(test, findColumn(columns, formatPath(path.slice(0, -1))), dialect);
  const column = findColumn(columns, formatPath(path));
  if (!column || column.type === "json") return UNKNOWN;
  if (column.type === "texts") {
    const clause = pushHolds(test, column.sql, dialect);
    return clause === undefined ? UNKNOWN : { clause, exact: true };
  }
  const { clause, exact } = pushPresent(test, column, dialect);
  const words = exact || !column.isWords ? undefined : pushWords(test, column.sql, dialect);
  const pushed = { exact, ...(words !== undefined && { ordinary: words }) };
  if (!column.nullable) return { clause, ...pushed };
  const nullPasses = !column.nullIsMissing && testValue(test, null);
  if (clause === true) return { clause: nullPasses || sql<SqlBool>`${column.sql} is not null`, ...pushed };
  return { clause: or([nullPasses && sql<SqlBool>`${column.sql} is null`, clause]), ...pushed };
}

function pushMembers(test: Test, column: Column | undefined, dialect: Dialect): Pushed {
  if (column?.type !== "texts" || !column.isWords) return UNKNOWN;
  const ordinary = pushMember(test, column.sql, dialect);
  return ordinary === undefined ? UNKNOWN : { ...UNKNOWN, ordinary };
}

/** What the test says of values that are not null. For NULL the SQL yields NULL, which counts as no. */
function pushPresent(test: Test, column: Column, dialect: Dialect): Pushed {
  switch (column.type) {
    case "boolean":
      return { clause: pushBoolean(test, column), exact: true };
    case "integer":
      return { clause: pushNumber(test, column, asNumber), exact: true };
    case "instant":
      return { clause: pushNumber(test, column, asMilliseconds), exact: true };
    default:
      return test.fold ? UNKNOWN : pushText(test, ordered(column, dialect), dialect);
  }
}

function pushBoolean(test: Test, column: Column): Clause {
  const whenTrue = testValue(test, true);
  const whenFalse = testValue(test, false);
  if (whenTrue === whenFalse) return whenTrue;
  return whenTrue ? sql<SqlBool>`(${column.sql})` : sql<SqlBool>`(not ${column.sql})`;
}

function pushNumber(
  { op, value }: Test,
  column: Column,
  read: (value: QueryValue) => number | undefined,
): Clause {
  if (op === "in" || op === "nin") {
    if (typeof value === "string") return false;
    const members = membersOf(value).map(read);
    return isIn(op, column.sql, members.filter((member) => isInteger(member)).map(integer));
  }
  const number = read(value);
  if (op === "=" || op === "!=") {
    if (!isInteger(number)) return op === "!=";
    return compare(op, column.sql, integer(number));
  }
  return isOrdering(op) && number !== undefined && compareInteger(op, column.sql, number);
}

/** Rounded so that an integer compares as it does with the number itself; constant past what a column may hold. */
function compareInteger(op: Ordering, column: RawBuilder<unknown>, number: number): Clause {
  const bound = op === ">" || op === "<=" ? Math.floor(number) : Math.ceil(number);
  if (isInteger(bound)) return compare(op, column, integer(bound));
  return op.startsWith(">") === bound < 0;
}

function pushText({ op, value, pattern }: Test, column: RawBuilder<unknown>, dialect: Dialect): Pushed {
  if (op === "~" && !pattern) return UNKNOWN;
  if (pattern) return { clause: startsWith(column, pattern.prefix), exact: pattern.prefixSuffices };
  if (op === "in" || op === "nin") {
    if (typeof value === "string") return UNKNOWN;
    return { clause: isIn(op, column, membersOf(value).filter(isStorable).map(text)), exact: true };
  }
  if (typeof value !== "string") return { clause: op === "!=", exact: true };
  const storable = isStorable(value);
  if (op === "rin" || op === "rnin") {
    if (!isPartShort(value)) return UNKNOWN;
    const within = storable && contains(column, value, dialect);
    return { clause: op === "rin" ? within : not(within), exact: true };
  }
  if (isOrdering(op)) return storable ? { clause: compare(op, column, text(value)), exact: true } : UNKNOWN;
  const plain = storable && textClause(op, column, value);
  return { clause: op.startsWith("!") ? not(plain) : plain, exact: true };
}

/** Of an operator or its opposite with `!`. */
function textClause(op: Operator, column: RawBuilder<unknown>, value: string): Clause {
  if (op === "^" || op === "!^") return startsWith(column, value);
  if (op === "$" || op === "!$") return endsWith(column, value);
  return compare("=", column, text(value));
}

/** As a range, which an index can answer. */
function startsWith(column: RawBuilder<unknown>, prefix: string): Clause {
  if (prefix === "") return true;
  if (!isStorable(prefix)) return false;
  const from = compare(">=", column, text(prefix));
  const end = afterPrefix(prefix);
  return end === undefined ? from : and([from, compare("<", column, text(end))]);
}

/** The least text that is greater than all texts with this prefix, by code point. */
function afterPrefix(prefix: string): string | undefined {
  const points = Array.from(prefix, (character) => character.codePointAt(0)!);
  while (points.at(-1) === 0x10ffff) points.pop();
  const last = points.pop();
  if (last === undefined) return undefined;
  return String.fromCodePoint(...points, last === 0xd7ff ? 0xe000 : last + 1);
}

function endsWith(column: RawBuilder<unknown>, suffix: string): Clause {
  if (suffix === "") return true;
  // A start before the text gives less than the suffix, or the text itself, which is then shorter than the suffix.
  return sql`substr(${column}, length(${column}) - ${sql.lit(codePoints(suffix) - 1)}) = ${text(suffix)}`;
}

const ORDERINGS = [">", ">=", "<", "<="] as const;
type Ordering = (typeof ORDERINGS)[number];

function isOrdering(op: Operator): op is Ordering {
  return (ORDERINGS as readonly string[]).includes(op);
}

function compare(
  op: Ordering | "=" | "!=",
  column: RawBuilder<unknown>,
  value: RawBuilder<unknown>,
): RawBuilder<SqlBool> {
  return sql`${column} ${sql.raw(op === "!=" ? "<>" : op)} ${value}`;
}

function isIn(
  op: "in" | "nin",
  column: RawBuilder<unknown>,
  members: readonly RawBuilder<unknown>[],
): Clause {
  if (members.length === 0) return op === "nin";
  return op === "in"
    ? sql`${column} in (${sql.join(members)})`
    : sql`${column} not in (${sql.join(members)})`;
}

function and(clauses: readonly Clause[]): Clause {
  if (clauses.includes(false)) return false;
  return joined(clauses, sql` and `) ?? true;
}

function or(clauses: readonly Clause[]): Clause {
  if (clauses.includes(true)) return true;
  return joined(clauses, sql` or `) ?? false;
}

function not(clause: Clause): Clause {
  return typeof clause === "boolean" ? !clause : sql`not (${clause})`;
}

function joined(clauses: readonly Clause[], separator: RawBuilder<unknown>): RawBuilder<SqlBool> | undefined {
  const open = clauses.filter((clause) => typeof clause !== "boolean");
  return open.length > 1 ? sql`(${sql.join(open, separator)})` : open[0];
}

function toSql(clause: Clause): RawBuilder<SqlBool> {
  if (typeof clause === "boolean") return clause ? sql`1 = 1` : sql`1 = 0`;
  return clause;
}

/** Text in the order of its bytes, whatever the column's own collation. */
function ordered(column: Column, dialect: Dialect): RawBuilder<unknown> {
  if (column.type !== "text") return column.sql;
  return dialect === "sqlite" ? sql`(${column.sql} collate binary)` : sql`(${column.sql} collate "C")`;
}

/** Cast, because PostgreSQL would give a bare parameter the column's type. */
function integer(value: number): RawBuilder<unknown> {
  return sql`cast(${value} as bigint)`;
}

function asNumber(value: QueryValue): number | undefined {
  return typeof value === "number" ? value : undefined;
}

function asMilliseconds(value: QueryValue): number | undefined {
  return value instanceof Date ? value.getTime() : undefined;
}

function isInteger(value: number | undefined): value is number {
  return Number.isSafeInteger(value);
}

function isStorable(value: QueryValue): value is string {
  return typeof value === "string" && !value.includes("\0");
}

function membersOf(value: QueryValue): readonly QueryValue[] {
  return isList(value) ? value : value instanceof Set ? [...value] : [];
}

function findColumn(columns: Columns, path: string): Column | undefined {
  return Object.hasOwn(columns, path) ? columns[path] : undefined;
}
