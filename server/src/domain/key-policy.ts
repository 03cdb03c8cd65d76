/**
 * How long keys may live here. It holds for everybody, by every door, the command line and full administrators included:
 * who wants another rule changes the rule. Keys that are there already keep their end until somebody edits it or resets
 * them, and to shorten a life is always allowed.
 */

import type { Issue } from "@chatelaine/contract/errors";
import { DAY_MS } from "@chatelaine/contract/instant";
import type { Role } from "@chatelaine/contract/roles";
import type { Settings } from "./settings.ts";

export type KeyPolicy = Pick<Settings, "keyDaysMax" | "nonExpiringKeys" | "nonExpiringRoles">;

/** Clocks of those who compute the end themselves may differ. */
const SLACK_MS = 5 * 60_000;

export function mayMakeNonExpiring(policy: KeyPolicy, roles: ReadonlySet<Role>): boolean {
  const { nonExpiringKeys, nonExpiringRoles } = policy;
  return nonExpiringKeys && (nonExpiringRoles === null || nonExpiringRoles.some((role) => roles.has(role)));
}

export interface WantedLife {
  readonly roles: ReadonlySet<Role>;
  /** When the secret is or was made. */
  readonly madeAt: number;
  readonly expiresAt: number | null;
  /** The end that an edited key has; undefined for a new secret. */
  readonly was: number | null | undefined;
}

export function policyIssues(policy: KeyPolicy, { roles, madeAt, expiresAt, was }: WantedLife): Issue[] {
  if (was !== undefined && endOf(expiresAt) <= endOf(was)) return [];
  const issue = (message: string): Issue[] => [{ path: ["expires_at"], code: "policy", message }];
  if (expiresAt === null) {
    if (mayMakeNonExpiring(policy, roles)) return [];
    const { nonExpiringKeys, nonExpiringRoles, keyDaysMax } = policy;
    const end = keyDaysMax === null ? "Set an expiry" : `Set an expiry within ${days(keyDaysMax)}`;
    const rule =
      nonExpiringKeys && nonExpiringRoles
        ? `Only holders of ${nonExpiringRoles.join(" or ")} may make keys that never expire.`
        : "Keys that never expire are not allowed here.";
    return issue(`${rule} ${end}.`);
  }
  const { keyDaysMax } = policy;
  if (keyDaysMax === null) return [];
  const latest = madeAt + keyDaysMax * DAY_MS;
  if (expiresAt <= latest + SLACK_MS) return [];
  const until = new Date(latest).toISOString();
  if (was === undefined) return issue(`Keys may live ${days(keyDaysMax)} at most: until ${until}.`);
  const rule = `Keys may live ${days(keyDaysMax)} at most from their making or last reset: this one until ${until}.`;
  return issue(`${rule} Reset it for a longer life.`);
}

function endOf(expiresAt: number | null): number {
  return expiresAt ?? Number.POSITIVE_INFINITY;
}

function days(count: number): string {
  return count === 1 ? "1 day" : `${count} days`;
}
