/**
 * Who reads is judged, too: what is kept about a caller between requests ends with the earliest of its ends, and what goes
 * out for long is judged again on the way (R31, the readers).
 */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { openLocal } from "../src/app.ts";
import { type MovedClock, movedClock, QUIET } from "./installation.ts";
import { bearer, openRest, PASSWORD, type RestApp, SYSTEM } from "./rest-app.ts";
import { RpcClient } from "./rpc-client.ts";
import { HeldRequest } from "./stale-world.ts";

const NO_LIMITS = { allowedIps: null, rateLimit: null, lifetimeSeconds: null };
const RECORDS = 5_000;

let clock: MovedClock;
let rest: RestApp;
beforeEach(async () => {
  clock = movedClock();
  rest = await openRest({}, { clock });
});
afterEach(() => rest[Symbol.asyncDispose]());

async function idOf(username: string): Promise<number> {
  return (await rest.app.users.get(SYSTEM, { username })).id;
}

describe("the life that a user's limits allow", () => {
  test("ends an open socket of the key, which does nothing after it", async () => {
    await rest.user("bob", ["FULL_ADMIN"]);
    const socket = await RpcClient.connect(rest.url);
    await socket.signIn("bob", await rest.key("bob", "of the socket"));
    const limits = { ceilings: { ...NO_LIMITS, lifetimeSeconds: 60 } };
    await rest.app.users.update(SYSTEM, await idOf("bob"), limits);
    expect(await socket.result<object[]>("api_key.query")).not.toEqual([]);
    clock.advance(62_000);
    const late = await socket
      .call("api_key.create", { name: "late", username: "bob" })
      .catch(() => undefined);
    expect(late?.result).toBeUndefined();
    expect(await socket.closed).toEqual([1000, "Session ended"]);
    expect(await rest.app.store.findKeyId("late")).toBeUndefined();
  });

  test("ends it without its being used", async () => {
    const socket = await RpcClient.connect(rest.url);
    await socket.signIn("ada", await rest.key("ada", "of the socket"));
    const limits = { ceilings: { ...NO_LIMITS, lifetimeSeconds: 60 } };
    await rest.app.users.update(SYSTEM, await idOf("ada"), limits);
    clock.advance(62_000);
    expect(await socket.closed).toEqual([1000, "Session ended"]);
  });

  test("ends an event stream of the key", async () => {
    const headers = bearer(await rest.key("ada", "of the stream"));
    const stream = await fetch(`${rest.url}/api/v1/events`, { headers });
    const limits = { ceilings: { ...NO_LIMITS, lifetimeSeconds: 60 } };
    await rest.app.users.update(SYSTEM, await idOf("ada"), limits);
    clock.advance(62_000);
    await rest.app.keys.create(SYSTEM, { name: "after the end", username: "ada" });
    expect(await stream.text()).not.toContain("after the end");
  });
});

describe("an event stream", () => {
  test("tells nothing more to a key that the limits of its user shut out", async () => {
    const headers = bearer(await rest.key("ada", "of the stream"));
    const stream = await fetch(`${rest.url}/api/v1/events`, { headers });
    const limits = { ceilings: { ...NO_LIMITS, allowedIps: ["192.0.2.0/24"] } };
    await rest.app.users.update(SYSTEM, await idOf("ada"), limits);
    await rest.app.keys.create(SYSTEM, { name: "after the limit", username: "ada" });
    expect(await stream.text()).not.toContain("after the limit");
  });

  test("tells nothing of this process's own sockets to a key that another process has ended", async () => {
    const { key, secret } = await rest.app.keys.create(SYSTEM, { name: "of the stream", username: "ada" });
    const socket = await RpcClient.connect(rest.url);
    await socket.result("auth.login", "ada", PASSWORD);
    const { sessions } = rest.app;
    const [session] = sessions.list(SYSTEM);
    const stream = await fetch(`${rest.url}/api/v1/events`, { headers: bearer(secret.text) });
    const other = await openLocal({ data: rest.folder, state: null }, { clock, log: QUIET });
    await other.keys.revoke(SYSTEM, key.id, "left");
    void sessions.close(session!, "disconnect");
    await other.close();
    expect(await stream.text()).not.toContain(session!.id);
  });

  test("ends with a session that another process ends", async () => {
    const headers = await rest.browser("ada");
    const stream = await fetch(`${rest.url}/api/v1/events`, { headers });
    const session = (await rest.app.browserSessions.list(SYSTEM))[0]!;
    const other = await openLocal({ data: rest.folder, state: null }, { clock, log: QUIET });
    expect(await other.browserSessions.terminate(SYSTEM, session.id)).toBe(true);
    await other.close();
    expect(await stream.text()).toContain("event: ready");
  });
});

