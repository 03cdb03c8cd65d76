/** What a key must keep to, and who may touch it. Pure decisions; `keys.ts` carries them out. */

import type { Issue } from "@chatelaine/contract/errors";
import { INSTANT_MAX } from "@chatelaine/contract/instant";
import {
  ALLOWED_IPS_MAX,
  RATE_USES_MAX,
  RATE_WINDOW_SECONDS_MAX,
  SCOPES_MAX,
} from "@chatelaine/contract/limits";
import { parseNetwork } from "../domain/address.ts";
import { type Caller, requireRole } from "../domain/caller.ts";
import { AppError, refuseIssues, veil } from "../domain/errors.ts";
import { keptTextIssues } from "../domain/kept-text.ts";
import { type Key, type KeyFields, validateLabels } from "../domain/key.ts";
import type { RateLimit } from "../domain/limits.ts";
import { mayMint } from "../domain/minting.ts";
import { blankIssues } from "../domain/names.ts";
import { isScope } from "../domain/rights.ts";
import type { User } from "../domain/user.ts";

const KEY_ROLES = ["READONLY_ADMIN", "API_KEY_WRITE", "KEY_HOLDER"] as const;

/** Throws role_missing for somebody who has nothing to do with keys. */
export function requireKeyRole(caller: Caller): void {
  requireRole(caller, ...KEY_ROLES);
}

/**
 * A key for oneself, or for anybody with API_KEY_WRITE (`conformance/4-api-keys.txt`). By number: the name that a request came under may be
 * somebody else's by now (held by `server/test/renamed.test.ts`).
 * @param owner undefined: there is none of the name that was given, which is not told
 */
export function requireOwnership(caller: Caller, owner: Pick<User, "id"> | undefined): void {
  if (!caller.roles.has("API_KEY_WRITE") && owner?.id !== caller.userId) throw notOwn(caller);
}

export function maySee(caller: Caller, { userId }: Pick<Key, "userId">): boolean {
  return caller.roles.has("API_KEY_READ") || userId === caller.userId;
}

/**
 * Throws unless the key is the caller's own, or they have API_KEY_WRITE. A key that they do not see is as missing as one that
 * does not exist; the audit and the TrueNAS API take the refusal (held by `server/test/unseen-keys.test.ts`).
 */
export function requireReach(caller: Caller, key: Pick<Key, "id" | "userId">): void {
  if (owns(caller, key)) return;
  const refusal = notOwn(caller);
  if (!maySee(caller, key)) throw veil(refusal, "not_found", missing(key.id).message);
  throw veil(refusal, "role_missing", refusal.message, { needs: ["API_KEY_WRITE"] });
}

export function missing(id: number): AppError {
  return new AppError("not_found", `ApiKey ${id} does not exist`);
}

function owns(caller: Caller, { userId }: Pick<Key, "userId">): boolean {
  return caller.roles.has("API_KEY_WRITE") || userId === caller.userId;
}

function notOwn({ username }: Caller): AppError {
  const rule = "authenticated user lacks privileges to create or modify API keys of other users.";
  return new AppError("forbidden", `${username}: ${rule}`);
}

/** Whether `update` and `resume` would let the caller, as the key is now. */
export function mayEdit(caller: Caller, key: Key): boolean {
  const hasRole = KEY_ROLES.some((role) => caller.roles.has(role));
  return hasRole && owns(caller, key) && mayMint(caller, { what: "key", before: key, after: key });
}

/** A key that resets itself keeps its end, also one that comes from what its user is held to. */
export function endAfterReset(caller: Caller, key: Key): number | undefined {
  const end = caller.key?.id === key.id ? caller.key.endsAt : null;
  return end === null || (key.expiresAt !== null && key.expiresAt <= end) ? undefined : end;
}

/** All broken rules of the fields that are there, but uniqueness of the name. */
export function fieldIssues(fields: KeyFields, now: number): Issue[] {
  return [
    ...validateLabels(fields),
    ...blankIssues(["name"], fields.name),
    ...(fields.tags ?? []).flatMap((tag, at) => blankIssues(["tags", at], tag)),
    ...keptTextIssues(fields),
    ...expiryIssues(fields.expiresAt, now),
    ...scopeIssues(fields.scopes),
    ...addressIssues(fields.allowedIps),
    ...rateIssues(fields.rateLimit),
  ];
}

