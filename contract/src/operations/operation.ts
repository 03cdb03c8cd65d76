/**
 * What an operation is. One definition of each feeds routing, validation, both API documents, the built-in pages and the
 * client's types; nothing about an operation is written anywhere else.
 */
import { z } from "zod";
import type { ErrorCode } from "../errors.ts";
import {
  CURSOR_CHARS_MAX,
  FILTER_CHARS_MAX,
  OFFSET_MAX,
  ORDER_CHARS_MAX,
  PAGE_ENTRIES,
  PAGE_ENTRIES_MAX,
  SEARCH_CHARS_MAX,
} from "../limits.ts";
import type { Role } from "../roles.ts";

export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

/** Who may call at all. What exactly they may do to whom is the use case's to judge. */
export type Access =
  | { readonly kind: "anyone" }
  | { readonly kind: "signed_in"; readonly words?: string }
  | {
      readonly kind: "roles";
      /** Any one of them, held directly or by inclusion. */
      readonly anyOf: readonly Role[];
      /** Those of them that reach only what is their own. */
      readonly ownOnly?: readonly Role[];
    };

export interface Example {
  readonly params?: Readonly<Record<string, string | number>>;
  readonly query?: Readonly<Record<string, unknown>>;
  readonly body?: unknown;
  readonly output: unknown;
}

export interface Operation {
  /** Unique, `group.verb`. */
  readonly name: string;
  readonly method: Method;
  /** Below `/api/v1`, with `{name}` for parameters. */
  readonly path: string;
  readonly group: string;
  readonly title: string;
  readonly words: string;
  readonly access: Access;
  readonly params?: z.ZodObject;
  readonly query?: z.ZodObject;
  readonly body?: z.ZodType;
  readonly output: z.ZodType;
  readonly status: 200 | 201;
  /** Media types of an answer that is a stream of `output` instead of one JSON value. */
  readonly streams?: readonly string[];
  /** Takes the header `Idempotency-Key`. */
  readonly once?: true;
  /** What has a version that it reads or changes: the answer's ETag, and what a change names by If-Match. */
  readonly tagged?: "key" | "user" | "group" | "settings";
  /** Besides COMMON_ERRORS. */
  readonly errors: readonly ErrorCode[];
  readonly example: Example;
  /** The method of the JSON-RPC API that does the same. */
  readonly rpc?: string;
  readonly since: string;
}

/** Keeps the literal types, so that names and paths can be read from the type alone. */
export function operation<const Definition extends Operation>(definition: Definition): Definition {
  return definition;
}

/** Any operation may answer these. */
export const COMMON_ERRORS = [
  "malformed_request",
  "invalid",
  "not_found",
  "payload_too_large",
  "request_timeout",
  "unknown_host",
  "too_many_requests",
  "unavailable",
  "restore_not_accepted",
  "internal",
] as const satisfies readonly ErrorCode[];

/** So may any operation to a caller whose credential is not good, those open to anyone included. */
export const CREDENTIAL_ERRORS = [
  "not_authenticated",
  "key_expired",
  "key_revoked",
  "key_paused",
  "user_locked",
  "insecure_transport",
  "address_not_allowed",
  "session_expired",
  "credential_ended",
  "forbidden",
] as const satisfies readonly ErrorCode[];

/** Whether it changes one thing that has a version. What is being made has none yet. */
export function takesIfMatch({ tagged, method, status }: Operation): boolean {
  return tagged !== undefined && method !== "GET" && status !== 201;
}

/** Every error that this operation declares, each once. */
export function errorsOf(operation: Operation): ErrorCode[] {
  const role: ErrorCode[] = operation.access.kind === "roles" ? ["role_missing"] : [];
  const full: ErrorCode[] = operation.method === "GET" ? [] : ["storage_full"];
  const matched: ErrorCode[] = takesIfMatch(operation) ? ["precondition_failed"] : [];
  return [
    ...new Set([...operation.errors, ...role, ...full, ...matched, ...CREDENTIAL_ERRORS, ...COMMON_ERRORS]),
  ];
}

/** What every list is asked with, besides its own filters. */
export const PageQuery = {
  q: z
    .string()
    .max(SEARCH_CHARS_MAX)
    .optional()
    .describe("Words that must all occur in the entry, in any case."),
  filter: z
    .string()
    .max(FILTER_CHARS_MAX)
    .optional()
    .describe(
      'Filters of the query language, as JSON: `[["name", "^", "ci-"]]`. Fields are the members of an entry; instants are compared as `["created_at.$date", ">", "2026-01-01T00:00:00Z"]`.',
    ),
  limit: z
    .int()
    .min(1)
    .max(PAGE_ENTRIES_MAX)
    .optional()
    .describe(`Entries on a page. ${PAGE_ENTRIES} when absent.`),
  cursor: z
    .string()
    .max(CURSOR_CHARS_MAX)
    .optional()
    .describe("`next` or `previous` of another page of the same list."),
  offset: z.int().min(0).max(OFFSET_MAX).optional().describe("Entries to skip, instead of a cursor."),
};

/** Which way a list is ordered: a comma parts fields, a minus turns one around. */
export function orderOf(fields: readonly string[]): z.ZodOptional<z.ZodString> {
  return z
    .string()
    .max(ORDER_CHARS_MAX)
    .optional()
    .describe(`Fields to order by, parted by commas, each turned around by a minus: ${fields.join(", ")}.`);
}

/** One page of a list. Cursors stay good while rows come and go: no entry is shown twice or left out because of others. */
export function pageOf<Entry extends z.ZodType>(entry: Entry) {
  return z.strictObject({
    entries: z.array(entry),
    total: z.int().describe("Of all that match."),
    next: z.string().nullable().describe("Cursor of the page after this one; null on the last."),
    previous: z.string().nullable().describe("Cursor of the page before this one; null on the first."),
  });
}

/** Of a change, so that nobody undoes unseen what somebody else has changed meanwhile. */
export const BaseVersion = z
  .int()
  .optional()
  .describe(
    "The `version` that the change was decided on; another one is a `conflict`. Absent: whatever is there.",
  );

/** What says that a right is gone everywhere, carried by whatever takes one away. */
export const Receipt = z
  .strictObject({
    sequence: z.int().describe("Number of the change in this installation."),
    nodes: z.array(z.string()).describe("Other nodes that have confirmed it. Empty on one machine."),
    total_ms: z.number().describe("How long it took until it held everywhere, in milliseconds."),
  })
  .meta({ id: "Receipt" });

export const EXAMPLE_RECEIPT = { sequence: 42, nodes: [], total_ms: 3.1 };
