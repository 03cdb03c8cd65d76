import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { connect } from "node:net";
import { movedClock } from "./installation.ts";
import { bearer, openRest, type RestApp, SYSTEM } from "./rest-app.ts";

let rest: RestApp;
let auth: Record<string, string>;

beforeAll(async () => {
  rest = await openRest();
  auth = bearer(await rest.key("ada", "ci"));
});
afterAll(() => rest[Symbol.asyncDispose]());

const body = { name: "n", username: "ada" };
const ROWS: readonly [string, string, Parameters<RestApp["send"]>[1], number, string][] = [
  [
    "a wrong content type",
    "POST /keys",
    { headers: { "Content-Type": "text/plain" }, body: "{}" },
    415,
    "malformed_request",
  ],
  [
    "a form",
    "POST /keys",
    { headers: { "Content-Type": "application/x-www-form-urlencoded" }, body: "name=x" },
    415,
    "malformed_request",
  ],
  ["broken JSON", "POST /keys", { body: "{nope" }, 400, "malformed_request"],
  ["bytes that are no UTF-8", "POST /keys", { body: "\ud800" }, 400, "malformed_request"],
  ["JSON that is no object", "POST /keys", { body: [] }, 422, "invalid"],
  ["an unknown member", "POST /keys", { body: { ...body, owner_id: 1 } }, 422, "invalid"],
  ["__proto__", "POST /keys", { body: '{"__proto__":{"name":"p"},"username":"ada"}' }, 422, "invalid"],
  [
    "JSON nested 10 000 deep",
    "POST /keys",
    { body: "[".repeat(10_000) + "]".repeat(10_000) },
    400,
    "malformed_request",
  ],
  ["a body of 1 MB", "POST /keys", { body: JSON.stringify("x".repeat(1_000_000)) }, 413, "payload_too_large"],
  ["a wrong method", "PUT /keys", {}, 405, "malformed_request"],
  ["an unknown path", "GET /nothing/here", {}, 404, "not_found"],
  ["an id that is no number", "GET /keys/one", {}, 422, "invalid"],
  ["an id out of range", "GET /keys/99999999999", {}, 422, "invalid"],
  ["a key that is not there", "GET /keys/77", {}, 404, "not_found"],
  ["an unknown query member", "GET /keys?nope=1", {}, 422, "invalid"],
  ["a query member told twice", "GET /keys?limit=1&limit=2", {}, 422, "invalid"],
  ["a cursor of nobody", "GET /keys?cursor=AAAA", {}, 422, "invalid"],
  ["an order by nothing", "GET /keys?order=secret", {}, 422, "invalid"],
  ["a filter on nothing", "GET /keys?filter=%5B%5B%22digest%22,%22%3D%22,1%5D%5D", {}, 422, "invalid"],
  ["a page of too many", "GET /keys?limit=1001", {}, 422, "invalid"],
  ["a body where none belongs", "POST /keys/1/pause", { body: { a: 1 } }, 400, "malformed_request"],
];

/** For headers that no client sends twice. */
async function statusOfRaw(...lines: string[]): Promise<number> {
  const { hostname, port } = new URL(rest.url);
  const socket = connect(Number(port), hostname);
  socket.write(`${[...lines, "Host: localhost", "Connection: close"].join("\r\n")}\r\n\r\n`);
  let text = "";
  for await (const chunk of socket) text += String(chunk);
  return Number(text.split(" ")[1]);
}

