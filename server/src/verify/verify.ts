/**
 * THE HOT PATH: is this key good, for this use, now.
 *
 * One function for every door. Junk costs no I/O: shape and checksum come first, then one keyed digest, one indexed read
 * and a compare in constant time; what the key and its user may is judged only for somebody who has the secret, so an
 * answer tells nothing of keys to others. SCRAM proves the secret in its own way and then passes the same `judge`.
 * Nothing is cached and nothing is written here: a revocation holds for the very next request.
 */
import type { Origin } from "../domain/caller.ts";
import type { KeyTextFault } from "../domain/key-text.ts";
import type { Rights } from "../domain/rights.ts";
import type { CheckRecord, MaybePromise } from "../store/store.ts";

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
