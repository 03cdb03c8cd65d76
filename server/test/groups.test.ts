import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { Caller } from "../src/domain/caller.ts";
import { auditOf, callerOf, makeUser, openTestApp, refusalOf, type TestApp } from "./accounts-app.ts";

let app: TestApp;
let root: Caller;

beforeEach(async () => {
  app = await openTestApp();
  await makeUser(app, "root");
  root = await callerOf(app, "root");
});
afterEach(() => app.close());

const dns = { name: "dns", roles: ["KEY_HOLDER" as const], scopes: ["dns:read"] };

describe("groups", () => {
  test("grant their rights to their members, as long as they are members", async () => {
    const { groups, users } = app;
    await makeUser(app, "alice", []);
    await groups.create(root, dns);
    expect((await groups.addMember(root, { name: "dns", username: "alice" })).members).toEqual(["alice"]);
    expect(await users.get(root, { username: "alice" })).toMatchObject({
      allRoles: ["KEY_HOLDER"],
      allScopes: ["dns:read"],
    });
    await groups.update(root, "dns", { scopes: ["dns:write"], name: "names" });
    expect(await users.get(root, { username: "alice" })).toMatchObject({
      allScopes: ["dns:write"],
      groups: ["names"],
    });
    expect((await groups.removeMember(root, { name: "names", username: "alice" })).members).toEqual([]);
    expect(await users.get(root, { username: "alice" })).toMatchObject({ allRoles: [], allScopes: [] });
  });

  test("record each change, and none where nothing changed", async () => {
    const { groups } = app;
    await makeUser(app, "alice", []);
    await groups.create(root, dns);
    await groups.update(root, "dns", { scopes: ["dns:read"] });
    for (let times = 0; times < 2; times++) await groups.addMember(root, { name: "dns", username: "alice" });
    for (let times = 0; times < 2; times++)
      await groups.removeMember(root, { name: "dns", username: "alice" });
    await groups.update(root, "dns", { roles: [] });
    await groups.remove(root, "dns");
    const words = ["create", "add", "remove", "update", "delete"].map(async (what) =>
      (await auditOf(app, `group.${what}`)).map(({ description }) => description),
    );
    expect(await Promise.all(words)).toEqual([
      ["Create group dns"],
      ["Add alice to group dns"],
      ["Remove alice from group dns"],
      ["Update group dns"],
      ["Delete group dns"],
    ]);
  });

  test("refuse what is malformed, taken or absent", async () => {
    const { groups } = app;
    await groups.create(root, dns);
    const bad = groups.create(root, { name: "no name", roles: ["KING" as never], scopes: ["x"] });
    expect(await refusalOf(bad)).toMatchObject({
      issues: [{ path: ["name"] }, { code: "unknown_role" }, { code: "bad_scope" }],
    });
    expect(await refusalOf(groups.create(root, dns))).toMatchObject({ code: "name_taken" });
    await groups.create(root, { ...dns, name: "other" });
    expect(await refusalOf(groups.update(root, "other", { name: "dns" }))).toMatchObject({
      code: "name_taken",
    });
    expect(await refusalOf(groups.get(root, "nowhere"))).toMatchObject({ code: "not_found" });
    expect(await refusalOf(groups.addMember(root, { name: "dns", username: "nobody" }))).toMatchObject({
      code: "not_found",
    });
  });

  test("are not touched by whoever lacks what they or the member have", async () => {
    const { groups } = app;
    await makeUser(app, "manager", ["ACCOUNT_WRITE"]);
    await makeUser(app, "alice", []);
    await groups.create(root, dns);
    await groups.create(root, { name: "plain", roles: [], scopes: [] });
    const manager = await callerOf(app, "manager");
    const acts = [
      () => groups.create(manager, { name: "mine", roles: ["FULL_ADMIN"], scopes: [] }),
      () => groups.update(manager, "plain", { scopes: ["dns:read"] }),
      () => groups.update(manager, "dns", { roles: [], scopes: [] }),
      () => groups.remove(manager, "dns"),
      () => groups.addMember(manager, { name: "dns", username: "alice" }),
      () => groups.addMember(manager, { name: "plain", username: "root" }),
    ];
    for (const act of acts) expect(await refusalOf(act())).toMatchObject({ code: "forbidden" });
    expect((await groups.addMember(manager, { name: "plain", username: "alice" })).members).toEqual([
      "alice",
    ]);
    const refused = (await auditOf(app, "group.add")).filter((record) => !record.success);
    expect(refused.map(({ description }) => description).sort()).toEqual([
      "Add alice to group dns",
      "Add root to group plain",
    ]);
  });

  test("are seen by account readers and changed by account managers alone", async () => {
    const { groups } = app;
    await groups.create(root, dns);
    for (const [name, roles, sees] of [
      ["reader", ["ACCOUNT_READ"], true],
      ["holder", ["KEY_HOLDER"], false],
    ] as const) {
      await makeUser(app, name, roles);
      const caller = await callerOf(app, name);
      if (sees) expect(await groups.list(caller)).toHaveLength(1);
      else expect(await refusalOf(groups.list(caller))).toMatchObject({ code: "role_missing" });
      for (const group of ["dns", "nowhere"]) {
        expect(await refusalOf(groups.remove(caller, group))).toMatchObject({ code: "role_missing" });
        expect(await refusalOf(groups.addMember(caller, { name: group, username: "root" }))).toMatchObject({
          code: "role_missing",
        });
      }
    }
  });

  test("do not lose the last full administrator by edit, deletion or membership", async () => {
    const { groups, users } = app;
    await groups.create(root, { name: "admins", roles: ["FULL_ADMIN"], scopes: [] });
    await makeUser(app, "alice", []);
    await groups.addMember(root, { name: "admins", username: "alice" });
    await users.remove(root, root.userId);
    const alice = await callerOf(app, "alice");
    const acts = [
      () => groups.update(alice, "admins", { roles: [] }),
      () => groups.remove(alice, "admins"),
      () => groups.removeMember(alice, { name: "admins", username: "alice" }),
      () => users.update(alice, alice.userId, { groups: [] }),
    ];
    for (const act of acts) expect(await refusalOf(act())).toMatchObject({ code: "conflict" });
    expect((await groups.get(alice, "admins")).members).toEqual(["alice"]);
  });
});
