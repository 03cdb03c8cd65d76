import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { movedClock } from "./installation.ts";
import { bearer, openRest, type RestApp, SYSTEM, until } from "./rest-app.ts";

const DAY_MS = 86_400_000;
const START = Date.UTC(2030, 0, 1);

describe("alerts", () => {
  const clock = movedClock(START);
  let rest: RestApp;
  let admin: Record<string, string>;
  let bob: Record<string, string>;
  let auditor: Record<string, string>;
  const alertsOf = async (headers: Record<string, string>) => {
    const { status, json } = await rest.send("GET /alerts", { headers });
    expect(status).toBe(200);
    return json;
  };
  const kindsOf = async (headers: Record<string, string>) =>
    Object.fromEntries(
      (await alertsOf(headers)).kinds.map(({ kind, count }: { kind: string; count: number }) => [
        kind,
        count,
      ]),
    );

  beforeAll(async () => {
    rest = await openRest({}, { clock });
    await rest.user("bob", ["KEY_HOLDER"]);
    await rest.user("olga", ["SYSTEM_AUDIT_READ"]);
    await rest.app.keys.create(SYSTEM, { name: "idle", username: "ada" });
    await rest.app.keys.create(SYSTEM, { name: "idle and his", username: "bob" });
    clock.advance(91 * DAY_MS);
    admin = bearer(await rest.key("ada", "ada's"));
    bob = bearer(await rest.key("bob", "bob's"));
    auditor = bearer(await rest.key("olga", "olga's"));
  });
  afterAll(() => rest[Symbol.asyncDispose]());

  test("tell keys that nobody has used in 90 days, until somebody does something about them", async () => {
    const { entries, kinds } = await alertsOf(admin);
    expect(entries[0]).toEqual({
      id: `key_unused-1-${START + 90 * DAY_MS}`,
      kind: "key_unused",
      level: "info",
      text: "The key idle was not used in 90 days.",
      since: new Date(START + 90 * DAY_MS).toISOString(),
      key: { id: 1, name: "idle", username: "ada" },
    });
    const { mend } = kinds[0];
    expect(mend.operation).toBe("keys.list");
    const query = new URLSearchParams(mend.query).toString();
    const listed = await rest.send(`GET /keys?${query}`, { headers: admin });
    expect(listed.json.entries.map(({ name }: { name: string }) => name).sort()).toEqual([
      "idle",
      "idle and his",
    ]);
    await rest.app.keys.pause(SYSTEM, 1);
    expect(await kindsOf(admin)).toEqual({ key_unused: 1 });
    await rest.app.keys.resume(SYSTEM, 1);
    rest.app.usage.note(1, "ok", { address: "192.0.2.1", client: "curl", host: null });
    await rest.app.usage.flush();
    expect(await kindsOf(admin)).toEqual({ key_unused: 1 });
  });

  test("tell keys that end within seven days, and those that are revoked, with the reason", async () => {
    const { key: ending } = await rest.app.keys.create(SYSTEM, {
      name: "ending",
      username: "ada",
      expiresAt: clock.now() + 20 * DAY_MS,
    });
    expect((await kindsOf(admin)).key_expires_soon).toBe(undefined);
    clock.advance(14 * DAY_MS);
    expect((await kindsOf(admin)).key_expires_soon).toBe(1);
    await rest.app.keys.update(SYSTEM, ending.id, { expiresAt: null });
    expect((await kindsOf(admin)).key_expires_soon).toBe(undefined);
    await rest.app.keys.revoke(SYSTEM, ending.id, "Left the project");
    const { entries } = await alertsOf(admin);
    expect(entries[0].text).toBe("The key ending is revoked: Left the project");
    await rest.app.keys.reset(SYSTEM, ending.id);
    expect((await kindsOf(admin)).key_revoked).toBe(undefined);
  });

  test("tell refused sign-ins of the last 24 hours, to those who read the audit log", async () => {
    for (const password of ["wrong", "wrong again"])
      await rest.send("POST /session", { body: { username: "ada", password } });
    await rest.app.audit.flush();
    expect(await kindsOf(auditor)).toEqual({ sign_in_failures: 2 });
    const { entries, total } = await alertsOf(auditor);
    expect([entries[0].text, entries[0].key, total]).toEqual([
      "2 sign-ins were refused in the last 24 hours.",
      null,
      1,
    ]);
    expect((await kindsOf(admin)).sign_in_failures).toBe(2);
    clock.advance(DAY_MS + 1);
    expect(await kindsOf(auditor)).toEqual({});
  });

  test("show a key holder its own keys alone", async () => {
    await rest.app.keys.revoke(SYSTEM, 1, "theirs");
    const { entries, total } = await alertsOf(bob);
    expect(entries.map(({ key }: { key: { name: string } }) => key.name)).toEqual(["idle and his"]);
    expect(total).toBe(1);
    expect((await kindsOf(admin)).key_revoked).toBe(1);
  });

  test("are counted in all, and listed as many as are asked for", async () => {
    for (const name of ["a", "b", "c"]) {
      const { key } = await rest.app.keys.create(SYSTEM, { name, username: "ada" });
      await rest.app.keys.revoke(SYSTEM, key.id, name);
    }
    const { json } = await rest.send("GET /alerts?limit=2", { headers: admin });
    const revoked = json.entries.filter(({ kind }: { kind: string }) => kind === "key_revoked");
    expect([revoked.length, json.kinds[0].count]).toEqual([2, 4]);
  });

  test("tell the event stream when one begins or ends by time alone", async () => {
    await rest.app.alerts.compare();
    const stop = new AbortController();
    const stream = await fetch(`${rest.url}/api/v1/events`, { headers: bob, signal: stop.signal });
    let heard = "";
    void (async () => {
      for await (const chunk of stream.body as unknown as AsyncIterable<Uint8Array>)
        heard += Buffer.from(chunk).toString();
    })().catch(() => {});
    await until(() => heard.includes("event: ready"));
    clock.advance(100 * DAY_MS);
    await rest.app.alerts.compare();
    await until(() => heard.includes('"kind":"alert","action":"changed","id":"alerts"'));
    stop.abort();
  });
});
