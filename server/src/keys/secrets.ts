/** Making a key's secret: its text, its digest, its sealed SCRAM verifier. */

import { HASHES_AT_ONCE_MAX, HASHES_WAITING_MAX } from "@chatelaine/contract/limits";
import {
  makeSalt,
  packVerifier,
  type Random,
  SCRAM_ITERATIONS,
  type Secrets,
  scramKeys,
  sealContext,
} from "../crypto.ts";
import { type Caller, partyOf } from "../domain/caller.ts";
import { AppError } from "../domain/errors.ts";
import { FairQueue } from "../domain/fair-queue.ts";
import type { KeySecret } from "../domain/key.ts";
import { completeKeyBody, formatKeyText, keyHint, makeKeyStem } from "../domain/key-text.ts";
import type { StoredSecret } from "../store/store.ts";

export interface FreshSecret {
  /** Leaves once, after the commit. */
  readonly shown: KeySecret;
  readonly stored: StoredSecret;
  readonly hint: string;
}

/** Does what derives SCRAM keys. Throws unavailable, and does nothing, where too many wait. */
export type Derive = <Result>(caller: Caller, work: () => Promise<Result>) => Promise<Result>;

/** At most two derive at once and twenty wait, so that nobody takes the machine; the places are shared among users. */
export function createDerive(): Derive {
  const queue = new FairQueue({
    atOnce: HASHES_AT_ONCE_MAX,
    eachAtOnce: HASHES_AT_ONCE_MAX,
    waiting: HASHES_WAITING_MAX,
  });
  return async (caller, work) => {
    const derived = await queue.pass(partyOf(caller), work);
    if (!derived) throw new AppError("unavailable", "Too many keys are being made; try again");
    return derived.of;
  };
}

/** One PBKDF2 of 50 000 rounds, off the event loop. */
export async function makeSecret(
  id: number,
  now: number,
  deps: { secrets: Secrets; random: Random },
): Promise<FreshSecret> {
  const body = completeKeyBody(id, makeKeyStem(deps.random));
  const salt = makeSalt(deps.random);
  const scram = await scramKeys(body, salt, SCRAM_ITERATIONS);
  return {
    shown: { text: formatKeyText({ id, body }), scram },
    hint: keyHint(body),
    stored: {
      digest: deps.secrets.digestKey({ id, body }),
      sealed: deps.secrets.seal(packVerifier(scram), sealContext(id)),
      salt,
      iterations: SCRAM_ITERATIONS,
      createdAt: now,
      endsAt: null,
    },
  };
}
