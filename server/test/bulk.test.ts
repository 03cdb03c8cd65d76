/**
 * Acts on many at once by somebody who is among them: all of it is done, the caller last, or none; and the answer is true.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { bearer, openRest, PASSWORD, type RestApp, SYSTEM } from "./rest-app.ts";
import { RpcClient } from "./rpc-client.ts";
import { intercept } from "./stale-world.ts";

let rest: RestApp;
let turn = 0;
beforeAll(async () => {
  rest = await openRest();
}, 60_000);
afterAll(() => rest[Symbol.asyncDispose](), 60_000);

interface Somebody {
  readonly id: number;
  readonly username: string;
  /** In the order of their making: the caller's is between others. */
  readonly keys: readonly { readonly id: number; readonly text: string }[];
  readonly mine: Record<string, string>;
  readonly tag: string;
}

async function somebody(): Promise<Somebody> {
  const username = `many${++turn}`;
  const { id } = await rest.user(username, ["FULL_ADMIN"]);
  const keys = [];
  for (const name of ["first", "mine", "last"]) {
    const made = await rest.app.keys.create(SYSTEM, {
      name: `${username} ${name}`,
      username,
      tags: [username],
    });
    keys.push({ id: made.key.id, text: made.secret.text });
  }
  return { id, username, keys, mine: bearer(keys[1]!.text), tag: username };
}

const alive = async ({ keys }: Somebody): Promise<number> => {
  const statuses = keys.map(
    async ({ text }) => (await rest.send("GET /keys/self", { headers: bearer(text) })).status,
  );
  return (await Promise.all(statuses)).filter((status) => status === 200).length;
};
const browser = async ({ username }: Somebody): Promise<Record<string, string>> => rest.browser(username);
const signedIn = async (headers: Record<string, string>): Promise<boolean> =>
  (await rest.send("GET /session", { headers })).json.user !== null;

describe("a key that revokes many, itself among them, revokes all", () => {
  test.each<[string, (one: Somebody) => object]>([
    ["by their numbers", ({ keys }) => ({ ids: keys.map(({ id }) => id) })],
    ["by their user", ({ username }) => ({ username })],
    ["by a tag", ({ tag }) => ({ tag })],
  ])("%s", async (_, which) => {
    const one = await somebody();
    const body = { ...which(one), reason: "left" };
    const { status, json } = await rest.send("POST /keys/revoke", { headers: one.mine, body });
    expect([status, json.count, json.refused]).toEqual([200, 3, []]);
    expect(await alive(one)).toBe(0);
  });
});

test("a key that is ended meanwhile says how many it has revoked before", async () => {
  const one = await somebody();
  const [first, , last] = one.keys;
  let done = 0;
  const restore = intercept(rest.app, async (by, run) => {
    if (typeof by === "string" || by.userId !== one.id) return run();
    if (++done === 2) await rest.app.keys.pause(SYSTEM, one.keys[1]!.id);
    return run();
  });
  const body = { ids: [first!.id, last!.id], reason: "left" };
  const { status, json } = await rest.send("POST /keys/revoke", { headers: one.mine, body });
  restore();
  expect([status, json.code]).toEqual([401, "credential_ended"]);
  expect(json.detail).toContain("1 of 2 keys were revoked before");
  expect(await alive(one)).toBe(1);
});

describe("who ends their own user by their own key has done it whole", () => {
  test("deletes the user with all keys", async () => {
    const one = await somebody();
    expect((await rest.send(`DELETE /users/${one.username}`, { headers: one.mine })).status).toBe(200);
    expect(await alive(one)).toBe(0);
    await expect(rest.app.users.get(SYSTEM, { id: one.id })).rejects.toThrow("does not exist");
  });

  test("locks the user", async () => {
    const one = await somebody();
    expect((await rest.send(`POST /users/${one.username}/lock`, { headers: one.mine })).status).toBe(200);
    expect(await alive(one)).toBe(0);
  });

  test("removes the group that lets the key act", async () => {
    const one = await somebody();
    await rest.app.groups.create(SYSTEM, { name: one.username, roles: ["FULL_ADMIN"], scopes: [] });
    await rest.app.groups.addMember(SYSTEM, { name: one.username, username: one.username });
    await rest.app.users.update(SYSTEM, one.id, { roles: [] });
    expect((await rest.send(`DELETE /groups/${one.username}`, { headers: one.mine })).status).toBe(200);
    expect(await alive(one)).toBe(0);
  });
});

describe("ending all other sessions is one change", () => {
  const others = async (one: Somebody) => {
    const socket = await RpcClient.connect(rest.url);
    await socket.signIn(one.username, one.keys[0]!.text);
    return { web: await browser(one), socket };
  };

  test("by a browser, and by a socket, which both stay", async () => {
    const one = await somebody();
    const mine = await browser(one);
    const { web, socket } = await others(one);
    expect((await rest.send("DELETE /sessions", { headers: mine })).status).toBe(200);
    await socket.closed;
    expect([await signedIn(mine), await signedIn(web)]).toEqual([true, false]);
    const own = await RpcClient.connect(rest.url);
    await own.result("auth.login", one.username, PASSWORD);
    expect(await own.result<boolean>("auth.terminate_other_sessions")).toBe(true);
    expect(await signedIn(mine)).toBe(false);
    expect((await own.result<{ pw_name: string }>("auth.me")).pw_name).toBe(one.username);
    own.close();
  });

  test("and where the caller has ended meanwhile none ends", async () => {
    const one = await somebody();
    const { web, socket } = await others(one);
    let acts = 0;
    const restore = intercept(rest.app, async (by, run) => {
      if (typeof by === "string" || by.userId !== one.id || by.key === null) return run();
      acts++;
      await rest.app.keys.pause(SYSTEM, one.keys[1]!.id);
      return run();
    });
    const { status } = await rest.send("DELETE /sessions", { headers: one.mine });
    restore();
    expect([status, acts]).toEqual([401, 1]);
    expect(await signedIn(web)).toBe(true);
    expect((await socket.result<{ pw_name: string }>("auth.me")).pw_name).toBe(one.username);
    socket.close();
  });
});

test("a user who is made locked is locked from the first moment on: it is one change", async () => {
  const one = await somebody();
  const socket = await RpcClient.connect(rest.url);
  await socket.signIn(one.username, one.keys[1]!.text);
  let changes = 0;
  const restore = intercept(rest.app, (by, run) => {
    if (typeof by !== "string" && by.userId === one.id) changes++;
    return run();
  });
  const made = {
    username: `${one.username}-locked`,
    full_name: "L",
    roles: ["KEY_HOLDER"],
    password: PASSWORD,
  };
  const entry = await socket.result<{ locked: boolean }>("user.create", { ...made, locked: true });
  restore();
  expect([entry.locked, changes]).toEqual([true, 1]);
  const body = { username: made.username, password: PASSWORD };
  expect((await rest.send("POST /session", { body })).status).toBe(403);
  socket.close();
});
