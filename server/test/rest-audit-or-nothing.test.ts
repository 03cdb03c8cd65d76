/** R3 by REST: where the audit record cannot be written, every operation that changes something is a fault and nothing else. */
import { Database } from "bun:sqlite";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { operationList } from "@chatelaine/contract/operations/operations";
import { bearer, openRest, PASSWORD, type RestApp, SYSTEM } from "./rest-app.ts";

const TABLES = ["settings", "users", "groups", "group_members", "keys", "secrets", "changes"];
/** What changes nothing that the audit of changes has: sessions live beside it, checks change nothing. */
const BESIDE = new Set([
  "keys.verify",
  "keys.scram",
  "session.create",
  "session.remove",
  "sessions.remove",
  "sessions.removeOthers",
  // Asks a receiver elsewhere, and changes nothing.
  "webhook.test",
]);
const MUTATIONS = operationList.filter(({ method, name }) => method !== "GET" && !BESIDE.has(name));
const PARAMS: Readonly<Record<string, Record<string, string>>> = {
  keys: { id: "2" },
  users: { name: "bob" },
  groups: { name: "staff", username: "bob" },
  me: { name: "ui.theme" },
  "keys.pause": { id: "3" },
  "users.unlock": { name: "carol" },
  "groups.removeMember": { name: "crew", username: "bob" },
};
const BODIES: Readonly<Record<string, unknown>> = {
  "keys.create": { name: "new", username: "ada" },
  "keys.update": { description: "x" },
  "keys.reset": {},
  "keys.revoke": { reason: "x" },
  "keys.revokeMany": { ids: [2], reason: "x" },
  "self.reset": {},
  "self.revoke": { reason: "x" },
  "users.create": { username: "eve", roles: ["KEY_HOLDER"] },
  "users.update": { full_name: "New" },
  "users.setPassword": { password: `${PASSWORD} anew` },
  "groups.create": { name: "fresh", roles: [], scopes: [] },
  "groups.update": { scopes: ["a:b"] },
  "me.setAttribute": { value: 1 },
  "setup.create": { token: "spent", username: "eve", password: PASSWORD },
  "settings.update": { session_hours: 3 },
};

let rest: RestApp;
let database: Database;
let auth: Record<string, string>;
/** A key has no attributes of its own. */
let browser: Record<string, string>;

beforeAll(async () => {
  rest = await openRest();
  auth = bearer(await rest.key("ada", "admin"));
  browser = await rest.browser("ada");
  await rest.user("bob", ["KEY_HOLDER"]);
  await rest.key("bob", "target");
  await rest.app.keys.pause(SYSTEM, 2);
  const { groups } = rest.app;
  await groups.create(SYSTEM, { name: "staff", roles: [], scopes: [] });
  await groups.create(SYSTEM, { name: "crew", roles: [], scopes: [] });
  await groups.addMember(SYSTEM, { name: "crew", username: "bob" });
  await rest.key("bob", "not paused");
  const carol = await rest.user("carol", ["KEY_HOLDER"]);
  await rest.app.users.lock(SYSTEM, carol.id);
  await rest.app.audit.flush();
  database = new Database(join(rest.folder, "chatelaine.db"), { readwrite: true });
  database.run("PRAGMA busy_timeout = 2000");
  database.run("CREATE TRIGGER no_audit BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'no audit'); END");
});
afterAll(async () => {
  database.close();
  await rest[Symbol.asyncDispose]();
});

const snapshot = (): string =>
  JSON.stringify(TABLES.map((table) => database.query(`SELECT * FROM ${table} ORDER BY 1`).all()));

describe("without its audit record no change by REST goes through", () => {
  for (const { name, method, path } of MUTATIONS) {
    test(`${name} is a fault, changes nothing and tells no secret`, async () => {
      const params = PARAMS[name] ?? PARAMS[name.split(".")[0]!] ?? {};
      const address = path.replaceAll(/\{(\w+)\}/g, (_, param: string) => params[param]!);
      const before = snapshot();
      const { status, text } = await rest.send(`${method} ${address}`, {
        headers: name === "me.setAttribute" ? browser : auth,
        body: BODIES[name],
      });
      // There is a user already, so that setting up is refused before it changes anything.
      const isOver = name === "setup.create";
      expect([name, isOver ? 500 : status]).toEqual([name, 500]);
      expect(status).toBeGreaterThanOrEqual(400);
      expect(text).not.toMatch(/CK1|"key":|client_key/);
      expect(snapshot()).toBe(before);
    });
  }
});
