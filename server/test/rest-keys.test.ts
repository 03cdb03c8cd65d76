import { Database } from "bun:sqlite";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { bearer, openRest, type RestApp, SYSTEM, until } from "./rest-app.ts";

let rest: RestApp;
let auth: Record<string, string>;

beforeAll(async () => {
  rest = await openRest();
  auth = bearer(await rest.key("ada", "admin"));
});
afterAll(() => rest[Symbol.asyncDispose]());

const make = (name: string, more: object = {}, headers: object = {}) =>
  rest.send("POST /keys", { headers: { ...auth, ...headers }, body: { name, username: "ada", ...more } });
const works = async (key: string) =>
  (await rest.send("GET /keys/self", { headers: bearer(key) })).status === 200;

describe("the life of a key", () => {
  test("is made, works, is edited, reset, paused, resumed, revoked and deleted", async () => {
    const made = await make("life", { tags: ["a"], expires_at: "2090-01-01T01:00:00+01:00" });
    expect(made.status).toBe(201);
    const { id, key, expires_at } = made.json;
    expect(expires_at).toBe("2090-01-01T00:00:00.000Z");
    expect(await works(key)).toBe(true);
    const edited = await rest.send(`PATCH /keys/${id}`, { headers: auth, body: { description: "x" } });
    expect(edited.json).toMatchObject({ description: "x", tags: ["a"], status: "active" });
    expect(edited.text).not.toContain(key);
    const reset = await rest.send(`POST /keys/${id}/reset`, { headers: auth, body: {} });
    expect(reset.json).toMatchObject({ id, description: "x", receipt: { nodes: [] } });
    expect([await works(key), await works(reset.json.key)]).toEqual([false, true]);
    const paused = await rest.send(`POST /keys/${id}/pause`, { headers: auth });
    expect([paused.json.status, await works(reset.json.key)]).toEqual(["paused", false]);
    await rest.send(`POST /keys/${id}/resume`, { headers: auth });
    expect(await works(reset.json.key)).toBe(true);
    const revoked = await rest.send(`POST /keys/${id}/revoke`, { headers: auth, body: { reason: "lost" } });
    expect(revoked.json).toMatchObject({ status: "revoked", revoked: true, revoked_reason: "lost" });
    expect(revoked.json.receipt.sequence).toBeGreaterThan(paused.json.receipt.sequence);
    expect(await works(reset.json.key)).toBe(false);
    const removed = await rest.send(`DELETE /keys/${id}`, { headers: auth });
    expect(removed.json).toMatchObject({ id });
    expect((await rest.send(`GET /keys/${id}`, { headers: auth })).status).toBe(404);
  });

  test("what a SCRAM key file needs comes only where it is asked for", async () => {
    const [plain, scram] = [
      await make("plain"),
      await rest.send("POST /keys?scram=1", { headers: auth, body: { name: "scram", username: "ada" } }),
    ];
    expect(plain.json.scram).toBeUndefined();
    expect(Object.keys(scram.json.scram).sort()).toEqual([
      "client_key",
      "iterations",
      "salt",
      "server_key",
      "stored_key",
    ]);
  });

  test("a SCRAM key file of a key that is there holds what its making told", async () => {
    const made = await rest.send("POST /keys?scram=1", {
      headers: auth,
      body: { name: "file", username: "ada" },
    });
    const ask = (key: string) => rest.send("POST /keys/scram", { headers: auth, body: { key } });
    expect((await ask(made.json.key)).json).toEqual({ api_key_id: made.json.id, ...made.json.scram });
    const wrong = await ask(`${made.json.key.slice(0, -1)}${made.json.key.endsWith("x") ? "y" : "x"}`);
    expect([wrong.status, wrong.json.errors]).toEqual([
      422,
      [{ path: "key", code: "shape", message: "The key has a typing error" }],
    ]);
    expect(wrong.text).not.toContain(made.json.key.slice(-20, -1));
    const foreign = `${made.json.id}-${"A".repeat(64)}`;
    expect((await ask(foreign)).json.stored_key).not.toBe(made.json.scram.stored_key);
    expect((await ask(`99999-${"A".repeat(64)}`)).status).toBe(404);
    await rest.send(`POST /keys/${made.json.id}/revoke`, { headers: auth, body: { reason: "x" } });
    expect((await ask(made.json.key)).json.code).toBe("conflict");
  });

  test("a taken name is a conflict at its field", async () => {
    await make("taken");
    const again = await make("taken");
    expect(again.json).toMatchObject({
      status: 409,
      code: "name_taken",
      errors: [{ path: "name", code: "name_taken" }],
    });
  });

  test("of two edits on the same version the second is refused", async () => {
    const { id, version } = (await make("version")).json;
    const edit = (description: string) =>
      rest.send(`PATCH /keys/${id}`, { headers: auth, body: { description, version } });
    expect([(await edit("first")).status, (await edit("second")).status]).toEqual([200, 409]);
  });
});

