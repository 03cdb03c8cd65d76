/**
 * Gives the rows of before version 9 their `search_text`, a slice a transaction, so that neither memory nor the log grows with their
 * number, and a start that is stopped goes on where it was (held by `server/test/search-text.test.ts`). Processes that start at
 * once share the slices; none is served before the last is done.
 */
import type { Database } from "bun:sqlite";
import { UNFILLED } from "../schema.ts";
import { keySearchText, userSearchText } from "../search-text.ts";

export const SLICE_ROWS = 2_000;

interface Words {
  readonly id: number;
  readonly username: string;
}
type KeyWordsRow = Words & { readonly name: string; readonly description: string; readonly tags: string };
type UserWordsRow = Words & { readonly full_name: string; readonly email: string | null };

const TABLES = {
  users: {
    read: "SELECT id, username, full_name, email FROM users WHERE id > ? ORDER BY id LIMIT ?",
    write: "UPDATE users SET search_text = ? WHERE id = ?",
    textOf: (row: UserWordsRow) => userSearchText({ ...row, fullName: row.full_name }),
    next: "keys",
  },
  keys: {
    read: "SELECT id, username, name, description, tags FROM keys WHERE id > ? ORDER BY id LIMIT ?",
    write: "UPDATE keys SET search_text = ? WHERE id = ?",
    textOf: (row: KeyWordsRow) => keySearchText({ ...row, tags: JSON.parse(row.tags) }),
    next: undefined,
  },
} as const;

/** To be run in a transaction. @returns false where nothing was left to do */
export function fillSlice(database: Database): boolean {
  const mark = database.query("SELECT value FROM meta WHERE name = ?").get(UNFILLED) as {
    value: string;
  } | null;
  if (!mark) return false;
  const [name, after] = mark.value.split(" ") as [keyof typeof TABLES, string];
  const { read, write, textOf, next } = TABLES[name];
  const rows = database.query(read).all(Number(after), SLICE_ROWS) as (KeyWordsRow & UserWordsRow)[];
  const update = database.query(write);
  for (const row of rows) update.run(textOf(row), row.id);
  const last = rows.at(-1);
  const value = last ? `${name} ${last.id}` : next && `${next} 0`;
  if (value === undefined) database.query("DELETE FROM meta WHERE name = ?").run(UNFILLED);
  else database.query("UPDATE meta SET value = ? WHERE name = ?").run(value, UNFILLED);
  return true;
}
