/** Whoever has not signed in: what they send is neither read nor recorded one by one, and all of it is counted. */
import { Database } from "bun:sqlite";
import { afterAll, beforeAll, describe, expect, spyOn, test } from "bun:test";
import { join } from "node:path";
import { RE2JS } from "re2js";
import type { Server } from "../src/server.ts";
import { type Folder, type MovedClock, makeInstallation, movedClock, SYSTEM } from "./installation.ts";
import { type RpcAnswer, RpcClient } from "./rpc-client.ts";

const VERSIONS = ["v25.04.0", "v25.10.0", "v26.0.0", "v27.0.0", "current"] as const;
const RATE = 20;
/** Open to strangers. Whatever else there is needs a session. */
const OPEN = [
  "core.ping",
  "auth.mechanism_choices",
  "auth.login_ex",
  "auth.login_ex_continue",
  "auth.login",
  "auth.login_with_api_key",
  "auth.login_with_token",
];
const ANSWERED = ["core.set_options"];
/** Refused calls of these are recorded. */
const RECORDED = [
  "api_key.create",
  "api_key.delete",
  "api_key.update",
  "auth.generate_onetime_password",
  "auth.generate_token",
  "user.create",
  "user.delete",
  "user.set_password",
  "user.update",
];
const COSTLY = `(?i)${"\\pL".repeat(60)}`;
const NASTY = [[["name", "~", COSTLY]], { "query-filters": [["name", "~", COSTLY]], limit: -1, nonsense: 1 }];

let folder: Folder;
let server: Server;
let clock: MovedClock;
let url: string;
let key: string;
let activity: Database;
let networks = 0;
const compile = spyOn(RE2JS, "compile");

beforeAll(async () => {
  folder = await makeInstallation();
  clock = movedClock();
  server = await folder.serve({ anonymousRate: String(RATE), trustedProxy: ["127.0.0.1"] }, { clock });
  url = server.urls[0]!;
  await server.app.users.create(SYSTEM, { username: "root", roles: ["FULL_ADMIN"] });
  key = (await server.app.keys.create(SYSTEM, { name: "root", username: "root" })).secret.text;
  activity = new Database(join(folder.path, "activity.db"), { readonly: true });
});
afterAll(async () => {
  compile.mockRestore();
  activity.close();
  await folder[Symbol.asyncDispose]();
});

/** From a network of its own, through a proxy that is trusted. */
function connect(address = `198.51.${100 + (networks >> 8)}.${networks++ & 255}`, version = "current") {
  const headers = { "X-Forwarded-For": address, "X-Forwarded-Proto": "https" };
  return RpcClient.connect(url, { path: `/api/${version}`, headers }).then((rpc) => ({ rpc, address }));
}

function said({ error, result }: RpcAnswer): string {
  if (!error) return `ok ${JSON.stringify(result)?.slice(0, 20)}`;
  return error.code === -32001 ? `errno ${error.data?.error}` : String(error.code);
}

interface Row {
  readonly action: string;
  readonly description: string;
  readonly username: string | null;
  readonly details: string;
  readonly count: number;
}

async function foldsOf(address: string): Promise<Row[]> {
  await server.app.audit.flush();
  return activity
    .query<Row, [string]>("SELECT * FROM folds WHERE address = ? ORDER BY action, seq")
    .all(address);
}

function recordsOf(address: string): number {
  const { count } = activity
    .query<{ count: number }, [string]>("SELECT count(*) AS count FROM records WHERE address = ?")
    .get(address)!;
  return count;
}

async function methodsOf(version: string): Promise<string[]> {
  const { rpc } = await connect(undefined, version);
  await rpc.signIn("root", key);
  const methods = Object.keys(await rpc.result<object>("core.get_methods"));
  rpc.close();
  return methods;
}

describe.each(VERSIONS)("at /api/%s", (version) => {
  test("no call of a stranger is read, and beyond the limit each method answers by its name alone", async () => {
    const methods = [...new Set([...(await methodsOf(version)), ...OPEN])];
    const needsSession = methods.filter((name) => ![...OPEN, ...ANSWERED].includes(name));
    expect(needsSession.length).toBeGreaterThan(20);
    const { rpc, address } = await connect(undefined, version);
    compile.mockClear();
    for (const name of needsSession) {
      const answers = [];
      for (let time = 0; time < RATE + 5; time++) answers.push(said(await rpc.call(name, ...NASTY)));
      expect({ name, answers: [...new Set(answers)] }).toEqual({ name, answers: ["errno 207"] });
    }
    for (const name of OPEN) {
      for (let time = 0; time < RATE; time++) expect(said(await rpc.call(name))).not.toBe("errno 16");
      expect({ name, said: said(await rpc.call(name)) }).toEqual({ name, said: "errno 16" });
    }
    for (const name of ANSWERED)
      for (let time = 0; time < RATE + 5; time++) expect(said(await rpc.call(name, {}))).toStartWith("ok ");
    expect(said(await rpc.call("no.such_method", ...NASTY))).toBe("-32601");
    expect(compile).not.toHaveBeenCalled();
    const folds = await foldsOf(address);
    expect(folds.map(({ action, count }) => [action, count])).toEqual(RECORDED.map((name) => [name, RATE]));
    expect(recordsOf(address)).toBe(0);
    rpc.close();
  }, 60_000);
});

