/**
 * Slows the guessing of passwords, for each account and each network, across restarts.
 *
 * Every attempt is counted before its password is checked. A network from which the account has signed in before has a
 * bucket of its own for that account, so that anyone who guesses from elsewhere cannot lock the owner out (held by
 * `guesses.test.ts`). An attempt that turned out right is no guess and is taken back.
 */

import type { Secrets } from "../crypto.ts";
import { networkOf } from "../domain/address.ts";
import type { Clock } from "../domain/clock.ts";
import type { Store } from "../store/store.ts";

export const GUESS_WINDOW_MS = 15 * 60_000;
export const ACCOUNT_GUESSES_MAX = 10;
export const NETWORK_GUESSES_MAX = 50;
/** How long a network stays one that the account signed in from. */
const KNOWN_NETWORK_MS = 30 * 24 * 3_600_000;

export interface Attempt {
  /** The password was right. */
  succeeded(): Promise<void>;
  /** It was not checked. */
  takeBack(): Promise<void>;
}

export interface GuessDeps {
  readonly store: Pick<Store, "countGuess" | "clearGuesses">;
  readonly secrets: Pick<Secrets, "digestToken">;
  readonly clock: Clock;
}

/**
 * Counts an attempt.
 * @param named undefined for what cannot be a user name: then the network alone is counted
 * @returns undefined where there were too many
 */
export async function countAttempt(
  { store, secrets, clock }: GuessDeps,
  named: string | undefined,
  address: string | null,
): Promise<Attempt | undefined> {
  const network = networkOf(address);
  // Whatever is typed where a name belongs, a password too: what is kept of it tells nothing without the master secret.
  const username = named && Buffer.from(secrets.digestToken(`guesses of ${named}`)).toString("base64url");
  const count = (bucket: string, by: -1 | 0 | 1, windowMs = GUESS_WINDOW_MS): Promise<number> =>
    store.countGuess(bucket, clock.now(), windowMs, by);
  const known = `known|${username}|${network}`;
  const isKnown = username !== undefined && (await count(known, 0, KNOWN_NETWORK_MS)) > 0;
  const buckets = isKnown ? ownBucket(username, network) : commonBuckets(username, network);
  for (const { name, max } of buckets) if ((await count(name, 1)) > max) return undefined;
  const takeBack = async (): Promise<void> => {
    for (const { name } of buckets) await count(name, -1);
  };
  return {
    takeBack,
    succeeded: async () => {
      await (isKnown ? store.clearGuesses(buckets[0]!.name) : takeBack());
      await store.clearGuesses(known);
      await count(known, 1, KNOWN_NETWORK_MS);
    },
  };
}

interface Bucket {
  readonly name: string;
  readonly max: number;
}

function ownBucket(username: string, network: string): Bucket[] {
  return [{ name: `own|${username}|${network}`, max: ACCOUNT_GUESSES_MAX }];
}

/** The network first: what it refuses costs no account anything. */
function commonBuckets(username: string | undefined, network: string): Bucket[] {
  const ofNetwork = { name: `network|${network}`, max: NETWORK_GUESSES_MAX };
  if (username === undefined) return [ofNetwork];
  return [ofNetwork, { name: `account|${username}`, max: ACCOUNT_GUESSES_MAX }];
}
