/** What programs of others rest on, beyond the official clients: versions by name, lists of methods, events, filters over what is shown. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { connect } from "node:net";
import { type Folder, makeInstallation, movedClock, SYSTEM } from "./installation.ts";
import { RawSocket } from "./raw-socket.ts";
import { RpcClient } from "./rpc-client.ts";

type Entry = Record<string, unknown>;
type Instant = { $date: number };

const PASSWORD = "a long and lovely password";
let folder: Folder;
let url: string;
const keys = new Map<string, string>();

beforeAll(async () => {
  folder = await makeInstallation();
  const clock = movedClock();
  const server = await folder.serve({}, { clock });
  url = server.urls[0]!;
  const { users, keys: made } = server.app;
  for (const [username, role] of [
    ["root", "FULL_ADMIN"],
    ["reader", "READONLY_ADMIN"],
    ["holder", "KEY_HOLDER"],
  ] as const) {
    await users.create(SYSTEM, { username, roles: [role], password: PASSWORD });
    // Not a whole second: what is shown is less than what is stored.
    clock.advance(1_357);
    const { secret } = await made.create(SYSTEM, { name: username, username });
    keys.set(username, secret.text);
  }
});

afterAll(() => folder[Symbol.asyncDispose]());

async function signedIn(username: string, path = "/api/current"): Promise<RpcClient> {
  const rpc = await RpcClient.connect(url, { path });
  await rpc.signIn(username, keys.get(username)!);
  return rpc;
}

const NAMES = [
  ...["v25.04.0", "v25.04.1", "v25.04.2"],
  ...["v25.10.0", "v25.10.1", "v25.10.2", "v25.10.3", "v25.10.4", "v25.10.5"],
  ...["v26.0.0", "v27.0.0"],
];

test("every release that the original names is served, as the version whose API it has", async () => {
  expect(await (await fetch(`${url}/api/versions`)).json()).toEqual(NAMES);
  for (const name of NAMES) {
    const rpc = await signedIn("root", `/api/${name}`);
    const [key] = await rpc.result<Entry[]>("api_key.query", [["name", "=", "root"]]);
    expect([name, "salt" in key!, "revoked_reason" in key!]).toEqual([name, name >= "v26", name >= "v25.10"]);
    rpc.socket.close();
  }
  for (const name of ["v25.04.3", "v25.10.6", "v28.0.0"])
    expect([name, (await fetch(`${url}/api/${name}`)).status]).toEqual([name, 404]);
});

test("alert.list has the members of the original's model, and a key of text that tells alerts apart", async () => {
  const { users, keys: made } = await folder.open();
  const { id } = await users.create(SYSTEM, { username: "leaver", roles: ["KEY_HOLDER"] });
  const reason = 'Said "bye" to 日本';
  for (const name of ["last", "tschüß"]) {
    const { key } = await made.create(SYSTEM, { name, username: "leaver" });
    await made.revoke(SYSTEM, key.id, reason);
  }
  const alerts = await (await signedIn("reader")).result<Entry[]>("alert.list");
  await users.remove(SYSTEM, id);
  expect(alerts.map(({ key }) => key).toSorted()).toEqual([
    '{"name": "last", "reason": "Said \\"bye\\" to \\u65e5\\u672c"}',
    '{"name": "tsch\\u00fc\\u00df", "reason": "Said \\"bye\\" to \\u65e5\\u672c"}',
  ]);
  for (const { key, args, formatted, text, ...alert } of alerts) {
    expect(JSON.parse(key as string)).toEqual(args);
    const { name } = args as { name: string };
    expect(text).toStartWith("%(name)s: API key has been revoked");
    expect(formatted).toBe(
      `${name}: API key has been revoked and must either be renewed or deleted. Revoke reason: ${reason}.`,
    );
    expect(Object.keys(alert).toSorted()).toEqual(
      ["uuid", "id", "source", "klass", "level", "node", "datetime", "last_occurrence", "dismissed", "mail"]
        .concat("one_shot")
        .toSorted(),
    );
  }
});

test("core.get_methods lists what the caller may call, and what it lists can be called", async () => {
  const listed = async (username: string): Promise<Record<string, { roles: string[] }>> =>
    (await signedIn(username)).result("core.get_methods");
  const [all, some, few] = await Promise.all(["root", "reader", "holder"].map(listed));
  const names = Object.keys(all!);
  expect(names).toContain("user.create");
  expect(Object.keys(some!)).toContain("user.query");
  for (const [told, username] of [
    [some!, "reader"],
    [few!, "holder"],
  ] as const) {
    const rpc = await signedIn(username);
    expect(Object.keys(told)).not.toContain("user.create");
    for (const name of names.filter((one) => one.startsWith("user.") || one.startsWith("audit."))) {
      const { error } = await rpc.call(name, "no", "such", "parameters", "here");
      const isRefused = error?.data?.reason === "[EACCES] Not authorized";
      expect([username, name, isRefused]).toEqual([username, name, !(name in told)]);
    }
  }
});

test("a full administrator subscribes to any name, as programs do before they look; others to what they may know", async () => {
  const root = await signedIn("root");
  for (const event of ["alert.list", 'reporting.realtime:{"interval":2}', "pool.query"])
    expect(typeof (await root.result("core.subscribe", event))).toBe("string");
  const holder = await signedIn("holder");
  expect((await holder.call("core.subscribe", "alert.list")).error?.data?.error).toBe(13);
  expect(typeof (await holder.result("core.subscribe", "core.get_jobs"))).toBe("string");
});

/** Each: the method, how it is asked, its member that shows an instant, and how the filter's value is made from it. */
const SHOWN = [
  { method: "user.query", member: "last_password_change", isAudit: false },
  { method: "audit.query", member: "timestamp", isAudit: true },
  { method: "audit.query", member: "message_timestamp", isAudit: true },
  { method: "api_key.query", member: "created_at", isAudit: false },
] as const;

