/**
 * Entity tags (RFC 9110, 8.8.3 and 13.1): a key, a user, a group and the settings have one of their version, and what changes
 * them may name those that it was decided on. The tag tells what can be changed: when a key was used last is not of it.
 */
import { type Operation, takesIfMatch } from "@chatelaine/contract/operations/operation";
import type { Caller, Precondition } from "../domain/caller.ts";
import { malformed } from "./rest/problem.ts";

/** Without the quotes; `*` is any. */
type Tags = readonly string[] | "*";

const TAGS_CHARS_MAX = 4_096;
/** Elements of a list may be empty (RFC 9110, 5.6.1.2). */
const LIST = /^[\s,]*(?:(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"\s*(?:,[\s,]*|$))+$/;
const ONE = /(W\/)?"([^"]*)"/g;

/** Of a key, and of the settings. */
export function versionTag({ version }: { readonly version: number }): string {
  return `"${version}"`;
}

/** @returns the tag of what the operation answers, with its quotes; undefined: it has none */
export function entityTag({ tagged }: Operation, output: unknown): string | undefined {
  if (tagged === undefined || typeof output !== "object" || output === null) return undefined;
  const { id, version } = output as { readonly id?: unknown; readonly version?: unknown };
  if (!Number.isSafeInteger(version)) return undefined;
  return tagged === "user" || tagged === "group"
    ? `"${id}.${version}"`
    : versionTag({ version: version as number });
}

/**
 * What the header If-Match asks of a change, to be judged in its transaction. Throws malformed_request where it is no list of
 * tags.
 */
export function preconditionOf(
  operation: Operation,
  { headers }: Request,
  { params, caller }: { readonly params: unknown; readonly caller: Caller | undefined },
): Precondition | undefined {
  const header = headers.get("if-match");
  if (header === null || !takesIfMatch(operation)) return undefined;
  const tags = parseTags(header, "strong");
  if (tags === undefined) throw malformed("If-Match must be `*` or a list of entity tags in double quotes");
  if (tags === "*") return undefined;
  const { id, name } = params as { readonly id?: number; readonly name?: string };
  const keyId = id ?? caller?.key?.id;
  const { tagged } = operation;
  switch (tagged) {
    case "key":
      return keyId === undefined ? undefined : { of: { kind: "key", id: keyId }, tags, isMet: false };
    case "user":
    case "group":
      return { of: { kind: tagged, name: name ?? "" }, tags, isMet: false };
    case "settings":
      return { of: { kind: "settings" }, tags, isMet: false };
    default:
      return undefined;
  }
}

/** Whether a reader who has one of the tags of `If-None-Match` has this very thing. What is no list of tags has none. */
export function hasAlready({ headers }: Request, tag: string): boolean {
  const header = headers.get("if-none-match");
  const tags = header === null ? undefined : parseTags(header, "weak");
  return tags === "*" || tags?.includes(tag.replaceAll('"', "")) === true;
}

/** @param comparison by the strong one a weak tag is none (RFC 9110, 8.8.3.2) */
function parseTags(header: string, comparison: "strong" | "weak"): Tags | undefined {
  if (header.trim() === "*") return "*";
  if (header.length > TAGS_CHARS_MAX || !LIST.test(header)) return undefined;
  return [...header.matchAll(ONE)]
    .filter(([, weak]) => weak === undefined || comparison === "weak")
    .map(([, , tag = ""]) => tag);
}
