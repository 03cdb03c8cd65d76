/** What the databases say differently, each once: everything else is Kysely's, or the same SQL in both. */
import { type RawBuilder, type SqlBool, sql } from "kysely";

export type Dialect = "sqlite" | "postgres";

type Sql = RawBuilder<unknown>;

/** Cast, because PostgreSQL would give a bare parameter the column's type. */
export function text(value: string): RawBuilder<unknown> {
  return sql`cast(${value} as text)`;
}

export function integer(value: number): RawBuilder<unknown> {
  return sql`cast(${value} as bigint)`;
}

/** The first place of a part in a text, from 1; 0 where it is not in it. */
export function position(column: Sql, part: string, dialect: Dialect = "sqlite"): RawBuilder<number> {
  return sql`${sql.raw(dialect === "sqlite" ? "instr" : "strpos")}(${column}, ${text(part)})`;
}

export function contains(column: Sql, part: string, dialect: Dialect): RawBuilder<SqlBool> {
  return sql`${position(column, part, dialect)} > 0`;
}

/** @param pattern of printable ASCII, in any case; of the text only ASCII has another case */
export function likeInAnyCase(column: Sql, pattern: string, dialect: Dialect): RawBuilder<SqlBool> {
  // LIKE folds ASCII in SQLite, and nothing in PostgreSQL.
  if (dialect === "sqlite") return sql`${column} like ${text(pattern)} escape '\\'`;
  return sql`lower(${column} collate "C") like ${text(pattern.toLowerCase())} escape '\\'`;
}

/** Members of a list of texts in JSON, as rows with a `value`. */
export function textMembers(list: Sql, dialect: Dialect): Sql {
  return dialect === "sqlite" ? sql`json_each(${list})` : sql`json_array_elements_text(${list}::json)`;
}

/** In the order of its bytes, whatever the column's own collation. */
export function byBytes(column: Sql, dialect: Dialect): Sql {
  return dialect === "sqlite" ? sql`(${column} collate binary)` : sql`(${column} collate "C")`;
}

/** The text with another first line. */
export function withFirstLine(column: Sql, line: string, dialect: Dialect = "sqlite"): RawBuilder<string> {
  return sql`(${text(line)} || substr(${column}, ${position(column, "\n", dialect)}))`;
}

/** Ids of a user's keys as a list in JSON, where the statement has the user as `users`. */
export const KEY_IDS = sql<string>`(select json_group_array(keys.id) from keys where keys.user_id = users.id)`;