describe("a key about itself", () => {
  test("reads, resets and revokes itself, even one for services only", async () => {
    const key = await rest.key("ada", "services", { roles: [] });
    expect((await rest.send("GET /keys", { headers: bearer(key) })).status).toBe(403);
    const self = await rest.send("GET /keys/self", { headers: bearer(key) });
    expect(self.json).toMatchObject({ name: "services", roles: [] });
    const reset = await rest.send("POST /keys/self/reset", { headers: bearer(key), body: {} });
    expect([reset.status, reset.json.roles, await works(key)]).toEqual([200, [], false]);
    const longer = { headers: bearer(reset.json.key), body: { expires_at: "2099-01-01T00:00:00Z" } };
    expect((await rest.send("POST /keys/self/reset", longer)).status).toBe(403);
    const revoked = await rest.send("POST /keys/self/revoke", {
      headers: bearer(reset.json.key),
      body: { reason: "found" },
    });
    expect([revoked.status, await works(reset.json.key)]).toEqual([200, false]);
  });

  test("a browser is no key", async () => {
    const headers = await rest.browser("ada");
    expect((await rest.send("GET /keys/self", { headers })).json.code).toBe("forbidden");
  });
});

describe("revoking by filter", () => {
  test("says what it would do, then does it", async () => {
    const keys = await Promise.all(
      [1, 2].map(async (n) => (await make(`bulk${n}`, { tags: ["bulk"] })).json),
    );
    const ask = (dry_run: boolean) =>
      rest.send("POST /keys/revoke", { headers: auth, body: { tag: "bulk", reason: "lost", dry_run } });
    const dry = await ask(true);
    expect(dry.json).toMatchObject({ dry_run: true, count: 2, receipt: null });
    expect(await works(keys[0].key)).toBe(true);
    const done = await ask(false);
    expect(done.json).toMatchObject({ dry_run: false, count: 2, refused: [] });
    expect(await Promise.all(keys.map(({ key }) => works(key)))).toEqual([false, false]);
    expect((await ask(false)).json.count).toBe(0);
  });

  test("does a thousand in one call, and says that there are others", async () => {
    const { id: owner } = await rest.user("many", ["KEY_HOLDER"]);
    const database = new Database(join(rest.folder, "chatelaine.db"), { readwrite: true });
    database.run("PRAGMA busy_timeout = 2000");
    database.run(
      `WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 1002)
      INSERT INTO keys (id, name, user_id, username, description, tags, hint, created_at, created_by, expiry_told, version)
      SELECT 100000 + n, 'many ' || n, ?, 'many', '', '[]', '', 0, 'test', 0, 1 FROM numbers`,
      [owner],
    );
    database.close();
    const ask = async (dry_run: boolean) => {
      const body = { username: "many", reason: "lost", dry_run };
      const { count, more, refused } = (await rest.send("POST /keys/revoke", { headers: auth, body })).json;
      return { count, more, refused };
    };
    expect(await ask(true)).toEqual({ count: 1_000, more: true, refused: [] });
    expect(await ask(false)).toEqual({ count: 1_000, more: true, refused: [] });
    expect(await ask(false)).toEqual({ count: 2, more: false, refused: [] });
    expect(await ask(false)).toEqual({ count: 0, more: false, refused: [] });
  }, 120_000);

  test("never means all by mistake", async () => {
    const answer = await rest.send("POST /keys/revoke", { headers: auth, body: { reason: "x" } });
    expect(answer.status).toBe(422);
  });

  test("reaches only one's own without the role for others'", async () => {
    await rest.user("eve", ["KEY_HOLDER"]);
    const eve = bearer(await rest.key("eve", "eves"));
    const mine = (await make("not eve's")).json;
    const answer = await rest.send("POST /keys/revoke", {
      headers: eve,
      body: { ids: [mine.id], reason: "x" },
    });
    expect([answer.json.count, await works(mine.key)]).toEqual([0, true]);
  });
});

