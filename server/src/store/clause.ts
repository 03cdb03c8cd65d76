/** Alone because `filter-sql.ts` and `query-words.ts` put their tests together from it. */
import { type RawBuilder, type SqlBool, sql } from "kysely";

export type Dialect = "sqlite" | "postgres";

/** True and false are kept apart from SQL, so that they fold. */
export type Clause = boolean | RawBuilder<SqlBool>;

const PART_CHARS_MAX = 256;

/** Looking for a longer part takes too long to be left to SQL, which nothing ends: a judged search gives up after a time. */
export function isPartShort(part: string): boolean {
  return part.length <= PART_CHARS_MAX;
}

export function contains(column: RawBuilder<unknown>, part: string, dialect: Dialect): RawBuilder<SqlBool> {
  return sql`${sql.raw(dialect === "sqlite" ? "instr" : "strpos")}(${column}, ${text(part)}) > 0`;
}

export function text(value: string): RawBuilder<unknown> {
  return sql`cast(${value} as text)`;
}