test("a filter compares the instant that is shown, so that an entry's own value finds it", async () => {
  const rpc = await signedIn("root");
  for (const { method, member, isAudit } of SHOWN) {
    const query = (filters: unknown[]): Promise<Entry[]> =>
      isAudit ? rpc.result(method, { "query-filters": filters }) : rpc.result(method, filters);
    const entries = await query([]);
    const values = entries.map((entry) => entry[member] as Instant | number);
    const whole = (value: Instant | number): number => (typeof value === "number" ? value : value.$date);
    expect(entries.length).toBeGreaterThan(2);
    const value = values[1]!;
    for (const [op, isWanted] of [
      ["=", (one: number) => one === whole(value)],
      ["!=", (one: number) => one !== whole(value)],
      ["<", (one: number) => one < whole(value)],
      ["<=", (one: number) => one <= whole(value)],
      [">", (one: number) => one > whole(value)],
      [">=", (one: number) => one >= whole(value)],
    ] as const) {
      const found = await query([[member, op, value]]);
      // Entries that came since were not among those that were counted.
      const counted = found.filter(({ [isAudit ? "audit_id" : "id"]: id }) =>
        entries.some((entry) => entry[isAudit ? "audit_id" : "id"] === id),
      );
      expect([method, member, op, counted.length]).toEqual([
        method,
        member,
        op,
        values.filter((one) => isWanted(whole(one))).length,
      ]);
    }
    const among = await query([[member, "in", [value]]]);
    expect([method, member, among.length > 0]).toEqual([method, member, true]);
  }
});

/** Every plain value that an entry shows, by its path. A whole object never equals, and some members are masked. */
function shownOf(value: unknown, path: string): [string, unknown][] {
  if (typeof value !== "object" || value === null) return [[path, value]];
  if (Array.isArray(value)) return [];
  if ("$date" in value) return [[path, value]];
  return Object.entries(value).flatMap(([name, one]) => shownOf(one, path === "" ? name : `${path}.${name}`));
}

const MASKED = ["salt", "stored_key", "server_key"];
const QUERIES = ["user.query", "api_key.query", "audit.query", "auth.sessions", "privilege.roles"];

