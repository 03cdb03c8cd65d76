import { expect, test } from "bun:test";
import { createPublicKey, verify as verifySignature } from "node:crypto";
import type { KeyFields } from "../src/domain/key.ts";
import { AWAY } from "./away.ts";
import { openCheck, rawStatus } from "./check-app.ts";
import { movedClock, SYSTEM } from "./installation.ts";

const REMOTE = ["user", "name", "email", "groups", "roles", "key-id", "key-scopes"];
const remote = (response: Response) => REMOTE.map((name) => response.headers.get(`remote-${name}`));

test("/auth answers a good key with the full set of identity headers, by any method and below any path", async () => {
  await using check = await openCheck();
  const { id, text } = await check.key("ci");
  const full = [
    "ada",
    "Ada L%C3%B6velace",
    "ada@example.org",
    "ops",
    "KEY_HOLDER",
    String(id),
    "dns:*,web:read",
  ];
  for (const method of ["GET", "POST", "PUT", "DELETE", "OPTIONS", "HEAD"]) {
    const answer = await check.auth(text, { method });
    expect(answer.status).toBe(200);
    expect(remote(answer)).toEqual(full);
  }
  expect((await check.auth(text)).headers.get("cache-control")).toBe("no-store");
});

test("identity headers are there, empty, where there is nothing to say", async () => {
  await using check = await openCheck();
  await check.app.users.create(SYSTEM, { username: "bob", roles: ["KEY_VERIFY"] });
  const { secret, key } = await check.app.keys.create(SYSTEM, { name: "b", username: "bob", roles: [] });
  expect(remote(await check.auth(secret.text))).toEqual(["bob", "", "", "", "", String(key.id), ""]);
});

test("/auth takes the key from Bearer, Basic, X-API-Key or the header that the query names, and from nowhere else", async () => {
  await using check = await openCheck();
  const { text } = await check.key("ci");
  const other = await check.key("other");
  const status = async (headers: Record<string, string>, path = "/auth") =>
    (await check.auth(null, { headers, path })).status;
  const basic = (pair: string) => ({ Authorization: `Basic ${btoa(pair)}` });
  const taken: Record<string, string>[] = [
    { Authorization: `Bearer ${text}` },
    { Authorization: `bearer ${text}` },
    basic(`anybody:${text}`),
    basic(`${text}:`),
    basic(`${text}:x`),
    { "X-API-Key": text },
    { "X-API-Key": text, Authorization: "Bearer eyJhbGciOi.a.b" },
    { "X-API-Key": text, Authorization: "Digest username=ada" },
  ];
  for (const headers of taken) expect(await status(headers)).toBe(200);
  expect(await status({ "X-Subscription-Key": text }, "/auth?header=X-Subscription-Key")).toBe(200);
  const refused: Record<string, string>[] = [
    {},
    { Cookie: `key=${text}; chatelaine=${text}` },
    { "X-Subscription-Key": text },
    { "X-API-Key": text, Authorization: `Bearer ${other.text}` },
    { Authorization: `Bearer ${text}, Bearer ${text}` },
    { "X-API-Key": `${text}, ${text}` },
    { Authorization: `Token ${text}` },
    { Authorization: text },
  ];
  for (const headers of refused) expect(await status(headers)).toBe(401);
  expect(await status({ Authorization: `Bearer ${text}` }, "/auth?header=X-Subscription-Key")).toBe(401);
  expect(await status({}, `/auth?key=${text}`)).toBe(403);
});

test("scopes, roles and groups that a proxy asks for are all needed; what is not understood is no", async () => {
  await using check = await openCheck();
  const { text } = await check.key("narrow", { scopes: ["dns:read"] });
  const status = async (path: string, headers: Record<string, string> = {}) =>
    (await check.auth(text, { path, headers })).status;
  for (const path of ["?scope=dns:read", "?group=ops", "?role=KEY_HOLDER", "?scope=dns:read&group=ops"])
    expect(await status(`/auth${path}`)).toBe(200);
  for (const path of [
    "?scope=dns:write",
    "?scope=web:read",
    "?scope=dns:read&scope=dns:write",
    "?role=FULL_ADMIN",
    "?group=admins",
    "?group=ops&role=FULL_ADMIN",
    "?scop=dns:read",
    "?scope=dnss",
    "?scope=dns:read:x",
    "?scope=dns:read,web:read",
    "?header=Cookie",
    "?header=X-API-Key&header=Authorization",
    "?deny=403&deny=403",
    "?assert=",
    "?assert=a&assert=b",
    "?scope=",
    "?deny=200",
    "?header=a%0Ab",
  ])
    expect(await status(`/auth${path}`)).toBe(403);
  expect(await status("/auth", { "X-Auth-Scope": "dns:write" })).toBe(200);
});