test("the versions, sockets and addresses of a network share its counters", async () => {
  const network = (at: number): string => `2001:db8::${at.toString(16)}`;
  for (let time = 0; time < RATE; time++) {
    const { rpc } = await connect(network(time), VERSIONS[time % VERSIONS.length]);
    expect(said(await rpc.call("core.ping"))).toBe('ok "pong"');
    rpc.close();
  }
  const { rpc } = await connect(network(RATE));
  expect(said(await rpc.call("core.ping"))).toBe("errno 16");
  const other = await connect("2001:db8:0:1::1");
  expect(said(await other.rpc.call("core.ping"))).toBe('ok "pong"');
  clock.advance(60_000);
  expect(said(await rpc.call("core.ping"))).toBe('ok "pong"');
  rpc.close();
  other.rpc.close();
});

test("sign-ins that succeed are not held against a network, however a client goes about them", async () => {
  const { address } = await connect();
  const plain = { mechanism: "API_KEY_PLAIN", username: "root", api_key: key };
  for (let time = 0; time < RATE * 2; time++) {
    const { rpc } = await connect(address);
    // As the Python client does.
    expect(said(await rpc.call("core.set_options", { legacy_jobs: false }))).toStartWith("ok ");
    expect(said(await rpc.call("core.subscribe", "core.get_jobs"))).toBe("errno 207");
    expect(said(await rpc.call("auth.mechanism_choices"))).toStartWith("ok ");
    expect(said(await rpc.call("core.subscribe", "core.get_jobs"))).toBe("errno 207");
    expect(await rpc.result("auth.login_ex", plain)).toMatchObject({ response_type: "SUCCESS" });
    rpc.close();
  }
});

test("those that fail are, and a success after them gives none of them back", async () => {
  const { rpc, address } = await connect();
  const login = (api_key: string) =>
    rpc.call("auth.login_ex", { mechanism: "API_KEY_PLAIN", username: "root", api_key });
  for (let time = 0; time < RATE - 1; time++) {
    const { result } = await login(`1-${"A".repeat(64)}`);
    expect(result).toEqual({ response_type: "AUTH_ERR" });
  }
  expect((await login(key)).result).toMatchObject({ response_type: "SUCCESS" });
  await rpc.result("auth.logout");
  expect((await login("1-x")).result).toEqual({ response_type: "AUTH_ERR" });
  expect(said(await login(key))).toBe("errno 16");
  const other = await connect();
  expect(said(await other.rpc.call("auth.login_with_api_key", key))).toBe("ok true");
  expect(await foldsOf(address)).toMatchObject([{ action: "API_KEY" }, { action: "API_KEY" }]);
  rpc.close();
  other.rpc.close();
});

test("a flood leaves one record, which keeps what the first one said", async () => {
  const { address } = await connect();
  const sockets = await Promise.all(Array.from({ length: 10 }, async () => (await connect(address)).rpc));
  const name = (at: number): string => (at === 0 ? "the first" : "x".repeat(150) + at);
  expect(said(await sockets[0]!.call("api_key.create", { name: name(0), username: "root" }))).toBe(
    "errno 207",
  );
  const answers = await Promise.all(
    Array.from({ length: 1_000 }, (_, at) =>
      sockets[at % 10]!.call("api_key.create", { name: name(at + 1), username: "root", password: "hush" }),
    ),
  );
  const outcomes = new Set(answers.map(said));
  outcomes.delete("-32000");
  expect(outcomes).toEqual(new Set(["errno 207"]));
  const [fold, ...others] = await foldsOf(address);
  expect(others).toEqual([]);
  expect(fold).toMatchObject({ description: "Create API key the first", username: null, count: RATE });
  expect(JSON.parse(fold!.details)).toMatchObject({
    reason: "not_authenticated",
    count: RATE,
    authenticated: false,
    call: { method: "api_key.create", params: [{ name: "the first", username: "root" }] },
  });
  for (const rpc of sockets) rpc.close();
});

test("somebody who is signed in and may not is recorded as ever, by name and one by one", async () => {
  await server.app.users.create(SYSTEM, { username: "holder", roles: ["KEY_HOLDER"] });
  const { secret } = await server.app.keys.create(SYSTEM, { name: "holder", username: "holder" });
  const { rpc, address } = await connect(undefined, "v25.10.0");
  await rpc.signIn("holder", secret.text);
  for (let time = 0; time < 3; time++)
    expect(said(await rpc.call("user.create", { username: "x", full_name: "X" }))).toBe("errno 13");
  await server.app.audit.flush();
  const names = activity
    .query("SELECT username, action FROM records WHERE address = ? AND success = 0")
    .all(address);
  expect(names).toEqual(Array(3).fill({ username: "holder", action: "user.create" }));
  expect(await foldsOf(address)).toEqual([]);
  rpc.close();
});
