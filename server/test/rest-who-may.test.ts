/**
 * Who may what (R28): every operation, asked by every kind of caller, about what is his own, another's and absent. The
 * expectations are in `rest-who-may.json`; `WRITE_WHO_MAY=1` writes them anew, for a person to read the difference.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { EXAMPLE_TEXT } from "@chatelaine/contract/operations/key-entry";
import { type OperationName, operationList } from "@chatelaine/contract/operations/operations";
import { CALLERS, NARROWED, TARGETS, type TargetKind } from "./callers.ts";
import { bearer, openRest, PASSWORD, type RestApp, SYSTEM } from "./rest-app.ts";
import committed from "./rest-who-may.json" with { type: "json" };

const FILE = join(import.meta.dir, "rest-who-may.json");

let rest: RestApp;
let count = 0;
const keys = new Map<string, string>();
const owners = new Map<string, string>();

beforeAll(async () => {
  rest = await openRest();
  await rest.user("other", ["KEY_HOLDER"]);
  for (const [name, roles] of Object.entries(CALLERS)) {
    if (roles) await rest.user(name, roles);
    owners.set(name, name);
  }
  for (const [name, roles] of Object.entries(NARROWED)) {
    await rest.user(name, ["FULL_ADMIN"]);
    owners.set(name, name);
    keys.set(name, await rest.key(name, `key of ${name}`, { roles }));
  }
});
afterAll(() => rest[Symbol.asyncDispose]());

/** Operations about one thing, and what it is. */
function thingOf(name: string): "key" | "user" | "group" | "session" | "owner" | "decision" | undefined {
  if (name === "keys.create") return "owner";
  if (name === "decisions.get") return "decision";
  if (/^keys\.(get|clients|use|update|reset|pause|resume|revoke|remove)$/.test(name)) return "key";
  if (/^users\.(get|update|remove|setPassword|lock|unlock)$/.test(name)) return "user";
  if (/^groups\.(get|update|remove|addMember|removeMember)$/.test(name)) return "group";
  return name === "sessions.remove" ? "session" : undefined;
}

async function headersOf(caller: string): Promise<Record<string, string>> {
  if (caller === "visitor") return {};
  if (!keys.has(caller)) keys.set(caller, await rest.key(caller, `key of ${caller}`));
  const found = keys.get(caller)!;
  const isAlive = (await rest.send("GET /keys/self", { headers: bearer(found) })).status === 200;
  if (!isAlive)
    keys.set(
      caller,
      await rest.key(caller, `key of ${caller} ${++count}`, {
        roles: NARROWED[caller as "servicesOnly"] ?? null,
      }),
    );
  return bearer(keys.get(caller)!);
}

/** Things that are there for one call alone. */
async function paramsOf(
  thing: ReturnType<typeof thingOf>,
  caller: string,
  target: TargetKind,
): Promise<Record<string, string>> {
  const n = ++count;
  const owner = target === "own" && caller !== "visitor" ? owners.get(caller)! : "other";
  if (thing === "key" || thing === "decision") {
    const decision = crypto.randomUUID();
    if (target === "absent") return { id: thing === "key" ? "987654" : decision };
    const { key } = await rest.app.keys.create(SYSTEM, { name: `target ${n}`, username: owner });
    if (thing === "key") return { id: String(key.id) };
    const at = Date.now();
    const why = { reason: "paused", rule: "The key is paused", address: null, host: null };
    rest.app.usage.refuse({ decision, keyId: key.id, at, ...why });
    return { id: decision };
  }
  if (thing === "user") {
    if (target === "absent") return { name: "absent" };
    if (target === "own") return { name: owner };
    return {
      name: (
        await rest.app.users.create(SYSTEM, {
          username: `user${n}`,
          roles: ["KEY_HOLDER"],
          password: PASSWORD,
        })
      ).username,
    };
  }
  if (thing === "group") {
    if (target === "absent") return { name: "absent", username: "other" };
    const group = await rest.app.groups.create(SYSTEM, { name: `group${n}`, roles: [], scopes: [] });
    return { name: group.name, username: "other" };
  }
  return thing === "session" ? { id: crypto.randomUUID() } : {};
}

function bodyOf(name: string, caller: string, target: TargetKind): unknown {
  const bodies: Record<string, unknown> = {
    "keys.create": {
      name: `made ${++count}`,
      username: target === "own" ? (owners.get(caller) ?? "other") : target === "absent" ? "absent" : "other",
    },
    "keys.update": { description: "x" },
    "keys.reset": {},
    "keys.revoke": { reason: "x" },
    "keys.revokeMany": { tag: "none has it", reason: "x" },
    "keys.verify": { key: "no key at all" },
    "keys.scram": { key: EXAMPLE_TEXT },
    "self.reset": {},
    "self.revoke": { reason: "x" },
    "users.create": { username: `made${count}`, roles: ["KEY_HOLDER"] },
    "users.update": { email: null },
    "users.setPassword": { password: `a password number ${count}` },
    "groups.create": { name: `made${count}`, roles: [], scopes: [] },
    "groups.update": {},
    "session.create": { username: "nobody", password: "wrong" },
    "setup.create": { token: "x", username: "eve", password: PASSWORD },
    "me.setAttribute": { value: 1 },
    "settings.update": {},
  };
  return bodies[name];
}

