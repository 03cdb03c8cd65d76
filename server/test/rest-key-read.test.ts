/** The read that programs ask most, by each header that carries a key: what is answered is the same. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { bearer, openRest, type RestAnswer, type RestApp, SYSTEM } from "./rest-app.ts";

let rest: RestApp;

beforeAll(async () => {
  rest = await openRest();
  await rest.user("bob", ["KEY_HOLDER"]);
});
afterAll(() => rest[Symbol.asyncDispose]());

const VARYING = ["date", "x-request-id", "content-length"];

function shown({ status, headers, json }: RestAnswer): unknown {
  const { request_id: _, ...body } = json;
  const names = [...headers].filter(([name]) => !VARYING.includes(name)).sort();
  return { status, headers: Object.fromEntries(names), body };
}

describe("one key read by Bearer", () => {
  test("is answered like by X-API-Key: found, another's, absent, and to keys that are not good", async () => {
    const key = await rest.key("ada", "reader");
    const id = Number(key.split("-")[0]);
    const [other, paused, revoked, narrow] = await Promise.all([
      rest.key("bob", "other"),
      rest.key("ada", "paused"),
      rest.key("ada", "revoked"),
      rest.key("ada", "no roles", { roles: [] }),
    ]);
    await rest.app.keys.pause(SYSTEM, Number(paused.split("-")[0]));
    await rest.app.keys.revoke(SYSTEM, Number(revoked.split("-")[0]), "test");
    const wrong = `${id}-${"A".repeat(64)}`;
    // Its use shows in the entry as soon as it is written, which may be between two of these requests.
    await rest.send("GET /keys/self", { headers: bearer(key) });
    await rest.app.audit.flush();
    for (const presented of [key, other, paused, revoked, narrow, wrong, "junk"]) {
      for (const path of [
        `/keys/${id}`,
        "/keys/999999",
        "/keys/0",
        "/keys/01",
        "/keys/99999999999",
        "/keys/2147483648",
        `/keys/${id}?x=1`,
        "/keys/x",
      ]) {
        const plain = await rest.send(`GET ${path}`, { headers: bearer(presented) });
        const general = await rest.send(`GET ${path}`, { headers: { "X-API-Key": presented } });
        await rest.app.audit.flush();
        const [one, two] = [shown(plain), shown(general)];
        for (const each of [one, two] as { body: Record<string, unknown> }[]) delete each.body.last_used_at;
        expect([path, one]).toEqual([path, two]);
        expect(plain.headers.get("x-request-id")).toMatch(/^[0-9a-f-]{36}$/);
      }
    }
  });

  test("tells each change and each use at once", async () => {
    const key = await rest.key("ada", "fresh");
    const id = Number(key.split("-")[0]);
    const read = async () => (await rest.send(`GET /keys/${id}`, { headers: bearer(key) })).json;
    expect((await read()).last_used_at).toBeNull();
    await rest.app.usage.flush();
    expect((await read()).last_used_address).toBe("127.0.0.1");
    for (const description of ["one", "two", "three"]) {
      await rest.app.keys.update(SYSTEM, id, { description });
      expect((await read()).description).toBe(description);
    }
    await rest.app.keys.revoke(SYSTEM, id, "gone");
    expect((await read()).code).toBe("key_revoked");
  });

  test("is refused to a key that an untrusted proxy passes on in clear", async () => {
    const key = await rest.key("ada", "proxied");
    const headers = { ...bearer(key), "X-Forwarded-For": "192.0.2.1" };
    expect((await rest.send(`GET /keys/${key.split("-")[0]}`, { headers })).json.code).toBe(
      "insecure_transport",
    );
  });

  test("leaves requests of pages to the rules for their origins", async () => {
    const key = await rest.key("ada", "page");
    const headers = { ...bearer(key), Origin: "https://elsewhere.example" };
    const answer = await rest.send(`GET /keys/${key.split("-")[0]}`, { headers });
    expect(answer.headers.has("access-control-allow-origin")).toBe(false);
  });
});
