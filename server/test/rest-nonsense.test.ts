import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { bearer, openRest, type RestApp } from "./rest-app.ts";

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
    expect(missing.headers.get("www-authenticate")).toStartWith("Bearer ");
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
    const ways = [bearer(key), { "X-API-Key": key }, { Authorization: `Basic ${btoa(`ada:${key}`)}` }];
    for (const headers of ways)
      expect((await rest.send("GET /keys/self", { headers })).json.name).toBe("ways");
    const other = await rest.send("GET /keys/self", {
      headers: { Authorization: `Basic ${btoa(`bob:${key}`)}` },
    });
    expect(other.status).toBe(401);
  });

  test("two different credentials are refused, the same one twice is not", async () => {
    const [one, two] = [await rest.key("ada", "one"), await rest.key("ada", "two")];
    const both = await rest.send("GET /keys/self", { headers: { ...bearer(one), "X-API-Key": two } });
    expect([both.status, both.json.code]).toEqual([400, "malformed_request"]);
    expect(
      (await rest.send("GET /keys/self", { headers: { ...bearer(one), "X-API-Key": one } })).status,
    ).toBe(200);
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
    expect(await ask()).toMatchObject({ status: 401, code: "key_paused" });
    await rest.send(`POST /keys/${id}/resume`, { headers: auth });
    await rest.send(`POST /keys/${id}/revoke`, { headers: auth, body: { reason: "gone" } });
    expect(await ask()).toMatchObject({ status: 401, code: "key_revoked" });
  });

  test("a user without the role is told which one is missing", async () => {
    await rest.user("holder", ["KEY_HOLDER"]);
    const headers = bearer(await rest.key("holder", "holders"));
    const answer = await rest.send("GET /users", { headers });
    expect(answer.json).toMatchObject({ status: 403, code: "role_missing", roles: ["ACCOUNT_READ"] });
  });

  test("a good credential in a header beats a cookie that is dead", async () => {
    const headers = { ...auth, Cookie: `chatelaine=${"a".repeat(64)}` };
    expect((await rest.send("GET /keys", { headers })).status).toBe(200);
  });
});
