/** Making a key's secret: its text, its digest, its sealed SCRAM verifier. */
import {
  makeSalt,
  packVerifier,
  type Random,
  SCRAM_ITERATIONS,
  type Secrets,
  scramKeys,
  sealContext,
} from "../crypto.ts";
import type { KeySecret } from "../domain/key.ts";
import { completeKeyBody, formatKeyText, keyHint, makeKeyStem } from "../domain/key-text.ts";
import type { StoredSecret } from "../store/store.ts";

export interface FreshSecret {
  /** Leaves once, after the commit. */
  readonly shown: KeySecret;
  readonly stored: StoredSecret;
  readonly hint: string;
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
