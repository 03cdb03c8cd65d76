/** Rates and lifetimes as people say them. */
import { DAY_SECONDS } from "@chatelaine/contract/instant";
import type { UserEntry } from "../users/user.ts";

export type LimitsEntry = NonNullable<UserEntry["ceilings"]>;
export type Rate = NonNullable<LimitsEntry["rate_limit"]>;

export interface Unit {
  readonly value: string;
  readonly label: string;
}

const RATE_WINDOWS: readonly Unit[] = [
  { value: "1", label: "a second" },
  { value: "60", label: "a minute" },
  { value: "3600", label: "an hour" },
  { value: String(DAY_SECONDS), label: "a day" },
];
const LIFETIME_UNITS: readonly Unit[] = [
  { value: "60", label: "minutes" },
  { value: "3600", label: "hours" },
  { value: String(DAY_SECONDS), label: "days" },
];

const COUNT = new Intl.NumberFormat();

/** "100 uses a minute" */
export function sayRate({ limit, window_seconds }: Rate): string {
  return `${COUNT.format(limit)} ${limit === 1 ? "use" : "uses"} ${windowWords(window_seconds)}`;
}

function windowWords(seconds: number): string {
  return RATE_WINDOWS.find(({ value }) => value === String(seconds))?.label ?? `in ${seconds} seconds`;
}

/** A window set elsewhere may be any. */
export function windowsWith(seconds: string): readonly Unit[] {
  if (RATE_WINDOWS.some(({ value }) => value === seconds)) return RATE_WINDOWS;
  return [...RATE_WINDOWS, { value: seconds, label: windowWords(Number(seconds)) }];
}

/** As a count of the largest unit that it is a whole number of. */
export function splitLifetime(seconds: number): { readonly count: number; readonly unit: string } {
  const unit = LIFETIME_UNITS.findLast(({ value }) => seconds % Number(value) === 0)?.value ?? "1";
  return { count: seconds / Number(unit), unit };
}

export function lifetimeUnitsWith(unit: string): readonly Unit[] {
  return unit === "1" ? [{ value: "1", label: "seconds" }, ...LIFETIME_UNITS] : LIFETIME_UNITS;
}

/** "90 days" */
export function sayLifetime(seconds: number): string {
  const { count, unit } = splitLifetime(seconds);
  const word = lifetimeUnitsWith(unit).find(({ value }) => value === unit)?.label ?? "";
  return `${count} ${count === 1 ? word.replace(/s$/, "") : word}`;
}

/** Each limit that is there, as a line. */
export function sayCeilings({ allowed_ips, rate_limit, lifetime_seconds }: LimitsEntry): string[] {
  return [
    ...(allowed_ips === null ? [] : [`Works only from ${allowed_ips.join(", ") || "nowhere"}`]),
    ...(rate_limit === null ? [] : [`${sayRate(rate_limit)}, all together`]),
    ...(lifetime_seconds === null ? [] : [`Live ${sayLifetime(lifetime_seconds)} at most`]),
  ];
}