test.each(QUERIES)("whatever an entry of %s shows, a filter finds it and no other", async (method) => {
  const rpc = await signedIn("root");
  const holder = await signedIn("holder");
  const stranger = await RpcClient.connect(url);
  for (const one of [holder, stranger]) await one.call("user.delete", 1);
  for (const one of [1, 2]) await holder.call("user.delete", one);
  await rpc.call("api_key.create", { name: `shown by ${method}`, username: "root" });
  await holder.call("auth.logout");
  const query = (filters: unknown[]): Promise<Entry[]> =>
    method === "audit.query" ? rpc.result(method, { "query-filters": filters }) : rpc.result(method, filters);
  const all = (await query([])).map((entry) => new Map(shownOf(entry, "")));
  const asked = new Map(all.flatMap((entry) => [...entry].map((one) => [JSON.stringify(one), one] as const)));
  const wrong: unknown[] = [];
  for (const [path, value] of asked.values()) {
    if (MASKED.includes(path)) continue;
    const found = (await query([[path, "=", value]])).map((entry) => new Map(shownOf(entry, "")));
    const hasIt = (entry: Map<string, unknown>) => Bun.deepEquals(entry.get(path), value);
    if (!found.every(hasIt) || found.length < all.filter(hasIt).length)
      wrong.push([path, value, found.length]);
  }
  expect(asked.size).toBeGreaterThan(10);
  expect(wrong).toEqual([]);
});

test("audit.query is oldest first unless an order is asked for", async () => {
  const rpc = await signedIn("root");
  const times = async (options: object): Promise<number[]> =>
    (await rpc.result<Entry[]>("audit.query", options)).map((entry) => (entry.timestamp as Instant).$date);
  const rising = await times({});
  expect(rising.length).toBeGreaterThan(2);
  expect(rising).toEqual(rising.toSorted((one, other) => one - other));
  const falling = await times({ "query-options": { order_by: ["-timestamp"] } });
  expect(falling).toEqual(falling.toSorted((one, other) => other - one));
});

test("an unknown method has the original's code and message, and says in data what kind of server this is", async () => {
  const root = await signedIn("root");
  for (const [name, end] of [
    ["pool.query", "and no pool.query"],
    ["system.advanced.config", "and no system.advanced.config"],
    ["pool", "and not this method"],
    [keys.get("root")!, "and not this method"],
    [`x.${keys.get("root")!.split("-")[1]}`, "and not this method"],
    ["a.".repeat(40), "and not this method"],
  ] as const) {
    const { error } = await root.call(name);
    const reason = `[ENOMETHOD] Chatelaine has keys, users and groups, ${end}`;
    const data = { error: 201, errname: "ENOMETHOD", reason, trace: null, extra: null };
    expect(error).toEqual({ code: -32601, message: "Method does not exist", data });
  }
});

test("the address of the older protocol names the right one and closes, before a key is sent", async () => {
  for (const protocols of [[], ["ddp"]]) {
    const socket = new WebSocket(`${url.replace(/^http/, "ws")}/websocket`, protocols);
    const heard: string[] = [];
    const { promise, resolve } = Promise.withResolvers<CloseEvent>();
    socket.onmessage = ({ data }) => heard.push(String(data));
    socket.onopen = () => socket.send(JSON.stringify({ msg: "connect", version: "1", support: ["1"] }));
    socket.onclose = resolve;
    const { code, reason } = await promise;
    // A client that asks for a sub-protocol may end it by itself, when none is agreed to.
    if (protocols.length > 0) continue;
    expect([code, reason]).toEqual([1008, expect.stringContaining("/api/current")]);
    expect(heard.map((text) => JSON.parse(text))).toEqual([
      { msg: "failed", version: "1", reason: expect.stringContaining("/api/current") },
    ]);
  }
  const plain = await fetch(`${url}/websocket`);
  expect([plain.status, await plain.text()]).toEqual([410, expect.stringContaining("/api/current")]);
});

test("the older REST API is gone, by whatever method and with whatever key", async () => {
  for (const path of ["/api/v2.0", "/api/v2.0/", "/api/v2.0/system/version", "/api/v1.0/storage/volume"]) {
    for (const method of ["GET", "POST", "DELETE"]) {
      const headers = { Authorization: `Bearer ${keys.get("root")}` };
      const response = await fetch(url + path, { method, headers });
      const { detail, code } = (await response.json()) as Record<string, string>;
      expect([path, response.status, code, detail]).toEqual([
        path,
        410,
        "not_found",
        expect.stringContaining("/api/v1"),
      ]);
    }
  }
});

