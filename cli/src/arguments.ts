/** Strict readers of arguments; each throws InvalidArgumentError, which is wrong usage. */

import { DAY_MS, DAY_SECONDS, INSTANT_MAX, parseInstant } from "@chatelaine/contract/instant";
import { KEY_ID_MAX, LIFETIME_SECONDS_MAX, RATE_WINDOW_SECONDS_MAX } from "@chatelaine/contract/limits";
import { isRole, ROLES, type Role } from "@chatelaine/contract/roles";
import { InvalidArgumentError } from "commander";

const MINUTE_MS = 60_000;
const UNIT_MS: Readonly<Record<string, number>> = {
  m: MINUTE_MS,
  h: 60 * MINUTE_MS,
  d: DAY_MS,
  w: 7 * DAY_MS,
  y: 365 * DAY_MS,
};

export function parseId(text: string): number {
  const id = /^[1-9]\d{0,9}$/.test(text) ? Number(text) : 0;
  if (id < 1 || id > KEY_ID_MAX)
    throw new InvalidArgumentError(`An id is a whole number from 1 to ${KEY_ID_MAX}.`);
  return id;
}

function parseRole(text: string): Role {
  if (!isRole(text)) throw new InvalidArgumentError(`The roles are ${ROLES.join(", ")}.`);
  return text;
}

/** For a list of arguments or an option that takes several. */
export function collectRole(text: string, before: readonly Role[] = []): Role[] {
  return [...before, parseRole(text)];
}

/** As an option's value: Commander takes null for no value at all. */
export interface Expiry {
  readonly at: number | null;
}

export function readExpiry(text: string): Expiry {
  return { at: parseExpiry(text) };
}

/** An instant, a day, a time from now, or `never`. @returns milliseconds since the epoch; null: never */
export function parseExpiry(text: string, now = Date.now()): number | null {
  if (text === "never") return null;
  const [, count, unit = ""] = /^([1-9]\d{0,8})([mhdwy])$/.exec(text) ?? [];
  const at = count === undefined ? parseInstantOrDay(text) : now + Number(count) * UNIT_MS[unit]!;
  if (at === undefined || at > INSTANT_MAX) {
    throw new InvalidArgumentError(
      "Expected a time from now (30m, 12h, 90d, 2w, 1y), an instant (2030-01-31T12:00:00Z), a day in UTC (2030-01-31) or never.",
    );
  }
  return at;
}

/** @returns seconds */
export function parseLifetime(text: string): number {
  const [, count, unit = ""] = /^([1-9]\d{0,4})([mhdwy])$/.exec(text) ?? [];
  const seconds = (Number(count) * (UNIT_MS[unit] ?? Number.NaN)) / 1000;
  if (!(seconds <= LIFETIME_SECONDS_MAX))
    throw new InvalidArgumentError("Expected a time: 30m, 12h, 90d, 2w, 1y.");
  return seconds;
}

const RATE_UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: DAY_SECONDS };

/** `100/60s`, `100/m`, `5000/d`. */
export function parseRate(text: string): { limit: number; windowSeconds: number } {
  const [, limit, count, unit] = /^([1-9]\d{0,6})\/(?:([1-9]\d{0,4})([smhd])?|([smhd]))$/.exec(text) ?? [];
  const lone = /\/([smhd])$/.exec(text)?.[1];
  const windowSeconds = lone ? RATE_UNITS[lone]! : Number(count) * RATE_UNITS[unit ?? "s"]!;
  if (limit === undefined || windowSeconds > RATE_WINDOW_SECONDS_MAX)
    throw new InvalidArgumentError("Expected a count and a time of at most a day: 100/60s, 100/m, 5000/d.");
  return { limit: Number(limit), windowSeconds };
}

/** RFC 3339, or a day, which begins at midnight UTC. @returns undefined for anything else */
export function parseInstantOrDay(text: string): number | undefined {
  return parseInstant(/^\d{4}-\d\d-\d\d$/.test(text) ? `${text}T00:00:00Z` : text);
}
