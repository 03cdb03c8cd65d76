/** Listed rows as conditions judge them: members named as in the record and what is derived from them, instants as Date. */
import { type Key, shownReason, standsRevoked, wordsInOrder } from "../domain/key.ts";
import type { User } from "../domain/user.ts";
import { auditOf, ownKeyOf, userOf } from "./rows.ts";

export type Listed = "keys" | "users" | "audit";

const RECORDS: Readonly<Record<Listed, (row: never) => object>> = {
  keys: keyRecord,
  users: userOf,
  audit: auditOf,
};

/** What a judged search selects beside the row: what the owner's row says of the key. */
interface OwnerColumns {
  readonly owner_locked: number;
  readonly owner_roleless: number;
  readonly limit_ends_at: number | null;
}

function keyRecord(row: Parameters<typeof ownKeyOf>[0] & OwnerColumns): object {
  const { owner_locked, owner_roleless, limit_ends_at } = row;
  const owner = {
    isOwnerLocked: owner_locked === 1,
    isOwnerRoleless: owner_roleless === 1,
    limitEndsAt: limit_ends_at,
  };
  return { ...ownKeyOf(row), ...owner };
}

const INSTANTS: Readonly<Record<Listed, readonly string[]>> = {
  keys: ["createdAt", "resetAt", "expiresAt", "pausedAt", "revokedAt", "lastUsedAt", "limitEndsAt"],
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
