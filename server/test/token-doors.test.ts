/** Tokens at the doors of two servers on one folder: sockets of the dialect, REST, and what each of them lists and ends. */
import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import type { Server } from "../src/server.ts";
import { type Folder, makeInstallation, PASSWORD, SYSTEM } from "./installation.ts";
import { RpcClient, withEnd } from "./rpc-client.ts";

const ENDED = [1000, "Session ended"] as const;
let folder: Folder;
let servers: [Server, Server];
let rootKey: string;
let count = 0;

beforeAll(async () => {
  folder = await makeInstallation();
  servers = [await folder.serve(), await folder.serve()];
  const { users, keys } = servers[0].app;
  await users.create(SYSTEM, { username: "root", roles: ["FULL_ADMIN"], password: PASSWORD });
  rootKey = (await keys.create(SYSTEM, { name: "root's", username: "root" })).secret.text;
});
afterAll(() => folder[Symbol.asyncDispose]());

interface Alice {
  readonly username: string;
  readonly rpc: RpcClient;
}

let alice: Alice;
const opened: RpcClient[] = [];

/** A user with a key, signed in at the first server. */
beforeEach(async () => {
  for (const one of opened.splice(0)) one.close();
  const username = `alice${++count}`;
  const { sessions, users, keys } = servers[0].app;
  await sessions.terminateOthers(SYSTEM);
  await users.create(SYSTEM, { username, roles: ["READONLY_ADMIN"], password: PASSWORD });
  const { secret } = await keys.create(SYSTEM, { name: username, username });
  const rpc = await connect(0);
  await rpc.signIn(username, secret.text);
  alice = { username, rpc };
});

async function connect(place: 0 | 1): Promise<RpcClient> {
  const rpc = await RpcClient.connect(servers[place].urls[0]!);
  opened.push(rpc);
  return rpc;
}

async function rootSocket(place: 0 | 1): Promise<RpcClient> {
  const rpc = await connect(place);
  await rpc.signIn("root", rootKey);
  return rpc;
}

const makeToken = (rpc: RpcClient, singleUse = false): Promise<string> =>
  rpc.result<string>("auth.generate_token", 600, {}, true, singleUse);

const enter = (rpc: RpcClient, token: string): Promise<boolean> =>
  rpc.result<boolean>("auth.login_with_token", token);

interface Entry {
  readonly id: string;
  readonly kind: string;
  readonly username: string;
  readonly credentials: string;
  readonly key: { readonly name: string } | null;
}

async function rest(place: 0 | 1, method: string, path: string) {
  const response = await fetch(`${servers[place].urls[0]}/api/v1${path}`, {
    method,
    headers: { Authorization: `Bearer ${rootKey}` },
  });
  return { status: response.status, json: (await response.json()) as { entries: Entry[]; code: string } };
}

const tokensAt = async (place: 0 | 1): Promise<Entry[]> =>
  (await rest(place, "GET", "/sessions")).json.entries.filter(({ kind }) => kind === "token");

test("a token of one server signs in at the other, and a single one once at either", async () => {
  const [multi, single] = [await makeToken(alice.rpc), await makeToken(alice.rpc, true)];
  expect(await enter(await connect(1), multi)).toBe(true);
  const both = await Promise.all([enter(await connect(0), single), enter(await connect(1), single)]);
  expect(both.toSorted()).toEqual([false, true]);
});

test("waiting tokens are among the sessions of REST at both, never among those of the dialect", async () => {
  await makeToken(alice.rpc);
  await makeToken(alice.rpc, true);
  for (const place of [0, 1] as const) {
    const tokens = await tokensAt(place);
    const { username } = alice;
    expect(tokens).toMatchObject([
      { kind: "token", username, credentials: "TOKEN", key: { name: username } },
      { kind: "token", username, credentials: "TOKEN", key: { name: username } },
    ]);
    const listed = await (await rootSocket(place)).result<{ id: string; credentials: string }[]>(
      "auth.sessions",
    );
    expect(listed.map(({ credentials }) => credentials)).not.toContain("TOKEN");
    const ids = tokens.map(({ id }) => id);
    expect(listed.filter(({ id }) => ids.includes(id))).toEqual([]);
  }
});

test("a token that is ended by REST at the other server is no good, and closes what it opened", async () => {
  const token = await makeToken(alice.rpc);
  const user = await connect(0);
  expect(await enter(user, token)).toBe(true);
  const [{ id } = { id: "" }] = await tokensAt(1);
  expect((await rest(1, "DELETE", `/sessions/${id}`)).status).toBe(200);
  expect(await user.closed).toEqual([...ENDED]);
  expect(await enter(await connect(0), token)).toBe(false);
  expect((await rest(0, "DELETE", `/sessions/${id}`)).status).toBe(404);
  expect((await alice.rpc.call("auth.me")).error).toBeUndefined();
});

