/** Listed rows as conditions judge them: members named as in the record and what is derived from them, instants as Date. */
import { type Key, shownReason, standsRevoked, wordsInOrder } from "../domain/key.ts";
import type { User } from "../domain/user.ts";
import { auditOf, keyOf, userOf } from "./rows.ts";

export type Listed = "keys" | "users" | "audit";

const RECORDS: Readonly<Record<Listed, (row: never) => object>> = {
  keys: keyOf,
  users: userOf,
  audit: auditOf,
};

const INSTANTS: Readonly<Record<Listed, readonly string[]>> = {
  keys: ["createdAt", "resetAt", "expiresAt", "pausedAt", "revokedAt", "lastUsedAt"],
  users: ["createdAt", "lockedAt", "passwordChangedAt"],
  audit: ["at"],
};

/** What lists may be ordered by and the record does not have; SQL for it is in `lists.ts`. */
const DERIVED = {
  keys: (key: Key) => ({
    standsRevoked: standsRevoked(key),
    shownReason: shownReason(key),
    tagsInOrder: wordsInOrder(key.tags),
    scopesInOrder: wordsInOrder(key.scopes),
  }),
  users: ({ lockedAt, hasPassword }: User) => ({ isLocked: lockedAt !== null, hasNoPassword: !hasPassword }),
  audit: () => ({}),
} as const;

export function queryRecord(listed: Listed, row: object): object {
  const found = RECORDS[listed](row as never);
  const record = { ...found, ...DERIVED[listed](found as never) } as Record<string, unknown>;
  for (const name of INSTANTS[listed]) {
    const value = record[name];
    if (typeof value === "number") record[name] = new Date(value);
  }
  return record;
}