test("a Host that would move the boundary of path and query asks for nothing less", async () => {
  await using check = await openCheck();
  const { text } = await check.key("narrow", { scopes: ["dns:read"] });
  const authorization = `Authorization: Bearer ${text}`;
  for (const host of ["h/auth?x=", "h/auth#", "h/auth/", "h?", "a b", ""]) {
    const lines = ["GET /auth?scope=dns:write HTTP/1.1", `Host: ${host}`, authorization];
    expect([host, [400, 403].includes(await rawStatus(check.url, lines))]).toEqual([host, true]);
  }
});

test("a key that is expired, paused, revoked, reset, of a locked user or wrong is refused by the next request", async () => {
  const clock = movedClock();
  await using check = await openCheck({}, { clock });
  const { keys, users } = check.app;
  const status = async (text: string) => (await check.auth(text)).status;
  const reason = async (text: string) => (await check.verify({ key: text })).reason;
  const good = await check.key("good");
  expect(await status(good.text)).toBe(200);
  expect(await reason(good.text)).toBeUndefined();
  await keys.pause(SYSTEM, good.id);
  expect([await status(good.text), await reason(good.text)]).toEqual([403, "paused"]);
  await keys.resume(SYSTEM, good.id);
  expect(await status(good.text)).toBe(200);
  await keys.revoke(SYSTEM, good.id, "test");
  expect([await status(good.text), await reason(good.text)]).toEqual([401, "revoked"]);
  const { secret } = await keys.reset(SYSTEM, good.id);
  expect([await status(good.text), await reason(good.text)]).toEqual([401, "unknown"]);
  expect(await status(secret.text)).toBe(200);
  const short = await check.key("short", { expiresAt: clock.now() + 10_000 });
  expect(await status(short.text)).toBe(200);
  clock.advance(10_000);
  expect([await status(short.text), await reason(short.text)]).toEqual([401, "expired"]);
  const ada = await users.get(SYSTEM, { username: "ada" });
  await users.lock(SYSTEM, ada.id);
  expect([await status(secret.text), await reason(secret.text)]).toEqual([403, "user_locked"]);
  await users.unlock(SYSTEM, ada.id);
  expect(await status(secret.text)).toBe(200);
  await keys.remove(SYSTEM, good.id);
  expect([await status(secret.text), await reason(secret.text)]).toEqual([401, "unknown"]);
  expect(await reason("nonsense")).toBe("malformed");
  expect(await reason(`999-${good.text.slice(good.text.indexOf("-") + 1)}`)).toBe("malformed");
  expect(await reason(`999-${"a".repeat(64)}`)).toBe("unknown");
  expect(await reason(`${good.id}-${"a".repeat(64)}`)).toBe("unknown");
});

test("allowed addresses are judged by the right-most address that no trusted proxy has", async () => {
  await using check = await openCheck({ trustedProxy: ["10.0.0.0/8"] });
  const { text } = await check.key("home", { allowedIps: ["192.0.2.0/24", "2001:db8::/32"] });
  const status = async (forwarded: string | undefined) =>
    (await check.auth(text, { headers: forwarded === undefined ? {} : { "X-Forwarded-For": forwarded } }))
      .status;
  for (const near of [
    "192.0.2.7",
    "::ffff:192.0.2.7",
    "1.1.1.1, 192.0.2.7",
    "192.0.2.7, 10.1.1.1",
    "[2001:db8::1]:443",
    "192.0.2.7:1234",
  ])
    expect(await status(near)).toBe(200);
  for (const far of [
    undefined,
    "192.0.3.7",
    "192.0.2.7, 1.1.1.1",
    "192.0.2.7, nonsense",
    "nonsense",
    "",
    "192.0.2.07",
    "::ffff:192.0.3.7",
  ])
    expect(await status(far)).toBe(403);
  expect(await check.verify({ key: text, ip: "192.0.2.9" })).toMatchObject({ valid: true });
  for (const ip of [undefined, "192.0.3.1"])
    expect(await check.verify({ key: text, ip })).toMatchObject({
      valid: false,
      reason: "address_not_allowed",
    });
});

