/**
 * The words of a key or user as a search for words compares them: folded (`domain/filter-values.ts`), each on lines of its own, so
 * that a word, which has no space in it, is found in the whole exactly where it is in one of them. It is a column, made where a
 * row's words are written, and nobody is shown it (held by `server/test/word-search.test.ts`).
 */
import { fold } from "../domain/filter-values.ts";
import type { Key } from "../domain/key.ts";
import type { User } from "../domain/user.ts";

/** The owner comes first, as a line of its own: `dialect.ts` puts another in its place. */
export function keySearchText({
  username,
  name,
  description,
  tags,
}: Pick<Key, "username" | "name" | "description" | "tags">): string {
  return folded([username, name, description, ...tags]);
}

export function userSearchText({
  username,
  fullName,
  email,
}: Pick<User, "username" | "fullName" | "email">): string {
  return folded([username, fullName, email ?? ""]);
}

/** What a key's begins with. */
export function ownerLine(username: string): string {
  return folded([username]);
}

function folded(words: readonly string[]): string {
  return fold(words.join("\n")) as string;
}