describe("an export of the audit log", () => {
  test.each([
    ["is revoked", (id: number) => rest.app.keys.revoke(SYSTEM, id, "left")],
    [
      "loses the right to it",
      async () => rest.app.users.update(SYSTEM, await idOf("eve"), { roles: ["KEY_HOLDER"] }),
    ],
  ])("breaks off where its key %s", async (_what, act) => {
    await rest.user("eve", ["SYSTEM_AUDIT_READ"]);
    const { key, secret } = await rest.app.keys.create(SYSTEM, { name: "export", username: "eve" });
    const note = {
      event: "METHOD_CALL",
      action: "filler",
      description: "x".repeat(400),
      success: true,
    } as const;
    for (let count = 0; count < RECORDS; count++) rest.app.audit.note(note);
    await rest.app.audit.flush();
    const response = await fetch(`${rest.url}/api/v1/audit/export?format=jsonl`, {
      headers: bearer(secret.text),
    });
    const reader = response.body!.getReader();
    await reader.read();
    await act(key.id);
    for (let count = 0; count < RECORDS; count++) rest.app.audit.note({ ...note, action: "after.the.end" });
    await rest.app.audit.flush();
    let text = "";
    const isWhole = await (async () => {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return true;
        text += new TextDecoder().decode(value);
      }
    })().catch(() => false);
    expect(isWhole).toBe(false);
    expect(text).not.toContain("after.the.end");
  });
});

test("who asks about keys of others is judged again when the body is there", async () => {
  await rest[Symbol.asyncDispose]();
  rest = await openRest({ trustedProxy: ["127.0.0.1"] }, { clock });
  await rest.user("checker", ["KEY_VERIFY"]);
  const { key, secret } = await rest.app.keys.create(SYSTEM, { name: "asks", username: "checker" });
  const asked = await rest.key("ada", "asked about");
  const away = { ...bearer(secret.text), "X-Forwarded-For": "192.0.2.7", "X-Forwarded-Proto": "https" };
  const { signIn } = rest.app as { signIn: RestApp["app"]["signIn"] };
  const judged = Promise.withResolvers<void>();
  const { callerOfKey } = signIn;
  Object.assign(signIn, {
    callerOfKey: async (...args: Parameters<typeof callerOfKey>) => {
      const result = await callerOfKey(...args);
      judged.resolve();
      return result;
    },
  });
  const body = JSON.stringify({ key: asked });
  const held = new HeldRequest(rest.url, "POST /api/v1/verify", { headers: away, body });
  await judged.promise;
  await rest.app.keys.revoke(SYSTEM, key.id, "left");
  const answer = await held.finish();
  expect([answer.status, JSON.parse(answer.text).code]).toEqual([401, "credential_ended"]);
});

test("a password that was changed while it was looked at opens no session", async () => {
  await rest.user("bob", ["KEY_HOLDER"]);
  const id = await idOf("bob");
  const { verify } = Bun.password;
  Bun.password.verify = async (...args) => {
    const answer = await verify(...args);
    Bun.password.verify = verify;
    clock.advance(1);
    await rest.app.users.update(SYSTEM, id, { password: "quite another password" });
    return answer;
  };
  const answer = await rest.send("POST /session", { body: { username: "bob", password: PASSWORD } });
  expect([answer.status, answer.json.code]).toEqual([401, "session_expired"]);
  expect(await rest.app.browserSessions.list(SYSTEM)).toEqual([]);
});

test("a list that was long in coming is not for a caller who ended while it was made", async () => {
  await rest.user("eve", ["READONLY_ADMIN"]);
  const { key, secret } = await rest.app.keys.create(SYSTEM, { name: "reads", username: "eve" });
  const browser = await rest.browser("eve");
  const socket = await RpcClient.connect(rest.url);
  await socket.signIn("eve", secret.text);
  const [arrived, held] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const store = rest.app.store as { listKeys: RestApp["app"]["store"]["listKeys"] };
  const { listKeys } = store;
  let left = 3;
  store.listKeys = async (...args) => {
    const page = await listKeys(...args);
    if (--left === 0) arrived.resolve();
    await held.promise;
    return page;
  };
  const byKey = rest.send("GET /keys", { headers: bearer(secret.text) });
  const byBrowser = rest.send("GET /keys", { headers: browser });
  const bySocket = socket.call("api_key.query");
  await arrived.promise;
  await rest.app.keys.revoke(SYSTEM, key.id, "left");
  await rest.app.users.lock(SYSTEM, await idOf("eve"));
  held.resolve();
  for (const { status, json } of await Promise.all([byKey, byBrowser]))
    expect([status, json.code]).toEqual([401, "credential_ended"]);
  expect((await bySocket).error?.data?.error).toBe(207);
});