test("a client that came to the proxy in clear is refused, or its key revoked, as the settings say", async () => {
  await using check = await openCheck();
  await using trusted = await openCheck({ trustedProxy: ["127.0.0.1"] });
  const { text } = await check.key("ci");
  const known = await trusted.key("ci");
  const asked = (proto: string, from: string) => ({
    headers: { "X-Forwarded-Proto": proto, "X-Forwarded-For": from },
  });
  const status = async (proto: string, from = "203.0.113.9") =>
    (await check.auth(text, asked(proto, from))).status;
  expect(await status("https")).toBe(200);
  expect(await status("http", "127.0.0.1")).toBe(200);
  expect(await status("http")).toBe(403);
  expect(await status("https, http")).toBe(403);
  const { settings } = check.app;
  await settings.change(SYSTEM, { insecureTransport: "allow" });
  expect(await status("http")).toBe(200);
  await settings.change(SYSTEM, { insecureTransport: "revoke" });
  // A proxy that nobody named proves nothing.
  expect([await status("http"), await status("https")]).toEqual([403, 200]);
  await trusted.app.settings.change(SYSTEM, { insecureTransport: "revoke" });
  const statusOfNamed = async (proto: string) =>
    (await trusted.auth(known.text, asked(proto, "203.0.113.9"))).status;
  expect([await statusOfNamed("https, http"), await statusOfNamed("https")]).toEqual([403, 200]);
  expect([await statusOfNamed("http"), await statusOfNamed("https")]).toEqual([403, 401]);
});

test("verify answers whose key it is, in the shape of the contract, alone and in batches", async () => {
  await using check = await openCheck();
  const { id, text } = await check.key("ci", { description: "Deploys", tags: ["web"] });
  const good = await check.verify({ key: text, scope: "dns:read" });
  expect(good.status).toBe(200);
  expect(good).toMatchObject({
    valid: true,
    key: {
      id,
      name: "ci",
      description: "Deploys",
      tags: ["web"],
      expires_at: null,
      scopes: ["dns:*", "web:read"],
    },
    user: {
      username: "ada",
      full_name: "Ada Lövelace",
      email: "ada@example.org",
      roles: ["KEY_HOLDER"],
      groups: ["ops"],
    },
    rate_limit: null,
  });
  expect(await check.verify({ key: text, scope: "mail:send" })).toMatchObject({
    valid: false,
    reason: "scope_missing",
  });
  const { results } = await check.verify({
    keys: [{ key: text }, { key: "x" }, { key: text, scope: "mail:send" }],
  });
  expect(results.map((one: { valid: boolean; reason?: string }) => one.reason ?? one.valid)).toEqual([
    true,
    "malformed",
    "scope_missing",
  ]);
  const batch = await check.verify({ keys: Array.from({ length: 100 }, () => ({ key: text })) });
  expect(batch.results.every((one: { valid: boolean }) => one.valid)).toBe(true);
});

test("in a batch each question is judged in its turn: by its own cost, and by what was revoked in between", async () => {
  await using check = await openCheck();
  const limited = await check.key("limited", { rateLimit: { limit: 150, windowSeconds: 3_600 } });
  const same = (cost: number) => Array.from({ length: 100 }, () => ({ key: limited.text, cost }));
  const told = async (questions: object[]) =>
    (await check.verify({ keys: questions })).results.map(
      ({ valid, reason }: { valid: boolean; reason?: string }) => reason ?? valid,
    );
  expect(await told(same(1))).toEqual(Array(100).fill(true));
  expect(await told(same(1))).toEqual([...Array(50).fill(true), ...Array(50).fill("rate_limited")]);
  expect(await told(same(0))).toEqual(Array(100).fill(true));
  expect(
    await told([
      { key: limited.text, cost: 1_000_000 },
      { key: limited.text, cost: 0 },
    ]),
  ).toEqual(["rate_limited", true]);
  for (const cost of [1_000_001, -0.5, null, "1", true])
    expect([cost, (await check.verify({ key: limited.text, cost })).status]).toEqual([cost, 422]);
  expect((await check.verify(`{"key":"${limited.text}","cost":1e999}`)).status).toBe(422);
  const key = await check.key("revoked in between");
  const { store, keys } = check.app;
  const { findLabels } = store;
  Object.assign(store, {
    findLabels: async (id: number) => {
      const words = await findLabels(id);
      if (id === key.id) await keys.revoke(SYSTEM, id, "test").catch(() => undefined);
      return words;
    },
  });
  expect(await told(Array.from({ length: 4 }, () => ({ key: key.text })))).toEqual([
    true,
    "revoked",
    "revoked",
    "revoked",
  ]);
  Object.assign(store, { findLabels });
});