test.each(["REST", "the dialect"])(
  "all others ended by %s at one server: nothing lives at either",
  async (door) => {
    const token = await makeToken(alice.rpc);
    const user = await connect(1);
    expect(await enter(user, token)).toBe(true);
    const waiting = await makeToken(user, true);
    const cookie = await signInByPassword();
    if (door === "REST") expect((await rest(1, "DELETE", "/sessions")).status).toBe(200);
    else expect(await (await rootSocket(1)).result<boolean>("auth.terminate_other_sessions")).toBe(true);
    expect(await withEnd(alice.rpc.closed, "the maker's socket lives")).toEqual([...ENDED]);
    expect(await withEnd(user.closed, "what the token opened lives")).toEqual([...ENDED]);
    for (const text of [token, waiting])
      for (const place of [0, 1] as const) expect(await enter(await connect(place), text)).toBe(false);
    expect(await tokensAt(0)).toEqual([]);
    const me = await fetch(`${servers[0].urls[0]}/api/v1/session`, { headers: { Cookie: cookie } });
    expect(await me.json()).toMatchObject({ user: null });
  },
);

async function signInByPassword(): Promise<string> {
  const response = await fetch(`${servers[0].urls[0]}/api/v1/session`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ username: alice.username, password: PASSWORD }),
  });
  return response.headers.get("set-cookie")!.split(";")[0]!;
}

test("the dialect ends a token, and a browser, by their ids", async () => {
  const token = await makeToken(alice.rpc);
  const cookie = await signInByPassword();
  const root = await rootSocket(1);
  const { entries } = (await rest(0, "GET", "/sessions")).json;
  const others = entries.filter(({ kind, username }) => kind !== "connection" && username === alice.username);
  expect(others.map(({ kind }) => kind).sort()).toEqual(["browser", "token"]);
  for (const { id } of others) expect(await root.result<boolean>("auth.terminate_session", id)).toBe(true);
  expect(await root.result<boolean>("auth.terminate_session", others[0]!.id)).toBe(false);
  expect(await enter(await connect(0), token)).toBe(false);
  const me = await fetch(`${servers[0].urls[0]}/api/v1/session`, { headers: { Cookie: cookie } });
  expect(await me.json()).toMatchObject({ user: null });
});

test("when who signed in first signs out, all that hangs on it ends at both servers before it is told so", async () => {
  const first = await makeToken(alice.rpc);
  const [second, third] = [await connect(1), await connect(0)];
  expect(await enter(second, first)).toBe(true);
  const next = await makeToken(second, true);
  expect(await enter(third, next)).toBe(true);
  const waiting = await makeToken(third);
  expect(await alice.rpc.result<boolean>("auth.logout")).toBe(true);
  expect(await enter(await connect(1), waiting)).toBe(false);
  for (const rpc of [second, third]) expect(await rpc.closed).toEqual([...ENDED]);
});

test("the token to come back with works at the other server after the connection was lost, once", async () => {
  const { keys } = servers[0].app;
  const name = `${alice.username} again`;
  const { secret } = await keys.create(SYSTEM, { name, username: alice.username });
  const rpc = await connect(0);
  const login = { mechanism: "API_KEY_PLAIN", username: alice.username, api_key: secret.text };
  const options = { login_options: { user_info: false, reconnect_token: true } };
  const { reconnect_token: token } = await rpc.result<{ reconnect_token: string }>("auth.login_ex", {
    ...login,
    ...options,
  });
  rpc.close();
  await rpc.closed;
  const back = await connect(1);
  const answer = { mechanism: "TOKEN_PLAIN", token, ...options };
  const entered = await back.result<{ response_type: string; reconnect_token: string }>(
    "auth.login_ex",
    answer,
  );
  expect(entered.response_type).toBe("SUCCESS");
  expect(entered.reconnect_token).toMatch(/^CT1/);
  expect(await enter(await connect(0), token)).toBe(false);
});

test("a restart is a lost connection: tokens are there to come back with", async () => {
  await using own = await makeInstallation();
  const before = await own.serve();
  await before.app.users.create(SYSTEM, { username: "root", roles: ["FULL_ADMIN"] });
  const { secret } = await before.app.keys.create(SYSTEM, { name: "root", username: "root" });
  const rpc = await RpcClient.connect(before.urls[0]!);
  await rpc.signIn("root", secret.text);
  const token = await makeToken(rpc, true);
  await before.close();
  const after = await own.serve();
  const back = await RpcClient.connect(after.urls[0]!);
  expect(await enter(back, token)).toBe(true);
  back.close();
});

test("making a token and ending one is told to those who watch sessions by the stream of events", async () => {
  const stop = new AbortController();
  const response = await fetch(`${servers[1].urls[0]}/api/v1/events`, {
    headers: { Authorization: `Bearer ${rootKey}` },
    signal: stop.signal,
  });
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  const readUntil = async (wanted: RegExp): Promise<void> => {
    while (!wanted.test(text)) {
      const { value, done } = await withEnd(reader.read(), `no ${wanted}`);
      if (done) throw new Error("the stream ended");
      text += value;
    }
  };
  const token = await makeToken(alice.rpc);
  const [{ id } = { id: "" }] = await tokensAt(0);
  await readUntil(new RegExp(`"kind":"session","action":"added","id":"${id}"`));
  await rest(0, "DELETE", `/sessions/${id}`);
  await readUntil(new RegExp(`"kind":"session","action":"removed","id":"${id}"`));
  expect(text).not.toContain(token);
  stop.abort();
});
