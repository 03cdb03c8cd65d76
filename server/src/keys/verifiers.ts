/** What proves a key by SCRAM: read for those who may see it, and computed from a key's text. Both are recorded. */
import type { Audit } from "../activity/audit.ts";
import { type Secrets, scramKeys, sealContext, unpackVerifier } from "../crypto.ts";
import { type Caller, requireRole } from "../domain/caller.ts";
import type { Key, KeySecret, ScramVerifier } from "../domain/key.ts";
import type { KeyText } from "../domain/key-text.ts";
import type { Store } from "../store/store.ts";
import type { Derive } from "./secrets.ts";

export interface Verifiers {
  /**
   * Opens SCRAM verifiers of these keys, some at a time; undefined unless the caller may see secrets of all users
   * (API_KEY_WRITE), because then they are shown masked. Recorded once where keys of others are among them.
   * @param areFresh made by this very call: who makes a key is told it anyway
   */
  verifiers(
    caller: Caller,
    keys: readonly Pick<Key, "id" | "userId">[],
    areFresh?: boolean,
  ): ((ids: readonly number[]) => Promise<ReadonlyMap<number, ScramVerifier>>) | undefined;
  /**
   * What a SCRAM client needs to use this text with the key's stored salt; whether the text is right is not told. Recorded.
   * Throws unavailable where too many are made.
   */
  convert(caller: Caller, key: KeyText): Promise<KeySecret["scram"] | "missing" | "revoked">;
}

export interface VerifiersDeps {
  readonly store: Pick<Store, "findKey" | "findSecrets" | "requireStanding">;
  readonly secrets: Pick<Secrets, "unseal">;
  readonly audit: Pick<Audit, "noteRead">;
  readonly derive: Derive;
}

/** Of keys whose verifiers were read, so many are named. */
const NAMED_MAX = 100;

export function createVerifiers({ store, secrets, audit, derive }: VerifiersDeps): Verifiers {
  const open = async (ids: readonly number[]): Promise<ReadonlyMap<number, ScramVerifier>> => {
    const stored = await store.findSecrets(ids);
    const opened = new Map<number, ScramVerifier>();
    for (const [id, { sealed, salt, iterations }] of stored) {
      opened.set(id, unpackVerifier(secrets.unseal(sealed, sealContext(id)), salt, iterations));
    }
    return opened;
  };
  return {
    verifiers: (caller, keys, areFresh = false) => {
      if (!caller.roles.has("API_KEY_WRITE")) return undefined;
      const others = keys.filter(({ userId }) => userId !== caller.userId).map(({ id }) => id);
      if (others.length > 0 && !areFresh) {
        const description = `Read SCRAM verifiers of keys of others: ${others.length}`;
        const details = { count: others.length, ids: others.slice(0, NAMED_MAX) };
        audit.noteRead(caller, { action: "key.verifiers", description, target: null, details });
      }
      return open;
    },
    convert: async (caller, { id, body }) => {
      requireRole(caller, "API_KEY_READ");
      const [key, stored] = await Promise.all([store.findKey(id), store.findSecrets([id])]);
      const secret = stored.get(id);
      if (!key || !secret) return "missing";
      if (key.revokedAt !== null || key.pausedAt !== null) return "revoked";
      const scram = await derive(caller, () => scramKeys(body, secret.salt, secret.iterations));
      await store.requireStanding(caller);
      const description = `Make a SCRAM key file of API key ${key.name}`;
      const target = { kind: "key", id, name: key.name } as const;
      audit.noteRead(caller, { action: "key.scram", description, target, details: {} });
      return scram;
    },
  };
}
