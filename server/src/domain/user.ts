/** Alone because users and groups are of one shape to every use case: who one is, and what one may. */
import type { Inside } from "@chatelaine/contract/codec";
import { EMAIL_CHARS_MAX, USERNAME } from "@chatelaine/contract/limits";
import type { Group as GroupSchema } from "@chatelaine/contract/operations/groups";
import type { User as UserSchema } from "@chatelaine/contract/operations/users";

/** A user as their readers are shown them. Instants are milliseconds since the epoch, UTC. */
type ShownUser = Inside<typeof UserSchema>;

/** Somebody who may sign in and hold keys: their entry in the contract, as far as it is kept. */
export interface User extends Omit<ShownUser, "locked"> {
  /** Free JSON of the user's own (`auth.set_attribute`). */
  readonly attributes: Readonly<Record<string, unknown>>;
}

export type Group = Inside<typeof GroupSchema>;

export function userEntry(user: User): ShownUser {
  return { ...user, locked: user.lockedAt !== null };
}

/** Texts of a user that are kept in NFC. Names that people sign in by are ASCII. */
export const USER_TEXTS = ["fullName", "email"] as const;
export const ATTRIBUTES_BYTES_MAX = 65_536;
export const USERS_MAX = 100_000;

/** 1 to 32 of `A-Za-z0-9_.-`, beginning with a letter or `_`, as in the dialect. Groups are named alike. */
export function isUsername(text: string): boolean {
  return USERNAME.test(text);
}

export function isEmail(text: string): boolean {
  return text.length <= EMAIL_CHARS_MAX && /^[^\s@<>"]+@[^\s@<>"]+$/.test(text);
}