describe("what changes nothing answers nothing to a caller who ended meanwhile, by whatever method:", () => {
  const READS = ["findRequest", "findUser", "findProfile", "findKey", "listKeys", "listGroups"] as const;
  type Store = Record<(typeof READS)[number], (...args: unknown[]) => unknown>;

  /** Holds back what any of these reads has found. @returns when one is held, and the way on */
  function holdReads(): { readonly arrived: Promise<void>; release(): void } {
    const [arrived, held] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const store = rest.app.store as unknown as Store;
    const before = READS.map((name) => [name, store[name]] as const);
    for (const [name, read] of before)
      store[name] = async (...args) => {
        const found = await read(...args);
        arrived.resolve();
        await held.promise;
        return found;
      };
    const release = (): void => {
      Object.assign(store, Object.fromEntries(before));
      held.resolve();
    };
    return { arrived: arrived.promise, release };
  }

  const NAMED = { username: "named", roles: [] };
  const REPEATED: readonly [string, object][] = [
    ["POST /users", NAMED],
    ["PATCH /users/ada", { full_name: "Ada" }],
    ["POST /groups", { name: "grouped", roles: [], scopes: [] }],
    ["PATCH /groups/staff", { scopes: ["dns:read"] }],
    ["PATCH /settings", { session_hours: 25 }],
    ["PATCH /keys/1", { description: "seen" }],
    ["POST /keys/1/revoke", { reason: "left" }],
  ];
  const OTHERS: readonly [string, object | undefined][] = [
    ["POST /keys/revoke", { username: "ada", reason: "left", dry_run: true }],
    ["POST /keys/1/resume", undefined],
  ];

  async function reader(): Promise<{ readonly id: number; readonly text: string }> {
    await rest.user("eve", ["FULL_ADMIN"]);
    await rest.app.groups.create(SYSTEM, { name: "staff", roles: [], scopes: [] });
    await rest.app.keys.create(SYSTEM, { name: "the first", username: "ada" });
    const { key, secret } = await rest.app.keys.create(SYSTEM, { name: "reads", username: "eve" });
    return { id: key.id, text: secret.text };
  }

  test.each([
    ...REPEATED.map(([route, body]) => [`${route}, repeated`, route, body, true] as const),
    ...OTHERS.map(([route, body]) => [route, route, body, false] as const),
  ])("%s", async (_words, route, body, isRepeated) => {
    const { id, text } = await reader();
    const headers = { ...bearer(text), ...(isRepeated && { "Idempotency-Key": "once" }) };
    if (isRepeated) expect((await rest.send(route, { headers, body })).status).toBeLessThan(300);
    const { arrived, release } = holdReads();
    const late = rest.send(route, { headers, body });
    await arrived;
    const other = await openLocal({ data: rest.folder, state: null }, { clock, log: QUIET });
    await other.keys.revoke(SYSTEM, id, "left");
    await other.close();
    release();
    const { status, json } = await late;
    expect([status, json.code]).toEqual([401, "credential_ended"]);
  });

  test.each([["auth.me"], ["api_key.my_keys"], ["user.query"]])("%s", async (method) => {
    const { id, text } = await reader();
    const socket = await RpcClient.connect(rest.url);
    await socket.signIn("eve", text);
    const { arrived, release } = holdReads();
    const late = socket.call(method);
    await arrived;
    const other = await openLocal({ data: rest.folder, state: null }, { clock, log: QUIET });
    await other.keys.revoke(SYSTEM, id, "left");
    await other.close();
    release();
    expect((await late).error?.data?.error).toBe(207);
  });
});

test.each([
  ["by password", "auth.login", PASSWORD],
  ["by a key", "auth.login_with_api_key", undefined],
])(
  "a socket in clear text %s ends when the setting that allowed it is narrowed, used or not",
  async (_words, method, password) => {
    await rest[Symbol.asyncDispose]();
    rest = await openRest({ trustedProxy: ["127.0.0.1"] }, { clock });
    const { settings } = rest.app;
    const text = await rest.key("ada", "in clear");
    const headers = { "X-Forwarded-For": "192.0.2.9", "X-Forwarded-Proto": "http" };
    const signedIn = async (): Promise<RpcClient> => {
      const socket = await RpcClient.connect(rest.url, { headers });
      const shown = password === undefined ? [text] : ["ada", password];
      expect(await socket.result<boolean>(method, ...shown)).toBe(true);
      return socket;
    };
    await settings.change(SYSTEM, { insecureTransportDialect: "allow" });
    const [used, idle] = [await signedIn(), await signedIn()];
    const safe = await RpcClient.connect(rest.url, { headers: { ...headers, "X-Forwarded-Proto": "https" } });
    await safe.result("auth.login", "ada", PASSWORD);
    const token = await used.result<string>("auth.generate_token", 600, {}, false);
    await settings.change(SYSTEM, { insecureTransportDialect: "refuse" });
    const late = await used.call("api_key.create", { name: "late", username: "ada" }).catch(() => undefined);
    expect(late?.result).toBeUndefined();
    expect(await rest.app.store.findKeyId("late")).toBeUndefined();
    for (const socket of [used, idle]) expect(await socket.closed).toEqual([1000, "Session ended"]);
    expect(await safe.result<{ pw_name: string }>("auth.me")).toMatchObject({ pw_name: "ada" });
    expect(await safe.result<boolean>("auth.login_with_token", token)).toBe(false);
  },
);
