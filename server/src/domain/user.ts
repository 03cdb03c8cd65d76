import { EMAIL_CHARS_MAX, USERNAME } from "@chatelaine/contract/limits";
import type { Role } from "@chatelaine/contract/roles";
import type { Ceilings } from "./limits.ts";

/** Somebody who may sign in and hold keys. Instants are milliseconds since the epoch, UTC. */
export interface User {
  readonly id: number;
  readonly username: string;
  readonly fullName: string;
  readonly email: string | null;
  /** Granted to himself. */
  readonly roles: readonly Role[];
  readonly scopes: readonly string[];
  /** With what his groups add; not expanded. */
  readonly allRoles: readonly Role[];
  readonly allScopes: readonly string[];
  readonly groups: readonly string[];
  readonly lockedAt: number | null;
  readonly hasPassword: boolean;
  readonly passwordChangedAt: number | null;
  readonly createdAt: number;
  /** Free JSON of the user's own (`auth.set_attribute`). */
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly keyIds: readonly number[];
  /** null: none. */
  readonly ceilings: Ceilings | null;
  readonly version: number;
}

export interface Group {
  readonly id: number;
  readonly name: string;
  readonly roles: readonly Role[];
  readonly scopes: readonly string[];
  readonly members: readonly string[];
  readonly createdAt: number;
  readonly version: number;
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