test("verify refuses what is no question", async () => {
  await using check = await openCheck();
  const { text } = await check.key("ci");
  const statusOf = async (body: unknown, headers?: Record<string, string>) =>
    (await check.verify(body, headers)).status;
  for (const body of ["", "{", "[]", "null", '"x"']) expect([400, 422]).toContain(await statusOf(body));
  for (const body of [
    {},
    { key: 1 },
    { key: text, scope: "*:*:*" },
    { key: text, ip: "1.2.3" },
    { key: text, cost: -1 },
    { key: text, cost: 1.5 },
    { key: text, user: "root" },
    { keys: [] },
    { keys: Array.from({ length: 101 }, () => ({ key: text })) },
    { keys: [{ key: text }], key: text },
    '{"key":"x","__proto__":{"scope":"a:b"}}',
  ])
    expect(await statusOf(body)).toBe(422);
  expect(await statusOf({ key: text }, { "Content-Type": "text/plain" })).toBe(415);
  expect(await statusOf({ key: "x".repeat(70_000) })).toBe(413);
  const endless = new ReadableStream({ pull: (stream) => stream.enqueue(new Uint8Array(65_536).fill(32)) });
  const headers = { "Content-Type": "application/json" };
  const init = { method: "POST", headers, body: endless };
  expect((await fetch(`${check.url}/api/v1/verify`, init)).status).toBe(413);
});

test("only who is near, named or shows a key with KEY_VERIFY may ask verify", async () => {
  await using check = await openCheck({ http: "0.0.0.0:0", trustedProxy: ["127.0.0.1"] });
  const { text } = await check.key("ci");
  await check.app.users.create(SYSTEM, { username: "svc", roles: ["KEY_VERIFY"] });
  const make = async (name: string, fields: KeyFields = {}) =>
    (await check.app.keys.create(SYSTEM, { ...fields, name, username: "svc" })).secret.text;
  const status = async (headers: Record<string, string> = {}) =>
    (await check.verify({ key: text }, headers)).status;
  expect(await status()).toBe(200);
  const far = { "X-Forwarded-For": "203.0.113.7", "X-Forwarded-Proto": "https" };
  const as = (key: string) => ({ ...far, Authorization: `Bearer ${key}` });
  expect(await status(far)).toBe(403);
  for (const name of ["Via", "Forwarded", "X-Real-IP", "X-Forwarded-Host", "X-Forwarded-Proto"])
    expect([name, await status({ [name]: "x" })]).toEqual([name, 403]);
  const own = await make("own");
  expect(await status(as(own))).toBe(200);
  expect(await status({ ...far, "X-API-Key": own })).toBe(200);
  expect(await status({ ...far, Authorization: `Basic ${btoa(`svc:${own}`)}` })).toBe(200);
  expect(await status({ ...far, Cookie: `chatelaine=${own}` })).toBe(403);
  expect(await status(as(text))).toBe(403);
  expect(await status({ ...as(own), "X-Forwarded-Proto": "http" })).toBe(403);
  expect(await status(as(await make("bound", { allowedIps: ["203.0.113.0/24"] })))).toBe(200);
  expect(await status(as(await make("elsewhere", { allowedIps: ["198.51.100.1"] })))).toBe(403);
  const limited = await make("limited", { rateLimit: { limit: 1, windowSeconds: 3_600 } });
  expect([await status(as(limited)), await status(as(limited))]).toEqual([200, 403]);
  expect(await status(as(await make("narrow", { roles: [] })))).toBe(403);
});

test("a network of --check-from asks both and reads no metrics, a trusted proxy asks /auth alone", async () => {
  const statuses = async (raw: object, said: Record<string, string> = {}) => {
    await using check = await openCheck({ http: "0.0.0.0:0", ...raw });
    const { text } = await check.key("ci");
    const { port } = new URL(check.url);
    const url = `http://${AWAY}:${port}`;
    const init = { method: "POST", headers: { "Content-Type": "application/json" } };
    return await Promise.all(
      [
        fetch(`${url}/auth`, { headers: { ...said, Authorization: `Bearer ${text}` } }),
        fetch(`${url}/api/v1/verify`, { ...init, body: JSON.stringify({ key: text }) }),
        fetch(`${url}/metrics`),
      ].map(async (asked) => (await asked).status),
    );
  };
  expect(await statuses({})).toEqual([403, 403, 403]);
  expect(await statuses({ checkFrom: ["0.0.0.0/0"] })).toEqual([200, 200, 403]);
  const proxies = { trustedProxy: ["0.0.0.0/0"] };
  expect(await statuses(proxies, { "X-Forwarded-Proto": "https" })).toEqual([200, 403, 403]);
  expect(await statuses(proxies)).toEqual([403, 403, 403]);
});

