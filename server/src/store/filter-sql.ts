/**
 * Conditions and orders as SQL, for every table. `where` holds for each row that the condition holds for; `exact` says
 * that it holds for no other.
 *
 * It relies on columns that say what the record says: the record always has the field, null for NULL unless told
 * otherwise, and text has no U+0000 (PostgreSQL cannot store it, SQLite's `length` stops at it). Values of another
 * type than the column's are judged here and never reach the database, so that no affinity turns "7" into 7. Text is
 * compared byte by byte, which in UTF-8 is the order of code points. What no database folds as we do is folded where a row is
 * written (`search-text.ts`); most regular expressions are left to `domain/filter-match.ts`. `server/test/query-sql.test.ts`
 * holds all of it to the same answers.
 */
import { type RawBuilder, type SqlBool, sql } from "kysely";
import { type Condition, formatPath, type Operator, type Order, type Test } from "../domain/filter.ts";
import { testValue } from "../domain/filter-match.ts";
import { codePoints, isList, type QueryValue } from "../domain/filter-values.ts";
import {
  byBytes,
  contains,
  type Dialect,
  integer,
  likeInAnyCase,
  position,
  text,
  textMembers,
} from "./dialect.ts";

/** `instant`: integer milliseconds, a Date in records. `texts`: a list of strings in JSON. `json` is never pushed. */
type ColumnType = "integer" | "text" | "boolean" | "instant" | "json" | "texts";

export interface Column {
  /** A reference or expression with exactly the record's value: where records have whole seconds, so has this. */
  readonly sql: RawBuilder<unknown>;
  readonly type: ColumnType;
  readonly nullable: boolean;
  /** NULL: the record has no such field, which passes no test, rather than null in it. */
  readonly nullIsMissing?: boolean;
  /** The text is what `fold` makes of it. */
  readonly isFolded?: boolean;
  /** A text of the row that holds, folded, each text of this column. */
  readonly searchText?: RawBuilder<unknown>;
}

/** By path, as `formatPath` writes it. */
export type Columns = Readonly<Record<string, Column>>;

export interface PushedCondition {
  readonly where: RawBuilder<SqlBool>;
  readonly exact: boolean;
}

/** True and false are kept apart from SQL, so that they fold. */
type Clause = boolean | RawBuilder<SqlBool>;

interface Pushed {
  readonly clause: Clause;
  readonly exact: boolean;
}

interface Context {
  readonly columns: Columns;
  readonly dialect: Dialect;
  /** Whether all words of the condition may be left to SQL. */
  readonly areWordsShort: boolean;
}

const UNKNOWN: Pushed = { clause: true, exact: false };
/** Looking for a longer part takes too long to be left to SQL, which nothing ends: a judged search gives up after a time. */
const PART_CHARS_MAX = 256;
/**
 * Of all words of one condition. LIKE may look at each of them for each character of a text: 1.4 s for a thousand of the
 * longest descriptions, made for it.
 */
const WORDS_CHARS_MAX = 256;

export function pushDown(
  condition: Condition,
  columns: Columns,
  dialect: Dialect = "sqlite",
): PushedCondition {
  const areWordsShort = wordsLength(condition) <= WORDS_CHARS_MAX;
  const { clause, exact } = push(condition, { columns, dialect, areWordsShort });
  return { where: toSql(clause), exact };
}