test("no sub-protocol is agreed to", async () => {
  for (const [path, asked] of [
    ["/api/current", "ddp"],
    ["/api/current", "graphql-ws, ddp"],
    ["/websocket", "ddp"],
  ] as const) {
    const raw = new RawSocket(connect({ host: "127.0.0.1", port: Number(new URL(url).port) }));
    const lines = [
      `GET ${path} HTTP/1.1`,
      "Host: localhost",
      "Upgrade: websocket",
      "Sec-WebSocket-Version: 13",
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
      `Sec-WebSocket-Protocol: ${asked}`,
      "Connection: Upgrade",
    ];
    raw.socket.write(`${lines.join("\r\n")}\r\n\r\n`);
    const head = await raw.until((text) => text.includes("\r\n\r\n"));
    raw.socket.destroy();
    expect([path, head.split("\r\n")[0]]).toEqual([path, "HTTP/1.1 101 Switching Protocols"]);
    expect(head.toLowerCase()).not.toContain("sec-websocket-protocol");
  }
});

test("what is recorded of a refused user.create names the user, where that is a name", async () => {
  const holder = await signedIn("holder");
  await holder.call("user.create", { username: "sergey" });
  await holder.call("user.create", { username: "no name at all!" });
  const root = await signedIn("root");
  const entries = await root.result<Entry[]>("audit.query", {
    "query-filters": [
      ["event", "=", "METHOD_CALL"],
      ["success", "=", false],
    ],
  });
  const words = entries.map(({ event_data: data }) => (data as Entry).description);
  expect(words).toContain("Create user sergey");
  expect(words.filter((text) => text === "Create user").length).toBeGreaterThan(0);
});

describe("where the audit and older entries differ from the original's, as the page on compatibility says:", () => {
  const entriesOf = async (...filters: unknown[]): Promise<Entry[]> =>
    (await signedIn("root")).result("audit.query", { "query-filters": filters });
  const latest = async (...filters: unknown[]): Promise<Entry> => (await entriesOf(...filters)).at(-1)!;

  test("of a call's credentials the user name and the key, without the sign-in", async () => {
    const rpc = await signedIn("root");
    await rpc.call("api_key.create", { name: "said of whom", username: "root" });
    const { service_data: data } = await latest([
      "event_data.description",
      "=",
      "Create API key said of whom",
    ]);
    expect((data as Entry).credentials).toEqual({
      credentials: "API_KEY",
      credentials_data: { username: "root", api_key: { id: expect.any(Number), name: "root" } },
    });
  });

  test("of a token's session when it signed in", async () => {
    const token = await (await signedIn("root")).result<string>("auth.generate_token", 600, {}, false);
    const rpc = await RpcClient.connect(url);
    expect(await rpc.result<boolean>("auth.login_with_token", token)).toBe(true);
    const session = await rpc.result<Entry>("auth.sessions", [["current", "=", true]], { get: true });
    expect(Object.keys(session.credentials_data as Entry).toSorted()).toEqual(
      ["parent", "username", "login_id", "login_at"].toSorted(),
    );
  });

  test("no name of whoever is not signed in, not even what was typed as one, and no address of the command line", async () => {
    const rpc = await RpcClient.connect(url);
    await rpc.call("auth.login", "a password typed as a name", "wrong");
    await rpc.call("auth.login_with_api_key", `1-${"a".repeat(64)}`);
    await rpc.call("user.create", { username: "nobody" });
    const refused = await entriesOf(["username", "=", null], ["success", "=", false]);
    expect(new Set(refused.map(({ event }) => event))).toEqual(new Set(["AUTHENTICATION", "METHOD_CALL"]));
    for (const entry of refused) expect(entry.address).toBe("127.0.0.1");
    expect(JSON.stringify(await entriesOf())).not.toContain("typed as a name");
    const local = await latest(["event_data.description", "=", "Create user root"]);
    expect(local.address).toBeNull();
  });

  test("of a call that failed the error", async () => {
    await (await signedIn("holder")).call("user.create", { username: "vasily" });
    const { event_data: data } = await latest(["event_data.description", "=", "Create user vasily"]);
    expect(Object.keys(data as Entry).toSorted()).toEqual(
      ["method", "params", "description", "authenticated", "authorized", "error"].toSorted(),
    );
  });

  test("users at v25.04 with the members of v25.10", async () => {
    const membersAt = async (path: string): Promise<string[]> => {
      const [user] = await (await signedIn("root", path)).result<Entry[]>("user.query", []);
      return Object.keys(user!);
    };
    const old = await membersAt("/api/v25.04.0");
    expect(old).toEqual(await membersAt("/api/v25.10.0"));
    expect(["password_age", "password_history", "id_type_both"].map((name) => old.includes(name))).toEqual([
      true,
      true,
      false,
    ]);
  });
});
