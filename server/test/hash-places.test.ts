/** What costs a hash or a derivation runs two at a time, by every way in, and no user takes all the places. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { bearer, openRest, type RestApp, SYSTEM } from "./rest-app.ts";
import { RpcClient } from "./rpc-client.ts";

/** More than run and wait. */
const AT_ONCE = 36;
const SOCKETS = 6;

let rest: RestApp;
let turn = 0;
const keys = new Map<string, string>();
const sockets = new Map<string, RpcClient[]>();

beforeAll(async () => {
  rest = await openRest();
  await rest.user("bob", ["FULL_ADMIN"]);
  for (const name of ["ada", "bob"]) {
    await rest.user(`target-${name}`, ["KEY_HOLDER"]);
    keys.set(name, await rest.key(name, `key of ${name}`));
    const open = Array.from({ length: SOCKETS }, async () => {
      const rpc = await RpcClient.connect(rest.url);
      await rpc.signIn(name, keys.get(name)!);
      return rpc;
    });
    sockets.set(name, await Promise.all(open));
  }
});
afterAll(() => rest[Symbol.asyncDispose]());

/** `done`, or why not. */
type Way = (who: string) => Promise<string>;

interface Asked {
  /** Of a key of theirs. */
  readonly id: number;
  readonly text: string;
  readonly who: string;
}

/** Makes a key only where the way is about one. */
async function askedOf(who: string, isAboutKey: boolean): Promise<Asked> {
  if (!isAboutKey) return { id: 0, text: "", who };
  const { key, secret } = await rest.app.keys.create(SYSTEM, { name: `${++turn}`, username: who });
  return { id: key.id, text: secret.text, who };
}

function byRest(route: (asked: Asked) => string, body: (asked: Asked) => object, isAboutKey = false): Way {
  return async (who) => {
    const asked = await askedOf(who, isAboutKey);
    const answer = await rest.send(route(asked), { headers: bearer(keys.get(who)!), body: body(asked) });
    if (answer.status === 503) expect(answer.headers.get("retry-after")).toBe("2");
    return answer.status === 200 || answer.status === 201 ? "done" : String(answer.status);
  };
}

function byRpc(method: string, params: (asked: Asked) => unknown[], isAboutKey = false): Way {
  return async (who) => {
    const asked = await askedOf(who, isAboutKey);
    const rpc = sockets.get(who)![++turn % SOCKETS]!;
    const { error } = await rpc.call(method, ...params(asked));
    return error ? (error.data?.errname ?? String(error.code)) : "done";
  };
}

const NEW_PASSWORD = "a long and lovely password";
const WAYS: Readonly<Record<string, Way>> = {
  "POST /keys": byRest(
    () => "POST /keys",
    () => ({ name: `made ${++turn}`, username: "ada" }),
  ),
  "POST /keys/{id}/reset": byRest(
    ({ id }) => `POST /keys/${id}/reset`,
    () => ({}),
    true,
  ),
  "POST /keys/scram": byRest(
    () => "POST /keys/scram",
    ({ text }) => ({ key: text }),
    true,
  ),
  "POST /users with a password": byRest(
    () => "POST /users",
    () => ({ username: `u${++turn}`, password: NEW_PASSWORD }),
  ),
  "PUT /users/{name}/password": byRest(
    ({ who }) => `PUT /users/target-${who}/password`,
    () => ({ password: NEW_PASSWORD }),
  ),
  "api_key.create": byRpc("api_key.create", () => [{ name: `made ${++turn}`, username: "ada" }]),
  "api_key.update with reset": byRpc("api_key.update", ({ id }) => [id, { reset: true }], true),
  "api_key.convert_raw_key": byRpc("api_key.convert_raw_key", ({ text }) => [text], true),
  "user.create with a password": byRpc("user.create", () => [
    { username: `u${++turn}`, full_name: "U", password: NEW_PASSWORD },
  ]),
};

test.each(Object.keys(WAYS))(
  "%s: many of one user are turned away by 503, one of another is not",
  async (way) => {
    const many = Array.from({ length: AT_ONCE }, () => WAYS[way]!("ada"));
    for (let time = 0; time < 3; time++) expect(await WAYS[way]!("bob")).toBe("done");
    const outcomes = await Promise.all(many);
    const kinds = new Set(outcomes);
    expect(kinds.has("done")).toBe(true);
    for (const kind of kinds) expect(["done", "503", "EAGAIN", "409"]).toContain(kind);
  },
);

test("what is turned away uses up no number of a key", async () => {
  const before = await rest.app.keys.create(SYSTEM, { name: "before", username: "ada" });
  const headers = bearer(keys.get("ada")!);
  const statuses = await Promise.all(
    Array.from({ length: 40 }, (_, at) =>
      rest.send("POST /keys", { headers, body: { name: `burst ${at}`, username: "ada" } }),
    ),
  );
  const made = statuses.filter(({ status }) => status === 201).length;
  expect(made).toBeLessThan(40);
  const after = await rest.app.keys.create(SYSTEM, { name: "after", username: "ada" });
  expect(after.key.id).toBe(before.key.id + made + 1);
});
