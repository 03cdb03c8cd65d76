/**
 * Stands alone because every door that takes a key says the same of its rate limit: one pair of headers, one name of the
 * policy. `client/src/guard.ts` has the same for services (held by `rate-limit.test.ts`).
 */
import type { RateState } from "../verify/verify.ts";

/** The policy, and what is left of it (draft-ietf-httpapi-ratelimit-headers). */
export function rateHeaders(headers: Headers, rate: RateState): void {
  const seconds = Math.ceil(rate.resetMs / 1000);
  headers.set("RateLimit-Policy", `"key";q=${rate.limit};w=${rate.windowSeconds}`);
  headers.set("RateLimit", `"key";r=${rate.remaining};t=${seconds}`);
  if (!rate.ok) headers.set("Retry-After", String(Math.max(1, seconds)));
}
