/** A key as the TrueNAS command line names its fields (`conformance/4-api-keys.txt`), without the secrets. */
import type { KeyRecord, PrintedKey } from "./entries.ts";

export interface EntryField {
  /** The member of Key that is compared. */
  readonly path: keyof KeyRecord;
  /** `boolean`: the member is an instant, or null for false. */
  readonly kind: "number" | "text" | "instant" | "boolean";
}

export const ENTRY_FIELDS = {
  id: { path: "id", kind: "number" },
  name: { path: "name", kind: "text" },
  username: { path: "username", kind: "text" },
  user_identifier: { path: "userId", kind: "number" },
  created_at: { path: "createdAt", kind: "instant" },
  expires_at: { path: "expiresAt", kind: "instant" },
  revoked: { path: "revokedAt", kind: "boolean" },
  revoked_reason: { path: "revokedReason", kind: "text" },
  description: { path: "description", kind: "text" },
  last_used_at: { path: "lastUsedAt", kind: "instant" },
} as const satisfies Readonly<Record<string, EntryField>>;

export type EntryFieldName = keyof typeof ENTRY_FIELDS;

export function isEntryField(name: string): name is EntryFieldName {
  return Object.hasOwn(ENTRY_FIELDS, name);
}

/** @param names in this order */
export function entryOf(key: PrintedKey, names: readonly EntryFieldName[]): Record<string, unknown> {
  return Object.fromEntries(names.map((name) => [name, key[name]]));
}
