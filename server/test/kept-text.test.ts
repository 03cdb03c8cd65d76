/**
 * Words that are kept and shown hold no secret, at every door. The texts of the contract and of the methods are found from
 * their schemas, and each has a row here: a new text without a row fails.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Operation } from "@chatelaine/contract/operations/operation";
import { operationList } from "@chatelaine/contract/operations/operations";
import { z } from "zod";
import { completeKeyBody, makeKeyStem } from "../src/domain/key-text.ts";
import type { Server } from "../src/server.ts";
import { createDialect } from "../src/truenas/truenas.ts";
import { type Folder, makeInstallation } from "./installation.ts";
import { bearer, openRest, PASSWORD, type RestApp, SYSTEM } from "./rest-app.ts";
import { type RpcAnswer, RpcClient } from "./rpc-client.ts";

/** `kept`: refused where it holds a secret. `secret`: a secret by its nature. `unkept`: looked up or compared, and not kept. */
type Fate = "kept" | "secret" | "unkept";

const REST: Readonly<Record<string, Fate>> = {
  "self.revoke body.reason": "kept",
  ...ofEach(["keys.create", "keys.update", "keys.reset"], {
    "body.name": "kept",
    "body.description": "kept",
    "body.tags.0": "kept",
    "body.scopes.0": "kept",
    "body.allowed_ips.0": "kept",
  }),
  "keys.create body.username": "unkept",
  "keys.revoke body.reason": "kept",
  "keys.revokeMany body.username": "unkept",
  "keys.revokeMany body.tag": "unkept",
  "keys.revokeMany body.reason": "kept",
  "keys.scram body.key": "secret",
  ...ofEach(["keys.verify"], {
    "body.key": "secret",
    "body.scope": "unkept",
    "body.ip": "unkept",
    "body.keys.0.key": "secret",
    "body.keys.0.scope": "unkept",
    "body.keys.0.ip": "unkept",
  }),
  ...ofEach(["users.create", "users.update"], {
    "body.username": "kept",
    "body.full_name": "kept",
    "body.email": "kept",
    "body.scopes.0": "kept",
    "body.groups.0": "kept",
  }),
  "users.create body.password": "secret",
  "users.update body.ceilings.allowed_ips.0": "kept",
  ...ofEach(["users.update", "users.remove", "users.setPassword", "users.lock", "users.unlock"], {
    "params.name": "unkept",
  }),
  "users.setPassword body.password": "secret",
  "users.setPassword body.current_password": "secret",
  ...ofEach(["groups.create", "groups.update"], { "body.name": "kept", "body.scopes.0": "kept" }),
  ...ofEach(["groups.update", "groups.remove", "groups.addMember", "groups.removeMember"], {
    "params.name": "unkept",
  }),
  ...ofEach(["groups.addMember", "groups.removeMember"], { "params.username": "unkept" }),
  "session.create body.username": "unkept",
  "session.create body.password": "secret",
  "sessions.remove params.id": "unkept",
  "me.setAttribute params.name": "kept",
  "me.setAttribute body.value": "kept",
  "setup.create body.token": "secret",
  "setup.create body.username": "kept",
  "setup.create body.password": "secret",
  "setup.create body.full_name": "kept",
  "setup.create body.email": "kept",
  "settings.update body.client_certificate": "kept",
  "settings.update body.public_url": "kept",
  "settings.update body.webhook_url": "kept",
  "settings.update body.webhook_secret": "secret",
};

const RPC: Readonly<Record<string, Fate>> = {
  "auth.login 0": "unkept",
  "auth.login 1": "secret",
  "auth.login 2": "secret",
  "auth.login_with_api_key 0": "secret",
  "auth.login_with_token 0": "secret",
  ...ofEach(["auth.login_ex"], {
    "0.username": "unkept",
    "0.api_key": "secret",
    "0.password": "secret",
    "0.token": "secret",
    "0.otp_token": "secret",
    "0.rfc_str": "secret",
    "0.login_options": "unkept",
  }),
  "auth.login_ex_continue 0.otp_token": "secret",
  "auth.login_ex_continue 0.login_options": "unkept",
  "auth.set_attribute 0": "kept",
  "auth.set_attribute 1": "kept",
  "auth.generate_onetime_password 0.username": "unkept",
  "auth.terminate_session 0": "unkept",
  "api_key.create 0.name": "kept",
  "api_key.create 0.username": "unkept",
  "api_key.update 1.name": "kept",
  "api_key.convert_raw_key 0": "secret",
  ...ofEach(["user.create"], {
    "0.username": "kept",
    "0.full_name": "kept",
    "0.email": "kept",
    "0.password": "secret",
  }),
  ...ofEach(["user.update"], {
    "1.username": "kept",
    "1.full_name": "kept",
    "1.email": "kept",
    "1.password": "secret",
  }),
  ...ofEach(["user.set_password"], {
    "0.username": "unkept",
    "0.old_password": "secret",
    "0.new_password": "secret",
  }),
  "core.subscribe 0": "unkept",
  "core.unsubscribe 0": "unkept",
  "core.get_methods 0": "unkept",
};

