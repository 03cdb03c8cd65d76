import { expect, test } from "bun:test";
import { createHmac, generateKeyPairSync, type KeyObject, randomUUID, sign } from "node:crypto";
import { createAssertionCheck, remoteKeys, verifyAssertion } from "@chatelaine/client/assertion";
import { openCheck } from "../../server/test/check-app.ts";

const NOW = Date.UTC(2030, 0, 1);
const SECONDS = NOW / 1000;
const CLAIMS = {
  iss: "chatelaine",
  aud: "app.example",
  sub: "ada",
  iat: SECONDS,
  nbf: SECONDS,
  exp: SECONDS + 60,
  jti: randomUUID(),
  name: "Ada Lövelace",
  email: null,
  groups: ["ops"],
  roles: ["KEY_HOLDER"],
  key_id: 7,
  scopes: ["dns:*"],
};
const JWKS = "http://keys.example/.well-known/jwks.json";

interface Pair {
  readonly kid: string;
  readonly key: KeyObject;
  readonly jwk: object;
}

function makePair(kid: string): Pair {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  return {
    kid,
    key: privateKey,
    jwk: { ...publicKey.export({ format: "jwk" }), kid, use: "sig", alg: "EdDSA" },
  };
}

const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");

function makeToken({ kid, key }: Pair, claims: object = {}, header: object = {}): string {
  const signed = `${part({ alg: "EdDSA", typ: "JWT", kid, ...header })}.${part({ ...CLAIMS, ...claims })}`;
  return `${signed}.${sign(null, Buffer.from(signed), key).toString("base64url")}`;
}

/** An address that publishes keys, which can be changed and can fail. */
function publish(...pairs: Pair[]) {
  const state = { pairs, asked: 0, fails: false };
  const fetch = async () => {
    state.asked++;
    if (state.fails) throw new TypeError("no route");
    return Response.json({ keys: state.pairs.map(({ jwk }) => jwk) });
  };
  return { state, fetch };
}

function checkOf(pair: Pair, seconds = 0) {
  const jwks = remoteKeys(JWKS, publish(pair));
  const options = { issuer: "chatelaine", audience: "app.example", jwks, now: () => NOW + seconds * 1000 };
  return async (token: string | null) => {
    const checked = await verifyAssertion(token, options);
    return checked.ok ? checked.identity : checked.reason;
  };
}

test("what the server signs is an identity for its audience, and for nobody else", async () => {
  await using check = await openCheck();
  const { id, text } = await check.key("ci");
  const answer = await check.auth(text, { path: "/auth?assert=app.example" });
  const token = answer.headers.get("remote-assertion");
  const identity = await createAssertionCheck({ url: check.url, audience: "app.example" })(token);
  expect(identity).toMatchObject({
    username: "ada",
    fullName: "Ada Lövelace",
    email: "ada@example.org",
    groups: ["ops"],
    keyId: id,
    scopes: ["dns:*", "web:read"],
  });
  expect(await createAssertionCheck({ url: check.url, audience: "other.example" })(token)).toBeUndefined();
  const jwks = `${check.url}/.well-known/jwks.json`;
  expect(await verifyAssertion(token, { issuer: "other", audience: "app.example", jwks })).toEqual({
    ok: false,
    reason: "issuer",
  });
});

test("issuer, audience, lifetime and both ends in time are strict", async () => {
  const pair = makePair("a");
  const check = checkOf(pair);
  expect(await check(makeToken(pair))).toMatchObject({ username: "ada", keyId: 7, email: null });
  const begun = { iat: SECONDS - 30, nbf: SECONDS - 30, exp: SECONDS + 60 };
  expect(await check(makeToken(pair, begun))).toMatchObject({ username: "ada" });
  const refused: [object, string][] = [
    [{ iss: "chatelaine.evil" }, "issuer"],
    [{ iss: undefined }, "issuer"],
    [{ aud: "app.example.evil" }, "audience"],
    [{ aud: ["app.example"] }, "audience"],
    [{ exp: SECONDS + 91 }, "lifetime"],
    [{ iat: SECONDS - 30, nbf: SECONDS - 30, exp: SECONDS + 61 }, "lifetime"],
    [{ exp: String(SECONDS + 60) }, "malformed"],
    [{ exp: undefined }, "malformed"],
    [{ nbf: SECONDS + 3 }, "not_yet"],
    [{ iat: SECONDS + 3 }, "not_yet"],
    [{ exp: SECONDS }, "expired"],
    [{ sub: "" }, "malformed"],
    [{ scopes: "dns:*" }, "malformed"],
    [{ key_id: "7" }, "malformed"],
  ];
  for (const [claims, reason] of refused)
    expect({ claims, reason: (await check(makeToken(pair, claims))) as unknown }).toEqual({ claims, reason });
  expect(await checkOf(pair, 59)(makeToken(pair))).toMatchObject({ username: "ada" });
  expect(await checkOf(pair, 60)(makeToken(pair))).toBe("expired");
  expect(await checkOf(pair, -2)(makeToken(pair))).toMatchObject({ username: "ada" });
  expect(await checkOf(pair, -3)(makeToken(pair))).toBe("not_yet");
});

