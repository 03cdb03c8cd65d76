/**
 * Positional parameters: read by Zod schemas, refused in pydantic's words (`conformance/2.2-errors.txt`), all faults at once. Types are
 * strict, unknown members are errors, every string is bounded.
 */
import { INSTANT_MAX } from "@chatelaine/contract/instant";
import { z } from "zod";
import type { Condition } from "../domain/filter.ts";
import { type Invalid, ValidationErrors } from "./errors.ts";
import { parseFilters, QueryError, type QueryOptions } from "./query-filters.ts";
import { parseOptions } from "./query-options.ts";

const TEXT_CHARS_MAX = 1024;
/** Members that are not known are named in an answer; it stays shorter than the request. */
const UNKNOWN_NAMED_MAX = 50;

export interface Param<Value = unknown> {
  readonly name: string;
  readonly isOptional: boolean;
  /** For the documentation. */
  readonly schema: z.ZodType;
  /** @param given undefined where the call has fewer parameters */
  read(given: unknown, faults: Invalid[]): Value;
}

export type Values<Params extends readonly Param[]> = {
  [Place in keyof Params]: Params[Place] extends Param<infer Value> ? Value : never;
};

/** Throws ValidationErrors. */
export function readParams<const Params extends readonly Param[]>(
  params: Params,
  given: readonly unknown[],
): Values<Params> {
  const faults: Invalid[] = [];
  if (given.length > params.length) {
    const message = `Too many arguments (expected ${params.length}, found ${given.length})`;
    throw new ValidationErrors([{ attribute: "", message }]);
  }
  const values = params.map((param, place) => {
    if (place < given.length || param.isOptional) return param.read(given[place], faults);
    faults.push({ attribute: param.name, message: "Field required" });
    return undefined;
  });
  if (faults.length > 0) throw new ValidationErrors(faults);
  return values as Values<Params>;
}

/** A parameter that may be left out when its schema takes `undefined`. */
export function param<Schema extends z.ZodType>(name: string, schema: Schema): Param<z.output<Schema>> {
  const isOptional = schema.safeParse(undefined).success;
  return { name, isOptional, schema, read: (given, faults) => readBy(schema, name, given, faults) };
}

/** A parameter of one of several shapes, told apart by a member whose value stands in the attribute's path too. */
export function taggedParam<Schema extends z.ZodType>(
  name: string,
  tag: string,
  schema: Schema,
): Param<z.output<Schema>> {
  const read = (given: unknown, faults: Invalid[]): z.output<Schema> => {
    const inner: Invalid[] = [];
    const value = readBy(schema, "", given, inner);
    const chosen = isObject(given) && typeof given[tag] === "string" ? `.${given[tag]}` : "";
    for (const fault of inner) {
      const isTag = fault.attribute === "" || fault.attribute === `.${tag}`;
      faults.push({ ...fault, attribute: `${name}${isTag ? "" : chosen}${fault.attribute}` });
    }
    return value;
  };
  return { name, isOptional: false, schema, read };
}

const QUERY_SCHEMAS = {
  filters: z
    .array(z.unknown())
    .meta({ description: "Filters of the query language, all of which must hold." }),
  options: z
    .strictObject({
      select: z.array(z.unknown()).default([]),
      order_by: z.array(z.string()).default([]),
      limit: z.int().min(0).max(10_000).default(0).meta({ description: "0: all." }),
      offset: z.int().min(0).default(0),
      count: z.boolean().default(false),
      get: z.boolean().default(false),
    })
    .meta({ description: "Options of the query language." }),
} as const;

export const filtersParam: Param<Condition> = queryParam("filters", parseFilters);
export const optionsParam: Param<QueryOptions> = queryParam("options", parseOptions);

export const flag = z.boolean();
export const integer = z.int();

interface TextRules {
  readonly min?: number;
  readonly max?: number;
  /** Never recorded. */
  readonly isSecret?: boolean;
}

/** Characters are counted as code points. */
export function text({ min = 0, max = TEXT_CHARS_MAX, isSecret }: TextRules = {}): z.ZodType<string> {
  return z
    .string()
    .check(({ value, issues }) => {
      const message = textFault(value, min, max);
      if (message !== undefined) issues.push({ code: "custom", message, input: value });
    })
    .meta({ ...(min > 0 && { minLength: min }), maxLength: max, ...(isSecret && { writeOnly: true }) });
}

/** Any object, with all its members: Zod's record leaves `__proto__` out. */
export const dictionary = z
  .custom<Readonly<Record<string, unknown>>>(isObject, { error: "Input should be a valid dictionary" })
  .meta({ type: "object" });

/** Any value, which must be there. */
export const anything = z.unknown().refine((value) => value !== undefined);

