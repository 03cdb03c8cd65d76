import { Database } from "bun:sqlite";
import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import type { Local } from "../src/app.ts";
import type { Server } from "../src/server.ts";
import { type Folder, type MovedClock, makeInstallation, movedClock, SYSTEM } from "./installation.ts";
import { type RpcAnswer, RpcClient } from "./rpc-client.ts";

const ENDED = [1000, "Session ended"] as const;

let folder: Folder;
let clock: MovedClock;
let server: Server;
/** The same data folder as another process has it. */
let local: Local;
let count = 0;

beforeAll(async () => {
  folder = await makeInstallation();
  clock = movedClock();
  server = await folder.serve({}, { clock });
  local = await folder.open({ clock });
  await local.users.create(SYSTEM, { username: "root", roles: ["FULL_ADMIN"] });
});

afterAll(() => folder[Symbol.asyncDispose]());

interface SignedIn {
  readonly rpc: RpcClient;
  readonly userId: number;
  readonly keyId: number;
  readonly username: string;
  readonly text: string;
}

/** A user of his own, a key and a socket that is signed in with it. */
async function signIn(expiresAt?: number, path?: string): Promise<SignedIn> {
  const username = `user${++count}`;
  const user = await local.users.create(SYSTEM, { username, roles: ["READONLY_ADMIN"] });
  const { key, secret } = await local.keys.create(SYSTEM, { name: username, username, expiresAt });
  const rpc = await RpcClient.connect(server.urls[0]!, { path });
  await rpc.signIn(username, secret.text);
  return { rpc, userId: user.id, keyId: key.id, username, text: secret.text };
}

async function adminSocket(): Promise<RpcClient> {
  const { secret } = await local.keys.create(SYSTEM, { name: `admin ${++count}`, username: "root" });
  const rpc = await RpcClient.connect(server.urls[0]!);
  await rpc.signIn("root", secret.text);
  return rpc;
}

const ENDINGS: readonly [string, (one: SignedIn) => Promise<unknown>][] = [
  ["its key is paused", ({ keyId }) => local.keys.pause(SYSTEM, keyId)],
  ["its key is revoked", ({ keyId }) => local.keys.revoke(SYSTEM, keyId, "Seen in a log")],
  ["its key is reset", ({ keyId }) => local.keys.reset(SYSTEM, keyId)],
  ["its key is deleted", ({ keyId }) => local.keys.remove(SYSTEM, keyId)],
  ["its user is locked", ({ userId }) => local.users.lock(SYSTEM, userId)],
  ["its user loses a role", ({ userId }) => local.users.update(SYSTEM, userId, { roles: ["KEY_HOLDER"] })],
  ["its user is deleted", ({ userId }) => local.users.remove(SYSTEM, userId)],
];

for (const [words, end] of ENDINGS) {
  test(`a socket is closed when, by another process, ${words}, and the next sign-in shows it`, async () => {
    const one = await signIn();
    await end(one);
    expect(await one.rpc.closed).toEqual([...ENDED]);
    const again = await RpcClient.connect(server.urls[0]!);
    const data = { mechanism: "API_KEY_PLAIN", username: one.username, api_key: one.text };
    const { response_type } = await again.result<{ response_type: string }>("auth.login_ex", data);
    expect(response_type).toBe(words.includes("role") ? "SUCCESS" : "AUTH_ERR");
  });
}

test("a key that is paused through the server ends its session before the very next call", async () => {
  const one = await signIn();
  await server.app.keys.pause(SYSTEM, one.keyId);
  const outcome = await one.rpc.call("auth.me").catch((error: Error) => error.message);
  expect(outcome).not.toHaveProperty("result");
  expect(await one.rpc.closed).toEqual([...ENDED]);
});

test("who deletes the key that he is signed in with gets his answer, then the socket is closed", async () => {
  const one = await signIn();
  expect((await one.rpc.call("api_key.delete", one.keyId)).result).toBe(true);
  expect(await one.rpc.closed).toEqual([...ENDED]);
});

