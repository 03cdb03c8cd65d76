/** Who a good key is, in headers that a service behind a proxy reads: always the full set, each once. */
import type { Clock } from "../../domain/clock.ts";
import type { Allowance } from "../../verify/verify.ts";

/** What `/auth` answers with besides; an assertion is at most this old, and lives as long again. */
const ASSERTION_REUSE_MS = 30_000;
const ASSERTION_SECONDS = 60;
/** It begins before now, for services whose clocks are behind. */
const BEGUN_SECONDS = 30;
const ASSERTIONS_MAX = 10_000;

export interface Signer {
  /** Ed25519. */
  sign(data: string): Uint8Array;
  readonly keyId: string;
}

/**
 * The headers of each allowance are built once, for all keys that have it.
 * @returns headers to copy, as a Response does, before the next call: that one gives them another key's number
 */
export function createIdentity(): (id: number, allowance: Allowance) => Headers {
  const built = new WeakMap<Allowance, Headers>();
  return (id, allowance) => {
    let headers = built.get(allowance);
    if (!headers) {
      headers = headersOf(allowance);
      built.set(allowance, headers);
    }
    headers.set("Remote-Key-Id", String(id));
    return headers;
  };
}

function headersOf({ user, rights }: Allowance): Headers {
  return new Headers({
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    // What is left of it for the service: nothing, where it carried the key.
    Authorization: "",
    "Remote-User": headerText(user.username),
    "Remote-Name": headerText(user.fullName),
    "Remote-Email": headerText(user.email ?? ""),
    "Remote-Groups": headerText(user.groups.join(",")),
    "Remote-Roles": [...rights.roles].join(","),
    "Remote-Key-Scopes": rights.scopes.join(","),
  });
}

/** Visible ASCII as it is, everything else and `%` as percent-encoded UTF-8. */
export function headerText(text: string): string {
  return text.replace(/[^\x20-\x24\x26-\x7e]+|^ +| +$/g, (part) =>
    [...Buffer.from(part, "utf8")]
      .map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, "0")}`)
      .join(""),
  );
}

/** Signed identities (RFC 7519, RFC 8037), so that a service need not trust the network between the proxy and itself. */
export function createAssertions(signer: Signer, clock: Clock) {
  const known = new Map<string, { allowance: Allowance; text: string; at: number }>();
  return (id: number, allowance: Allowance, audience: string): string => {
    const name = `${id}|${audience}`;
    const now = clock.now();
    const before = known.get(name);
    const age = before ? now - before.at : 0;
    if (before?.allowance === allowance && age >= 0 && age < ASSERTION_REUSE_MS) return before.text;
    const text = assertionOf(signer, { id, allowance, audience, now });
    if (known.size >= ASSERTIONS_MAX) known.clear();
    known.set(name, { allowance, text, at: now });
    return text;
  };
}

function assertionOf(
  signer: Signer,
  about: {
    readonly id: number;
    readonly allowance: Allowance;
    readonly audience: string;
    readonly now: number;
  },
): string {
  const { user, rights } = about.allowance;
  const seconds = Math.floor(about.now / 1000);
  const iat = seconds - BEGUN_SECONDS;
  const claims = {
    iss: "chatelaine",
    aud: about.audience,
    sub: user.username,
    iat,
    nbf: iat,
    exp: seconds + ASSERTION_SECONDS,
    jti: crypto.randomUUID(),
    name: user.fullName,
    email: user.email,
    groups: user.groups,
    roles: [...rights.roles],
    key_id: about.id,
    scopes: rights.scopes,
  };
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  const signed = `${part({ alg: "EdDSA", typ: "JWT", kid: signer.keyId })}.${part(claims)}`;
  return `${signed}.${Buffer.from(signer.sign(signed)).toString("base64url")}`;
}