const BODY = completeKeyBody(
  7,
  makeKeyStem((count) => Uint8Array.from({ length: count }, (_, at) => (at * 151) % 248)),
);

interface Leaf {
  readonly path: readonly string[];
  readonly charsMax: number;
}

let rest: RestApp;
/** A server that nobody has set up. */
let unused: Server;
let folder: Folder;
let key: string;
let cookie: Record<string, string>;
let rpc: RpcClient;

beforeAll(async () => {
  rest = await openRest();
  folder = await makeInstallation();
  unused = await folder.serve();
  key = await rest.key("ada", "ada's");
  cookie = await rest.browser("ada");
  await rest.user("build", ["KEY_HOLDER"]);
  await rest.app.groups.create(SYSTEM, { name: "dns", roles: [], scopes: ["dns:read"] });
  rpc = await RpcClient.connect(rest.url);
  await rpc.signIn("ada", key);
});

afterAll(async () => {
  rpc.close();
  await folder[Symbol.asyncDispose]();
  await rest[Symbol.asyncDispose]();
});

const writing = operationList.filter(({ method }) => method !== "GET");
const restLeaves = writing.flatMap((operation) =>
  (["params", "query", "body"] as const).flatMap((part) =>
    leavesOf(operation[part], [part]).map((leaf) => ({ operation, leaf })),
  ),
);

describe("REST", () => {
  test("every text has a row, and every row a text", () => {
    const found = restLeaves.map(({ operation, leaf }) => `${operation.name} ${leaf.path.join(".")}`);
    expect([...new Set(found)].sort()).toEqual(Object.keys(REST).sort());
  });

  for (const { operation, leaf } of restLeaves) {
    const row = `${operation.name} ${leaf.path.join(".")}`;
    if (REST[row] !== "kept") continue;
    test(`${row} holds no key, no token and no part of one`, async () => {
      for (const secret of secretsFor(leaf.charsMax)) {
        const { status, json, text } = await send(operation, leaf, secret);
        const codes = json.errors?.map(({ code }: { code: string }) => code);
        expect([secret, status, codes]).toEqual([secret, 422, expect.arrayContaining(["holds_secret"])]);
        expect(text).not.toContain(BODY.slice(0, 12));
      }
    });
  }
});

/** In the place of the contract's example, where that has not the member. */
const BODIES: Readonly<Record<string, object>> = {
  "users.update": { ceilings: { allowed_ips: null, rate_limit: null, lifetime_seconds: null } },
};

async function send(operation: Operation, { path: [part, ...path] }: Leaf, secret: string) {
  const { example, method } = operation;
  const params = { ...example.params, ...(part === "params" && { [path[0]!]: secret }) };
  const route = operation.path.replaceAll(/\{(\w+)\}/g, (_, name) =>
    encodeURIComponent(String(params[name])),
  );
  const isNested = path[0] === "ceilings";
  const given = isNested ? BODIES[operation.name] : example.body;
  const body = structuredClone(given) as Record<string, unknown> | undefined;
  if (operation.name === "setup.create") Object.assign(body!, { password: PASSWORD });
  if (part === "body") put(body ?? {}, path, secret);
  const headers = operation.name === "me.setAttribute" ? cookie : bearer(key);
  if (operation.name !== "setup.create")
    return rest.send(`${method} ${route}`, { headers, ...(body !== undefined && { body }) });
  const response = await fetch(`${unused.urls[0]}/api/v1${route}`, {
    method,
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ ...body, token: await unused.makeSetupToken() }),
  });
  const text = await response.text();
  return { status: response.status, text, json: JSON.parse(text) };
}