describe("Idempotency-Key", () => {
  const once = { "Idempotency-Key": "a-1" };

  test("a repeated create makes one key, whose second secret takes the place of the first", async () => {
    const [first, second] = [await make("once", {}, once), await make("once", {}, once)];
    expect([first.status, second.status, second.json.id]).toEqual([201, 201, first.json.id]);
    expect([await works(first.json.key), await works(second.json.key)]).toEqual([false, true]);
  });

  test("once the key was used a repetition is refused and says to reset", async () => {
    const headers = { "Idempotency-Key": "a-2" };
    const first = await make("used", {}, headers);
    expect(await works(first.json.key)).toBe(true);
    const second = await make("used", {}, headers);
    expect([second.status, second.json.code]).toEqual([409, "conflict"]);
    expect(second.json.detail).toContain("reset");
    expect(await works(first.json.key)).toBe(true);
  });

  test("many at once make one key", async () => {
    const headers = { "Idempotency-Key": "a-3" };
    const answers = await Promise.all(Array.from({ length: 8 }, () => make("burst", {}, headers)));
    const made = answers.filter(({ status }) => status === 201);
    expect(made.length).toBeGreaterThan(0);
    expect(answers.every(({ status }) => status === 201 || status === 409)).toBe(true);
    expect(new Set(made.map(({ json }) => json.id)).size).toBe(1);
    const { rows } = await rest.app.keys.list(SYSTEM, {});
    expect(rows.filter(({ name }) => name === "burst").length).toBe(1);
  });

  test("belongs to one request and to one caller", async () => {
    const headers = { "Idempotency-Key": "a-4" };
    await make("belongs", {}, headers);
    expect((await make("another", {}, headers)).json.code).toBe("invalid");
    await rest.user("zoe", ["FULL_ADMIN"]);
    const zoe = bearer(await rest.key("zoe", "zoes"));
    const hers = await rest.send("POST /keys", {
      headers: { ...zoe, ...headers },
      body: { name: "hers", username: "zoe" },
    });
    expect(hers.status).toBe(201);
  });

  test("a repeated reset and a repeated revoke get the first outcome, after a restart too", async () => {
    const { id } = (await make("again")).json;
    const send = (what: string, body: object) =>
      rest.send(`POST /keys/${id}/${what}`, { headers: { ...auth, "Idempotency-Key": "a-5" }, body });
    const [first, second] = [await send("reset", {}), await send("reset", {})];
    expect([first.status, second.status, await works(second.json.key)]).toEqual([200, 200, true]);
    const revoked = await send("revoke", { reason: "x" });
    await rest.restart();
    const again = await send("revoke", { reason: "x" });
    expect([revoked.status, again.status, again.json.revoked_at]).toEqual([
      200,
      200,
      revoked.json.revoked_at,
    ]);
  });

  test("a repetition never brings a key back that was revoked since", async () => {
    const headers = { "Idempotency-Key": "a-6" };
    const { id } = (await make("dead", {}, headers)).json;
    await rest.send(`POST /keys/${id}/revoke`, { headers: auth, body: { reason: "x" } });
    expect((await make("dead", {}, headers)).status).toBe(409);
    expect((await rest.send(`GET /keys/${id}`, { headers: auth })).json.status).toBe("revoked");
  });
});

test("the last use of a key shows", async () => {
  const { id, key } = (await make("seen")).json;
  expect(await works(key)).toBe(true);
  await until(
    async () =>
      (await rest.send(`GET /keys/${id}`, { headers: auth })).json.last_used_address === "127.0.0.1",
  );
});
