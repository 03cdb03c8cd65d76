import { describe, expect, test } from "bun:test";
import { keyState } from "../src/domain/key.ts";
import { askDoors } from "./doors.ts";
import { makeInstallation, movedClock, PASSWORD, SYSTEM } from "./installation.ts";
import { RpcClient } from "./rpc-client.ts";

const DAY = 86_400_000;

test("an expired key stays expired when the clock steps back, until it is reset", async () => {
  await using folder = await makeInstallation();
  const clock = movedClock();
  const app = await folder.open({ clock });
  const other = await folder.open({ clock });
  await app.users.create(SYSTEM, { username: "root", roles: ["FULL_ADMIN"] });
  const { key, secret } = await app.keys.create(SYSTEM, {
    name: "ends",
    username: "root",
    expiresAt: clock.now() + DAY,
  });
  const said = async (text: string): Promise<string[]> => {
    const verdicts = await Promise.all(
      [app, other].flatMap(({ verify }) => [
        verify.verify(text, { origin: null }),
        verify.check(text, { origin: null }),
      ]),
    );
    return [...new Set(verdicts.map((verdict) => (verdict.ok ? "ok" : verdict.reason)))];
  };
  expect(await said(secret.text)).toEqual(["ok"]);
  clock.advance(2 * DAY);
  expect(await said(secret.text)).toEqual(["expired"]);
  expect(await app.keys.sweepExpired()).toBe(1);
  clock.advance(-2 * DAY);
  expect(await said(secret.text)).toEqual(["expired"]);
  const renewed = await app.keys.reset(SYSTEM, key.id, { expiresAt: clock.now() + 3 * DAY });
  expect(await said(renewed.secret.text)).toEqual(["ok"]);
  clock.advance(4 * DAY);
  expect(await said(renewed.secret.text)).toEqual(["expired"]);
  expect(await app.keys.sweepExpired()).toBe(1);
});

test.each([
  ["the end of 32-bit seconds", Date.UTC(2038, 0, 19, 3, 14, 7)],
  ["a leap day", Date.UTC(2032, 1, 29)],
  ["the last year that can be written", Date.UTC(9999, 11, 31, 23, 59, 58)],
])("a key that ends at %s works before it and not after", async (_name, end) => {
  await using folder = await makeInstallation();
  const clock = movedClock(end - 2_000);
  const app = await folder.open({ clock });
  await app.users.create(SYSTEM, { username: "root", roles: ["FULL_ADMIN"] });
  const { secret, key } = await app.keys.create(SYSTEM, { name: "ends", username: "root", expiresAt: end });
  expect(key.expiresAt).toBe(end);
  expect((await app.verify.verify(secret.text, { origin: null })).ok).toBe(true);
  clock.advance(2_000);
  expect(await app.verify.verify(secret.text, { origin: null })).toMatchObject({
    ok: false,
    reason: "expired",
  });
});

const KEY_DOORS = [
  "auth",
  "auth by Basic",
  "REST, its own key",
  "REST, one key",
  "REST by X-API-Key",
  "REST by Basic",
  "REST, a change",
  "API_KEY_PLAIN",
  "auth.login_with_api_key",
];

/** Ends of a key that was made without one, all of them a day later. */
const ENDS = ["its own", "its owner's limits", "its own, before its owner's limits"] as const;

