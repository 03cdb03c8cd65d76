/** Searches, long lists and exports have their turns user by user, by every way in, and nobody's list or read stands behind them. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { SEARCHES_EACH_MAX, SEARCHES_WAITING_MAX } from "@chatelaine/contract/limits";
import type { Asking } from "../src/domain/fair-queue.ts";
import type { ListQuery } from "../src/domain/listing.ts";
import { parseFilters } from "../src/truenas/query-filters.ts";
import { type HeldThreads, holdSearches } from "./held-threads.ts";
import { bearer, openRest, type RestApp, until } from "./rest-app.ts";
import { RpcClient } from "./rpc-client.ts";

const MORE = 5;
const PLACES = SEARCHES_EACH_MAX + SEARCHES_WAITING_MAX;
/** Each runs ten calls at once. */
const SOCKETS = 6;
const PATTERN = encodeURIComponent(JSON.stringify([["username", "~", "a|b"]]));
const USERS = ["ada", "bob", "cyd"];

let rest: RestApp;
let threads: HeldThreads;
let turn = 0;
let keyId = 0;
const keys = new Map<string, string>();
const browsers = new Map<string, Record<string, string>>();
const sockets = new Map<string, RpcClient[]>();

beforeAll(async () => {
  threads = holdSearches();
  rest = await openRest();
  for (const name of USERS) {
    if (name !== "ada") await rest.user(name, ["FULL_ADMIN"]);
    keys.set(name, await rest.key(name, `key of ${name}`));
    browsers.set(name, await rest.browser(name));
    sockets.set(name, await Promise.all(Array.from({ length: SOCKETS }, () => signedIn(name))));
  }
  keyId = Number(keys.get("ada")!.split("-")[0]);
});
beforeEach(() => threads.hold());
afterEach(() => threads.release());
afterAll(async () => {
  threads[Symbol.dispose]();
  await rest[Symbol.asyncDispose]();
});

async function signedIn(name: string): Promise<RpcClient> {
  const rpc = await RpcClient.connect(rest.url);
  await rpc.signIn(name, keys.get(name)!);
  return rpc;
}

/** `done`, or why not. */
type Way = (who: string) => Promise<string>;

function byRest(route: string, headers = (who: string) => bearer(keys.get(who)!)): Way {
  return async (who) => {
    const answer = await rest.send(route, { headers: headers(who) });
    if (answer.status === 503) {
      expect(answer.headers.get("retry-after")).toBe("2");
      expect(answer.headers.get("content-type")).toBe("application/problem+json");
      expect(answer.json.code).toBe("unavailable");
    }
    if (answer.status !== 200 && answer.status !== 503) throw new Error(`${route}: ${answer.text}`);
    return answer.status === 200 ? "done" : String(answer.status);
  };
}

function byBrowser(route: string): Way {
  return byRest(route, (who) => browsers.get(who)!);
}

function byRpc(method: string, ...params: unknown[]): Way {
  return async (who) => {
    const { error } = await sockets.get(who)![++turn % SOCKETS]!.call(method, ...params);
    return error ? (error.data?.errname ?? String(error.code)) : "done";
  };
}

const BY_PATTERN = [["username", "~", "a|b"]];
const WAYS: Readonly<Record<string, Way>> = {
  "GET /keys by words": byRest("GET /keys?q=a"),
  "GET /keys by a pattern": byRest(`GET /keys?filter=${PATTERN}`),
  "GET /keys by a tag": byRest("GET /keys?tag=ci"),
  "GET /me/keys by words": byRest("GET /me/keys?q=key"),
  "GET /users by words": byRest("GET /users?q=a"),
  "GET /audit by words": byRest("GET /audit?q=ada"),
  "GET /audit by a user name": byRest("GET /audit?username=ada"),
  "GET /audit in the order of addresses": byRest("GET /audit?order=address"),
  "GET /audit/export": byRest("GET /audit/export?format=csv&q=ada"),
  "the screen of keys": byBrowser("GET /keys?q=a&limit=100"),
  "the screen of users": byBrowser("GET /users?q=a&limit=100"),
  "the screen of the audit log": byBrowser("GET /audit?q=ada&limit=100"),
  "the file of the audit screen": byBrowser("GET /audit/export?format=jsonl&action=key.create"),
  "api_key.query by a pattern": byRpc("api_key.query", BY_PATTERN, { limit: 10 }),
  "api_key.query, counted": byRpc("api_key.query", BY_PATTERN, { count: true }),
  "user.query, whole": byRpc("user.query"),
  "api_key.query, whole": byRpc("api_key.query"),
  "user.query by a pattern": byRpc("user.query", BY_PATTERN, { limit: 10 }),
  "audit.query": byRpc("audit.query", { "query-options": { limit: 10 }, "query-filters": BY_PATTERN }),
};

