/** What JSON-RPC and REST both can do is allowed and refused alike, to every caller: the dialect held to REST's table. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { operationList } from "@chatelaine/contract/operations/operations";
import { CALLERS, NARROWED, TARGETS, type TargetKind } from "./callers.ts";
import { openRest, type RestApp, SYSTEM } from "./rest-app.ts";
import committed from "./rest-who-may.json" with { type: "json" };
import { type RpcAnswer, RpcClient } from "./rpc-client.ts";

interface Pair {
  readonly operation: keyof typeof committed;
  readonly method: string;
  readonly about: "key" | "user" | "fresh user" | "owner" | "session" | null;
  params(id: number | string, owner: string, turn: number): readonly unknown[];
}

const ABSENT = 987_654;
const PAIRS: readonly Pair[] = [
  { operation: "keys.list", method: "api_key.query", about: null, params: () => [] },
  { operation: "keys.mine", method: "api_key.my_keys", about: null, params: () => [] },
  { operation: "keys.get", method: "api_key.get_instance", about: "key", params: (id) => [id] },
  {
    operation: "keys.create",
    method: "api_key.create",
    about: "owner",
    params: (_id, username, turn) => [{ name: `rpc ${turn}`, username }],
  },
  {
    operation: "keys.update",
    method: "api_key.update",
    about: "key",
    params: (id, _owner, turn) => [id, { name: `renamed ${turn}` }],
  },
  { operation: "keys.reset", method: "api_key.update", about: "key", params: (id) => [id, { reset: true }] },
  { operation: "keys.remove", method: "api_key.delete", about: "key", params: (id) => [id] },
  { operation: "users.list", method: "user.query", about: null, params: () => [] },
  { operation: "users.get", method: "user.get_instance", about: "user", params: (id) => [id] },
  {
    operation: "users.create",
    method: "user.create",
    about: null,
    params: (_id, _owner, turn) => [
      { username: `rpc${turn}`, full_name: "Rpc", roles: ["KEY_HOLDER"], password_disabled: true },
    ],
  },
  { operation: "users.update", method: "user.update", about: "user", params: (id) => [id, { email: null }] },
  {
    operation: "users.setPassword",
    method: "user.set_password",
    about: "user",
    params: (_id, username, turn) => [{ username, new_password: `a password number ${turn}` }],
  },
  {
    operation: "keys.scram",
    method: "api_key.convert_raw_key",
    about: null,
    params: () => [keyText],
  },
  {
    operation: "users.lock",
    method: "user.update",
    about: "fresh user",
    params: (id) => [id, { locked: true }],
  },
  {
    operation: "users.unlock",
    method: "user.update",
    about: "fresh user",
    params: (id) => [id, { locked: false }],
  },
  { operation: "users.remove", method: "user.delete", about: "fresh user", params: (id) => [id] },
  {
    operation: "sessions.remove",
    method: "auth.terminate_session",
    about: "session",
    params: (id) => [id],
  },
  {
    operation: "me.setAttribute",
    method: "auth.set_attribute",
    about: null,
    params: (_id, _owner, turn) => [`attribute${turn % 10}`, 1],
  },
  { operation: "sessions.list", method: "auth.sessions", about: null, params: () => [] },
  { operation: "audit.list", method: "audit.query", about: null, params: () => [] },
  { operation: "roles.list", method: "privilege.roles", about: null, params: () => [] },
];
/** Operations that name a method and are no pair here. */
const UNPAIRED: Readonly<Record<string, string>> = {
  "alerts.list": "the dialect has its own list, of nothing",
  "session.get": "tells of oneself, whoever that is",
  "session.create": "signs in: sign-in.test.ts and dialect-sessions.test.ts",
  "session.remove": "ends the session that is shown",
  "sessions.removeOthers": "ends what the other callers come by: bulk.test.ts, at both doors",
  "events.stream": "each event is judged by itself: rest-events.test.ts, stale-readers.test.ts",
};
/** Of an act on oneself that ends it REST has no row. */
const isAsked = ({ operation, about }: Pair, caller: string, target: TargetKind): boolean =>
  about === null || `${caller}, ${target}` in committed[operation];

/** Where the two say no in other words: the dialect tells of existence before ownership (protocol 4.3). */
const SAME_NO = new Set(["403", "404"]);

