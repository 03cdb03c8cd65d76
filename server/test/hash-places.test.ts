/** What costs a hash or a derivation runs two at a time, by every way in, and no user takes all the places. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { bearer, openRest, type RestApp, SYSTEM } from "./rest-app.ts";
import { RpcClient } from "./rpc-client.ts";

/** More than run and wait. */
const AT_ONCE = 28;
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

interface Asked {
  /** Of a key of theirs. */
  readonly id: number;
  readonly text: string;
  readonly who: string;
}

interface Way {
  readonly isAboutKey: boolean;
  /** `done`, or why not. */
  ask(asked: Asked): Promise<string>;
}

/** Made before, so that nothing but what is asked takes a place. */
async function prepare(way: Way, who: string, count: number): Promise<Asked[]> {
  const all: Asked[] = [];
  for (let at = 0; at < count; at++) {
    if (!way.isAboutKey) {
      all.push({ id: 0, text: "", who });
      continue;
    }
    const { key, secret } = await rest.app.keys.create(SYSTEM, { name: `${++turn}`, username: who });
    all.push({ id: key.id, text: secret.text, who });
  }
  return all;
}

function byRest(route: (asked: Asked) => string, body: (asked: Asked) => object, isAboutKey = false): Way {
  const ask = async (asked: Asked): Promise<string> => {
    const answer = await rest.send(route(asked), {
      headers: bearer(keys.get(asked.who)!),
      body: body(asked),
    });
    if (answer.status === 503) expect(answer.headers.get("retry-after")).toBe("2");
    return answer.status === 200 || answer.status === 201 ? "done" : String(answer.status);
  };
  return { isAboutKey, ask };
}

function byRpc(method: string, params: (asked: Asked) => unknown[], isAboutKey = false): Way {
  const ask = async (asked: Asked): Promise<string> => {
    const rpc = sockets.get(asked.who)![++turn % SOCKETS]!;
    const { error } = await rpc.call(method, ...params(asked));
    return error ? (error.data?.errname ?? String(error.code)) : "done";
  };
  return { isAboutKey, ask };
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

test.each(Object.entries(WAYS))(
  "%s: many of one user are turned away by 503, one of another is not",
  async (_name, way) => {
    const [hers, his] = [await prepare(way, "ada", AT_ONCE), await prepare(way, "bob", 3)];
    const many = hers.map((asked) => way.ask(asked));
    for (const asked of his) expect(await way.ask(asked)).toBe("done");
    const outcomes = await Promise.all(many);
    expect(outcomes).toContain("done");
    const turnedAway = outcomes.filter((outcome) => outcome === "503" || outcome === "EAGAIN");
    expect(turnedAway.length).toBeGreaterThan(0);
    // Of changes of one user at once one wins.
    const others = outcomes.filter((outcome) => outcome === "done" || outcome === "409");
    expect(turnedAway.length + others.length).toBe(AT_ONCE);
  },
);

test("what is turned away uses up no number of a key", async () => {
  const before = await rest.app.keys.create(SYSTEM, { name: "before", username: "ada" });
  const headers = bearer(keys.get("ada")!);
  const statuses = await Promise.all(
    Array.from({ length: 30 }, (_, at) =>
      rest.send("POST /keys", { headers, body: { name: `burst ${at}`, username: "ada" } }),
    ),
  );
  const made = statuses.filter(({ status }) => status === 201).length;
  expect(made).toBeLessThan(30);
  const after = await rest.app.keys.create(SYSTEM, { name: "after", username: "ada" });
  expect(after.key.id).toBe(before.key.id + made + 1);
});
