/**
 * Reads a request into what the contract of its operation declares, and refuses everything else: bodies that are too
 * large, of another type, broken or nested without end, unknown members, and keys in the address.
 */

import { codecOf } from "@chatelaine/contract/codec";
import type { Operation } from "@chatelaine/contract/operations/operation";
import { z } from "zod";
import { AppError } from "../../domain/errors.ts";
import { holdsKeyText } from "../../domain/masking.ts";
import type { Bodies } from "../bodies.ts";
import { EXCESS_MESSAGES, jsonExcess } from "../json-bounds.ts";
import { invalidInput, malformed } from "./problem.ts";

const KEY_NAMES = ["key", "api_key", "apikey", "api-key", "access_token", "token", "auth_token", "x-api-key"];
const HALF_PAIR = /\\u[dD][89a-fA-F]/;
const JSON_TYPE = /^application\/(?:json|merge-patch\+json)\s*(?:;|$)/i;

export interface Input {
  readonly params: object;
  readonly query: object;
  readonly body: unknown;
  /** Validated, but as it stood on the wire. */
  readonly sent: { readonly params: object; readonly body: unknown };
}

/** Throws malformed_request for a key in the address, where every log on the way would keep it. */
export function refuseKeyInQuery(search: string): void {
  if (search === "") return;
  const names = [...new URLSearchParams(search).keys()];
  const isNamed = names.some((name) => KEY_NAMES.includes(name.toLowerCase()));
  if (!isNamed && !holdsKeyText(search)) return;
  throw malformed(
    "A key never goes into the address, where logs keep it. Send it as `Authorization: Bearer KEY` or `X-API-Key: KEY`, and reset this one if it was real.",
  );
}

export interface Given {
  readonly req: Request;
  /** Of the address, with its question mark, or empty. */
  readonly search: string;
  /** Of the path. */
  readonly params: Readonly<Record<string, string>>;
  readonly bodies: Bodies;
}

export async function readInput(
  operation: Operation,
  { req, search, params, bodies }: Given,
): Promise<Input> {
  const wireParams = operation.params
    ? parse(operation.params, textsOf(operation.params, Object.entries(params)), "path")
    : {};
  const query = readQuery(operation.query, search);
  const wireBody = operation.body
    ? parse(operation.body, await readJson(req, bodies), "body")
    : await refuseBody(req, bodies);
  return {
    params: decoded(operation.params, wireParams),
    query: decoded(operation.query, query),
    body: decoded(operation.body, wireBody),
    sent: { params: wireParams, body: wireBody },
  };
}

function decoded<Value>(schema: z.ZodType | undefined, value: Value): Value {
  return schema === undefined ? value : (codecOf(schema).decode(value) as Value);
}

const NO_QUERY = z.strictObject({});

/** What a query without members is read as: its defaults. */
const emptyQueries = new WeakMap<z.ZodObject, Readonly<Record<string, unknown>>>();

function readQuery(schema: z.ZodObject | undefined, search: string): Record<string, unknown> {
  const wanted = schema ?? NO_QUERY;
  if (search === "") {
    const known = emptyQueries.get(wanted) ?? parse(wanted, {}, "query");
    emptyQueries.set(wanted, known);
    return { ...known };
  }
  return parse(wanted, textsOf(wanted, new URLSearchParams(search)), "query");
}

function parse<Schema extends z.ZodType>(schema: Schema, value: unknown, where: "body" | "query" | "path") {
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw invalidInput(parsed.error, where);
  return parsed.data as Record<string, unknown>;
}

type ReadText = (text: string, before: unknown) => unknown;

/** How the members of a schema are read, made out once for each schema. */
const readers = new WeakMap<z.ZodObject, ReadonlyMap<string, ReadText>>();

function readersOf(schema: z.ZodObject): ReadonlyMap<string, ReadText> {
  let found = readers.get(schema);
  if (!found) {
    const members = Object.entries(schema.shape) as [string, z.ZodType][];
    found = new Map(members.map(([name, member]) => [name, readerOf(bare(member), name)]));
    readers.set(schema, found);
  }
  return found;
}

/** Texts of the address as the values that their schemas want. Lists are parted by commas or told several times. */
function textsOf(schema: z.ZodObject, entries: Iterable<[string, string]>): Record<string, unknown> {
  const known = readersOf(schema);
  const values = new Map<string, unknown>();
  for (const [name, text] of entries) {
    const read = known.get(name) ?? readerOf(undefined, name);
    values.set(name, read(text, values.get(name)));
  }
  return Object.fromEntries(values);
}

function readerOf(member: z.ZodType | undefined, name: string): ReadText {
  if (member instanceof z.ZodArray) {
    const element = bare(member.element as z.ZodType);
    return (text, before = []) => [
      ...(before as unknown[]),
      ...text.split(",").map((part) => readValueOf(element, part)),
    ];
  }
  return (text, before) => {
    if (before === undefined) return member ? readValueOf(member, text) : text;
    throw new AppError("invalid", `The query has "${name.slice(0, 40)}" twice`, {
      issues: [{ path: [name.slice(0, 100)], code: "shape", message: "Duplicate parameter" }],
    });
  };
}

function bare(schema: z.ZodType): z.ZodType {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodNullable) {
    return bare(schema.unwrap() as z.ZodType);
  }
  return schema;
}

/** A text that is no number or boolean stays a text, which the schema then refuses by its own words. */
function readValueOf(schema: z.ZodType, text: string): unknown {
  if (schema instanceof z.ZodNumber && /^-?\d{1,15}$/.test(text)) return Number(text);
  if (schema instanceof z.ZodBoolean) {
    if (text === "1" || text === "true" || text === "") return true;
    if (text === "0" || text === "false") return false;
  }
  return text;
}

async function readJson(req: Request, bodies: Bodies): Promise<unknown> {
  const text = await bodies.text(req);
  // No bytes are no body, whatever type they were announced as.
  if (text === "") return {};
  const type = req.headers.get("content-type");
  if (type === null || !JSON_TYPE.test(type))
    throw malformed("The body must be JSON, with `Content-Type: application/json`", 415);
  const excess = jsonExcess(text);
  if (excess) throw malformed(`The body is ${EXCESS_MESSAGES[excess]}`);
  const value = parseJson(text);
  if (HALF_PAIR.test(text) && !isWellFormed(value)) throw malformed("The body has text that is no Unicode");
  return value;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw malformed("The body is not JSON");
  }
}

/** Half of a pair (`\ud800`) is no text: what is kept of it would not be what was sent. */
function isWellFormed(value: unknown): boolean {
  if (typeof value === "string") return value.isWellFormed();
  if (typeof value !== "object" || value === null) return true;
  return Object.entries(value).every(([name, one]) => name.isWellFormed() && isWellFormed(one));
}

async function refuseBody(req: Request, bodies: Bodies): Promise<undefined> {
  if (req.method === "GET" || req.method === "HEAD") return;
  const text = await bodies.text(req);
  if (text !== "" && text.trim() !== "{}") throw malformed("This operation takes no body");
}