/** `{"$date": milliseconds}` alone; to milliseconds. */
export const datetime = z
  .custom<{ $date: number }>(isDatetime, { error: "Input should be a valid datetime" })
  .meta({
    type: "object",
    description: "An instant: milliseconds since the epoch, UTC.",
    properties: { $date: { type: "integer" } },
    required: ["$date"],
  })
  .transform(({ $date }) => $date);

function textFault(value: string, min: number, max: number): string | undefined {
  if (!value.isWellFormed()) return "Input should be a valid string";
  const count = value.length > max ? [...value].length : value.length;
  if (count < min) return `String should have at least ${plural(min, "character")}`;
  return count > max ? `String should have at most ${plural(max, "character")}` : undefined;
}

function isDatetime(value: unknown): boolean {
  if (!isObject(value) || Object.keys(value).length !== 1) return false;
  return Number.isInteger(value.$date) && Math.abs(value.$date as number) <= INSTANT_MAX;
}

function queryParam<Value>(name: keyof typeof QUERY_SCHEMAS, parse: (json: unknown) => Value): Param<Value> {
  const read = (given: unknown, faults: Invalid[]): Value => {
    try {
      return parse(given);
    } catch (error) {
      if (!(error instanceof QueryError)) throw error;
      faults.push(...error.issues.map(({ path, message }) => ({ attribute: path, message })));
      return undefined as Value;
    }
  };
  return { name, isOptional: true, schema: QUERY_SCHEMAS[name], read };
}

function readBy<Schema extends z.ZodType>(
  schema: Schema,
  name: string,
  given: unknown,
  faults: Invalid[],
): z.output<Schema> {
  const parsed = schema.safeParse(given);
  if (parsed.success) return parsed.data;
  for (const issue of parsed.error.issues) faults.push(...faultsOf(issue, name, given));
  return undefined as z.output<Schema>;
}

type ZodIssue = z.core.$ZodIssue;

function faultsOf(issue: ZodIssue, name: string, given: unknown): Invalid[] {
  const attribute = [name, ...issue.path.map(String)].join(".");
  if (issue.code === "unrecognized_keys") {
    return issue.keys.slice(0, UNKNOWN_NAMED_MAX).map((key) => ({
      attribute: `${attribute}.${key.slice(0, 100)}`,
      message: "Extra inputs are not permitted",
    }));
  }
  const value = valueAt(given, issue.path);
  if (issue.code === "invalid_union" && issue.path.length > 0 && value !== undefined) {
    const attribute = [name, ...issue.path.slice(0, -1)].join(".");
    return [{ attribute, message: tagMessage(issue, value), recorded: "Input tag is none of the expected" }];
  }
  return [{ attribute, message: value === undefined ? "Field required" : messageOf(issue) }];
}

const TYPES: Readonly<Record<string, string>> = {
  string: "Input should be a valid string",
  number: "Input should be a valid integer",
  int: "Input should be a valid integer",
  boolean: "Input should be a valid boolean",
  array: "Input should be a valid list",
  object: "Input should be a valid dictionary",
  record: "Input should be a valid dictionary",
};

function messageOf(issue: ZodIssue): string {
  switch (issue.code) {
    case "invalid_type":
      return TYPES[issue.expected] ?? issue.message;
    case "invalid_value":
      return `Input should be ${listed(issue.values.map(String))}`;
    case "too_small":
      return `Input should be greater than or equal to ${issue.minimum}`;
    case "too_big":
      return issue.origin === "array"
        ? `List should have at most ${plural(Number(issue.maximum), "item")} after validation`
        : `Input should be less than or equal to ${issue.maximum}`;
    default:
      return issue.message;
  }
}

function tagMessage(issue: ZodIssue & { code: "invalid_union" }, tag: unknown): string {
  const { discriminator, options } = issue as { discriminator?: string; options?: unknown[] };
  const expected = (options ?? []).map((option) => `'${String(option)}'`).join(", ");
  return `Input tag '${String(tag).slice(0, 100)}' found using '${discriminator}' does not match any of the expected tags: ${expected}`;
}

/** `'a'`, `'a' or 'b'`, `'a', 'b' or 'c'`. */
function listed(values: readonly string[]): string {
  const quoted = values.map((value) => `'${value}'`);
  return quoted.length < 2 ? quoted.join("") : `${quoted.slice(0, -1).join(", ")} or ${quoted.at(-1)}`;
}

function valueAt(given: unknown, path: readonly PropertyKey[]): unknown {
  let value = given;
  for (const step of path) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, step)) return undefined;
    value = (value as Record<PropertyKey, unknown>)[step];
  }
  return value;
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