/** Status and code, as `200` or `403 role_missing`. */
async function ask(name: OperationName, caller: string, target: TargetKind): Promise<string> {
  const operation = operationList.find((one) => one.name === name)!;
  const headers = await headersOf(caller);
  const params: Record<string, string> = { name: "a.b", ...(await paramsOf(thingOf(name), caller, target)) };
  const path = operation.path.replaceAll(/\{(\w+)\}/g, (_, param: string) => params[param]!);
  if (name === "events.stream") {
    const response = await fetch(`${rest.url}/api/v1${path}`, { headers });
    await response.body?.cancel();
    return String(response.status);
  }
  const { status, json } = await rest.send(`${operation.method} ${path}`, {
    headers,
    body: bodyOf(name, caller, target),
  });
  return status < 400 ? String(status) : `${status} ${json.code}`;
}

type Row = Record<string, string>;
const found: Record<string, Row> = {};
/** What would end the caller himself is asked of nobody but the visitor for `own`. */
const SPARED = new Set(["users.remove", "users.lock"]);

describe("who may what", () => {
  for (const { name } of operationList) {
    test(`${name} is answered to each caller as committed`, async () => {
      const row: Row = {};
      for (const caller of [...Object.keys(CALLERS), ...Object.keys(NARROWED)]) {
        for (const target of thingOf(name) ? TARGETS : (["own"] as const)) {
          if (target === "own" && SPARED.has(name) && caller !== "visitor") continue;
          row[thingOf(name) ? `${caller}, ${target}` : caller] = await ask(
            name as OperationName,
            caller,
            target,
          );
        }
      }
      found[name] = row;
      if (!process.env.WRITE_WHO_MAY) expect(row).toEqual((committed as Record<string, Row>)[name] ?? {});
    }, 60_000);
  }

  test("is written down for every operation, and for no other", () => {
    if (process.env.WRITE_WHO_MAY) writeFileSync(FILE, `${JSON.stringify(found, null, 2)}\n`);
    else expect(Object.keys(committed).sort()).toEqual(operationList.map(({ name }) => name).sort());
  });
});

describe("nobody hands on what he lacks", () => {
  const refused = async (caller: string, route: string, body: unknown) => {
    const answer = await rest.send(route, { headers: await headersOf(caller), body });
    expect([route, answer.status, answer.json.code]).toEqual([route, 403, "forbidden"]);
  };

  test("a key manager makes, edits and resets no key of a wider user", async () => {
    const { key } = await rest.app.keys.create(SYSTEM, { name: "wide", username: "ada" });
    for (const caller of ["keyManager", "narrowedToKeyManager"]) {
      await refused(caller, "POST /keys", { name: "wider", username: "ada" });
      await refused(caller, `PATCH /keys/${key.id}`, { description: "x" });
      await refused(caller, `POST /keys/${key.id}/reset`, {});
    }
  });

  test("a narrowed key makes no wider one for its own user", async () => {
    const headers = await headersOf("narrowedToHolder");
    const wider = { name: "wider", username: "narrowedToHolder" };
    for (const more of [{}, { roles: null }, { roles: ["FULL_ADMIN"] }, { roles: ["API_KEY_WRITE"] }]) {
      const { json } = await rest.send("POST /keys", { headers, body: { ...wider, ...more } });
      expect([more, json.status]).toEqual([more, 403]);
    }
    const same = await rest.send("POST /keys", {
      headers,
      body: { ...wider, roles: ["KEY_HOLDER"], scopes: [] },
    });
    expect(same.status).toBe(201);
    for (const [route, body] of [
      [`PATCH /keys/${same.json.id}`, { roles: null }],
      [`POST /keys/${same.json.id}/reset`, { roles: ["FULL_ADMIN"] }],
    ] as const) {
      expect([route, (await rest.send(route, { headers, body })).status]).toEqual([route, 403]);
    }
  });

  test("an account manager grants no role, scope or group beyond his own", async () => {
    await rest.app.groups.create(SYSTEM, { name: "admins", roles: ["FULL_ADMIN"], scopes: [] });
    await refused("accountManager", "POST /users", { username: "up", roles: ["FULL_ADMIN"] });
    await refused("accountManager", "POST /users", { username: "up", scopes: ["dns:write"] });
    await refused("accountManager", "POST /users", { username: "up", groups: ["admins"] });
    await refused("accountManager", "PATCH /users/other", { roles: ["API_KEY_WRITE"] });
    await refused("accountManager", "PUT /users/ada/password", { password: "a password of mine" });
    await refused("accountManager", "POST /groups", { name: "up", roles: ["FULL_ADMIN"] });
    await refused("accountManager", "PUT /groups/admins/members/accountManager", {});
    await refused("accountManager", "PATCH /groups/admins", { name: "mine" });
  });

  test("members that name an owner or an id change nothing", async () => {
    const headers = await headersOf("holder");
    for (const more of [
      { user_id: 1 },
      { user_identifier: 1 },
      { created_by: "ada" },
      { id: 1 },
      { version: 9 },
    ]) {
      const answer = await rest.send("POST /keys", {
        headers,
        body: { name: "n", username: "holder", ...more },
      });
      expect([more, answer.status]).toEqual([more, 422]);
    }
  });
});