test("no other algorithm, spelling or shape passes for a signature", async () => {
  const pair = makePair("a");
  const check = checkOf(pair);
  const token = makeToken(pair);
  const [head, body, signature] = token.split(".") as [string, string, string];
  const { x } = pair.jwk as { x: string };
  const asHmac = (() => {
    const signed = `${part({ alg: "HS256", typ: "JWT", kid: "a" })}.${body}`;
    return `${signed}.${createHmac("sha256", x).update(signed).digest("base64url")}`;
  })();
  const last = signature.at(-1)!;
  const otherSpelling = signature.slice(0, -1) + String.fromCharCode(last.charCodeAt(0) + 1);
  const refused: [string | null, string][] = [
    [null, "missing"],
    ["", "missing"],
    ["a.b.c", "malformed"],
    [`${token}.x`, "malformed"],
    [`${head}.${body}`, "malformed"],
    [`${part({ alg: "none", typ: "JWT", kid: "a" })}.${body}.`, "algorithm"],
    [asHmac, "algorithm"],
    [makeToken(pair, {}, { alg: "eddsa" }), "algorithm"],
    [makeToken(pair, {}, { alg: ["EdDSA"] }), "algorithm"],
    [makeToken(pair, {}, { typ: "at+jwt" }), "malformed"],
    [makeToken(pair, {}, { crit: ["exp"] }), "malformed"],
    [makeToken(pair, {}, { kid: undefined }), "malformed"],
    [makeToken(pair, {}, { kid: "b" }), "unknown_key"],
    [makeToken(pair, {}, { kid: "__proto__" }), "unknown_key"],
    [makeToken(makePair("a")), "signature"],
    [`${head}.${part({ ...CLAIMS, sub: "root" })}.${signature}`, "signature"],
    [`${head}.${body}.${"A".repeat(86)}`, "signature"],
    [`${head}.${body}.AAAA`, "signature"],
    [`${head}.${body}.${signature}==`, "malformed"],
    [`${head}.${body}.${otherSpelling}`, "malformed"],
    [` ${token}`, "malformed"],
    [`${head}.${body}.${"A".repeat(20_000)}`, "malformed"],
  ];
  for (const [text, reason] of refused) expect([text, await check(text)]).toEqual([text, reason]);
});

test("a key of another kind under the same name is no key", async () => {
  const pair = makePair("a");
  const { publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  for (const more of [
    { kty: "oct", k: "AAAA" },
    { ...publicKey.export({ format: "jwk" }) },
    { use: "enc" },
    { alg: "HS256" },
  ]) {
    const jwks = remoteKeys(JWKS, publish({ ...pair, jwk: { ...pair.jwk, ...more } }));
    const checked = await verifyAssertion(makeToken(pair), {
      issuer: "chatelaine",
      audience: "app.example",
      jwks,
      now: () => NOW,
    });
    expect(checked).toEqual({ ok: false, reason: "unknown_key" });
  }
});

test("keys are fetched again for an unknown name, within bounds, and outlast a server that is away for an hour", async () => {
  let ms = 0;
  const [first, second] = [makePair("first"), makePair("second")];
  const { state, fetch } = publish(first);
  const keys = remoteKeys(JWKS, { fetch, now: () => ms });
  const finds = async (kid: string) => (await keys.find(kid)) !== undefined;
  expect(await Promise.all(["first", "first", "x", "y"].map(finds))).toEqual([true, true, false, false]);
  expect(state.asked).toBe(1);
  for (let count = 0; count < 1_000; count++) await finds(`made-up-${count}`);
  expect(state.asked).toBe(1);
  state.pairs.push(second);
  expect(await finds("second")).toBe(false);
  ms += 5_000;
  expect([await finds("second"), await finds("first"), state.asked]).toEqual([true, true, 2]);
  state.pairs.shift();
  ms += 300_001;
  expect([await finds("first"), await finds("second"), state.asked]).toEqual([false, true, 3]);
  state.fails = true;
  ms += 300_001;
  expect(await finds("second")).toBe(true);
  await expect(finds("third")).rejects.toMatchObject({ code: "unavailable" });
  ms += 3_600_000;
  await expect(finds("second")).rejects.toMatchObject({ code: "unavailable" });
  state.fails = false;
  ms += 5_000;
  expect(await finds("second")).toBe(true);
});

test("keys that cannot be fetched are no verdict", async () => {
  const pair = makePair("a");
  const answers: (() => Promise<Response>)[] = [
    () => Promise.reject(new TypeError("no route")),
    async () => new Response("<html>", { status: 200 }),
    async () => new Response(null, { status: 502 }),
    async () => Response.json({ keys: "none" }),
    async () => Response.json({ keys: [], more: "x".repeat(100_000) }),
  ];
  for (const fetch of answers) {
    const options = { issuer: "chatelaine", audience: "app.example", jwks: remoteKeys(JWKS, { fetch }) };
    const checked = verifyAssertion(makeToken(pair), { ...options, now: () => NOW });
    await expect(checked).rejects.toMatchObject({ code: "unavailable" });
  }
});
