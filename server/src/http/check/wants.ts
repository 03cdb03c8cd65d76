/**
 * What a proxy's configuration asks. At exactly `/auth` the query says it. At `/auth/envoy` the path and query are the
 * client's own (Envoy appends them) and are never read: headers say it, which the proxy sets and takes from its clients.
 * Unknown options deny: a typo in a proxy's configuration must never grant access.
 */
import { isScope } from "../../domain/rights.ts";
import { CHALLENGES, type ChallengeChoice } from "../challenge.ts";

export interface Wants {
  readonly scopes: readonly string[];
  readonly roles: readonly string[];
  readonly groups: readonly string[];
  /** The header that carries the key. */
  readonly header: string | null;
  readonly folds: boolean;
  readonly audience: string | null;
  /** What a 401 offers. */
  readonly challenge: ChallengeChoice;
}

const NAMES = ["scope", "role", "group", "header", "deny", "assert", "challenge"] as const;
type Name = (typeof NAMES)[number];

const READ_MAX = 1_000;
const HEADER = /^[A-Za-z0-9-]{1,64}$/;
/** Cookies count for nothing: a browser sends them with whatever page asks. */
const COOKIE = /^cookie$/i;
/** Of a role or group. */
const WORD = /^[A-Za-z0-9_.-]{1,128}$/;
const AUDIENCE = /^[\x21-\x7e]{1,256}$/;
const ASKED_BY = "x-auth-";

/** @returns reader of what the address of `/auth` itself asks; undefined: not understood */
export function createWants(): (url: string, pathAt: number) => Wants | undefined {
  const known = new Map<string, Wants | undefined>();
  return (url, pathAt) => {
    if (known.has(url)) return known.get(url);
    const at = url.indexOf("?", pathAt);
    const wants = fromList(at < 0 ? [] : [...new URLSearchParams(url.slice(at + 1))]);
    if (known.size >= READ_MAX) known.clear();
    known.set(url, wants);
    return wants;
  };
}

/** `X-Auth-Scope: dns:read, dns:write`. Any other header of that kind is a typing error, unless it carries the key. */
export function wantsOfHeaders(headers: Headers): Wants | undefined {
  const carrier = headers.get(`${ASKED_BY}header`)?.toLowerCase();
  const pairs: (readonly [string, string])[] = [];
  for (const [name, value] of headers) {
    if (!name.startsWith(ASKED_BY) || name === carrier) continue;
    for (const part of value.split(/[,\s]+/)) pairs.push([name.slice(ASKED_BY.length), part]);
  }
  return fromList(pairs);
}

function fromList(pairs: readonly (readonly [string, string])[]): Wants | undefined {
  const given = (name: Name): string[] => pairs.filter(([each]) => each === name).map(([, value]) => value);
  if (pairs.some(([name]) => !NAMES.includes(name as Name))) return undefined;
  const [scopes, roles, groups] = [given("scope"), given("role"), given("group")];
  const [header, deny, audience] = [given("header"), given("deny"), given("assert")];
  const challenge = given("challenge");
  if (!scopes.every(isScope) || ![...roles, ...groups].every((word) => WORD.test(word))) return undefined;
  if (header.length > 1 || header.some((name) => !HEADER.test(name) || COOKIE.test(name))) return undefined;
  if (deny.length > 1 || deny.some((status) => status !== "403")) return undefined;
  if (audience.length > 1 || audience.some((text) => !AUDIENCE.test(text))) return undefined;
  if (challenge.length > 1 || challenge.some((word) => !CHALLENGES.includes(word as ChallengeChoice)))
    return undefined;
  // Basic is read from `Authorization` alone.
  const usual = header.length > 0 ? "bearer" : "auto";
  return {
    scopes,
    roles,
    groups,
    header: header[0] ?? null,
    folds: deny.length > 0,
    audience: audience[0] ?? null,
    challenge: (challenge[0] as ChallengeChoice | undefined) ?? usual,
  };
}
