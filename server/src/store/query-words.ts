/**
 * Tests of text in any case and by parts, said in SQL for ordinary text: printable ASCII, and in lists no backslash. There
 * upper and lower case are the same to every database, `.` is every character, and JSON writes a text as it is. Of other
 * text it says yes only where that is right, and may miss some; those rows are few and known to an index (`odd` in
 * `list-queries.ts`), and judged one by one.
 */
import { type RawBuilder, type SqlBool, sql } from "kysely";
import type { Condition, Operator, Test } from "../domain/filter.ts";
import { type Clause, contains, type Dialect, isPartShort, text } from "./clause.ts";

/**
 * Characters of all words of one condition. LIKE may look at each of them for each character of a text, and nothing ends
 * it: 1.4 s for a thousand of the longest descriptions, made for it. A judged search gives up after a time.
 */
const WORDS_CHARS_MAX = 256;

/** Whether all words of the condition may be left to SQL. */
export function areWordsShort(condition: Condition): boolean {
  return wordsLength(condition) <= WORDS_CHARS_MAX;
}

function wordsLength(condition: Condition): number {
  if (condition.kind !== "test") return condition.of.reduce((sum, part) => sum + wordsLength(part), 0);
  const { fold, value, pattern } = condition;
  return pattern?.within?.text.length ?? (fold && typeof value === "string" ? value.length : 0);
}

/** Undefined: SQL cannot say it. NULL passes none of these tests. */
export function pushWords(test: Test, field: RawBuilder<unknown>, dialect: Dialect): Clause | undefined {
  const { op, value, fold, pattern } = test;
  if (pattern?.within) {
    const { text: word, anyCase } = pattern.within;
    const holds = anyCase ? like(field, `%${escaped(word)}%`, dialect) : contains(field, word, dialect);
    return sql<SqlBool>`(${holds} and not ${contains(field, "\n", dialect)})`;
  }
  const shape = fold ? SHAPES[op] : undefined;
  if (!shape || typeof value !== "string") return undefined;
  return isOrdinary(value) && like(field, shape(escaped(value)), dialect);
}

const SHAPES: Partial<Record<Operator, (value: string) => string>> = {
  "=": (value) => value,
  "^": (value) => `${value}%`,
  $: (value) => `%${value}`,
  rin: (value) => `%${value}%`,
};

/** Whether a member of the list passes. In the JSON as it is written; a value with what parts members, in each of them. */
export function pushMember(
  { op, value, fold }: Test,
  list: RawBuilder<unknown>,
  dialect: Dialect,
): Clause | undefined {
  if (op !== "rin" || !fold || typeof value !== "string" || value === "") return undefined;
  if (!isOrdinary(value)) return false;
  const pattern = `%${escaped(value)}%`;
  if (!/["\\[\],]/.test(value))
    return sql<SqlBool>`(${like(list, pattern, dialect)} and not ${contains(list, "\\", dialect)})`;
  const isWritten = like(list, `%${escaped(JSON.stringify(value).slice(1, -1))}%`, dialect);
  return someMember(list, isWritten, like(sql`members.value`, pattern, dialect), dialect);
}

/** Whether the list has this member, of whatever characters: exactly so. */
export function pushHolds(
  { op, value, fold }: Test,
  list: RawBuilder<unknown>,
  dialect: Dialect,
): Clause | undefined {
  if (op !== "rin" || fold || typeof value !== "string" || !isPartShort(value)) return undefined;
  if (value.includes("\0")) return false;
  const isWritten = contains(list, JSON.stringify(value), dialect);
  return someMember(list, isWritten, sql<SqlBool>`members.value = ${text(value)}`, dialect);
}

/** @param isWritten holds for every list with such a member, so that few are taken apart */
function someMember(
  list: RawBuilder<unknown>,
  isWritten: RawBuilder<SqlBool>,
  passes: RawBuilder<SqlBool>,
  dialect: Dialect,
): RawBuilder<SqlBool> {
  const members =
    dialect === "sqlite" ? sql`json_each(${list})` : sql`json_array_elements_text(${list}::json)`;
  return sql`(${isWritten} and exists (select 1 from ${members} as members where ${passes}))`;
}

/** What is folded already and has something else in it is in no text of printable ASCII. */
function isOrdinary(value: string): boolean {
  return /^[ -~]*$/.test(value);
}

/** In any case: LIKE folds ASCII in SQLite, and nothing in PostgreSQL. */
function like(field: RawBuilder<unknown>, pattern: string, dialect: Dialect): RawBuilder<SqlBool> {
  if (dialect === "sqlite") return sql`${field} like ${text(pattern)} escape '\\'`;
  return sql`lower(${field} collate "C") like ${text(pattern.toLowerCase())} escape '\\'`;
}

function escaped(value: string): string {
  return value.replaceAll(/[%_\\]/g, "\\$&");
}
