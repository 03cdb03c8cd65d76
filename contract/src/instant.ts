/** Instants as text: RFC 3339, section 5.6, in all its spellings. One reader for the REST API and the command line. */

const INSTANT =
  /^(\d{4}-\d\d-\d\d)[Tt ]((?:[01]\d|2[0-3]):[0-5]\d)(?::([0-5]\d|60)(?:\.(\d+))?)?([Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/;
/** 100 digits of a fraction are nobody's; three are kept. */
const CHARS_MAX = 128;
export const DAY_MS = 86_400_000;
export const DAY_SECONDS = 86_400;
/** The last instant that RFC 3339 can write. */
export const INSTANT_MAX = Date.UTC(9999, 11, 31, 23, 59, 59);

/**
 * Small `t` and `z`, one space in the place of `T` (as `date --rfc-3339=seconds` writes it) and any number of digits of a
 * fraction count; the seconds may be left out. A leap second (`:60`) is
 * taken where one can be, at the end of a day of UTC, and is the first second of the next.
 *
 * @returns milliseconds since the epoch; undefined for anything else, such as the 31st of a month that has 30 days
 */
export function parseInstant(text: string): number | undefined {
  const [, day, time, seconds = "00", fraction = "", zone] =
    (text.length <= CHARS_MAX && INSTANT.exec(text)) || [];
  if (day === undefined || zone === undefined || !isDay(day)) return undefined;
  const isLeap = seconds === "60";
  const whole = Date.parse(`${day}T${time}:${isLeap ? "59" : seconds}${zone.toUpperCase()}`);
  if (isLeap) return (whole + 1_000) % DAY_MS === 0 ? whole + 1_000 : undefined;
  return whole + Number(fraction.slice(0, 3).padEnd(3, "0"));
}

/** RFC 3339, in UTC. */
export function formatInstant(at: number): string {
  return new Date(at).toISOString();
}

/** Date.parse takes the 31st of any month for the first of the next. */
function isDay(day: string): boolean {
  const midnight = Date.parse(`${day}T00:00:00Z`);
  return !Number.isNaN(midnight) && new Date(midnight).toISOString().slice(0, 10) === day;
}