test("a socket is closed when its key expires", async () => {
  const one = await signIn(clock.now() + 10_000);
  clock.advance(10_000);
  expect(await one.rpc.closed).toEqual([...ENDED]);
});

test("an edit that takes no right away leaves the socket open", async () => {
  const one = await signIn();
  await local.keys.update(SYSTEM, one.keyId, { name: "another name", expiresAt: clock.now() + 1e9 });
  await local.users.update(SYSTEM, one.userId, { fullName: "Another Name" });
  expect(await one.rpc.result<{ pw_gecos: string }>("auth.me")).toHaveProperty("pw_gecos", "Another Name");
});

test("a session of 30 days is signed out at its next message and may sign in again on the open socket", async () => {
  const one = await signIn();
  clock.advance(30 * 86_400_000);
  expect((await one.rpc.call("auth.me")).error?.data?.reason).toBe("[EACCES] Session is expired");
  expect((await one.rpc.call("auth.me")).error?.data?.error).toBe(207);
  await one.rpc.signIn(one.username, one.text);
  expect((await one.rpc.call("auth.me")).error).toBeUndefined();
});

test("a session opened by a token ends with the session that made the token", async () => {
  const one = await signIn();
  const token = await one.rpc.result<string>("auth.generate_token", 600, {}, true, false);
  const other = await RpcClient.connect(server.urls[0]!);
  expect(await other.result<boolean>("auth.login_with_token", token)).toBe(true);
  await one.rpc.call("auth.logout");
  expect(await other.closed).toEqual([...ENDED]);
});

test("subscriptions end with logout, and a new sign-in on the socket does not bring them back", async () => {
  const watcher = await signIn();
  await watcher.rpc.result("core.subscribe", "api_key.query");
  await watcher.rpc.call("auth.logout");
  await watcher.rpc.signIn(watcher.username, watcher.text);
  await local.keys.create(SYSTEM, { name: `unheard ${count}`, username: "root" });
  await server.app.feed.follow();
  expect((await watcher.rpc.call("core.ping")).result).toBe("pong");
  expect(watcher.rpc.inbox).toEqual([]);
});

test("nobody is told of what was before he subscribed", async () => {
  const [before, after] = [await signIn(), await signIn()];
  await before.rpc.result("core.subscribe", "api_key.query");
  const { key } = await local.keys.create(SYSTEM, { name: `early ${++count}`, username: "root" });
  await after.rpc.result("core.subscribe", "api_key.query");
  expect((await before.rpc.event()).params).toMatchObject({ msg: "added", id: key.id });
  await local.keys.remove(SYSTEM, key.id);
  expect((await after.rpc.event()).params).toMatchObject({ msg: "removed", id: key.id });
  expect(after.rpc.inbox).toEqual([]);
});

test("when changes come faster than they can be told, subscribers hear that they are told no more", async () => {
  const rpc = await adminSocket();
  await rpc.result("core.subscribe", "user.query");
  using database = new Database(join(folder.path, "chatelaine.db"));
  database.run(`WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
    INSERT INTO changes (at, kind, action, entity_id, name, user_id, ends) SELECT 0, 'user', 'changed', 1, '', 1, 0 FROM n`);
  for (let at = 0; at < 3; at++) void server.app.feed.follow();
  const reason = "[EBUSY] Changes came faster than they could be told";
  const error = { error: 16, errname: "EBUSY", reason, trace: null, extra: null };
  const params = { collection: "user.query", error };
  const told: unknown = await rpc.event();
  expect(told).toEqual({ jsonrpc: "2.0", method: "notify_unsubscribed", params });
  expect((await rpc.call("core.ping")).result).toBe("pong");
  expect(rpc.inbox).toEqual([]);
});