/** The dialect has `auth.me` for oneself, and wants the role for `user.get_instance` (protocol 6.1). */
const DIALECT_WANTS_ROLE = new Set(["users.get"]);

let rest: RestApp;
let turn = 0;
let keyText: string;
const ids = new Map<string, number>();
const sockets = new Map<string, RpcClient>();

beforeAll(async () => {
  rest = await openRest();
  const { id } = await rest.user("other", ["KEY_HOLDER"]);
  ids.set("other", id);
  keyText = await rest.key("other", "shown");
  for (const [name, roles] of Object.entries({ ...CALLERS, ...NARROWED })) {
    const isNarrowed = Object.hasOwn(NARROWED, name);
    const socket = await RpcClient.connect(rest.url);
    sockets.set(name, socket);
    if (roles === null) continue;
    const user = await rest.user(name, isNarrowed ? ["FULL_ADMIN"] : roles);
    ids.set(name, user.id);
    await socket.signIn(name, await rest.key(name, `key of ${name}`, { roles: isNarrowed ? roles : null }));
  }
});
afterAll(async () => {
  for (const socket of sockets.values()) socket.close();
  await rest[Symbol.asyncDispose]();
});

async function targetOf(about: Pair["about"], caller: string, target: TargetKind): Promise<number | string> {
  const owner = target === "own" && caller !== "visitor" ? caller : "other";
  if (about === "session") return "none";
  if (target === "absent") return ABSENT;
  if (about === "user") return ids.get(owner)!;
  if (about === "fresh user") {
    // Of oneself only where it changes nothing.
    return target === "own" ? ids.get(owner)! : (await rest.user(`fresh${++turn}`, ["KEY_HOLDER"])).id;
  }
  if (about !== "key") return 0;
  return (await rest.app.keys.create(SYSTEM, { name: `target ${++turn}`, username: owner })).key.id;
}

/** In REST's words. */
function statusOf({ error }: RpcAnswer): string {
  if (!error) return "2xx";
  const { code, data } = error;
  if (code === -32602) return data?.reason.includes("[ENOENT]") ? "404" : "422";
  const known: Record<number, string> = { 207: "401", 13: "403", 16: "409" };
  return known[data?.error ?? -1] ?? `${code} ${data?.error}`;
}

async function ask(pair: Pair, caller: string, target: TargetKind): Promise<string> {
  const id = await targetOf(pair.about, caller, target);
  const owner = target === "absent" ? "absent" : target === "own" && caller !== "visitor" ? caller : "other";
  return statusOf(await sockets.get(caller)!.call(pair.method, ...pair.params(id, owner, ++turn)));
}

function expected(pair: Pair, caller: string, target: TargetKind): string {
  const row = committed[pair.operation] as Record<string, string>;
  const said = row[pair.about === null ? caller : `${caller}, ${target}`] ?? "no row";
  const isOwnByRole = DIALECT_WANTS_ROLE.has(pair.operation) && target === "own" && caller !== "visitor";
  if (isOwnByRole && row[`${caller}, another's`]?.startsWith("2") === false) return "403";
  // The dialect says `false` of a session that is not there.
  if (pair.about === "session" && said.startsWith("404")) return "2xx";
  return said.startsWith("2") ? "2xx" : said.slice(0, 3);
}

describe("what both APIs can do is allowed and refused alike", () => {
  test("for every operation that names a method", () => {
    const named = operationList.filter(({ rpc }) => rpc !== undefined).map(({ name }) => name as string);
    const known = new Set([...PAIRS.map(({ operation }) => operation as string), ...Object.keys(UNPAIRED)]);
    expect(named.filter((name) => !known.has(name))).toEqual([]);
  });

  for (const pair of PAIRS) {
    test(`${pair.method} answers each caller as ${pair.operation} does`, async () => {
      for (const caller of sockets.keys()) {
        for (const target of pair.about === null ? (["own"] as const) : TARGETS) {
          if (!isAsked(pair, caller, target)) continue;
          const rpc = await ask(pair, caller, target);
          const http = expected(pair, caller, target);
          const isSame = rpc === http || (SAME_NO.has(rpc) && SAME_NO.has(http));
          expect({ caller, target, said: isSame ? http : rpc }).toEqual({ caller, target, said: http });
        }
      }
    }, 60_000);
  }
});
