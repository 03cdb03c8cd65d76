import type { Inside } from "@chatelaine/contract/codec";
import type { Issue } from "@chatelaine/contract/errors";
import {
  KEY_NAME_CHARS_MAX,
  KEY_WORDS_BYTES_MAX,
  TAG_CHARS_MAX,
  TAGS_MAX,
} from "@chatelaine/contract/limits";
import type { Key as KeySchema, KeyUpdate } from "@chatelaine/contract/operations/key-entry";
import type { Role } from "@chatelaine/contract/roles";
import type { UserLimits } from "./limits.ts";

/** A key as its readers are shown it. Instants are milliseconds since the epoch, UTC. */
export type ShownKey = Inside<typeof KeySchema>;

/** What is not kept of a key: it follows from the rest of it, from its owner, from the time, or from who asks. */
type Derived = "local" | "status" | "endsAt" | "revoked" | "editable";

/** A key as everybody may know it who may see it: its entry in the contract, as far as it is kept, and what judges it. */
export interface Key extends Omit<ShownKey, Derived> {
  /** That it expired was told: it stays so, wherever the clock goes. */
  readonly hasExpired: boolean;
  readonly owner: KeyOwner;
}

/** What a key's owner lends it and holds it to, as it is now. */
export interface KeyOwner {
  readonly lockedAt: number | null;
  /** With what groups add; not expanded. */
  readonly roles: readonly Role[];
  /** With what groups add. */
  readonly scopes: readonly string[];
  readonly ceilings: UserLimits | null;
}

/** What a key's holder wants of it. Absent members keep their value on an edit, and mean the default on a new key. */
export type KeyFields = Omit<Inside<typeof KeyUpdate>, "version">;

/** What leaves the server once, at create and reset, and is stored nowhere in clear. */
export interface KeySecret {
  /** `<id>-<body>` */
  readonly text: string;
  readonly scram: ScramVerifier & { readonly clientKey: Uint8Array };
}

/** RFC 5802, section 3, with SHA-512. */
export interface ScramVerifier {
  readonly salt: Uint8Array;
  readonly iterations: number;
  readonly storedKey: Uint8Array;
  readonly serverKey: Uint8Array;
}

export type KeyState =
  | "active"
  | "paused"
  | "revoked"
  | "expired"
  /** Older than its owner's keys may get. */
  | "past_limit"
  | "user_locked"
  | "no_roles";

export const KEYS_PER_USER_MAX = 1_000;
export const PAUSED_REASON = "Paused";

type Times = Pick<
  Key,
  "createdAt" | "resetAt" | "expiresAt" | "hasExpired" | "pausedAt" | "revokedAt" | "owner"
>;

/** What decides when a key ends. */
export interface Lifetime extends Pick<Key, "createdAt" | "resetAt" | "expiresAt"> {
  readonly owner: Pick<KeyOwner, "ceilings">;
}

/**
 * The states are separate facts; where several hold, the one that a check refuses the key for is told, in the order of
 * `verify.ts` (held by `key-states.test.ts`).
 */
export function keyState(key: Times, now: number): KeyState {
  if (key.revokedAt !== null) return "revoked";
  if (key.pausedAt !== null) return "paused";
  if (key.hasExpired || isExpired(key.expiresAt, now)) return "expired";
  if (isExpired(limitEnd(key), now)) return "past_limit";
  if (key.owner.lockedAt !== null) return "user_locked";
  return key.owner.roles.length === 0 ? "no_roles" : "active";
}

/** When a key gets older than its owner's keys may; null: never. */
function limitEnd({ createdAt, resetAt, owner }: Omit<Lifetime, "expiresAt">): number | null {
  const seconds = owner.ceilings?.lifetimeSeconds ?? null;
  return seconds === null ? null : (resetAt ?? createdAt) + seconds * 1000;
}

/** When a key stops by itself, whichever end comes first; null: never. */
export function lastInstant(key: Lifetime): number | null {
  const ends = [key.expiresAt, limitEnd(key)].filter((end) => end !== null);
  return ends.length === 0 ? null : Math.min(...ends);
}

export function isExpired(expiresAt: number | null, now: number): boolean {
  return expiresAt !== null && expiresAt <= now;
}

/** @param editable whether who asks may edit it */
export function keyEntry(key: Key, now: number, editable: boolean): ShownKey {
  return {
    ...key,
    local: true,
    status: keyState(key, now),
    endsAt: lastInstant(key),
    revoked: key.revokedAt !== null,
    editable,
  };
}

/** Texts of a key that are kept in NFC. */
export const KEY_TEXTS = ["name", "description", "tags"] as const;

/** The rules for a key's own words that need no other knowledge. */
export function validateLabels(fields: KeyFields): Issue[] {
  const issues: Issue[] = [];
  if (fields.name !== undefined && !isKeyName(fields.name)) {
    const message =
      fields.name.length === 0
        ? "String should have at least 1 character"
        : fields.name.length > KEY_NAME_CHARS_MAX
          ? `String should have at most ${KEY_NAME_CHARS_MAX} characters`
          : "The name must not hold control characters";
    issues.push({ path: ["name"], code: "shape", message });
  }
  const words = [fields.description ?? "", ...(fields.tags ?? [])];
  if (words.reduce((sum, word) => sum + Buffer.byteLength(word), 0) > KEY_WORDS_BYTES_MAX) {
    const message = "Description and tags may have 4 KiB together";
    issues.push({ path: ["description"], code: "too_long", message });
  }
  const tags = fields.tags ?? [];
  if (tags.length > TAGS_MAX || tags.some((tag) => tag.length === 0 || tag.length > TAG_CHARS_MAX)) {
    const message = `At most ${TAGS_MAX} tags of 1 to ${TAG_CHARS_MAX} characters`;
    issues.push({ path: ["tags"], code: "too_long", message });
  }
  return issues;
}

function isKeyName(name: string): boolean {
  return name.length > 0 && name.length <= KEY_NAME_CHARS_MAX && isPlainText(name);
}

/** Without control characters and half characters. */
function isPlainText(text: string): boolean {
  return text.isWellFormed() && !/\p{Cc}/u.test(text);
}

/** Whether a key stands as revoked for those who know nothing of pauses, and the reason that they are told. */
export function standsRevoked({ revokedAt, pausedAt }: Pick<Key, "revokedAt" | "pausedAt">): boolean {
  return revokedAt !== null || pausedAt !== null;
}

/** What orders keys by a list of words: word by word, and a list before those that go on after it. null stays null. */
export function listSortKey(words: readonly string[] | null): string | null {
  return words === null ? null : JSON.stringify(words).slice(1, -1);
}

export function shownReason({ revokedAt, revokedReason, pausedAt }: Key): string | null {
  if (revokedAt !== null) return revokedReason;
  return pausedAt === null ? null : PAUSED_REASON;
}