test("a key that expires, or is revoked because it came in the clear, is told of as changed", async () => {
  const rpc = await adminSocket();
  const soon = { name: `soon ${++count}`, username: "root", expiresAt: clock.now() + 1_000 };
  const { key } = await local.keys.create(SYSTEM, soon);
  await rpc.result("core.subscribe", "api_key.query");
  const told = async () => (await rpc.take(({ params }) => params?.id === key.id)).params;
  clock.advance(2_000);
  await server.app.keys.sweepExpired();
  expect(await told()).toMatchObject({ msg: "changed", fields: { revoked: false } });
  await server.app.keys.revokeExposed(key.id);
  const revoked = { revoked: true, revoked_reason: "Attempt to use over an insecure transport" };
  expect(await told()).toMatchObject({ msg: "changed", fields: revoked });
});

test("sessions are listed in the order that is asked for", async () => {
  const rpc = await adminSocket();
  const opened: string[] = [];
  for (let at = 0; at < 3; at++) {
    clock.advance(1_000);
    opened.push((await signIn()).username);
  }
  for (const [field, wanted] of [
    ["created_at", opened],
    ["-created_at", opened.toReversed()],
    ["-credentials_data.login_at", opened.toReversed()],
    ["-credentials_data.username", opened.toSorted().toReversed()],
  ] as const) {
    const filters = [["credentials_data.username", "in", opened]];
    const entries = await rpc.result<{ credentials_data: { username: string } }[]>("auth.sessions", filters, {
      order_by: [field],
    });
    expect(entries.map(({ credentials_data }) => credentials_data.username)).toEqual([...wanted]);
  }
});

test("two hundred changes made by another process are told one by one, in their order", async () => {
  const rpc = await adminSocket();
  await rpc.result("core.subscribe", "user.query");
  const { id } = await local.users.create(SYSTEM, { username: "busy" });
  for (let at = 0; at < 100; at++) await local.users.update(SYSTEM, id, { fullName: `Name ${at}` });
  await local.users.remove(SYSTEM, id);
  const told: RpcAnswer[] = [];
  while (told.at(-1)?.params?.msg !== "removed") told.push(await rpc.event());
  expect(told.every(({ params }) => params?.collection === "user.query" && params.id === id)).toBe(true);
  expect(told.slice(0, -1).every(({ params }) => params?.msg !== "removed")).toBe(true);
});

test("fresh keys are told to nobody but the one who made them", async () => {
  const watcher = await adminSocket();
  await watcher.result("core.subscribe", "*");
  const maker = await adminSocket();
  const made = await maker.result<{ id: number; key: string; client_key: string }>("api_key.create", {
    name: `told ${++count}`,
    username: "root",
  });
  await maker.result("api_key.update", made.id, { reset: true });
  await maker.result("api_key.delete", made.id);
  const told: RpcAnswer[] = [];
  while (told.at(-1)?.params?.msg !== "removed") told.push(await watcher.event());
  const text = JSON.stringify(told);
  expect(text).not.toContain(made.key.slice(-60));
  expect(text).not.toContain(made.client_key);
  expect(text).not.toMatch(/"(key|client_key)"/);
});

test("a socket may have a hundred subscriptions", async () => {
  const one = await signIn();
  for (let at = 0; at < 100; at++) await one.rpc.result("core.subscribe", "core.get_jobs");
  expect((await one.rpc.call("core.subscribe", "core.get_jobs")).error?.data?.errname).toBe("EBUSY");
});

test("when the server closes, what is under way is answered first", async () => {
  await using other = await makeInstallation();
  const closing = await other.serve();
  await closing.app.users.create(SYSTEM, { username: "root", roles: ["FULL_ADMIN"] });
  const { secret } = await closing.app.keys.create(SYSTEM, { name: "root", username: "root" });
  const rpc = await RpcClient.connect(closing.urls[0]!);
  await rpc.signIn("root", secret.text);
  const made = rpc.call("api_key.create", { name: "last", username: "root" });
  await rpc.result("core.ping");
  await closing.close();
  expect((await made).result).toHaveProperty("key");
  expect((await rpc.closed)[0]).toBe(1001);
});