function wordsLength(condition: Condition): number {
  if (condition.kind !== "test") return condition.of.reduce((sum, part) => sum + wordsLength(part), 0);
  const { fold, value, pattern } = condition;
  return pattern?.within?.text.length ?? (fold && typeof value === "string" ? value.length : 0);
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

function push(condition: Condition, context: Context): Pushed {
  if (condition.kind === "test") return pushTest(condition, context);
  const parts = condition.of.map((part) => push(part, context));
  const combine = condition.kind === "all" ? and : or;
  const clause = combine(parts.map((part) => part.clause));
  // A constant that decides a group decides it whatever the other parts leave open.
  const decided = parts.some((part) => part.exact && part.clause === (condition.kind === "any"));
  return { clause, exact: decided || parts.every((part) => part.exact) };
}

function pushTest(test: Test, context: Context): Pushed {
  const { path } = test;
  const { columns, dialect } = context;
  if (path.at(-1) === "*") {
    const list = findColumn(columns, formatPath(path.slice(0, -1)));
    return (list?.type === "texts" && pushFolded(test, list, context)) || UNKNOWN;
  }
  const column = findColumn(columns, formatPath(path));
  if (!column || column.type === "json") return UNKNOWN;
  if (column.type === "texts") {
    const clause = pushHolds(test, column.sql, dialect);
    return clause === undefined ? UNKNOWN : { clause, exact: true };
  }
  const { clause, exact } = pushPresent(test, column, context);
  if (!column.nullable) return { clause, exact };
  const nullPasses = !column.nullIsMissing && testValue(test, null);
  if (clause === true) return { clause: nullPasses || sql<SqlBool>`${column.sql} is not null`, exact };
  return { clause: or([nullPasses && sql<SqlBool>`${column.sql} is null`, clause]), exact };
}

const FOUND_WITHIN: readonly Operator[] = ["=", "^", "$", "rin"];

/** Of a folded test of text: it is somewhere in what the row is searched by. */
function pushFolded(
  { op, fold, value }: Test,
  { searchText }: Column,
  { dialect, areWordsShort }: Context,
): Pushed | undefined {
  if (!fold || !searchText || typeof value !== "string" || !FOUND_WITHIN.includes(op)) return undefined;
  if (value === "" || !areWordsShort || !isStorable(value)) return undefined;
  return { clause: contains(searchText, value, dialect), exact: false };
}

/** Whether the list has this member, of whatever characters: exactly so. */
function pushHolds(
  { op, value, fold }: Test,
  list: RawBuilder<unknown>,
  dialect: Dialect,
): Clause | undefined {
  if (op !== "rin" || fold || typeof value !== "string" || value.length > PART_CHARS_MAX) return undefined;
  if (!isStorable(value)) return false;
  // It holds for every list with such a member, so that few are taken apart.
  const isWritten = contains(list, JSON.stringify(value), dialect);
  const members = textMembers(list, dialect);
  return sql`(${isWritten} and exists (select 1 from ${members} as members where members.value = ${text(value)}))`;
}

/** What the test says of values that are not null. For NULL the SQL yields NULL, which counts as no. */
function pushPresent(test: Test, column: Column, context: Context): Pushed {
  switch (column.type) {
    case "boolean":
      return { clause: pushBoolean(test, column), exact: true };
    case "integer":
      return { clause: pushNumber(test, column, asNumber), exact: true };
    case "instant":
      return { clause: pushNumber(test, column, asMilliseconds), exact: true };
    default:
      if (test.fold && !column.isFolded) return pushFolded(test, column, context) ?? UNKNOWN;
      return pushText(test, ordered(column, context.dialect), context);
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

function pushText(test: Test, column: RawBuilder<unknown>, { dialect, areWordsShort }: Context): Pushed {
  const { op, value, pattern } = test;
  if (op === "~" && !pattern) return UNKNOWN;
  if (test.fold && !areWordsShort) return UNKNOWN;
  if (pattern?.within && areWordsShort) {
    const { text: word, anyCase } = pattern.within;
    const holds = (part: RawBuilder<unknown>) =>
      anyCase ? wordInAnyCase(part, word, dialect) : contains(part, word, dialect);
    // As far as `.*` reaches; few texts have a second line.
    const isOneLine = sql`${position(column, "\n", dialect)} = 0`;
    const firstLine = sql`substr(${column}, 1, ${position(column, "\n", dialect)} - 1)`;
    return { clause: sql`(${holds(column)} and (${isOneLine} or ${holds(firstLine)}))`, exact: true };
  }
  if (pattern) return { clause: startsWith(column, pattern.prefix), exact: pattern.prefixSuffices };
  if (op === "in" || op === "nin") {
    if (typeof value === "string") return UNKNOWN;
    return { clause: isIn(op, column, membersOf(value).filter(isStorable).map(text)), exact: true };
  }
  if (typeof value !== "string") return { clause: op === "!=", exact: true };
  const storable = isStorable(value);
  if (op === "rin" || op === "rnin") {
    if (value.length > PART_CHARS_MAX) return UNKNOWN;
    const within = storable && contains(column, value, dialect);
    return { clause: op === "rin" ? within : not(within), exact: true };
  }
  if (isOrdering(op)) return storable ? { clause: compare(op, column, text(value)), exact: true } : UNKNOWN;
  const plain = storable && textClause(op, column, value);
  return { clause: op.startsWith("!") ? not(plain) : plain, exact: true };
}

/** Of printable ASCII. Beside it only the signs of Kelvin and of a long s are letters of it in another case. */
function wordInAnyCase(part: RawBuilder<unknown>, word: string, dialect: Dialect): RawBuilder<SqlBool> {
  const pattern = `%${word.replaceAll(/[%_\\]/g, "\\$&")}%`;
  const plain = likeInAnyCase(part, pattern, dialect);
  if (!/[ks]/i.test(word)) return plain;
  const replaced = sql`replace(replace(${part}, ${text("\u212a")}, 'k'), ${text("\u017f")}, 's')`;
  return sql`(${plain} or ${likeInAnyCase(replaced, pattern, dialect)})`;
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

function ordered(column: Column, dialect: Dialect): RawBuilder<unknown> {
  return column.type === "text" ? byBytes(column.sql, dialect) : column.sql;
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
