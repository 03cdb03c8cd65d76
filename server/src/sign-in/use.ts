/** Sign-ins and calls by a key as uses of it, beside those that services ask about: its owner sees them together. */
import type { CountedOutcome, Usage } from "../activity/use.ts";
import { makeId } from "../crypto.ts";
import type { Origin } from "../domain/caller.ts";
import type { Clock } from "../domain/clock.ts";
import type { SignInRefusal } from "./credential.ts";

export interface UseDeps {
  readonly usage: Pick<Usage, "note" | "refuse">;
  readonly clock: Clock;
}

export function noteKeyUse({ usage }: UseDeps, keyId: number, { address, client }: Origin): void {
  usage.note(keyId, "ok", { address, client, host: null });
}

export interface RefusedKey {
  readonly keyId: number;
  readonly reason: SignInRefusal;
  /** In words, for the owner. */
  readonly rule: string;
}

/** Only where the secret was right. */
export function noteKeyRefusal(
  { usage, clock }: UseDeps,
  refused: RefusedKey,
  { address, client }: Origin,
): void {
  const { keyId, reason, rule } = refused;
  if (!isProven(reason)) return;
  usage.note(keyId, reason, { address, client, host: null });
  usage.refuse({ decision: makeId(), keyId, at: clock.now(), reason, rule, address, host: null });
}

/** Whether the secret was right; of others nothing is known. */
export function isProven(reason: SignInRefusal): reason is Extract<SignInRefusal, CountedOutcome> {
  return !["malformed", "unknown", "too_many_guesses", "busy"].includes(reason);
}
