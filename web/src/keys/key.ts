import { DAY_MS } from "@chatelaine/contract/instant";
import { SOON_DAYS } from "@chatelaine/contract/limits";
import type { OutputOf } from "@chatelaine/contract/operations/operations";
import type { Me } from "../api/session.ts";
import type { Status } from "./keys-search.ts";

export type KeyEntry = OutputOf<"keys.get">;
export type MadeKey = OutputOf<"keys.create">;

const SOON_MS = SOON_DAYS * DAY_MS;

/** As the list tells it: with what has expired since it was read, and what soon will. */
export function statusOf(key: Pick<KeyEntry, "status" | "expires_at" | "ends_at">, now: number): Status {
  if (key.status !== "active" || key.ends_at === null) return key.status;
  const left = new Date(key.ends_at).getTime() - now;
  if (left <= 0) return key.ends_at === key.expires_at ? "expired" : "past_limit";
  return left <= SOON_MS ? "expires_soon" : "active";
}

/** Whether they may pause, revoke and delete the key. The server judges; this is what is offered. */
export function mayEnd(me: Me, key: Pick<KeyEntry, "username">): boolean {
  if (me.roles.includes("API_KEY_WRITE")) return true;
  return me.user.username === key.username && mayHaveKeys(me);
}

/** What does not work anyway is not paused. */
export function mayPause(key: Pick<KeyEntry, "status">): boolean {
  return ["active", "user_locked", "no_roles"].includes(key.status);
}

function mayHaveKeys(me: Me): boolean {
  return me.roles.some(
    (role) => role === "API_KEY_WRITE" || role === "READONLY_ADMIN" || role === "KEY_HOLDER",
  );
}

/** As long again as it was given when it was made or last reset; undefined for one that never expires. */
export function formerLifetimeEnd(key: KeyEntry, now: number): Date | undefined {
  if (key.expires_at === null) return undefined;
  const lifetime = new Date(key.expires_at).getTime() - new Date(key.reset_at ?? key.created_at).getTime();
  return new Date(now + Math.max(lifetime, 60_000));
}

/** Who used it last, as a sentence. */
export function sayLastUse(key: KeyEntry, distance: (at: string) => string): string {
  if (key.last_used_at === null) return "This key has never been used.";
  const from = key.last_used_address === null ? "" : ` from ${key.last_used_address}`;
  const by = key.last_used_client === null ? "" : ` by ${key.last_used_client}`;
  return `Last used ${distance(key.last_used_at)}${from}${by}.`;
}
