import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { movedClock } from "./installation.ts";
import { bearer, openRest, type RestApp, SYSTEM, until } from "./rest-app.ts";

describe("who used a key in the last hour", () => {
  const clock = movedClock();
  let rest: RestApp;
  let admin: Record<string, string>;
  let key: string;
  let id: number;
  const clients = async (headers = admin) => {
    const { status, json } = await rest.send(`GET /keys/${id}/clients`, { headers });
    return status === 200
      ? json.entries.map((entry: { client: string; address: string }) => `${entry.client} ${entry.address}`)
      : status;
  };
  const use = (client: string) =>
    rest.send("GET /keys/self", { headers: { ...bearer(key), "User-Agent": client } });
  const verify = (ip: string) => rest.send("POST /verify", { body: { key, ip } });

  beforeAll(async () => {
    rest = await openRest({}, { clock });
    await rest.user("bob", ["KEY_HOLDER"]);
    await rest.user("eve", ["KEY_HOLDER"]);
    admin = bearer(await rest.key("ada", "ada's"));
    key = await rest.key("bob", "bob's");
    id = Number(key.split("-")[0]);
  });
  afterAll(() => rest[Symbol.asyncDispose]());

  test("is every client at every address once, whichever door it came by", async () => {
    for (const client of ["one", "two", "one", "three", "two"]) await use(client);
    for (const ip of ["192.0.2.1", "192.0.2.2", "192.0.2.1"]) await verify(ip);
    await until(async () => (await clients()).length === 5);
    expect((await clients()).sort()).toEqual([
      "null 192.0.2.1",
      "null 192.0.2.2",
      "one 127.0.0.1",
      "three 127.0.0.1",
      "two 127.0.0.1",
    ]);
  });

  test("is for the owner and those who read keys, and for nobody else", async () => {
    expect(await clients(bearer(key))).toBeArray();
    expect(await clients(bearer(await rest.key("eve", "eve's")))).toBe(404);
  });

  test("is forgotten after an hour, the latest first until then", async () => {
    clock.advance(50 * 60_000);
    await use("two");
    await until(async () => (await clients())[0] === "two 127.0.0.1");
    clock.advance(11 * 60_000);
    expect(await clients()).toEqual(["two 127.0.0.1"]);
  });

  test("is cut to the twenty latest, and counts no refused use", async () => {
    await rest.app.keys.pause(SYSTEM, id);
    await verify("198.51.100.1");
    await rest.app.keys.resume(SYSTEM, id);
    for (let n = 0; n < 30; n++) {
      clock.advance(1_000);
      await verify(`203.0.113.${n}`);
      if (n % 7 === 0) await rest.app.usage.flush();
    }
    await until(async () => (await clients())[0] === "null 203.0.113.29");
    const found: string[] = await clients();
    expect(found.length).toBe(20);
    expect(found).not.toContain("null 198.51.100.1");
  });

  test("of two processes that write out of order, the later use stays the last and the other is a client too", async () => {
    clock.advance(2 * 60 * 60_000);
    const now = clock.now();
    const used = (client: string, at: number) => ({
      keyId: id,
      counts: [],
      hosts: new Map(),
      last: { keyId: id, at, address: "192.0.2.9", client, count: 1 },
    });
    await rest.app.store.recordUse([used("late", now)], []);
    await rest.app.store.recordUse([used("early", now - 5_000)], []);
    expect(await clients()).toEqual(["late 192.0.2.9", "early 192.0.2.9"]);
    expect(await rest.app.keys.get(SYSTEM, id)).toMatchObject({ lastUsedAt: now, lastUsedClient: "late" });
  });
});
