/** Alone because the field of the expiry and the form around it know the same limit. */
import { DAY_SECONDS } from "@chatelaine/contract/instant";
import type { Me } from "../api/session.ts";
import { sayLifetime } from "../limits/limit-words.ts";
import type { UserEntry } from "../users/user.ts";

/** How long a key may live from its making or last reset, and by whose word. */
export interface LifeLimit {
  readonly seconds: number;
  readonly words: string;
}

/** The shorter of the server's policy and what the owner's keys are held to; null: as long as one likes. */
export function lifeLimitOf(
  { key_policy }: Pick<Me, "key_policy">,
  owner: UserEntry | undefined,
): LifeLimit | null {
  const { key_days_max: days } = key_policy;
  const seconds = owner?.ceilings?.lifetime_seconds ?? null;
  const byPolicy = days === null ? null : days * DAY_SECONDS;
  if (seconds !== null && (byPolicy === null || seconds <= byPolicy))
    return { seconds, words: `Keys of ${owner?.username} live ${sayLifetime(seconds)} at most.` };
  if (byPolicy === null) return null;
  return { seconds: byPolicy, words: `Keys live ${sayLifetime(byPolicy)} at most here.` };
}
