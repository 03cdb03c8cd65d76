import { Database } from "bun:sqlite";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import type { Local } from "../src/app.ts";
import type { Caller } from "../src/domain/caller.ts";
import { errorCode } from "../src/domain/errors.ts";
import { callerOf, type Folder, makeInstallation, PASSWORD, SYSTEM } from "./installation.ts";

const TABLES = ["settings", "users", "groups", "group_members", "keys", "secrets", "changes", "setup_tokens"];

/** Every operation that changes something, on things that are there. */
let asAlice: Caller;

const CHANGES: Readonly<Record<string, (app: Local) => Promise<unknown>>> = {
  "keys.create": (app) => app.keys.create(SYSTEM, { name: "new", username: "root" }),
  "keys.update": (app) => app.keys.update(SYSTEM, 1, { name: "other" }),
  "keys.reset": (app) => app.keys.reset(SYSTEM, 1),
  "keys.pause": (app) => app.keys.pause(SYSTEM, 1),
  "keys.resume": (app) => app.keys.resume(SYSTEM, 2),
  "keys.revoke": (app) => app.keys.revoke(SYSTEM, 1, "why"),
  "keys.revokeExposed": (app) => app.keys.revokeExposed(1),
  "keys.remove": (app) => app.keys.remove(SYSTEM, 1),
  "keys.sweepExpired": (app) => app.keys.sweepExpired(),
  "keys.keepEnds": (app) => app.keys.keepEnds(0, Date.now()),
  "users.create": (app) =>
    app.users.create(SYSTEM, { username: "new", roles: ["KEY_HOLDER"], password: PASSWORD }),
  "users.update": (app) => app.users.update(SYSTEM, 2, { fullName: "Other" }),
  "users.setPassword": (app) =>
    app.users.setPassword(SYSTEM, { id: 2 }, { password: "a quite other password" }),
  "users.lock": (app) => app.users.lock(SYSTEM, 2),
  "users.unlock": (app) => app.users.unlock(SYSTEM, 3),
  "users.remove": (app) => app.users.remove(SYSTEM, 2),
  "users.setAttribute": (app) => app.users.setAttribute(asAlice, "theme", "dark"),
  "groups.create": (app) => app.groups.create(SYSTEM, { name: "new", roles: ["KEY_HOLDER"], scopes: [] }),
  "groups.update": (app) => app.groups.update(SYSTEM, "staff", { scopes: ["dns:read"] }),
  "groups.remove": (app) => app.groups.remove(SYSTEM, "staff"),
  "groups.addMember": (app) => app.groups.addMember(SYSTEM, { name: "staff", username: "root" }),
  "groups.removeMember": (app) => app.groups.removeMember(SYSTEM, { name: "staff", username: "alice" }),
  "settings.change": (app) => app.settings.change(SYSTEM, { insecureTransport: "allow" }),
};
const READS = [
  "keys.list",
  "keys.get",
  "keys.verifiers",
  "keys.convert",
  "keys.entryOf",
  "keys.mayEdit",
  "users.list",
  "users.get",
  "keys.self",
  "users.profile",
  "users.twins",
  "keys.repeated",
  "keys.isAsLeft",
  "groups.list",
  "groups.get",
  "settings.show",
  "settings.policy",
  "settings.current",
];

describe("no change without its audit record", () => {
  let folder: Folder;
  let app: Local;
  let database: Database;
  const snapshot = (): string =>
    JSON.stringify(TABLES.map((table) => database.query(`SELECT * FROM ${table} ORDER BY 1`).all()));

  beforeAll(async () => {
    folder = await makeInstallation();
    app = await folder.open();
    const { users, groups } = app;
    await users.create(SYSTEM, { username: "root", roles: ["FULL_ADMIN"] });
    const alice = await users.create(SYSTEM, { username: "alice", roles: ["KEY_HOLDER"] });
    const bob = await users.create(SYSTEM, { username: "bob", roles: ["KEY_HOLDER"] });
    asAlice = await callerOf(app.store, alice);
    await users.lock(SYSTEM, bob.id);
    await groups.create(SYSTEM, { name: "staff", roles: ["API_KEY_READ"], scopes: [] });
    await groups.addMember(SYSTEM, { name: "staff", username: "alice" });
    await app.keys.create(SYSTEM, { name: "one", username: "root" });
    await app.keys.create(SYSTEM, { name: "two", username: alice.username });
    await app.keys.pause(SYSTEM, 2);
    await app.keys.create(SYSTEM, { name: "three", username: "root", expiresAt: Date.now() + 2_000 });
    while ((await app.store.listFreshlyExpired(Date.now())).length === 0) await Bun.sleep(50);
    database = new Database(join(folder.path, "chatelaine.db"), { readwrite: true });
    database.run("PRAGMA busy_timeout = 2000");
    database.run("CREATE TRIGGER no_audit BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'no audit'); END");
  });
  afterAll(async () => {
    database.close();
    await folder[Symbol.asyncDispose]();
  });

  test.each(Object.keys(CHANGES))(
    "%s fails as a fault, changes nothing and tells no secret",
    async (name) => {
      const before = snapshot();
      const error = await CHANGES[name]!(app).then(
        (value) => new Error(`It went through: ${JSON.stringify(value)}`),
        (refusal: unknown) => refusal,
      );
      expect(errorCode(error)).toBe("internal");
      expect(String(error)).not.toMatch(/CK1/);
      expect(snapshot()).toBe(before);
    },
  );

  test("covers every operation of keys, users, groups and settings that there is", () => {
    const { keys, settings } = app;
    const parts: Record<string, object> = {
      keys,
      users: app.users,
      groups: app.groups,
      settings,
    };
    const there = Object.entries(parts).flatMap(([part, object]) =>
      Object.keys(object).map((name) => `${part}.${name}`),
    );
    const known = new Set([...Object.keys(CHANGES).map((name) => name.split(" ")[0]!), ...READS]);
    expect(there.filter((name) => !known.has(name))).toEqual([]);
  });
});