describe("JSON-RPC", () => {
  const dialect = createDialect({
    feed: { subscribe: () => {} },
    sessions: { subscribe: () => {} },
  } as never);
  const newest = dialect.documented.at(-1)!;
  const older = dialect.documented.flatMap(({ methods }) => methods);
  const methods = [...new Map([...older, ...newest.methods].map((one) => [one.name, one])).values()];
  const leaves = methods.flatMap(({ name, params }) =>
    params.flatMap(({ schema }, place) =>
      leavesOfJson(schema(), [String(place)]).map((leaf) => ({ name, leaf })),
    ),
  );

  test("every text has a row, and every row a text", () => {
    const found = leaves
      .filter(({ leaf }) => !QUERY.test(leaf.path.join(".")))
      .map(({ name, leaf }) => `${name} ${leaf.path.join(".")}`);
    const own = found.filter((row) => !/\.(query|get_instance|get_jobs|roles|sessions) /.test(row));
    expect([...new Set(own)].sort()).toEqual(Object.keys(RPC).sort());
  });

  const EXAMPLES: Readonly<Record<string, readonly unknown[]>> = {
    "auth.set_attribute": ["name", "value"],
    "api_key.create": [{ name: "new", username: "ada" }],
    "api_key.update": [1, { name: "renamed" }],
    "user.create": [{ username: "new", full_name: "New" }],
    "user.update": [2, { full_name: "Other" }],
  };

  for (const [row, fate] of Object.entries(RPC)) {
    if (fate !== "kept") continue;
    test(`${row} holds no key, no token and no part of one`, async () => {
      const [method = "", path = ""] = row.split(" ");
      const leaf = leaves.find(({ name, leaf: one }) => name === method && one.path.join(".") === path)!.leaf;
      for (const secret of secretsFor(leaf.charsMax)) {
        const params = structuredClone(EXAMPLES[method]!) as unknown[];
        put(params as never, leaf.path, secret);
        const answer: RpcAnswer = await rpc.call(method, ...params);
        const said = JSON.stringify(answer);
        expect([secret, answer.error?.code]).toEqual([secret, -32602]);
        expect(said).toContain("holds the text of a key or token");
        expect(said).not.toContain(BODY.slice(0, 12));
      }
    });
  }
});

/** Filters and options are words of the query language and are not kept. */
const QUERY = /^\d+\.(select|order_by)/;

/** As much of a secret as fits. */
function secretsFor(charsMax: number): string[] {
  const token = `CT1${BODY.slice(3)}`;
  const all = [
    `7-${BODY}`,
    BODY,
    `see 7-${BODY}!`,
    `7%2D${BODY}`,
    `7-${BODY.slice(0, 40)}x${BODY.slice(40)}`,
    token,
  ];
  const fitting = all.filter((text) => text.length <= charsMax);
  return fitting.length > 0 ? fitting : [BODY.slice(0, charsMax)];
}

function put(into: Record<string, unknown>, [step, ...rest]: readonly string[], value: unknown): void {
  if (rest.length === 0) into[step!] = value;
  else {
    const inner = into[step!] ?? (/^\d+$/.test(rest[0]!) ? [] : {});
    into[step!] = inner;
    put(inner as Record<string, unknown>, rest, value);
  }
}

function leavesOf(schema: z.ZodType | undefined, path: readonly string[]): Leaf[] {
  return schema ? leavesOfJson(z.toJSONSchema(schema, { io: "input", unrepresentable: "any" }), path) : [];
}

interface Json {
  readonly $defs?: Readonly<Record<string, Json>>;
  readonly $ref?: string;
  readonly anyOf?: readonly Json[];
  readonly oneOf?: readonly Json[];
  readonly type?: string;
  readonly enum?: unknown;
  readonly const?: unknown;
  readonly format?: string;
  readonly maxLength?: number;
  readonly properties?: Readonly<Record<string, Json>>;
  readonly items?: Json;
}

/** Where free text may stand. */
function leavesOfJson(schema: object, path: readonly string[], defs = (schema as Json).$defs ?? {}): Leaf[] {
  const json = schema as Json;
  if (json.$ref) return leavesOfJson(defs[json.$ref.split("/").at(-1)!]!, path, defs);
  const options = json.anyOf ?? json.oneOf;
  if (options) return options.flatMap((one) => leavesOfJson(one, path, defs));
  const isClosed = json.enum !== undefined || json.const !== undefined || json.format === "date-time";
  const isFree =
    json.type === undefined &&
    json.properties === undefined &&
    json.const === undefined &&
    json.enum === undefined;
  if ((json.type === "string" && !isClosed) || isFree) return [{ path, charsMax: json.maxLength ?? 32 }];
  const members = Object.entries(json.properties ?? {}).flatMap(([name, one]) =>
    leavesOfJson(one, [...path, name], defs),
  );
  return [...members, ...(json.items ? leavesOfJson(json.items, [...path, "0"], defs) : [])];
}

function ofEach(names: readonly string[], rows: Readonly<Record<string, Fate>>): Record<string, Fate> {
  return Object.fromEntries(
    names.flatMap((name) => Object.entries(rows).map(([path, fate]) => [`${name} ${path}`, fate])),
  );
}
