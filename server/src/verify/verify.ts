/**
 * THE HOT PATH: is this key good, for this use, now.
 *
 * One function for every door. Junk costs no I/O: shape and checksum come first, then one keyed digest, one indexed read
 * and a compare in constant time; what the key and its user may is judged only for somebody who has the secret, so an
 * answer tells nothing of keys to others. SCRAM proves the secret in its own way and then passes the same `judge`.
 * Nothing is cached and nothing is written here: a revocation holds for the very next request.
 */
import { DIGEST_BYTES, equalBytes, type Secrets } from "../crypto.ts";
import { networkContains, parseAddress, parseNetwork } from "../domain/address.ts";
import type { Origin } from "../domain/caller.ts";
import type { Clock } from "../domain/clock.ts";
import { isExpired } from "../domain/key.ts";
import { type KeyTextFault, parseKeyText } from "../domain/key-text.ts";
import { coversScope, narrowRights, type Rights, rightsOf } from "../domain/rights.ts";
import type { CheckRecord, MaybePromise, Store, StoredSecret } from "../store/store.ts";

/** Why a key is not good. `unknown` covers a wrong secret, so that nobody learns which ids exist. */
export type Refusal =
  | "malformed"
  | "unknown"
  | "expired"
  | "paused"
  | "revoked"
  | "user_locked"
  | "no_roles"
  | "scope_missing"
  | "address_not_allowed"
  | "rate_limited"
  | "insecure_transport";

/** What the key is wanted for. */
export interface Need {
  /** Where the request came from; null where a service asks about a key that it was shown. */
  readonly origin: Origin | null;
  /** The owner that the client named beside the key. */
  readonly username?: string;
  /** `resource:action` at a guarded service. */
  readonly scope?: string;
  /** Of the client at the guarded service, where it is not the origin's. */
  readonly address?: string;
}

export type Verdict =
  | { readonly ok: true; readonly record: CheckRecord; readonly rights: Rights }
  | {
      readonly ok: false;
      readonly reason: Refusal;
      readonly fault?: KeyTextFault;
      /** Only where the secret was right. */
      readonly record?: CheckRecord;
    };

export interface Verify {
  verify(text: string, need: Need): MaybePromise<Verdict>;
  /** For whoever proved the secret otherwise. Of several faults the first of: user named, revoked, paused, expired, user, transport, rights, address. */
  judge(record: CheckRecord, need: Need): Verdict;
}

export interface VerifyDeps {
  readonly store: Pick<Store, "findCheck">;
  readonly secrets: Pick<Secrets, "digestKey">;
  readonly clock: Clock;
}

/** Compared with where there is no such key, so that a miss costs what a hit does. */
const NO_DIGEST = new Uint8Array(DIGEST_BYTES);

export function createVerify({ store, secrets, clock }: VerifyDeps): Verify {
  const judge = (record: CheckRecord, need: Need): Verdict => judgeAt(record, need, clock.now());
  const prove = (record: CheckRecord | undefined, digest: Uint8Array, need: Need): Verdict => {
    const now = clock.now();
    const proven = holdsSecret(record?.secrets ?? [], digest, now);
    return record && proven ? judgeAt(record, need, now) : UNKNOWN;
  };
  return {
    judge,
    verify: (text, need) => {
      const key = parseKeyText(text);
      if (!key.ok) return { ok: false, reason: "malformed", fault: key.fault };
      const digest = secrets.digestKey(key);
      const record = store.findCheck(key.id);
      return record instanceof Promise
        ? record.then((found) => prove(found, digest, need))
        : prove(record, digest, need);
    },
  };
}

const UNKNOWN: Verdict = { ok: false, reason: "unknown" };

function holdsSecret(stored: readonly StoredSecret[], digest: Uint8Array, now: number): boolean {
  if (stored.length === 0) equalBytes(NO_DIGEST, digest);
  let proven = false;
  for (const secret of stored) {
    if (equalBytes(secret.digest, digest) && !isExpired(secret.endsAt, now)) proven = true;
  }
  return proven;
}

function judgeAt(record: CheckRecord, need: Need, now: number): Verdict {
  const refuse = (reason: Refusal): Verdict => ({ ok: false, reason, record });
  const { user } = record;
  if (need.username !== undefined && need.username !== user.username) return UNKNOWN;
  if (record.revokedAt !== null) return refuse("revoked");
  if (record.pausedAt !== null) return refuse("paused");
  if (isExpired(record.expiresAt, now)) return refuse("expired");
  if (user.lockedAt !== null) return refuse("user_locked");
  if (user.roles.length === 0) return refuse("no_roles");
  if (need.origin && !need.origin.secure) return refuse("insecure_transport");
  if (!isAllowedFrom(record.allowedIps, need)) return refuse("address_not_allowed");
  const rights = narrowRights(rightsOf(user.roles, user.scopes), record.roles, record.scopes);
  if (need.scope !== undefined && !coversScope(rights.scopes, need.scope)) return refuse("scope_missing");
  return { ok: true, record, rights };
}

/** An address that is not known is not allowed. */
function isAllowedFrom(allowed: readonly string[] | null, need: Need): boolean {
  if (allowed === null) return true;
  const text = need.address ?? need.origin?.address ?? null;
  const address = text === null ? undefined : parseAddress(text);
  return (
    address !== undefined &&
    allowed.some((block) => {
      const network = parseNetwork(block);
      return network !== undefined && networkContains(network, address);
    })
  );
}
