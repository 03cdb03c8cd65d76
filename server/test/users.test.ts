import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { Role } from "@chatelaine/contract/roles";
import type { NewUserInput } from "../src/accounts/rules.ts";
import { type Caller, type CallerKey, systemCaller } from "../src/domain/caller.ts";
import { narrowRights } from "../src/domain/rights.ts";
import {
  auditOf,
  callerOf,
  credentialOf,
  makeUser,
  makeUserWithPassword,
  openTestApp,
  originOf,
  PASSWORD,
  refusalOf,
  type TestApp,
} from "./accounts-app.ts";

let app: TestApp;
let root: Caller;

beforeEach(async () => {
  app = await openTestApp();
  await makeUser(app, "root");
  root = await callerOf(app, "root");
});
afterEach(() => app.close());

const FREE_KEY: CallerKey = {
  id: 1,
  name: "k",
  secret: new Uint8Array(),
  expiresAt: null,
  endsAt: null,
  allowedIps: null,
  rateLimit: null,
  roles: null,
  scopes: null,
  managesSignIn: false,
};
const refusal = (code: string) => ({ code });

describe("making a user", () => {
  test("keeps what was given, and audits it without the password", async () => {
    const user = await app.users.create(root, {
      username: "alice",
      fullName: "Alice",
      email: "alice@example.org",
      roles: ["KEY_HOLDER", "KEY_HOLDER"],
      scopes: ["dns:read"],
      password: PASSWORD,
    });
    expect(user).toMatchObject({ username: "alice", fullName: "Alice", email: "alice@example.org" });
    expect(user).toMatchObject({
      roles: ["KEY_HOLDER"],
      scopes: ["dns:read"],
      hasPassword: true,
      lockedAt: null,
    });
    const [record] = (await auditOf(app, "user.create")).filter(({ username }) => username === "root");
    expect(record).toMatchObject({ description: "Create user alice", success: true });
    expect(JSON.stringify(record)).not.toMatch(/argon2|a long password/);
  });

  test("refuses every broken rule at once", async () => {
    const input = {
      username: "7up",
      fullName: "line\nbreak",
      email: "nowhere",
      roles: ["EMPEROR"],
      scopes: ["no scope"],
      password: "short",
    } as unknown as NewUserInput;
    const error = await app.users.create(root, input).catch((thrown) => thrown);
    expect(error).toMatchObject({ code: "invalid" });
    const found = error.issues.map(
      ({ path, code }: { path: string[]; code: string }) => `${path.join(".")} ${code}`,
    );
    expect(found.sort()).toEqual([
      "email shape",
      "fullName shape",
      "password weak_password",
      "roles.0 unknown_role",
      "scopes.0 bad_scope",
      "username shape",
    ]);
  });

  test.each([
    ["too short", "elevenchars"],
    ["common", "Password1234"],
    ["common in other letters", "QwertyUiop123"],
    ["the name alone", "alicealicealice"],
    ["the name with a digit", "Alicealice12"],
  ])("refuses a password that is %s", async (_what, password) => {
    const creating = app.users.create(root, { username: "alice", password });
    expect(await refusalOf(creating)).toMatchObject({
      issues: [{ path: ["password"], code: "weak_password" }],
    });
  });

  test("refuses a password beyond 1024 bytes, and takes one of twelve characters that are not Latin", async () => {
    const long = app.users.create(root, { username: "alice", password: "é".repeat(513) });
    expect(await refusalOf(long)).toMatchObject({ issues: [{ code: "too_long" }] });
    const password = "пароль ключа";
    await app.users.create(root, { username: "alice", password, roles: ["KEY_HOLDER"] });
    const again = await app.signIn.byPassword("alice", password.normalize("NFD"), originOf());
    expect(again.kind).toBe("signed_in");
  });

  test("refuses a taken name, also to the loser of two at once", async () => {
    expect(await refusalOf(makeUser(app, "root"))).toMatchObject({ code: "name_taken" });
    const both = await Promise.allSettled([makeUser(app, "twin"), makeUser(app, "twin")]);
    expect(both.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    expect(both.find(({ status }) => status === "rejected")).toMatchObject({
      reason: { code: "name_taken" },
    });
    expect((await auditOf(app, "user.create")).filter((record) => record.success)).toHaveLength(2);
  });

  test("puts him into groups, which must be there", async () => {
    await app.groups.create(root, { name: "dns", roles: ["KEY_HOLDER"], scopes: ["dns:*"] });
    const user = await app.users.create(root, { username: "alice", groups: ["dns"] });
    expect(user).toMatchObject({
      groups: ["dns"],
      allRoles: ["KEY_HOLDER"],
      allScopes: ["dns:*"],
      roles: [],
    });
    const none = app.users.create(root, { username: "bob", groups: ["nowhere"] });
    expect(await refusalOf(none)).toMatchObject({ issues: [{ path: ["groups", 0] }] });
  });
});

describe("nobody hands out or touches what he lacks", () => {
  const writer: readonly Role[] = ["ACCOUNT_WRITE"];

  test("an account manager makes no one with another role or scope, and the refusal is noted", async () => {
    await makeUser(app, "manager", writer);
    const manager = await callerOf(app, "manager");
    for (const rights of [
      { roles: ["FULL_ADMIN"] },
      { roles: ["API_KEY_READ"] },
      { scopes: ["dns:read"] },
    ] as const) {
      const creating = app.users.create(manager, { username: "puppet", ...rights });
      expect(await refusalOf(creating)).toMatchObject(refusal("forbidden"));
    }
    expect(
      (await app.users.create(manager, { username: "peer", roles: ["ACCOUNT_READ"] })).id,
    ).toBeGreaterThan(0);
    const refused = (await auditOf(app, "user.create")).filter((record) => !record.success);
    expect(refused).toHaveLength(3);
    expect(refused[0]).toMatchObject({ username: "manager", description: "Create user puppet" });
  });

  test("he neither edits, locks, deletes nor sets the password of somebody with more rights", async () => {
    await makeUser(app, "manager", writer);
    const manager = await callerOf(app, "manager");
    const { users } = app;
    const acts = [
      () => users.update(manager, root.userId, { fullName: "Gotcha" }),
      () => users.update(manager, root.userId, { password: "another long one" }),
      () => users.lock(manager, root.userId),
      () => users.remove(manager, root.userId),
      () => users.update(manager, manager.userId, { roles: ["FULL_ADMIN"] }),
    ];
    for (const act of acts) expect(await refusalOf(act())).toMatchObject(refusal("forbidden"));
    expect(await users.get(root, { id: root.userId })).toMatchObject({ fullName: "", lockedAt: null });
  });

  test("groups do not let him around it", async () => {
    await makeUser(app, "manager", writer);
    await app.groups.create(root, { name: "admins", roles: ["FULL_ADMIN"], scopes: [] });
    const manager = await callerOf(app, "manager");
    const { users } = app;
    expect(await refusalOf(users.create(manager, { username: "puppet", groups: ["admins"] }))).toMatchObject(
      refusal("forbidden"),
    );
    const own = users.update(manager, manager.userId, { groups: ["admins"] });
    expect(await refusalOf(own)).toMatchObject(refusal("forbidden"));
    expect((await users.get(root, { username: "manager" })).groups).toEqual([]);
  });

  test("a key of a full administrator narrowed to one role is held to that role", async () => {
    const narrowed: Caller = {
      ...root,
      ...narrowRights(root, writer, []),
      kind: "key",
      key: { ...FREE_KEY, roles: writer, scopes: [] },
    };
    const { users } = app;
    const wide = users.create(narrowed, { username: "wide", roles: ["FULL_ADMIN"] });
    expect(await refusalOf(wide)).toMatchObject(refusal("forbidden"));
    const own = users.update(narrowed, root.userId, { password: "another long one" });
    expect(await refusalOf(own)).toMatchObject(refusal("forbidden"));
  });
});

describe("without a role", () => {
  test("one reads oneself, nobody else, and cannot tell who exists", async () => {
    await makeUser(app, "alice", ["KEY_HOLDER"]);
    const alice = await callerOf(app, "alice");
    const { users } = app;
    expect((await users.get(alice, { id: alice.userId })).username).toBe("alice");
    for (const by of [{ id: root.userId }, { id: 999 }, { username: "root" }, { username: "nobody" }]) {
      expect(await refusalOf(users.get(alice, by))).toMatchObject(refusal("not_found"));
    }
    expect(await refusalOf(users.list(alice, {}))).toMatchObject(refusal("role_missing"));
    for (const id of [root.userId, 999]) {
      expect(await refusalOf(users.update(alice, id, { fullName: "x" }))).toMatchObject(
        refusal("role_missing"),
      );
      expect(await refusalOf(users.update(alice, id, { password: PASSWORD }))).toMatchObject(
        refusal("role_missing"),
      );
      expect(await refusalOf(users.lock(alice, id))).toMatchObject(refusal("role_missing"));
      expect(await refusalOf(users.remove(alice, id))).toMatchObject(refusal("role_missing"));
    }
    const own = users.update(alice, alice.userId, { fullName: "x" });
    expect(await refusalOf(own)).toMatchObject(refusal("role_missing"));
  });

  test("one sets one's own password, but a key does not set its owner's", async () => {
    await makeUserWithPassword(app, "alice", ["KEY_HOLDER"]);
    const alice = await callerOf(app, "alice");
    const { users } = app;
    const by = { id: alice.userId };
    const change = { password: "a quite new password", current: PASSWORD };
    expect(await refusalOf(users.setPassword(alice, by, { ...change, current: "a guess" }))).toMatchObject({
      code: "invalid",
      issues: [{ path: ["currentPassword"] }],
    });
    await users.setPassword(alice, by, change);
    expect((await app.signIn.byPassword("alice", PASSWORD, originOf())).kind).toBe("refused");
    expect((await app.signIn.byPassword("alice", "a quite new password", originOf())).kind).toBe("signed_in");
    const key: Caller = {
      ...alice,
      kind: "key",
      key: FREE_KEY,
    };
    const byKey = users.setPassword(key, by, { password: PASSWORD, current: "a quite new password" });
    expect(await refusalOf(byKey)).toMatchObject(refusal("forbidden"));
    const [record] = await auditOf(app, "user.password");
    expect(JSON.stringify(record)).not.toMatch(/argon2|new password/);
  });

  test("one sets one's own attributes, within bounds, and the name of a member of all objects is inert", async () => {
    await makeUser(app, "alice", ["KEY_HOLDER"]);
    const alice = await callerOf(app, "alice");
    const { users } = app;
    await users.setAttribute(alice, "preferences", { lifetime: 600 });
    await users.setAttribute(alice, "__proto__", { polluted: true });
    const { attributes } = await users.get(alice, { id: alice.userId });
    expect(attributes.preferences).toEqual({ lifetime: 600 });
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
    const large = users.setAttribute(alice, "large", "x".repeat(65_536));
    expect(await refusalOf(large)).toMatchObject({ issues: [{ code: "too_long" }] });
    expect(await refusalOf(users.setAttribute(systemCaller("command_line"), "a", 1))).toMatchObject(
      refusal("forbidden"),
    );
  });
});

describe("changing a user", () => {
  test("tells before and after, and changes nothing where nothing differs", async () => {
    const { id } = await makeUser(app, "alice", ["KEY_HOLDER"]);
    const { users } = app;
    await users.update(root, id, { username: "alison", roles: ["READONLY_ADMIN"], email: "a@example.org" });
    const before = await users.get(root, { username: "alison" });
    await users.update(root, id, { username: "alison", roles: ["READONLY_ADMIN"] });
    expect((await users.get(root, { id })).version).toBe(before.version);
    const records = await auditOf(app, "user.update");
    expect(records).toHaveLength(1);
    expect(records[0]!.details).toMatchObject({
      changes: {
        username: ["alice", "alison"],
        roles: [["KEY_HOLDER"], ["READONLY_ADMIN"]],
        email: [null, "a@example.org"],
      },
    });
    expect(await refusalOf(users.update(root, id, { username: "root" }))).toMatchObject(
      refusal("name_taken"),
    );
    expect(await refusalOf(users.update(root, 999, { fullName: "x" }))).toMatchObject(refusal("not_found"));
  });

  test("a locked user signs in neither by password nor by key until he is unlocked", async () => {
    const { id } = await makeUserWithPassword(app, "alice", ["KEY_HOLDER"]);
    const { secret } = await app.keys.create(root, { name: "k", username: "alice" });
    const { users, signIn } = app;
    expect((await users.lock(root, id)).lockedAt).not.toBeNull();
    await users.lock(root, id);
    expect(await signIn.byPassword("alice", PASSWORD, originOf())).toEqual({
      kind: "refused",
      reason: "user_locked",
    });
    expect(await signIn.byPassword("alice", "a wrong password", originOf())).toEqual({
      kind: "refused",
      reason: "unknown",
    });
    expect(await signIn.byKey(secret.text, undefined, originOf())).toEqual({
      kind: "refused",
      reason: "user_locked",
    });
    await users.unlock(root, id);
    expect((await signIn.byPassword("alice", PASSWORD, originOf())).kind).toBe("signed_in");
    expect((await signIn.byKey(secret.text, "alice", originOf())).kind).toBe("signed_in");
    expect(await auditOf(app, "user.lock")).toHaveLength(1);
    expect(await auditOf(app, "user.unlock")).toHaveLength(1);
  });

  test("a password taken away signs nobody in", async () => {
    const { id } = await makeUserWithPassword(app, "alice", ["KEY_HOLDER"]);
    const user = await app.users.update(root, id, { passwordDisabled: true });
    expect(user.hasPassword).toBe(false);
    expect((await app.signIn.byPassword("alice", PASSWORD, originOf())).kind).toBe("refused");
  });

  test("deleting deletes the keys too, each with its record", async () => {
    const { id } = await makeUser(app, "alice", ["KEY_HOLDER"]);
    const made = [];
    for (const name of ["one", "two"]) made.push(await app.keys.create(root, { name, username: "alice" }));
    await app.users.remove(root, id);
    expect((await auditOf(app, "key.delete")).map((record) => record.description).sort()).toEqual([
      "Delete API key one",
      "Delete API key two",
    ]);
    expect(await auditOf(app, "user.delete")).toMatchObject([{ description: "Delete user alice" }]);
    for (const { secret } of made) {
      expect(await app.signIn.byKey(secret.text, undefined, originOf())).toEqual({
        kind: "refused",
        reason: "unknown",
      });
    }
    expect(await refusalOf(app.users.get(root, { id }))).toMatchObject(refusal("not_found"));
  });
});

describe("the last unlocked full administrator", () => {
  test("is not locked, demoted or deleted, also where another one is locked", async () => {
    const { users } = app;
    const other = await makeUser(app, "other");
    await users.lock(root, other.id);
    const acts = [
      () => users.lock(root, root.userId),
      () => users.update(root, root.userId, { roles: ["READONLY_ADMIN"] }),
      () => users.remove(root, root.userId),
    ];
    for (const act of acts) expect(await refusalOf(act())).toMatchObject(refusal("conflict"));
    expect(await users.get(root, { id: root.userId })).toMatchObject({
      roles: ["FULL_ADMIN"],
      lockedAt: null,
    });
    await users.unlock(root, other.id);
    await users.remove(root, root.userId);
  });

  test("stays where two administrators remove each other at once", async () => {
    for (let round = 0; round < 10; round++) {
      const other = await makeUser(app, `other${round}`);
      const [one, another] = [await callerOf(app, "root"), await callerOf(app, other.username)];
      const both = await Promise.allSettled([
        app.users.lock(one, other.id),
        app.users.lock(another, root.userId),
      ]);
      expect(both.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
      // Whom the first has locked acts no more.
      expect(both.find(({ status }) => status === "rejected")).toMatchObject({
        reason: { code: "credential_ended" },
      });
      for (const id of [root.userId, other.id]) await app.users.unlock(app.system, id);
      await app.users.remove(app.system, other.id);
    }
  });
});

test("signing in names the user as he is called now", async () => {
  const { id } = await makeUserWithPassword(app, "alice", ["KEY_HOLDER"]);
  const credential = credentialOf(await app.signIn.byPassword("alice", PASSWORD, originOf()));
  const session = app.sessions.open(credential, originOf(), () => {});
  await app.users.update(root, id, { username: "alison" });
  expect((await app.sessions.caller(session)).username).toBe("alison");
});
