/** A key as the dialect shows it (`conformance/4-api-keys.txt`), and how its fields are asked about. */
import { type Key, PAUSED_REASON, type ScramVerifier, shownReason, standsRevoked } from "../domain/key.ts";
import { all, any, cases, constant, type Fields, flagged, member, test } from "./listing.ts";
import type { Entry } from "./version.ts";
import { base64, instant, instantOrNull, MASK } from "./wire.ts";

/** Of all keys made here; the official clients' floor. What is stored with a key is shown to those who see its verifier. */
const ITERATIONS = 50_000;

const IS_REVOKED = test("revokedAt", "!=", null);
const IS_NOT_REVOKED = test("revokedAt", "=", null);
const IS_PAUSED = test("pausedAt", "!=", null);
const IS_NOT_PAUSED = test("pausedAt", "=", null);

/** Secrets are judged as they are shown to most: masked. */
export const KEY_FIELDS: Fields = {
  id: member("id"),
  name: member("name"),
  username: member("username"),
  user_identifier: member("userId"),
  iterations: constant(ITERATIONS),
  salt: constant(MASK),
  stored_key: constant(MASK),
  server_key: constant(MASK),
  created_at: member("createdAt"),
  expires_at: member("expiresAt"),
  local: constant(true),
  revoked: flagged(any(IS_REVOKED, IS_PAUSED), all(IS_NOT_REVOKED, IS_NOT_PAUSED), "standsRevoked"),
  revoked_reason: cases(
    [
      { when: IS_REVOKED, member: "revokedReason" },
      { when: all(IS_NOT_REVOKED, IS_PAUSED), value: PAUSED_REASON },
      { when: all(IS_NOT_REVOKED, IS_NOT_PAUSED), value: null },
    ],
    "shownReason",
  ),
};

export const SECRET_FIELDS = ["iterations", "salt", "stored_key", "server_key"] as const;

/** @param verifier undefined for those who see it masked */
export function keyEntry(key: Key, verifier: ScramVerifier | undefined): Entry {
  return {
    id: key.id,
    name: key.name,
    username: key.username,
    user_identifier: key.userId,
    iterations: verifier?.iterations ?? ITERATIONS,
    salt: verifier ? base64(verifier.salt) : MASK,
    stored_key: verifier ? base64(verifier.storedKey) : MASK,
    server_key: verifier ? base64(verifier.serverKey) : MASK,
    created_at: instant(key.createdAt),
    expires_at: instantOrNull(key.expiresAt),
    local: true,
    revoked: standsRevoked(key),
    revoked_reason: shownReason(key),
  };
}
