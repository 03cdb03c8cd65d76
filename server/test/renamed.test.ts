/** A request under a name that is somebody else's by the time it is done: what is one's own is known by number, not by name. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { openRest, PASSWORD, type RestApp, SYSTEM } from "./rest-app.ts";
import { RpcClient } from "./rpc-client.ts";

let rest: RestApp;
beforeEach(async () => {
  rest = await openRest();
});
afterEach(() => rest[Symbol.asyncDispose]());

const DOORS: Readonly<Record<string, (username: string) => Promise<(name: string) => Promise<string>>>> = {
  REST: async (username) => {
    const headers = await rest.browser(username);
    return async (name) => {
      const { status, json } = await rest.send("POST /keys", { headers, body: { name, username } });
      return status === 201 ? "made" : `${status} ${json.code}`;
    };
  },
  "JSON-RPC": async (username) => {
    const socket = await RpcClient.connect(rest.url);
    await socket.result("auth.login", username, PASSWORD);
    return async (name) => {
      const { error } = await socket.call("api_key.create", { name, username });
      return error ? String(error.data?.error) : "made";
    };
  },
};

test.each([
  ["REST", "403 forbidden"],
  ["JSON-RPC", "13"],
])("no key is made of whoever has one's name meanwhile, by %s", async (door, expected) => {
  const { users } = rest.app;
  const mine = await rest.user("mine", ["KEY_HOLDER"]);
  const other = await rest.user("other", ["KEY_HOLDER"]);
  const make = await DOORS[door]!("mine");
  expect(await make("before")).toBe("made");
  const store = rest.app.store as { findUser: RestApp["app"]["store"]["findUser"] };
  const { findUser } = store;
  store.findUser = async (by) => {
    store.findUser = findUser;
    await users.update(SYSTEM, mine.id, { username: "was-mine" });
    await users.update(SYSTEM, other.id, { username: "mine" });
    return findUser(by);
  };
  expect(await make("late")).toBe(expected);
  expect((await users.get(SYSTEM, { id: other.id })).keyIds).toEqual([]);
  expect(await rest.app.store.findKeyId("late")).toBeUndefined();
});
