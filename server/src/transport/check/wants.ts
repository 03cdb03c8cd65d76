/**
 * What a proxy's configuration asks of `/auth`. At exactly `/auth` the query says it; below, the path and query are the
 * client's own (Envoy appends them), and only headers say it that the proxy sets and overwrites.
 * What is not understood is no: a typing error in a configuration must not open a door.
 */
import { isScope } from "../../domain/rights.ts";

export interface Wants {
  readonly scopes: readonly string[];
  readonly roles: readonly string[];
  readonly groups: readonly string[];
  /** The header that carries the key. */
  readonly header: string | null;
  readonly folds: boolean;
  readonly audience: string | null;
}

const NAMES = ["scope", "role", "group", "header", "deny", "assert"] as const;
type Name = (typeof NAMES)[number];

const READ_MAX = 1_000;
const HEADER = /^[A-Za-z0-9-]{1,64}$/;
/** Cookies count for nothing: a browser sends them with whatever page asks. */
const COOKIE = /^cookie$/i;
/** Of a role or group. */
const WORD = /^[A-Za-z0-9_.-]{1,128}$/;
const AUDIENCE = /^[\x21-\x7e]{1,256}$/;
/** A Host that could pass for a path would make another address of this one. */
const HOST = /^[A-Za-z0-9._~:[\]-]*$/;

/** @returns reader of what is wanted; undefined: not understood. Without a place of the path, headers alone say it. */
export function createWants(): (url: string, pathAt: number | null, headers: Headers) => Wants | undefined {
  const known = new Map<string, Wants | undefined>();
  return (url, pathAt, headers) => {
    if (pathAt === null) return fromHeaders(headers);
    if (known.has(url)) return known.get(url);
    if (!HOST.test(headers.get("host") ?? "")) return undefined;
    const end = url.indexOf("?", pathAt);
    const path = url.slice(pathAt, end < 0 ? undefined : end);
    if (path !== "/auth") return fromHeaders(headers);
    const wants = end < 0 ? fromList([]) : fromQuery(url.slice(end + 1));
    if (known.size >= READ_MAX) known.clear();
    known.set(url, wants);
    return wants;
  };
}

function fromQuery(query: string): Wants | undefined {
  return fromList([...new URLSearchParams(query)]);
}

function fromHeaders(headers: Headers): Wants | undefined {
  return fromList(
    NAMES.flatMap((name) => {
      const value = headers.get(`x-auth-${name}`);
      return value === null ? [] : value.split(/[,\s]+/).map((part): [string, string] => [name, part]);
    }),
  );
}

function fromList(pairs: readonly (readonly [string, string])[]): Wants | undefined {
  const given = (name: Name): string[] => pairs.filter(([each]) => each === name).map(([, value]) => value);
  if (pairs.some(([name]) => !NAMES.includes(name as Name))) return undefined;
  const [scopes, roles, groups] = [given("scope"), given("role"), given("group")];
  const [header, deny, audience] = [given("header"), given("deny"), given("assert")];
  if (!scopes.every(isScope) || ![...roles, ...groups].every((word) => WORD.test(word))) return undefined;
  if (header.length > 1 || header.some((name) => !HEADER.test(name) || COOKIE.test(name))) return undefined;
  if (deny.length > 1 || deny.some((status) => status !== "403")) return undefined;
  if (audience.length > 1 || audience.some((text) => !AUDIENCE.test(text))) return undefined;
  return {
    scopes,
    roles,
    groups,
    header: header[0] ?? null,
    folds: deny.length > 0,
    audience: audience[0] ?? null,
  };
}
