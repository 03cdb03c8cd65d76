/** Listed rows as conditions judge them: members named as in the record, instants as Date. */
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

export function queryRecord(listed: Listed, row: object): object {
  const record = { ...RECORDS[listed](row as never) } as Record<string, unknown>;
  for (const name of INSTANTS[listed]) {
    const value = record[name];
    if (typeof value === "number") record[name] = new Date(value);
  }
  return record;
}