function expiryIssues(expiresAt: number | null | undefined, now: number): Issue[] {
  if (expiresAt === null || expiresAt === undefined) return [];
  const issue = (message: string): Issue[] => [{ path: ["expires_at"], code: "in_past", message }];
  if (!Number.isSafeInteger(expiresAt) || expiresAt > INSTANT_MAX) {
    return issue("Expiration date is not one that can be written down");
  }
  return expiresAt <= now ? issue("Expiration date is in the past") : [];
}

/** Only a user with a role holds keys. */
export function ownerIssues(owner: User | undefined): Issue[] {
  if (!owner) return [{ path: ["username"], code: "user_missing", message: "User does not exist." }];
  if (owner.allRoles.length > 0) return [];
  return [
    { path: ["username"], code: "user_without_role", message: "User lacks privilege role membership." },
  ];
}

/** An owner's keys may live so long, from their making; without an end they would live longer. */
export function lifetimeIssues(
  expiresAt: number | null | undefined,
  madeAt: number,
  owner: User | undefined,
): Issue[] {
  const seconds = owner?.ceilings?.lifetimeSeconds ?? null;
  if (seconds === null || expiresAt === undefined) return [];
  if (expiresAt !== null && expiresAt <= madeAt + seconds * 1000) return [];
  const message = `Keys of this user may live ${seconds} seconds at most`;
  return [{ path: ["expires_at"], code: "policy", message }];
}

/** When a new key of this user ends at the latest; null: never. */
export function endByCeiling({ ceilings }: User, madeAt: number): number | null {
  const seconds = ceilings?.lifetimeSeconds ?? null;
  return seconds === null ? null : madeAt + seconds * 1000;
}

function scopeIssues(scopes: readonly string[] | null | undefined): Issue[] {
  if (!scopes) return [];
  if (scopes.length > SCOPES_MAX) {
    return [{ path: ["scopes"], code: "too_long", message: `At most ${SCOPES_MAX} scopes` }];
  }
  return scopes.flatMap((scope, place) =>
    isScope(scope)
      ? []
      : [{ path: ["scopes", place], code: "bad_scope" as const, message: "Expected resource:action" }],
  );
}

function addressIssues(blocks: readonly string[] | null | undefined): Issue[] {
  if (!blocks) return [];
  if (blocks.length > ALLOWED_IPS_MAX) {
    return [{ path: ["allowed_ips"], code: "too_long", message: `At most ${ALLOWED_IPS_MAX} addresses` }];
  }
  return blocks.flatMap((block, place) => {
    const message = "Expected an address or a CIDR block";
    return parseNetwork(block)
      ? []
      : [{ path: ["allowed_ips", place], code: "bad_address" as const, message }];
  });
}

function rateIssues(rate: RateLimit | null | undefined): Issue[] {
  if (!rate) return [];
  const isWithin = (value: number, most: number): boolean =>
    Number.isInteger(value) && value >= 1 && value <= most;
  if (isWithin(rate.limit, RATE_USES_MAX) && isWithin(rate.windowSeconds, RATE_WINDOW_SECONDS_MAX)) return [];
  const message = `A limit of 1 to ${RATE_USES_MAX} in 1 to ${RATE_WINDOW_SECONDS_MAX} seconds`;
  return [{ path: ["rate_limit"], code: "shape", message }];
}

/** Stored with the precision of a second, as the dialect tells it. */
export function wholeSeconds(instant: number): number {
  return Math.floor(instant / 1000) * 1000;
}

export function requireReason(reason: string, charsMax: number): string {
  const text = reason.trim().normalize("NFC");
  const message = text === "" ? "A reason is required" : `At most ${charsMax} characters`;
  refuseIssues([
    ...(text === "" || text.length > charsMax
      ? [{ path: ["reason"], code: "shape", message } as const]
      : keptTextIssues({ reason: text })),
  ]);
  return text;
}
