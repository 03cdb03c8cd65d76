/** Sign-ins and calls by a key as uses of it, beside those that services ask about: its owner sees them together. */
import type { Audit } from "../activity/audit.ts";
import type { CountedOutcome, Usage } from "../activity/use.ts";
import { makeId } from "../crypto.ts";
import type { Origin } from "../domain/caller.ts";
import type { Clock } from "../domain/clock.ts";
import type { SignInRefusal } from "./credential.ts";

export interface UseDeps {
  readonly audit: Pick<Audit, "noteUse">;
  readonly usage: Pick<Usage, "count" | "refuse">;
  readonly clock: Clock;
}

export function noteKeyUse({ audit, usage }: UseDeps, keyId: number, { address, client }: Origin): void {
  audit.noteUse(keyId, address, client);
  usage.count(keyId, "ok");
}

export interface RefusedKey {
  readonly keyId: number;
  readonly reason: SignInRefusal;
  /** In words, for the owner. */
  readonly rule: string;
}

/** Only where the secret was right. */
export function noteKeyRefusal({ usage, clock }: UseDeps, refused: RefusedKey, { address }: Origin): void {
  const { keyId, reason, rule } = refused;
  if (!isProven(reason)) return;
  usage.count(keyId, reason);
  usage.refuse({ decision: makeId(), keyId, at: clock.now(), reason, rule, address, host: null });
}

/** Whether the secret was right; of others nothing is known. */
export function isProven(reason: SignInRefusal): reason is Extract<SignInRefusal, CountedOutcome> {
  return !["malformed", "unknown", "too_many_guesses", "busy"].includes(reason);
}
