/** A user's ceilings as the panel holds them. */
import { DAY_SECONDS } from "@chatelaine/contract/instant";
import { type LimitsEntry, splitLifetime } from "./limit-words.ts";

export interface CeilingValues extends Record<string, unknown> {
  addresses: string[];
  rate: number | "";
  rateWindow: string;
  life: number | "";
  lifeUnit: string;
}

/** Names on the wire, and where they stand in the panel. */
export const CEILING_FIELDS = {
  "ceilings.allowed_ips": "addresses",
  "ceilings.rate_limit": "rate",
  "ceilings.lifetime_seconds": "life",
} as const;

export function ceilingValues(ceilings: LimitsEntry | null): CeilingValues {
  const { allowed_ips, rate_limit, lifetime_seconds } = ceilings ?? NONE;
  const life = lifetime_seconds === null ? undefined : splitLifetime(lifetime_seconds);
  return {
    addresses: [...(allowed_ips ?? [])],
    rate: rate_limit?.limit ?? "",
    rateWindow: String(rate_limit?.window_seconds ?? 60),
    life: life?.count ?? "",
    lifeUnit: life?.unit ?? String(DAY_SECONDS),
  };
}

const NONE: LimitsEntry = { allowed_ips: null, rate_limit: null, lifetime_seconds: null };

/** null: they are held to nothing. */
export function ceilingsOf({
  addresses,
  rate,
  rateWindow,
  life,
  lifeUnit,
}: CeilingValues): LimitsEntry | null {
  if (addresses.length === 0 && rate === "" && life === "") return null;
  return {
    allowed_ips: addresses.length === 0 ? null : addresses,
    rate_limit: rate === "" ? null : { limit: rate, window_seconds: Number(rateWindow) },
    lifetime_seconds: life === "" ? null : life * Number(lifeUnit),
  };
}