describe("nonsense gets a problem document", () => {
  for (const [what, route, sent, status, code] of ROWS) {
    test(`${what}: ${status}`, async () => {
      const answer = await rest.send(route, { ...sent, headers: { ...auth, ...sent?.headers } });
      expect([answer.status, answer.json?.code]).toEqual([status, code]);
      expect(answer.headers.get("content-type")).toBe("application/problem+json");
      expect(answer.json).toMatchObject({ status, type: `/api/docs/current/errors/${code}` });
      expect(answer.json.request_id).toBe(answer.headers.get("x-request-id"));
      if (status === 405) expect(answer.headers.get("allow")).toBe("GET, POST");
    });
  }

  test("what was refused is named by its path", async () => {
    const wrong = { name: "", username: "nobody", expires_at: "tomorrow", rate_limit: { limit: 0 } };
    const answer = await rest.send("POST /keys", { headers: auth, body: wrong });
    const paths = answer.json.errors.map(({ path }: { path: string }) => path);
    expect(paths).toEqual(["name", "expires_at", "rate_limit.limit", "rate_limit.window_seconds"]);
    const late = await rest.send("POST /keys", {
      headers: auth,
      body: { ...body, expires_at: "2001-01-01T00:00:00Z" },
    });
    expect([late.status, late.json.errors[0].path, late.json.errors[0].code]).toEqual([
      422,
      "expires_at",
      "in_past",
    ]);
  });

  test("half of a surrogate pair is no text, in values and in names", async () => {
    for (const text of ['{"tags":["\\ud800"]}', '{"description":"\\udc00x"}', '{"\\uDBFF":1}']) {
      const answer = await rest.send("PATCH /keys/1", { headers: auth, body: text });
      expect([text, answer.status, answer.json.code]).toEqual([text, 400, "malformed_request"]);
    }
    const whole = await rest.send("PATCH /keys/1", {
      headers: auth,
      body: '{"description":"\\ud83d\\udd11"}',
    });
    expect(whole.json.description).toBe("🔑");
  });

  test("a wrong method is told by what the very address takes", async () => {
    const wrong: readonly [string, string][] = [
      ["PUT /keys/self", "GET"],
      ["DELETE /keys/self", "GET"],
      ["PATCH /keys/self", "GET"],
      ["GET /keys/revoke", "POST"],
      ["PUT /keys/1", "GET, PATCH, DELETE"],
      ["GET /verify", "POST"],
      ["POST /api/openapi.json", "GET, HEAD"],
      ["DELETE /api/openrpc.json", "GET, HEAD"],
      ["POST /api/docs/current", "GET, HEAD"],
    ];
    for (const [route, allow] of wrong) {
      const answer = await rest.send(route, { headers: auth });
      const { status, code } = answer.json;
      expect([route, answer.status, status, code]).toEqual([route, 405, 405, "malformed_request"]);
      expect([route, answer.headers.get("allow")]).toEqual([route, allow]);
    }
    const asked = await rest.send("OPTIONS /keys");
    expect([asked.status, asked.headers.get("allow")]).toEqual([204, "GET, POST"]);
    expect((await rest.send("OPTIONS /nothing/here")).status).toBe(404);
  });

  test("an unknown address anywhere below /api is a problem document too", async () => {
    for (const path of [
      "/api/",
      "/api/v1",
      "/api/v2/keys",
      "/api/nothing",
      "/api/v1/keys/",
      "/api/v1//keys",
    ]) {
      const answer = await rest.send(`GET ${path}`, { headers: auth });
      expect([path, answer.status, answer.json?.code]).toEqual([path, 404, "not_found"]);
      expect(answer.headers.get("content-type")).toBe("application/problem+json");
      expect(answer.headers.get("cache-control")).toBe("no-store");
    }
  });

  test("headers of more than 16 KiB are refused", async () => {
    const answer = await rest.send("GET /keys", { headers: { ...auth, "X-Long": "x".repeat(20_000) } });
    expect([413, 431]).toContain(answer.status);
  });
});

