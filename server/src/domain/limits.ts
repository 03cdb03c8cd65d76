/** What keys are held to, by themselves or by their user, and whether one limit is within another. null: no limit. */
import { coversNetworks } from "./address.ts";

export interface RateLimit {
  readonly limit: number;
  readonly windowSeconds: number;
}

/** What an administrator holds all keys of a user to; the owner cannot lift it. null: no such ceiling. */
export interface UserLimits {
  /** Each key is good only from here, whatever its own list adds. */
  readonly allowedIps: readonly string[] | null;
  /** For all keys together. */
  readonly rateLimit: RateLimit | null;
  /** Longest life of a secret, from its making. */
  readonly lifetimeSeconds: number | null;
}

/** Of ends, and of lifetimes: no later, no longer. */
export function coversEnd(outer: number | null, inner: number | null): boolean {
  return outer === null || (inner !== null && inner <= outer);
}

/** No more uses, in no shorter a window. */
export function coversRate(outer: RateLimit | null, inner: RateLimit | null): boolean {
  if (outer === null) return true;
  return inner !== null && inner.limit <= outer.limit && inner.windowSeconds >= outer.windowSeconds;
}

export function coversUserLimits(outer: UserLimits | null, inner: UserLimits | null): boolean {
  if (outer === null) return true;
  return (
    coversNetworks(outer.allowedIps, inner?.allowedIps ?? null) &&
    coversRate(outer.rateLimit, inner?.rateLimit ?? null) &&
    coversEnd(outer.lifetimeSeconds, inner?.lifetimeSeconds ?? null)
  );
}
