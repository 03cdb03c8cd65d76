/**
 * The public keys of signed identities, from `/.well-known/jwks.json` (RFC 7517). They are kept for a while, and fetched
 * again when a key id appears that is not among them, but not more often than every few seconds: anyone who sends made-up
 * ids makes no more requests than that. Where they cannot be fetched, those that are known go on for an hour.
 */
import { askJson, type Fetch, unavailable } from "./answer.ts";
import { directFetch } from "./direct-fetch.ts";

export interface KeySet {
  /** @returns undefined where there is no such key. Throws `unavailable` where that cannot be known. */
  find(keyId: string): Promise<CryptoKey | undefined>;
}

export interface RemoteKeysOptions {
  readonly fetch?: Fetch;
  readonly timeoutMs?: number;
  /** Milliseconds, monotonic. */
  readonly now?: () => number;
}

const TIMEOUT_MS = 2_000;
const FRESH_MS = 300_000;
const USABLE_MS = 3_600_000;
const PAUSE_MS = 5_000;
const CHARS_MAX = 64 * 1024;
const KEYS_MAX = 32;

export function remoteKeys(url: string, options: RemoteKeysOptions = {}): KeySet {
  const { timeoutMs = TIMEOUT_MS, now = () => performance.now() } = options;
  const fetcher = options.fetch ?? directFetch;
  let keys: ReadonlyMap<string, CryptoKey> | undefined;
  let [fetchedAt, triedAt] = [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY];
  let failure: unknown;
  let running: Promise<void> | undefined;
  const load = async (): Promise<void> => {
    triedAt = now();
    try {
      const { body } = await askJson({ fetch: fetcher, url, init: {}, timeoutMs, charsMax: CHARS_MAX });
      keys = await importKeys(body);
      [fetchedAt, failure] = [now(), undefined];
    } catch (error) {
      failure = error;
    }
  };
  const refresh = async (): Promise<void> => {
    if (!running && now() - triedAt < PAUSE_MS) return;
    running ??= load().finally(() => {
      running = undefined;
    });
    await running;
  };
  return {
    find: async (keyId) => {
      if (now() - fetchedAt > FRESH_MS || !keys?.has(keyId)) await refresh();
      if (!keys || now() - fetchedAt > USABLE_MS) throw failure ?? unavailable("there are no keys");
      const found = keys.get(keyId);
      if (!found && failure) throw failure;
      return found;
    },
  };
}

/** Those that are for signatures by Ed25519; any other is as if it were not there. */
async function importKeys(body: unknown): Promise<ReadonlyMap<string, CryptoKey>> {
  const listed = (body as { keys?: unknown } | null)?.keys;
  if (!Array.isArray(listed)) throw unavailable("the answer is no set of keys");
  const keys = new Map<string, CryptoKey>();
  for (const jwk of listed.slice(0, KEYS_MAX) as Readonly<Record<string, unknown>>[]) {
    const { kty, crv, x, kid, use = "sig", alg = "EdDSA" } = jwk ?? {};
    if (kty !== "OKP" || crv !== "Ed25519" || use !== "sig" || !["EdDSA", "Ed25519"].includes(alg as string))
      continue;
    if (typeof kid !== "string" || typeof x !== "string") continue;
    const imported = crypto.subtle.importKey("jwk", { kty, crv, x }, "Ed25519", false, ["verify"]);
    keys.set(kid, await imported);
  }
  return keys;
}