describe.each(ENDS)("an end by %s that one process has seen", (end) => {
  test("holds at every door of every process on the folder when the clock steps back, and after restarts", async () => {
    await using folder = await makeInstallation();
    const clock = movedClock();
    const seeing = await folder.serve({}, { clock });
    const other = await folder.serve({}, { clock });
    const { users, keys } = seeing.app;
    const root = await users.create(SYSTEM, {
      username: "root",
      roles: ["FULL_ADMIN"],
      password: PASSWORD,
    });
    const expiresAt = end.startsWith("its own") ? clock.now() + DAY : null;
    const { key, secret } = await keys.create(SYSTEM, { name: "ends", username: "root", expiresAt });
    if (end.includes("limits")) {
      const lifetimeSeconds = ((end.startsWith("its own") ? 2 : 1) * DAY) / 1000;
      const ceilings = { allowedIps: null, rateLimit: null, lifetimeSeconds };
      await users.update(SYSTEM, root.id, { ceilings });
    }
    const shown = { username: "root", password: PASSWORD, key: secret.text };
    const ask = async (url: string) => {
      const all = Object.entries(await askDoors(url, shown));
      return Object.fromEntries(all.filter(([door]) => KEY_DOORS.includes(door)));
    };
    const authOf = async (url: string) =>
      (await fetch(`${url}/auth`, { headers: { Authorization: `Bearer ${secret.text}` } })).status;
    const before = await ask(other.urls[0]!);
    expect(Object.values(before).every((answer) => /^200|SUCCESS|true/.test(answer))).toBe(true);
    const socket = await RpcClient.connect(other.urls[0]!);
    await socket.signIn("root", secret.text);

    clock.advance(DAY + 500);
    expect(await authOf(seeing.urls[0]!)).toBe(401);
    clock.advance(-DAY);
    expect(await authOf(other.urls[0]!)).toBe(401);
    expect((await socket.call("api_key.my_keys").catch(() => ({ error: "closed" }))).error).toBeDefined();
    for (const { urls } of [seeing, other]) {
      const answers = await ask(urls[0]!);
      expect(Object.entries(answers).filter(([door, said]) => said === before[door])).toEqual([]);
      const verified = await fetch(`${urls[0]}/api/v1/verify`, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ key: secret.text }),
      });
      expect(await verified.json()).toMatchObject({ valid: false, reason: "expired" });
    }
    expect(keyState(await keys.get(SYSTEM, key.id), clock.now())).toBe("expired");
    await other.close();
    await seeing.close();

    clock.advance(-DAY / 4);
    const again = await folder.serve({}, { clock });
    expect(await authOf(again.urls[0]!)).toBe(401);
    const listed = await again.app.keys.list(SYSTEM, { limit: 0 });
    expect(listed.rows.map((one) => keyState(one, clock.now()))).toEqual(["expired"]);
    // The clock is what it says again, and a reset key works.
    expect(again.app.clock.now()).toBe(clock.now());
    const wanted = { expiresAt: clock.now() + DAY / 2 };
    const renewed = await again.app.keys.reset(SYSTEM, key.id, wanted);
    const headers = { Authorization: `Bearer ${renewed.secret.text}` };
    expect((await fetch(`${again.urls[0]}/auth`, { headers })).status).toBe(200);
  }, 60_000);
});

test("an end that only a stopped server had seen holds for the next one, whose clock is behind", async () => {
  await using folder = await makeInstallation();
  const clock = movedClock();
  const app = await folder.open({ clock });
  const root = await app.users.create(SYSTEM, { username: "root", roles: ["FULL_ADMIN"] });
  const { secret, key } = await app.keys.create(SYSTEM, { name: "ends", username: "root" });
  const ceilings = { allowedIps: null, rateLimit: null, lifetimeSeconds: DAY / 1000 };
  await app.users.update(SYSTEM, root.id, { ceilings });
  clock.advance(2 * DAY);
  expect(await app.verify.check(secret.text, { origin: null })).toMatchObject({ reason: "expired" });
  await app.close();
  clock.advance(-1.5 * DAY);
  const next = await folder.open({ clock });
  expect(next.clock.now()).toBe(clock.now());
  expect(await next.verify.check(secret.text, { origin: null })).toMatchObject({ reason: "expired" });
  expect(await next.keys.get(SYSTEM, key.id)).toMatchObject({ hasExpired: true });
  // What ended while the clock was ahead, by its owner's limits alone, lives by another expiry.
  await next.users.update(SYSTEM, root.id, { ceilings: null });
  await next.keys.update(SYSTEM, key.id, { expiresAt: null });
  expect(await next.verify.check(secret.text, { origin: null })).toMatchObject({ ok: true });
});