/** What nobody waits for while others search. */
const PLAIN: Readonly<Record<string, Way>> = {
  "GET /keys": byRest("GET /keys"),
  "GET /keys of a user": byRest("GET /keys?username=bob&status=active&order=-created_at"),
  "GET /me/keys": byRest("GET /me/keys"),
  "GET /users": byRest("GET /users"),
  "GET /groups": byRest("GET /groups"),
  "GET /audit": byRest("GET /audit"),
  "api_key.query": byRpc("api_key.query", [], { limit: 10 }),
  "api_key.my_keys": byRpc("api_key.my_keys"),
  "alert.list": byRpc("alert.list"),
  "audit.query": byRpc("audit.query", { "query-options": { limit: 10 } }),
};

test.each(Object.entries(WAYS))(
  "%s: beyond two and those that wait one is turned away, others have their turns",
  async (name, way) => {
    // Whole lists are made one at a time, by turns of the same kind.
    const isWhole = name.endsWith("whole");
    let turnedAway = 0;
    const outcomeOf = async (who: string): Promise<string> => {
      const outcome = await way(who);
      if (outcome !== "done") turnedAway++;
      return outcome;
    };
    const many = Array.from({ length: PLACES + MORE }, () => outcomeOf("ada"));
    await until(() => turnedAway === MORE);
    expect(threads.held).toHaveLength(isWhole ? 1 : SEARCHES_EACH_MAX);
    const his = [outcomeOf("bob"), outcomeOf("bob")];
    // One has the place that ada may not take, and for the other one of hers gives way.
    await until(() => turnedAway === MORE + 1);
    expect(threads.held).toHaveLength(isWhole ? 1 : SEARCHES_EACH_MAX + 1);
    const read = byRest(`GET /keys/${keyId}`);
    for (const plain of [read, ...Object.values(PLAIN)]) expect(await plain("cyd")).toBe("done");
    expect(threads.held).toHaveLength(isWhole ? 1 : SEARCHES_EACH_MAX + 1);
    threads.release();
    expect(await Promise.all(his)).toEqual(["done", "done"]);
    const outcomes = await Promise.all(many);
    expect(outcomes.filter((outcome) => outcome === "done")).toHaveLength(PLACES - 1);
    expect(new Set(outcomes)).toEqual(new Set(["done", outcomes.find((outcome) => outcome !== "done")!]));
    expect(["503", "EAGAIN"]).toContain(outcomes.find((outcome) => outcome !== "done")!);
  },
);

const GOING: Readonly<Record<string, () => Promise<() => void>>> = {
  "an aborted request": async () => {
    const going = new AbortController();
    for (let time = 0; time < 8; time++) {
      const asked = { headers: bearer(keys.get("ada")!), signal: going.signal };
      void fetch(`${rest.url}/api/v1/keys?q=a`, asked).catch(() => {});
    }
    return () => going.abort();
  },
  "a closed socket": async () => {
    const rpc = await signedIn("ada");
    for (let time = 0; time < 8; time++)
      void rpc.call("api_key.query", BY_PATTERN, { limit: 10 }).catch(() => {});
    return () => rpc.close();
  },
};

test.each(Object.entries(GOING))(
  "%s leaves the places that it has and that it waited for",
  async (_name, ask) => {
    const { store } = rest.app;
    const { listKeys } = store;
    const gone: (AbortSignal | undefined)[] = [];
    const outcomes: string[] = [];
    Object.assign(store, {
      listKeys: (query: ListQuery, asking: Asking) => {
        gone.push(asking.gone);
        const listing = listKeys(query, asking);
        listing.then(
          () => outcomes.push("done"),
          () => outcomes.push("refused"),
        );
        return listing;
      },
    });
    const go = await ask();
    await until(() => gone.length === 8 && threads.held.length === SEARCHES_EACH_MAX);
    go();
    await until(() => gone.every((signal) => signal?.aborted));
    Object.assign(store, { listKeys });
    // Those that waited went at once, those that are in a thread as soon as it hears of it.
    await until(() => outcomes.length === 8 - SEARCHES_EACH_MAX);
    threads.release();
    await until(() => outcomes.length === 8);
    expect(new Set(outcomes)).toEqual(new Set(["refused"]));
    expect(await byRest("GET /keys?q=a")("ada")).toBe("done");
  },
);

test("a search whose asker has gone gives up in its thread", async () => {
  const going = new AbortController();
  const where = parseFilters([["name", "~", "(key|keys) of"]]);
  const search = rest.app.store.listKeys({ where }, { party: "user 1", gone: going.signal });
  await until(() => threads.held.length === 1);
  going.abort();
  threads.release();
  expect(await search.catch(String)).toContain("Nobody waits for it any more");
  expect((await rest.app.store.listKeys({ where }, { party: "user 1" })).rows).toHaveLength(3);
});

test.if(process.platform === "linux")("searches leave the processor to everybody else", async () => {
  threads.release();
  expect(await byRest("GET /keys?q=a")("ada")).toBe("done");
  const niceness = readdirSync("/proc/self/task").map((task) => {
    const stat = readFileSync(`/proc/self/task/${task}/stat`, "utf8");
    return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[16]);
  });
  expect(niceness.filter((nice) => nice === 10).length).toBeGreaterThan(0);
  const own = readFileSync("/proc/self/stat", "utf8");
  expect(Number(own.slice(own.lastIndexOf(")") + 2).split(" ")[16])).toBeLessThan(10);
});
