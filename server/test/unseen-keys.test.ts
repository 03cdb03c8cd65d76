/**
 * What one may not see answers as what does not exist: the same status, headers and body, at every operation of the
 * contract that names it, by key and by the session of a browser. The rows are held to the contract's list: a new
 * operation without a row fails.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type OperationName, operationList } from "@chatelaine/contract/operations/operations";
import { expandRoles, type Role } from "@chatelaine/contract/roles";
import { CALLERS, NARROWED } from "./callers.ts";
import { bearer, openRest, type RestAnswer, type RestApp, SYSTEM } from "./rest-app.ts";
import { RpcClient } from "./rpc-client.ts";

/** Of another user, or of nobody. */
interface Things {
  readonly key: number;
  readonly text: string;
  readonly decision: string;
  readonly user: string;
  readonly group: string;
  readonly session: string;
  readonly entry: string;
}

interface Asked {
  readonly params?: Readonly<Record<string, string | number>>;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

interface Row {
  /** Who has one of these sees it. */
  readonly seenBy: readonly Role[];
  asked(things: Things): readonly Asked[];
}

const KEY: readonly Role[] = ["API_KEY_READ"];
const ACCOUNT: readonly Role[] = ["ACCOUNT_READ"];

function row(seenBy: readonly Role[], ...asked: readonly ((things: Things) => Asked)[]): Row {
  return { seenBy, asked: (things) => asked.map((each) => each(things)) };
}

/** With each of the bodies, plainly and with a request that is known again. */
function keyRow(...bodies: readonly unknown[]): Row {
  return row(
    KEY,
    ...bodies.map((body) => ({ key }: Things) => ({ params: { id: key }, body })),
    ({ key }) => ({ params: { id: key }, body: bodies[0], headers: { "Idempotency-Key": "once" } }),
  );
}

function userRow(body?: unknown): Row {
  return row(ACCOUNT, ({ user }) => ({ params: { name: user }, body }));
}

function groupRow(body?: unknown): Row {
  return row(ACCOUNT, ({ group, user }) => ({ params: { name: group, username: user }, body }));
}

/** Why an operation names nothing that may be unseen. */
type Nothing = string;

const ROWS: Readonly<Record<OperationName, Row | Nothing>> = {
  "keys.get": row(
    KEY,
    ({ key }) => ({ params: { id: key } }),
    ({ key }) => ({ params: { id: key }, query: { latest_use: "1" } }),
  ),
  "keys.clients": keyRow(undefined),
  "keys.use": keyRow(undefined),
  "keys.update": keyRow(
    { description: "x" },
    {},
    { version: 99, description: "x" },
    { name: "taken" },
    { roles: ["FULL_ADMIN"] },
    { no_member: 1 },
  ),
  "keys.reset": keyRow({}, { version: 99 }, { expires_at: "2001-01-01T00:00:00Z" }),
  "keys.pause": keyRow(undefined, {}),
  "keys.resume": keyRow(undefined, {}),
  "keys.revoke": keyRow({ reason: "x" }, { reason: " " }, {}),
  "keys.remove": keyRow(undefined),
  "keys.list": row(
    KEY,
    ({ key }) => ({ query: { ids: String(key) } }),
    ({ key }) => ({ query: { filter: JSON.stringify([["id", "=", key]]) } }),
    ({ user }) => ({ query: { username: user } }),
  ),
  "keys.mine": row(["FULL_ADMIN"], ({ key }) => ({ query: { filter: JSON.stringify([["id", "=", key]]) } })),
  "keys.revokeMany": row(
    KEY,
    ({ key }) => ({ body: { ids: [key], reason: "x" } }),
    ({ key }) => ({ body: { ids: [key], reason: "x", dry_run: true } }),
    ({ user }) => ({ body: { username: user, reason: "x" } }),
  ),
  "keys.scram": row(KEY, ({ text }) => ({ body: { key: text } })),
  "keys.verify": row(
    ["FULL_ADMIN"],
    ({ text }) => ({ body: { key: text } }),
    ({ text }) => ({ body: { keys: [{ key: text }] } }),
  ),
  "decisions.get": row(KEY, ({ decision }) => ({ params: { id: decision } })),
  "keys.create": row(["API_KEY_WRITE"], ({ user }) => ({ body: { name: "made", username: user } })),
  "users.get": userRow(),
  "users.update": userRow({ email: null }),
  "users.remove": userRow(),
  "users.setPassword": userRow({ password: "a password of mine" }),
  "users.lock": userRow({}),
  "users.unlock": userRow(),
  "users.create": row(ACCOUNT, ({ user }) => ({ body: { username: user, roles: ["KEY_HOLDER"] } })),
  "users.list": row(ACCOUNT, ({ user }) => ({ query: { q: user } })),
  "groups.get": groupRow(),
  "groups.update": groupRow({ scopes: [] }),
  "groups.remove": groupRow(),
  "groups.addMember": groupRow({}),
  "groups.removeMember": groupRow(),
  "groups.create": row(ACCOUNT, ({ group }) => ({ body: { name: group, roles: [], scopes: [] } })),
  "sessions.remove": row(["AUTH_SESSIONS_READ"], ({ session }) => ({ params: { id: session } })),
  "audit.get": row(["SYSTEM_AUDIT_READ"], ({ entry }) => ({ params: { id: entry } })),
  "audit.list": row(["SYSTEM_AUDIT_READ"], ({ key }) => ({ query: { q: String(key) } })),
  "audit.export": row(["SYSTEM_AUDIT_READ"], ({ user }) => ({ query: { username: user } })),
  "self.get": "the key that asks",
  "self.reset": "the key that asks",
  "self.revoke": "the key that asks",
  "session.get": "the caller",
  "session.create": "a password tells who one is; `check-work` and `guesses` hold that names are not told",
  "session.remove": "the caller",
  "sessions.list": "names nothing",
  "sessions.removeOthers": "names nothing",
  "me.setAttribute": "the caller",
  "groups.list": "names nothing",
  "alerts.list": "names nothing",
  "webhook.test": "names nothing",
  "webhook.deliveries": "names nothing",
  "events.stream": "names nothing",
  "roles.list": "names nothing",
  "settings.get": "names nothing",
  "settings.update": "names nothing",
  "setup.get": "names nothing",
  "setup.create": "names nothing",
};

let rest: RestApp;
let there: Things;
const absent: Things = {
  key: 987_654,
  text: `987654-${"A".repeat(64)}`,
  decision: crypto.randomUUID(),
  user: "absent",
  group: "absents",
  session: crypto.randomUUID(),
  entry: "987654",
};
/** Headers of each caller, with the roles that they have at the moment. */
const callers: { name: string; roles: ReadonlySet<Role>; headers: Record<string, string> }[] = [];

beforeAll(async () => {
  rest = await openRest();
  for (const [name, roles] of Object.entries(CALLERS)) {
    if (!roles) continue;
    await rest.user(name, roles);
    const held = expandRoles(roles);
    callers.push({ name, roles: held, headers: bearer(await rest.key(name, `key of ${name}`)) });
    callers.push({ name: `${name} at a browser`, roles: held, headers: await rest.browser(name) });
  }
  for (const [name, roles] of Object.entries(NARROWED)) {
    await rest.user(name, ["FULL_ADMIN"]);
    const headers = bearer(await rest.key(name, `key of ${name}`, { roles }));
    callers.push({ name, roles: expandRoles(roles), headers });
  }
  callers.push({ name: "visitor", roles: new Set(), headers: {} });
  there = await makeThings();
});
afterAll(() => rest[Symbol.asyncDispose]());

async function makeThings(): Promise<Things> {
  const { browserSessions, groups, keys, usage, audit } = rest.app;
  await rest.user("foreigner", ["KEY_HOLDER"]);
  const { key } = await keys.create(SYSTEM, { name: "taken", username: "foreigner" });
  await groups.create(SYSTEM, { name: "foreigners", roles: [], scopes: [] });
  await rest.browser("foreigner");
  const browsers = await browserSessions.list(SYSTEM);
  const decision = crypto.randomUUID();
  const why = { reason: "paused", rule: "The key is paused", address: null, host: null };
  usage.refuse({ decision, keyId: key.id, at: Date.now(), ...why });
  const [entry] = (await audit.list(SYSTEM, { limit: 1 })).rows;
  return {
    key: key.id,
    text: `${key.id}-${"A".repeat(64)}`,
    decision,
    user: "foreigner",
    group: "foreigners",
    session: browsers.find(({ username }) => username === "foreigner")!.id,
    entry: entry!.id,
  };
}

async function send(name: string, headers: Record<string, string>, asked: Asked): Promise<RestAnswer> {
  const { method, path } = operationList.find((one) => one.name === name)!;
  const filled = path.replaceAll(/\{(\w+)\}/g, (_, param: string) => String(asked.params?.[param]));
  const query = asked.query ? `?${new URLSearchParams(asked.query)}` : "";
  const all = { ...headers, ...asked.headers };
  return rest.send(`${method} ${filled}${query}`, { headers: all, body: asked.body });
}

const VARYING = ["date", "x-request-id", "content-length"];

/** Without what differs from request to request, and with the thing's own names replaced. */
function shown({ status, headers, text }: RestAnswer, things: Things): unknown {
  let body = text
    .replaceAll(/"(request_id|decision)":"[^"]*"/g, '"$1":""')
    .replaceAll(/"(total_ms|sequence)":[\d.]+/g, '"$1":0');
  for (const [what, value] of Object.entries(things))
    body = body.replaceAll(new RegExp(`\\b${value}\\b`, "g"), what);
  return { status, body, headers: [...headers].filter(([name]) => !VARYING.includes(name)).sort() };
}

describe("what one may not see answers as what does not exist", () => {
  test("a row stands for every operation of the contract, and for no other", () => {
    expect(Object.keys(ROWS).sort()).toEqual(operationList.map(({ name }) => name).sort());
    // Whatever takes the number of a key in its path has a real row.
    for (const { name, path } of operationList)
      if (path.startsWith("/keys/{"))
        expect([name, typeof ROWS[name as OperationName]]).toEqual([name, "object"]);
  });

  for (const [name, found] of Object.entries(ROWS)) {
    if (typeof found === "string") continue;
    test(`${name}`, async () => {
      let compared = 0;
      for (const caller of callers) {
        if (found.seenBy.some((role) => caller.roles.has(role))) continue;
        const pairs = found.asked(absent).map((asked, place) => [asked, found.asked(there)[place]!] as const);
        for (const [ofNone, ofOther] of pairs) {
          const none = shown(await send(name, caller.headers, ofNone), absent);
          const other = shown(await send(name, caller.headers, ofOther), there);
          expect([caller.name, ofNone.body, other]).toEqual([caller.name, ofNone.body, none]);
          compared++;
        }
      }
      expect(compared).toBeGreaterThan(0);
    }, 60_000);
  }

  test("nothing has happened to what was asked about", async () => {
    const key = await rest.app.keys.get(SYSTEM, there.key);
    expect(key).toMatchObject({ name: "taken", version: 1, revokedAt: null, pausedAt: null, resetAt: null });
    expect(await rest.app.users.get(SYSTEM, { username: "foreigner" })).toMatchObject({
      lockedAt: null,
    });
  });
});

const CHANGES = ["keys.update", "keys.reset", "keys.pause", "keys.resume", "keys.revoke", "keys.remove"];

describe("a key of somebody else", () => {
  test("that one sees but may not change is 403, with the role that is missing", async () => {
    for (const name of CHANGES) {
      const [asked] = (ROWS[name as OperationName] as Row).asked(there);
      for (const { name: who, headers } of callers.filter((each) => each.name.startsWith("reader"))) {
        const { status, json } = await send(name, headers, asked!);
        expect([name, who, status, json.code, json.roles]).toEqual([
          name,
          who,
          403,
          "role_missing",
          ["API_KEY_WRITE"],
        ]);
      }
    }
  });

  test("that one does not see is 404, and the audit has the refusal itself", async () => {
    const holder = callers.find(({ name }) => name === "holder")!;
    for (const name of CHANGES) {
      const [asked] = (ROWS[name as OperationName] as Row).asked(there);
      const { status, json } = await send(name, holder.headers, asked!);
      expect([name, status, json.code, json.detail]).toEqual([
        name,
        404,
        "not_found",
        `ApiKey ${there.key} does not exist`,
      ]);
    }
    await rest.app.audit.flush();
    const refused = {
      success: false,
      error: "holder: authenticated user lacks privileges to create or modify API keys of other users.",
    };
    for (const action of ["key.update", "key.pause", "key.resume", "key.revoke", "key.delete"]) {
      const own = { kind: "test", path: ["username"], op: "=", fold: false, value: "holder" } as const;
      const where = { kind: "all", of: [own, { ...own, path: ["action"], value: action }] } as const;
      const { rows } = await rest.app.audit.list(SYSTEM, { where, limit: 0 });
      const ofIt = rows.filter(({ target }) => target?.id === there.key);
      expect([action, ofIt.length > 0]).toEqual([action, true]);
      for (const { success, error } of ofIt) expect({ success, error }).toMatchObject({ success: false });
      // Records of one millisecond have no order.
      expect(ofIt).toContainEqual(expect.objectContaining(refused));
    }
  });

  test("is EACCES at the TrueNAS API, and one that does not exist ENOENT", async () => {
    const key = await rest.key("holder", "for the socket");
    const client = await RpcClient.connect(rest.url);
    await client.signIn("holder", key);
    const rule = "holder: authenticated user lacks privileges to create or modify API keys of other users.";
    for (const [method, ...more] of [["api_key.update", { name: "x" }], ["api_key.delete"]] as const) {
      const refused = await client.call(method, there.key, ...more);
      expect([method, refused.error?.code, refused.error?.data?.reason]).toEqual([
        method,
        -32001,
        `[EACCES] ${rule}`,
      ]);
      const missing = await client.call(method, absent.key, ...more);
      expect([method, missing.error?.code, missing.error?.data?.reason]).toEqual([
        method,
        -32602,
        `[ENOENT] None: ApiKey ${absent.key} does not exist`,
      ]);
    }
    for (const id of [there.key, absent.key]) {
      const { error } = await client.call("api_key.get_instance", id);
      expect([id, error?.data?.reason]).toEqual([id, `[ENOENT] None: ApiKey ${id} does not exist`]);
    }
    client.socket.close();
  });
});
