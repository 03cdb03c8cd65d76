/** The values of one query, decoded from JSON within bounds. */
import { codePoints, type QueryValue } from "../domain/filter-values.ts";

/** Characters of any string in a query. */
const QUERY_TEXT_CHARS_MAX = 1024;
const LIST_LENGTH_MAX = 1000;
const VALUES_MAX = 10_000;
const DEPTH_MAX = 16;
const DATE_MS_MAX = 8.64e15;

/** Decodes the values of one query. `fail` throws. */
export class ValueReader {
  readonly #fail: (message: string) => never;
  #left = VALUES_MAX;

  constructor(fail: (message: string) => never) {
    this.#fail = fail;
  }

  /** `{"$date": milliseconds}` becomes a Date and `{"$set": [...]}` a Set, at any depth. */
  read(json: unknown, depth = 0): QueryValue {
    if (depth > DEPTH_MAX) this.#fail(`Value error, values may be nested ${DEPTH_MAX} deep`);
    if (this.#left-- <= 0) this.#fail(`Value error, a query may have ${VALUES_MAX} values in all`);
    if (json === null || typeof json === "boolean") return json;
    if (typeof json === "number" && !Number.isNaN(json)) return json;
    if (typeof json === "string") return this.#text(json);
    if (Array.isArray(json)) return this.#list(json, depth);
    if (isPlainObject(json)) return this.#object(json, depth);
    return this.#fail("Input should be a valid JSON value");
  }

  #text(text: string): string {
    const fault = textFault(text);
    return fault === undefined ? text : this.#fail(fault);
  }

  #list(list: readonly unknown[], depth: number): QueryValue[] {
    if (list.length > LIST_LENGTH_MAX) {
      this.#fail(`List should have at most ${LIST_LENGTH_MAX} items, not ${list.length}`);
    }
    return Array.from(list, (member) => this.read(member, depth + 1));
  }

  #object(object: object, depth: number): QueryValue {
    const entries = Object.entries(object);
    const [name, inner] = entries.length === 1 ? entries[0]! : [];
    if (name === "$date") return this.#instant(inner);
    if (name === "$set") {
      if (!Array.isArray(inner)) this.#fail("Input should be a valid set");
      return new Set(this.#list(inner, depth));
    }
    if (entries.length > LIST_LENGTH_MAX) this.#fail(`An object may have ${LIST_LENGTH_MAX} members`);
    return Object.fromEntries(entries.map(([key, value]) => [this.#text(key), this.read(value, depth + 1)]));
  }

  #instant(milliseconds: unknown): Date {
    if (Number.isInteger(milliseconds) && Math.abs(milliseconds as number) <= DATE_MS_MAX) {
      return new Date(milliseconds as number);
    }
    return this.#fail("Input should be a valid datetime");
  }
}

/** @returns why a string is refused in a query, or undefined. */
export function textFault(text: string): string | undefined {
  if (!text.isWellFormed()) return "Input should be a valid string";
  const fits = text.length <= QUERY_TEXT_CHARS_MAX || codePoints(text) <= QUERY_TEXT_CHARS_MAX;
  return fits ? undefined : `String should have at most ${QUERY_TEXT_CHARS_MAX} characters`;
}

function isPlainObject(value: unknown): value is object {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype;
}
