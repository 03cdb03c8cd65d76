/**
 * Sign-in by SCRAM (`conformance/3.4-scram.txt`). Whether a key exists is not told: a name that is nobody's gets a salt of its own, always
 * the same, and fails at the second step after the same work. The verifier is read again at that step, so that a reset in
 * between fails.
 */
import {
  packVerifier,
  type Random,
  SCRAM_ITERATIONS,
  type Secrets,
  sealContext,
  unpackVerifier,
} from "../crypto.ts";
import type { Origin } from "../domain/caller.ts";
import { isExpired, type ScramVerifier } from "../domain/key.ts";
import type { CheckRecord, Store, StoredSecret } from "../store/store.ts";
import type { Verify } from "../verify/verify.ts";
import { type KeyUseNotes, noteKeyRefusal, noteRefusal, type RefusalNotes, wordsOfRefusal } from "./audit.ts";
import type { NotSignedIn, ScramExchange, SignInRefusal } from "./credential.ts";
import { credentialOfKey } from "./key.ts";
import { type MarkDeps, markNow } from "./revocations.ts";
import {
  type ClientFirst,
  challenge,
  checkProof,
  NONCE_BYTES,
  parseClientFinal,
  parseClientFirst,
  type ScramChallenge,
} from "./scram-messages.ts";

export interface ScramMethodDeps extends MarkDeps, RefusalNotes, KeyUseNotes {
  readonly store: Pick<Store, "findCheck" | "findSecrets">;
  readonly verify: Pick<Verify, "admit">;
  readonly secrets: Secrets;
  readonly random: Random;
}

type Finished = Awaited<ReturnType<ScramExchange["finish"]>>;

interface Refused {
  readonly reason: SignInRefusal;
  readonly error: string;
  /** Where the proof was right. */
  readonly record?: CheckRecord;
}

/** No key has this number: the sealed verifier that nobody can prove to know. */
const NOBODYS_KEY_ID = 0;

export class ScramMethod {
  readonly #deps: ScramMethodDeps;
  readonly #nobodys: Uint8Array;

  constructor(deps: ScramMethodDeps) {
    this.#deps = deps;
    this.#nobodys = sealNobodys(deps.secrets, deps.random);
  }

  async first(
    message: string,
    origin: Origin,
    binding: Uint8Array | undefined,
  ): Promise<ScramExchange | undefined> {
    const first = parseClientFirst(message);
    if (!first || (first.isBound && !binding)) {
      this.#refuse({ reason: "unknown", error: "Bad first message" }, origin);
      return undefined;
    }
    const { random, secrets } = this.#deps;
    const { secret } = await this.#find(first);
    const fakeSalt = secrets.fakeSalt(`${first.username}:${first.keyId}`);
    const { salt, iterations } = secret ?? { salt: fakeSalt, iterations: SCRAM_ITERATIONS };
    const sent = challenge(first, { nonce: random(NONCE_BYTES), salt, iterations, binding });
    let isOpen = true;
    return {
      serverFirst: sent.serverFirst,
      finish: async (clientFinal) => {
        if (!isOpen) return { kind: "refused", reason: "unknown" };
        isOpen = false;
        return this.#finish(sent, clientFinal, origin);
      },
    };
  }

  async #finish(sent: ScramChallenge, clientFinal: string, origin: Origin): Promise<Finished> {
    const { verify } = this.#deps;
    const seen = await markNow(this.#deps);
    const { record, secret } = await this.#find(sent.first);
    const verifier = this.#open(sent.first.keyId, secret);
    const final = parseClientFinal(clientFinal);
    const serverFinal = final && checkProof(sent, final, verifier);
    if (!record || !secret || !serverFinal)
      return this.#refuse({ reason: "unknown", error: "Invalid API key" }, origin);
    const verdict = await verify.admit(record, {
      origin: { ...origin, transport: "secure" },
      username: sent.first.username,
      secret: secret.digest,
    });
    if (!verdict.ok) {
      const { reason } = verdict;
      return this.#refuse({ reason, error: wordsOfRefusal(reason), record }, origin);
    }
    const credential = credentialOfKey(this.#deps, verdict, { seen, methods: ["scram"] });
    return { kind: "signed_in", credential, serverFinal };
  }

  /** Nothing where the key is not there or not the named user's; the same reads either way. */
  async #find({ keyId, username }: ClientFirst): Promise<{ record?: CheckRecord; secret?: StoredSecret }> {
    const { store, clock } = this.#deps;
    const record = await store.findCheck(keyId);
    const secret = (await store.findSecrets([keyId])).get(keyId);
    if (!record || !secret || record.user.username !== username) return {};
    return isExpired(secret.endsAt, clock.now()) ? {} : { record, secret };
  }

  #open(keyId: number, secret: StoredSecret | undefined): ScramVerifier {
    const { secrets } = this.#deps;
    if (secret) {
      const packed = secrets.unseal(secret.sealed, sealContext(keyId));
      return unpackVerifier(packed, secret.salt, secret.iterations);
    }
    const packed = secrets.unseal(this.#nobodys, sealContext(NOBODYS_KEY_ID));
    return unpackVerifier(packed, new Uint8Array(), SCRAM_ITERATIONS);
  }

  #refuse({ reason, error, record }: Refused, origin: Origin): NotSignedIn {
    const username = record?.user.username;
    noteRefusal(this.#deps, { kind: "SCRAM", reason, error, username, key: record }, origin);
    if (record) noteKeyRefusal(this.#deps, { keyId: record.id, reason, rule: error }, origin);
    return { kind: "refused", reason };
  }
}

function sealNobodys(secrets: Secrets, random: Random): Uint8Array {
  const verifier = {
    salt: new Uint8Array(),
    iterations: SCRAM_ITERATIONS,
    storedKey: random(64),
    serverKey: random(64),
  };
  return secrets.seal(packVerifier(verifier), sealContext(NOBODYS_KEY_ID));
}
