/**
 * Checks the signed identity (`Remote-Assertion`) that a proxy passes on, so that a service need not trust the network
 * between the proxy and itself. EdDSA by WebCrypto; no dependencies.
 *
 *     const check = createAssertionCheck({ url: "http://127.0.0.1:5390", audience: "app.example" });
 *     const identity = await check(request.headers.get("remote-assertion"));
 */
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

export interface AssertionOptions {
  /** Of Chatelaine; its keys are read from `/.well-known/jwks.json`. */
  readonly url: string;
  /** This service, as the proxy's configuration names it. */
  readonly audience: string;
  /** By how much the clocks may differ; 5 unless set. */
  readonly leewaySeconds?: number;
  readonly fetch?: (url: string, init: RequestInit) => Promise<Response>;
  readonly now?: () => number;
}

const ISSUER = "chatelaine";
const LIFE_SECONDS_MAX = 60;
const LEEWAY_SECONDS = 5;
const TIMEOUT_MS = 2_000;
/** Somebody who sends made-up names of keys does not make us ask more often. */
const ASK_EVERY_MS = 5_000;
const CHARS_MAX = 16_384;

/** @returns the identity; undefined for anything that is not exactly an assertion of this Chatelaine for this audience, now */
export function createAssertionCheck(options: AssertionOptions) {
  const { audience, leewaySeconds = LEEWAY_SECONDS, now = Date.now } = options;
  const keyOf = createKeys(options, now);
  return async (text: string | null | undefined): Promise<Identity | undefined> => {
    const parts = (text ?? "").split(".");
    if (!text || text.length > CHARS_MAX || parts.length !== 3) return undefined;
    const [head, claims] = [readPart(parts[0]!), readPart(parts[1]!)];
    const signature = readBytes(parts[2]!);
    if (!head || !claims || !signature || head.alg !== "EdDSA" || typeof head.kid !== "string")
      return undefined;
    if (!isInTime(claims, now() / 1000, leewaySeconds)) return undefined;
    if (claims.iss !== ISSUER || claims.aud !== audience) return undefined;
    const key = await keyOf(head.kid);
    const signed = new TextEncoder().encode(`${parts[0]}.${parts[1]}`);
    if (!key || !(await crypto.subtle.verify("Ed25519", key, signature, signed))) return undefined;
    return identityOf(claims);
  };
}

type Claims = Readonly<Record<string, unknown>>;

function createKeys({ url, fetch: send = fetch }: AssertionOptions, now: () => number) {
  let keys = new Map<string, CryptoKey>();
  let askedAt = Number.NEGATIVE_INFINITY;
  return async (id: string): Promise<CryptoKey | undefined> => {
    if (keys.has(id) || now() - askedAt < ASK_EVERY_MS) return keys.get(id);
    askedAt = now();
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const response = await send(`${url.replace(/\/+$/, "")}/.well-known/jwks.json`, { signal });
    if (!response.ok) return undefined;
    const { keys: found } = (await response.json()) as { keys: (JsonWebKey & { kid: string })[] };
    const imported = found.map(async ({ kty, crv, x, kid }): Promise<[string, CryptoKey]> => {
      return [kid, await crypto.subtle.importKey("jwk", { kty, crv, x }, "Ed25519", false, ["verify"])];
    });
    keys = new Map(await Promise.all(imported));
    return keys.get(id);
  };
}

function isInTime({ iat, exp, nbf }: Claims, seconds: number, leeway: number): boolean {
  if (typeof iat !== "number" || typeof exp !== "number" || typeof nbf !== "number") return false;
  return exp - iat <= LIFE_SECONDS_MAX && nbf <= seconds + leeway && exp > seconds - leeway;
}

function identityOf(claims: Claims): Identity | undefined {
  const { sub, name, email, groups, roles, scopes, key_id: keyId, exp } = claims;
  const isList = (value: unknown): value is string[] =>
    Array.isArray(value) && value.every((one) => typeof one === "string");
  if (typeof sub !== "string" || typeof name !== "string" || typeof keyId !== "number") return undefined;
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

function readPart(part: string): Claims | undefined {
  const bytes = readBytes(part);
  if (!bytes) return undefined;
  try {
    const value: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    return typeof value === "object" && value !== null ? (value as Claims) : undefined;
  } catch {
    return undefined;
  }
}

/** base64url without padding, strictly. */
function readBytes(part: string): Uint8Array<ArrayBuffer> | undefined {
  if (!/^[A-Za-z0-9_-]+$/.test(part)) return undefined;
  try {
    const text = atob(part.replaceAll("-", "+").replaceAll("_", "/"));
    return Uint8Array.from(text, (char) => char.charCodeAt(0));
  } catch {
    return undefined;
  }
}
