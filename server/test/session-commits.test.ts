/** What is remembered of keys is forgotten at each commit but those that touch sessions and tokens alone, whoever commits them. */
import { Database } from "bun:sqlite";
import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import {
  callerOf,
  makeUserWithPassword,
  openTestApp,
  originOf,
  PASSWORD,
  type TestApp,
} from "./accounts-app.ts";
import { openBrowser } from "./installation.ts";

let app: TestApp;
let other: TestApp;
let keyId: number;
let text: string;

beforeAll(async () => {
  app = await openTestApp();
  const ada = await makeUserWithPassword(app, "ada");
  const { key, secret } = await app.keys.create(app.system, { name: "asks", username: ada.username });
  keyId = key.id;
  text = secret.text;
  other = await openTestApp({ beside: app });
});
afterAll(async () => {
  await other.close();
  await app.close();
});

const SESSIONS: Readonly<Record<string, (by: TestApp) => Promise<unknown>>> = {
  "a browser signs in": async (by) => openBrowser(by.store, (await callerOf(by, "ada")).userId, null),
  "a browser's last use is written": async (by) => {
    const id = await openBrowser(by.store, (await callerOf(by, "ada")).userId, null);
    await by.store.transact("session_use", (tx) => tx.touchWebSession(id, by.clock.now() + 60_000));
  },
  "a browser's session is ended by another": async (by) => {
    const caller = await callerOf(by, "ada");
    const id = await openBrowser(by.store, caller.userId, null);
    expect(await by.browserSessions.terminate(caller, id)).toBe(true);
  },
};

const OTHERS: Readonly<Record<string, (by: TestApp) => Promise<unknown>>> = {
  "a key is made": (by) => by.keys.create(by.system, { name: `k${crypto.randomUUID()}`, username: "ada" }),
  "a key is edited": (by) => by.keys.update(by.system, keyId, { description: crypto.randomUUID() }),
  "a user is edited": async (by) =>
    by.users.update(by.system, (await by.users.get(by.system, { username: "ada" })).id, {
      fullName: crypto.randomUUID(),
    }),
  "the settings are changed": (by) =>
    by.settings.change(by.system, { publicUrl: `https://${crypto.randomUUID()}.example` }),
  "a key is changed by hand": async (by) => {
    using database = new Database(join(by.folder, "chatelaine.db"));
    database.run("UPDATE keys SET description = ?1 WHERE id = ?2", [crypto.randomUUID(), keyId]);
  },
  "a key is changed by hand, and a browser signs in after it": async (by) => {
    using database = new Database(join(by.folder, "chatelaine.db"));
    database.run("UPDATE keys SET description = ?1 WHERE id = ?2", [crypto.randomUUID(), keyId]);
    await SESSIONS["a browser signs in"]!(by);
  },
};

const PROCESSES = [
  ["this process", () => app],
  ["another process", () => other],
] as const;

for (const [who, by] of PROCESSES) {
  test.each(Object.keys(SESSIONS))(`%s, by ${who}: nothing is forgotten`, async (name) => {
    await SESSIONS[name]!(by());
    const before = app.store.stamp();
    await SESSIONS[name]!(by());
    expect(app.store.stamp()).toBe(before!);
    await SESSIONS[name]!(by());
    await SESSIONS[name]!(by());
    expect(app.store.stamp()).toBe(before!);
  });

  test.each(Object.keys(OTHERS))(`%s, by ${who}: everything is forgotten`, async (name) => {
    for (const session of Object.values(SESSIONS)) await session(by());
    const before = app.store.stamp();
    for (const session of Object.values(SESSIONS)) await session(by());
    await OTHERS[name]!(by());
    for (const session of Object.values(SESSIONS)) await session(by());
    expect(app.store.stamp()).not.toBe(before!);
    const forgotten = app.store.stamp();
    await SESSIONS["a browser signs in"]!(by());
    expect(app.store.stamp()).toBe(forgotten!);
  });
}

test("a key that is revoked between sign-ins of browsers is refused at once", async () => {
  const check = async () => (await app.signIn.callerOfKey(text, originOf({ door: "rest" }))).ok;
  for (let round = 0; round < 20; round++) {
    const { key, secret } = await other.keys.create(other.system, { name: `r${round}`, username: "ada" });
    const ask = async () => (await app.signIn.callerOfKey(secret.text, originOf({ door: "rest" }))).ok;
    expect([await ask(), await check()]).toEqual([true, true]);
    await SESSIONS["a browser signs in"]!(other);
    expect(await ask()).toBe(true);
    await Promise.all([
      SESSIONS["a browser signs in"]!(app),
      other.keys.revoke(other.system, key.id, "gone"),
      SESSIONS["a browser signs in"]!(other),
    ]);
    expect([await ask(), await check()]).toEqual([false, true]);
  }
});

test("signing in by password counts for nothing that keys are remembered by", async () => {
  const before = app.store.stamp();
  expect(await app.signIn.byPassword("ada", PASSWORD, originOf())).toMatchObject({
    credential: { username: "ada" },
  });
  expect(app.store.stamp()).toBe(before!);
});