test("a listener of --check serves checks and health, and nothing else", async () => {
  await using check = await openCheck({ check: "127.0.0.1:0" });
  const { text } = await check.key("ci");
  const url = check.server.urls.at(-1)!;
  expect(url).not.toBe(check.url);
  const get = async (path: string, init: RequestInit = {}) => (await fetch(url + path, init)).status;
  const headers = { Authorization: `Bearer ${text}` };
  expect(await get("/auth", { headers })).toBe(200);
  expect(await get("/healthz")).toBe(200);
  const body = JSON.stringify({ key: text });
  expect(
    await get("/api/v1/verify", { method: "POST", body, headers: { "Content-Type": "application/json" } }),
  ).toBe(200);
  expect(await get("/.well-known/jwks.json")).toBe(200);
  for (const path of [
    "/api/v1/keys",
    "/api/v1/keys/1",
    "/",
    "/api/versions",
    "/setup",
    "/metrics",
    "/ca.pem",
  ])
    expect([path, await get(path, { headers })]).toEqual([path, 404]);
});

test("an assertion is signed by the key of jwks.json, for one audience, for a minute and half of one before", async () => {
  const clock = movedClock(Date.UTC(2030, 0, 1, 12, 0, 0, 999));
  await using check = await openCheck({}, { clock });
  const { id, text } = await check.key("ci");
  expect((await check.auth(text)).headers.has("remote-assertion")).toBe(false);
  const token = (await check.auth(text, { path: "/auth?assert=app.example" })).headers.get(
    "remote-assertion",
  )!;
  const [head, body, signature] = token.split(".") as [string, string, string];
  const read = (part: string) => JSON.parse(Buffer.from(part, "base64url").toString());
  const { keys } = (await (await fetch(`${check.url}/.well-known/jwks.json`)).json()) as {
    keys: JsonWebKey[];
  };
  expect(read(head)).toMatchObject({ alg: "EdDSA", kid: (keys[0] as { kid: string }).kid });
  const key = createPublicKey({ key: keys[0] as never, format: "jwk" });
  expect(
    verifySignature(null, Buffer.from(`${head}.${body}`), key, Buffer.from(signature, "base64url")),
  ).toBe(true);
  const claims = read(body);
  expect(claims).toMatchObject({ iss: "chatelaine", aud: "app.example", sub: "ada", key_id: id });
  const now = Date.UTC(2030, 0, 1, 12) / 1000;
  expect([claims.iat, claims.nbf, claims.exp]).toEqual([now - 30, now - 30, now + 60]);
  clock.advance(45_000);
  const later = (await check.auth(text, { path: "/auth?assert=app.example" })).headers.get(
    "remote-assertion",
  )!;
  const { iat, nbf, exp } = read(later.split(".")[1]!);
  expect([iat, nbf, exp]).toEqual([now + 15, now + 15, now + 105]);
});

test("when the database is away /auth answers 503, or 403 where the proxy knows no other, and never 401", async () => {
  await using check = await openCheck();
  const { text } = await check.key("ci");
  const broken = new Error("disk I/O error");
  const { store } = check.app;
  const stamp = store.stamp;
  Object.assign(store, {
    stamp: () => {
      throw broken;
    },
  });
  expect((await check.auth(text)).status).toBe(503);
  expect((await check.auth(text, { path: "/auth?deny=403" })).status).toBe(403);
  expect(await check.verify({ key: text })).toMatchObject({ status: 503, code: "unavailable" });
  expect(await check.verify({ keys: [{ key: text }] })).toMatchObject({ status: 503, code: "unavailable" });
  Object.assign(store, { stamp });
  const { readSettings } = store;
  Object.assign(store, { readSettings: () => new Promise(() => undefined) });
  const clear = { "X-Forwarded-Proto": "http", "X-Forwarded-For": "203.0.113.9" };
  expect((await check.auth(text, { headers: clear })).status).toBe(503);
  Object.assign(store, { readSettings });
  expect((await check.auth(text)).status).toBe(200);
});
