/**
 * What the audit keeps of a call: what the method's parameters know, and a mark for everything else. A value of another
 * type, under a wrong name, or in a place that the method does not have may be anything, a password too (held by
 * `recorded.test.ts`).
 */
import { z } from "zod";
import { MASK } from "../domain/masking.ts";
import type { Param } from "./params.ts";

/** Stands for members that the parameter does not have, whatever they are called. */
const UNKNOWN_MEMBERS = "(unknown)";

export function recordedParams(params: readonly Param[], given: readonly unknown[]): unknown[] {
  const known = params.slice(0, given.length).map(({ schema }, place) => recorded(schema, given[place]));
  return given.length > params.length ? [...known, MASK] : known;
}

function recorded(schema: z.ZodType, value: unknown): unknown {
  if (value === null || value === undefined) return null;
  if (isSecret(schema)) return MASK;
  const inner = inside(schema);
  if (inner) return recorded(inner, value);
  if (schema instanceof z.ZodObject) return recordedObject(schema, value);
  if (schema instanceof z.ZodArray) {
    return Array.isArray(value) ? value.map((one) => recorded(schema.element as z.ZodType, one)) : MASK;
  }
  if (schema instanceof z.ZodDiscriminatedUnion) return recordedChoice(schema, value);
  if (typeof value === "object" && Object.keys(value).length === 0) return value;
  // Of what is no plain value, such as free JSON, the schema knows the members that it names.
  if (typeof value === "object") return recordedCustom(schema, value);
  return schema.safeParse(value).success && !isFree(schema) ? value : MASK;
}

/** Marked where it is declared: `text({ isSecret: true })`. */
function isSecret(schema: z.ZodType): boolean {
  return schema.meta()?.writeOnly === true;
}

function isFree(schema: z.ZodType): boolean {
  return schema instanceof z.ZodUnknown || schema instanceof z.ZodAny;
}

function inside(schema: z.ZodType): z.ZodType | undefined {
  if (schema instanceof z.ZodPipe) return schema.in as z.ZodType;
  const isWrapped =
    schema instanceof z.ZodOptional ||
    schema instanceof z.ZodNullable ||
    schema instanceof z.ZodDefault ||
    schema instanceof z.ZodPrefault;
  return isWrapped ? (schema.unwrap() as z.ZodType) : undefined;
}

function recordedObject(schema: z.ZodObject, value: unknown): unknown {
  if (!isObject(value)) return MASK;
  const names = Object.keys(schema.shape).filter((name) => Object.hasOwn(value, name));
  const known = names.map((name) => [name, recorded(schema.shape[name] as z.ZodType, value[name])]);
  const hasMore = Object.keys(value).length > names.length;
  return Object.fromEntries(hasMore ? [...known, [UNKNOWN_MEMBERS, MASK]] : known);
}

function recordedChoice(schema: z.ZodDiscriminatedUnion, value: unknown): unknown {
  if (!isObject(value)) return MASK;
  const tag = schema.def.discriminator;
  const chosen = (schema.options as readonly z.ZodObject[]).find(
    (option) => (option.shape[tag] as z.ZodType).safeParse(value[tag]).success,
  );
  return chosen ? recordedObject(chosen, value) : MASK;
}

/** Instants are objects whose one member is a number. */
function recordedCustom(schema: z.ZodType, value: object): unknown {
  const named = Object.keys((schema.meta()?.properties as object | undefined) ?? {});
  const members = Object.entries(value);
  const isKnown = members.every(([name, member]) => named.includes(name) && typeof member === "number");
  return isKnown ? value : MASK;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
