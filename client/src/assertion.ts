/**
 * The check of a signed identity, the header `Remote-Assertion` that a proxy passes on: a JWT (RFC 7519) signed by
 * Ed25519 (RFC 8037), for one audience, for at most 90 seconds, of which 30 have passed when it is
 * made, so that clocks may differ. With it a service need not trust the network between
 * the proxy and itself. One algorithm is known, whatever a token says of itself. A no is a value; that the public keys
 * could not be fetched is a thrown ChatelaineError `unavailable`.
 *
 *     const check = createAssertionCheck({ url: "http://127.0.0.1:5390", audience: "app.example" });
 *     const identity = await check(request.headers.get("remote-assertion"));
 */
import { type KeySet, type RemoteKeysOptions, remoteKeys } from "./key-set.ts";

export { type KeySet, type RemoteKeysOptions, remoteKeys } from "./key-set.ts";

export interface Identity {
  readonly username: string;
  readonly fullName: string;
  readonly email: string | null;
  readonly groups: readonly string[];
  readonly roles: readonly string[];
  readonly keyId: number;
  readonly scopes: readonly string[];
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

interface Judging {
  /** This service, as the proxy's configuration names it. */
  readonly audience: string;
  /** By how much the clocks may differ at an assertion's beginning; 2 unless set. Its end is never put off. */
  readonly leewaySeconds?: number;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
}

export interface AssertionOptions extends Judging {
  readonly issuer: string;
  /** Address of the public keys, which are kept between calls; or a set of one's own. */
  readonly jwks: string | KeySet;
}

export type AssertionFault =
  | "missing"
  | "malformed"
  | "algorithm"
  | "unknown_key"
  | "signature"
  | "issuer"
  | "audience"
  | "lifetime"
  | "not_yet"
  | "expired";

export type CheckedAssertion =
  | { readonly ok: true; readonly identity: Identity }
  | { readonly ok: false; readonly reason: AssertionFault };

export interface AssertionCheckOptions extends Judging, Omit<RemoteKeysOptions, "now"> {
  /** Of Chatelaine; its keys are read from `/.well-known/jwks.json`. */
  readonly url: string;
}

const ISSUER = "chatelaine";
const CHARS_MAX = 16 * 1024;
const LIFE_SECONDS_MAX = 90;
const LEEWAY_SECONDS = 2;
const LEEWAY_SECONDS_MAX = 30;
const SETS_MAX = 16;

type Claims = Readonly<Record<string, unknown>>;

/** For one Chatelaine. @returns the identity; undefined for anything that is not exactly an assertion of it, for this audience, now */
export function createAssertionCheck(options: AssertionCheckOptions) {
  const jwks = remoteKeys(`${options.url.replace(/\/+$/, "")}/.well-known/jwks.json`, {
    fetch: options.fetch,
    timeoutMs: options.timeoutMs,
  });
  return async (text: string | null | undefined): Promise<Identity | undefined> => {
    const checked = await verifyAssertion(text, { ...options, issuer: ISSUER, jwks });
    return checked.ok ? checked.identity : undefined;
  };
}

export async function verifyAssertion(
  jwt: string | null | undefined,
  options: AssertionOptions,
): Promise<CheckedAssertion> {
  if (!jwt) return no("missing");
  const [head, body, signature, ...more] = jwt.length > CHARS_MAX ? [] : jwt.split(".");
  if (!head || !body || signature === undefined || more.length > 0) return no("malformed");
  const [header, claims, bytes] = [readObject(head), readObject(body), readBytes(signature)];
  if (!header || !claims) return no("malformed");
  if (header.alg !== "EdDSA") return no("algorithm");
  const isPlain = header.typ === "JWT" && !("crit" in header) && !("b64" in header);
  if (!bytes || typeof header.kid !== "string" || !isPlain) return no("malformed");
  const fault = faultOf(claims, options);
  if (fault) return no(fault);
  const key = await keySetOf(options.jwks).find(header.kid);
  if (!key) return no("unknown_key");
  const signed = new TextEncoder().encode(`${head}.${body}`);
  if (!(await crypto.subtle.verify("Ed25519", key, bytes, signed))) return no("signature");
  const identity = identityOf(claims);
  return identity ? { ok: true, identity } : no("malformed");
}

/** Before the signature: junk costs no request for keys. */
function faultOf(claims: Claims, options: AssertionOptions): AssertionFault | undefined {
  const { iss, aud, iat, nbf, exp } = claims;
  const seconds = (options.now?.() ?? Date.now()) / 1000;
  const leeway = Math.min(Math.max(options.leewaySeconds ?? LEEWAY_SECONDS, 0), LEEWAY_SECONDS_MAX);
  if (iss !== options.issuer) return "issuer";
  if (aud !== options.audience) return "audience";
  if (typeof iat !== "number" || typeof nbf !== "number" || typeof exp !== "number") return "malformed";
  if (exp - Math.min(iat, nbf) > LIFE_SECONDS_MAX) return "lifetime";
  if (Math.max(iat, nbf) > seconds + leeway) return "not_yet";
  return exp > seconds ? undefined : "expired";
}

function identityOf(claims: Claims): Identity | undefined {
  const { sub, name, email, groups, roles, scopes, key_id: keyId, exp } = claims;
  const isList = (value: unknown): value is string[] =>
    Array.isArray(value) && value.every((one) => typeof one === "string");
  if (typeof sub !== "string" || sub === "" || typeof name !== "string" || typeof keyId !== "number")
    return undefined;
  if (!isList(groups) || !isList(roles) || !isList(scopes)) return undefined;
  return {
    username: sub,
    fullName: name,
    email: typeof email === "string" ? email : null,
    groups,
    roles,
    keyId,
    scopes,
    expiresAt: Number(exp) * 1000,
  };
}

const sets = new Map<string, KeySet>();

function keySetOf(jwks: string | KeySet): KeySet {
  if (typeof jwks !== "string") return jwks;
  let set = sets.get(jwks);
  if (!set) {
    if (sets.size >= SETS_MAX) sets.clear();
    set = remoteKeys(jwks);
    sets.set(jwks, set);
  }
  return set;
}

function readObject(part: string): Claims | undefined {
  const bytes = readBytes(part);
  if (!bytes) return undefined;
  try {
    const value: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    return typeof value === "object" && value !== null ? (value as Claims) : undefined;
  } catch {
    return undefined;
  }
}

/** base64url without padding, in its one spelling: another text for the same bytes is refused. */
function readBytes(part: string): Uint8Array<ArrayBuffer> | undefined {
  if (!/^[A-Za-z0-9_-]+$/.test(part) || part.length % 4 === 1) return undefined;
  const text = atob(part.replaceAll("-", "+").replaceAll("_", "/"));
  const again = btoa(text).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
  return again === part ? Uint8Array.from(text, (char) => char.charCodeAt(0)) : undefined;
}

function no(reason: AssertionFault): CheckedAssertion {
  return { ok: false, reason };
}
