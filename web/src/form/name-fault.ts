/** Alone because users and groups are named alike, in four forms. */
import { USERNAME, USERNAME_CHARS_MAX } from "@chatelaine/contract/limits";

/** What can be said of a user's or a group's name before the server judges. */
export function nameFault(name: string): string | null {
  if (USERNAME.test(name)) return null;
  return `Letters, digits, dot, hyphen and underscore; it begins with a letter; at most ${USERNAME_CHARS_MAX}.`;
}
