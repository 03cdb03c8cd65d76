/**
 * The values of filters: folded and compared.
 *
 * Unlike Python, `true` is not 1. Text is ordered by code point, as Python and both databases (BINARY, "C") do and
 * JavaScript's `<` does not. Instants have milliseconds; finer digits are cut off.
 */
import { parseInstant } from "@chatelaine/contract/instant";

/** What a filter's value and a record's field may be. */
export type QueryValue =
  | null
  | boolean
  | number
  | string
  | Date
  | ReadonlySet<QueryValue>
  | readonly QueryValue[]
  | { readonly [name: string]: QueryValue };

export function codePoints(text: string): number {
  let count = text.length;
  for (let at = 0; at < text.length; at++) if ((text.charCodeAt(at) & 0xfc00) === 0xdc00) count--;
  return count;
}

const ISO =
  /^(\d{4})(-?)(\d\d)\2(\d\d)(?:[T ](\d\d)(?::?(\d\d)(?::?(\d\d)(?:[.,](\d{1,9}))?)?)?(?:Z|([+-])(\d\d)(?::?(\d\d))?)?)?$/;

/** An instant of RFC 3339, or an ISO 8601 date or time, basic or extended. Without an offset it is UTC. */
export function parseIsoInstant(text: string): Date | undefined {
  const instant = parseInstant(text);
  if (instant !== undefined) return new Date(instant);
  const parts = ISO.exec(text);
  if (!parts) return undefined;
  const [, year, , month, day, hour = "00", minute = "00", second = "00", fraction = "", sign, ...offset] =
    parts;
  const [offsetHours, offsetMinutes] = offset.map((digits) => Number(digits ?? 0));
  if (offsetHours! > 23 || offsetMinutes! > 59) return undefined;
  const local = `${year}-${month}-${day}T${hour}:${minute}:${second}.${fraction.padEnd(3, "0").slice(0, 3)}Z`;
  const at = Date.parse(local);
  if (Number.isNaN(at) || new Date(at).toISOString() !== local) return undefined;
  const offsetMs = (offsetHours! * 60 + offsetMinutes!) * 60_000;
  return new Date(sign === "-" ? at + offsetMs : at - offsetMs);
}

/** Case folding of strings and of a list's strings, near to Unicode's; other values stay as they are. */
export function fold(value: QueryValue): QueryValue {
  if (typeof value === "string") return foldText(value);
  if (isList(value)) return value.map(foldMember);
  if (value instanceof Set) return new Set([...value].map(foldMember));
  return value;
}

function foldMember(member: QueryValue): QueryValue {
  return typeof member === "string" ? foldText(member) : member;
}

function foldText(text: string): string {
  // Upper case first joins ß with SS and ſ with s, but ẞ with nothing; a final sigma must equal one that is not.
  return text.replaceAll("ẞ", "ß").toUpperCase().toLowerCase().replaceAll("ς", "σ");
}

/** Deep equality. Sets have no order; values of different types are never equal. */
export function isEqual(a: QueryValue, b: QueryValue): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (a instanceof Date) return b instanceof Date && a.getTime() === b.getTime();
  if (isList(a))
    return isList(b) && a.length === b.length && a.every((member, at) => isEqual(member, b[at]!));
  if (a instanceof Set)
    return b instanceof Set && a.size === b.size && [...a].every((member) => hasMember(b, member));
  if (!isMapping(a) || !isMapping(b)) return false;
  const names = Object.keys(a);
  return (
    names.length === Object.keys(b).length &&
    names.every((name) => Object.hasOwn(b, name) && isEqual(a[name]!, b[name]!))
  );
}

export function hasMember(list: readonly QueryValue[] | ReadonlySet<QueryValue>, value: QueryValue): boolean {
  if (list instanceof Set ? list.has(value) : isList(list) && list.includes(value)) return true;
  if (typeof value !== "object" || value === null) return false;
  for (const member of list) if (isEqual(member, value)) return true;
  return false;
}

/** @returns less, equal or more as a number; undefined where the two have no order. */
export function compareValues(a: QueryValue, b: QueryValue): number | undefined {
  if (typeof a === "string") return typeof b === "string" ? compareText(a, b) : undefined;
  if (typeof a === "number" && typeof b === "number") return Number(a > b) - Number(a < b);
  if (typeof a === "boolean" && typeof b === "boolean") return Number(a) - Number(b);
  if (a instanceof Date && b instanceof Date) return a.getTime() - b.getTime();
  return undefined;
}

/** By code point. */
function compareText(a: string, b: string): number {
  const end = Math.min(a.length, b.length);
  for (let at = 0; at < end; at++) {
    const left = a.charCodeAt(at);
    const right = b.charCodeAt(at);
    if (left !== right) return codePointRank(left) - codePointRank(right);
  }
  return a.length - b.length;
}

/** Moves surrogates, which stand for code points past U+FFFF, above all other units. */
function codePointRank(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800;
}

export function isList(value: unknown): value is readonly QueryValue[] {
  return Array.isArray(value);
}

/** An object with named members: no list, set or instant. */
export function isMapping(value: unknown): value is { readonly [name: string]: QueryValue } {
  return (
    typeof value === "object" &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof Set) &&
    !(value instanceof Date)
  );
}