describe("credentials", () => {
  test("401 says how to sign in, and a wrong key and a missing one are told alike", async () => {
    const missing = await rest.send("GET /keys");
    const wrong = await rest.send("GET /keys", { headers: bearer(`1-${"A".repeat(64)}`) });
    const unknown = await rest.send("GET /keys", { headers: bearer(`999-${"A".repeat(64)}`) });
    expect(missing.headers.get("www-authenticate")).toStartWith("Basic ");
    expect([wrong.status, wrong.json.code]).toEqual([401, "not_authenticated"]);
    expect({ ...unknown.json, request_id: "" }).toEqual({ ...wrong.json, request_id: "" });
  });

  test("a typing error and a missing beginning are told, because they need no secret", async () => {
    const key = await rest.key("ada", "typed");
    const last = key.endsWith("x") ? "y" : "x";
    const typo = await rest.send("GET /keys", { headers: bearer(key.slice(0, -1) + last) });
    expect([typo.status, typo.json.detail]).toEqual([401, "The key has a typing error"]);
    const cut = await rest.send("GET /keys", { headers: bearer(key.slice(key.indexOf("-") + 1)) });
    expect(cut.json.detail).toContain("are missing");
  });

  test("every way in yields the same caller", async () => {
    const key = await rest.key("ada", "ways");
    const basic = (name: string) => ({ Authorization: `Basic ${btoa(`${name}:${key}`)}` });
    const ways = [bearer(key), { "X-API-Key": key }, basic("ada"), basic("bob")];
    for (const headers of ways)
      expect((await rest.send("GET /keys/self", { headers })).json.name).toBe("ways");
  });

  test("two different credentials are refused, the same one twice is not", async () => {
    const [one, two] = [await rest.key("ada", "one"), await rest.key("ada", "two")];
    const both = await rest.send("GET /keys/self", { headers: { ...bearer(one), "X-API-Key": two } });
    expect([both.status, both.json.code]).toEqual([400, "malformed_request"]);
    expect(
      (await rest.send("GET /keys/self", { headers: { ...bearer(one), "X-API-Key": one } })).status,
    ).toBe(200);
  });

  test("one header told twice is refused, whichever it is", async () => {
    const [one, two] = [await rest.key("ada", "first"), await rest.key("ada", "second")];
    const ask = (...headers: string[]) => statusOfRaw("GET /api/v1/keys/self HTTP/1.1", ...headers);
    expect(await ask(`X-API-Key: ${one}`)).toBe(200);
    expect(await ask(`X-API-Key: ${one}`, `X-API-Key: ${two}`)).toBe(400);
    expect(await ask(`Authorization: Bearer ${one}`, `Authorization: Bearer ${two}`)).toBe(400);
    const basic = btoa(`ada:${two}`);
    expect(await ask(`Authorization: Bearer ${one}`, `Authorization: Basic ${basic}`)).toBe(400);
  });

  test("a key in the address of the documentation is refused too, and is not repeated", async () => {
    const key = await rest.key("ada", "searched");
    for (const path of ["/api/docs/current/search?q=", "/api/openapi.json?x="]) {
      const answer = await rest.send(`GET ${path}${key}`);
      expect([path, answer.status, answer.text.includes(key)]).toEqual([path, 400, false]);
      expect(answer.json.detail).toContain("Authorization: Bearer");
    }
  });

  test("a key in the address is refused with a hint, and is not repeated", async () => {
    const key = await rest.key("ada", "query");
    for (const query of [`key=${key}`, `x=${key}`, "api_key=abc", `x=${encodeURIComponent(key)}`]) {
      const answer = await rest.send(`GET /keys?${query}`, { headers: auth });
      expect([answer.status, answer.json.code]).toEqual([400, "malformed_request"]);
      expect(answer.json.detail).toContain("Authorization: Bearer");
      expect(answer.text).not.toContain(key);
    }
  });

  test("the state of a key is told to whoever has its secret", async () => {
    const key = await rest.key("ada", "state");
    const id = Number(key.split("-")[0]);
    const ask = async () => (await rest.send("GET /keys/self", { headers: bearer(key) })).json;
    await rest.send(`POST /keys/${id}/pause`, { headers: auth });
    // Its secret was right, and clients throw keys away on 401.
    expect(await ask()).toMatchObject({ status: 403, code: "key_paused" });
    await rest.send(`POST /keys/${id}/resume`, { headers: auth });
    await rest.send(`POST /keys/${id}/revoke`, { headers: auth, body: { reason: "gone" } });
    expect(await ask()).toMatchObject({ status: 401, code: "key_revoked" });
  });

  test("the state of a key is told to nobody else: a wrong secret is unknown, whatever the key is", async () => {
    const states: Readonly<Record<string, (id: number) => Promise<unknown>>> = {
      key_revoked: (id) => rest.app.keys.revoke(SYSTEM, id, "gone"),
      key_paused: (id) => rest.app.keys.pause(SYSTEM, id),
    };
    for (const [code, end] of Object.entries(states)) {
      const key = await rest.key("ada", code);
      const [id] = key.split("-");
      await end(Number(id));
      expect((await rest.send("GET /keys/self", { headers: bearer(key) })).json.code).toBe(code);
      const wrong = await rest.send("GET /keys/self", { headers: bearer(`${id}-${"A".repeat(64)}`) });
      expect([wrong.status, wrong.json.code]).toEqual([401, "not_authenticated"]);
    }
  });

  test("an expired key is told as expired, and one over an insecure transport as such", async () => {
    const clock = movedClock();
    await using apart = await openRest({}, { clock });
    const { secret } = await apart.app.keys.create(SYSTEM, {
      name: "short",
      username: "ada",
      expiresAt: clock.now() + 60_000,
    });
    const ask = async (more: Record<string, string> = {}) =>
      (await apart.send("GET /keys/self", { headers: { ...bearer(secret.text), ...more } })).json;
    expect(await ask({ "X-Forwarded-For": "192.0.2.9" })).toMatchObject({
      status: 403,
      code: "insecure_transport",
    });
    expect((await ask()).name).toBe("short");
    clock.advance(60_000);
    expect(await ask()).toMatchObject({ status: 401, code: "key_expired" });
  });

  test("who asks too often is told how long to wait", async () => {
    const clock = movedClock();
    await using apart = await openRest({}, { clock });
    const { secret } = await apart.app.keys.create(SYSTEM, {
      name: "slow",
      username: "ada",
      rateLimit: { limit: 1, windowSeconds: 7_200 },
    });
    const ask = () => apart.send("GET /keys/self", { headers: bearer(secret.text) });
    expect((await ask()).status).toBe(200);
    clock.advance(1_200_000);
    const late = await ask();
    expect([late.status, late.json.code]).toEqual([429, "too_many_requests"]);
    expect(late.headers.get("retry-after")).toBe("6000");
    expect(late.headers.get("ratelimit")).toBe('"key";r=0;t=6000');
    clock.advance(6_000_000);
    expect((await ask()).status).toBe(200);
    const guess = () => apart.send("POST /session", { body: { username: "bob", password: "a guess" } });
    const guesses = [];
    for (let times = 0; times < 11; times++) guesses.push(await guess());
    const last = guesses.at(-1)!;
    expect([last.status, last.headers.get("retry-after")]).toEqual([429, "900"]);
  });

  test("a user without the role is told which one is missing", async () => {
    await rest.user("holder", ["KEY_HOLDER"]);
    const headers = bearer(await rest.key("holder", "holders"));
    const answer = await rest.send("GET /users", { headers });
    expect(answer.json).toMatchObject({ status: 403, code: "role_missing", roles: ["ACCOUNT_READ"] });
  });

  test("a good credential in a header beats a cookie that is dead", async () => {
    const [name] = (await rest.browser("ada")).Cookie!.split("=");
    const headers = { ...auth, Cookie: `${name}=${"a".repeat(64)}` };
    expect((await rest.send("GET /keys", { headers })).status).toBe(200);
  });
});
