import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { ROLES, type Role } from "@chatelaine/contract/roles";
import type { Local } from "../src/app.ts";
import type { Caller, Origin } from "../src/domain/caller.ts";
import { errorCode } from "../src/domain/errors.ts";
import type { KeyFields } from "../src/domain/key.ts";
import { type Folder, makeInstallation, SYSTEM } from "./installation.ts";

const ORIGIN: Origin = {
  door: "rest",
  address: "10.1.2.3",
  port: 1,
  transport: "secure",
  client: "test",
  sessionId: null,
};
const MAKERS: readonly Role[] = ["API_KEY_WRITE", "KEY_HOLDER", "READONLY_ADMIN", "SHARING_ADMIN"];

describe("a narrowed key of a full administrator", () => {
  let folder: Folder;
  let app: Local;
  let names = 0;
  const fresh = (): string => `narrow-${names++}`;
  const make = async (limits: KeyFields): Promise<number> =>
    (await app.keys.create(SYSTEM, { ...limits, name: fresh(), username: "root" })).key.id;
  const callerWith = async (limits: KeyFields): Promise<Caller> => {
    const { secret } = await app.keys.create(SYSTEM, { ...limits, name: fresh(), username: "root" });
    const result = await app.signIn.callerOfKey(secret.text, ORIGIN);
    if (!result.ok) throw new Error(result.reason);
    return result.caller;
  };
  const codeOf = (work: Promise<unknown>): Promise<string> =>
    work.then(
      () => "ok",
      (error: unknown) => errorCode(error),
    );

  beforeAll(async () => {
    folder = await makeInstallation();
    app = await folder.open();
    await app.users.create(SYSTEM, { username: "root", roles: ["FULL_ADMIN"] });
  });
  afterAll(() => folder[Symbol.asyncDispose]());

  test.each(ROLES.filter((role) => role !== "FULL_ADMIN"))("to %s makes no wider key", async (role) => {
    const caller = await callerWith({ roles: [role], scopes: ["dns:read"] });
    const wider: KeyFields[] = [
      {},
      { roles: null, scopes: [] },
      { roles: ["FULL_ADMIN"], scopes: [] },
      { roles: [role], scopes: null },
      { roles: [role], scopes: ["dns:*"] },
      { roles: [...ROLES], scopes: ["dns:read"] },
    ];
    const refusal = MAKERS.includes(role) ? "forbidden" : "role_missing";
    for (const limits of wider) {
      const name = fresh();
      expect(await codeOf(app.keys.create(caller, { ...limits, name, username: "root" }))).toBe(refusal);
    }
    const same = app.keys.create(caller, {
      roles: [role],
      scopes: ["dns:read"],
      name: fresh(),
      username: "root",
    });
    expect(await codeOf(same)).toBe(MAKERS.includes(role) ? "ok" : "role_missing");
  });

  test.each(MAKERS)(
    "to %s neither edits, resets nor resumes a wider one, nor widens itself",
    async (role) => {
      const caller = await callerWith({ roles: [role], scopes: [] });
      const wide = await make({});
      const own = caller.key!.id;
      await app.keys.pause(SYSTEM, wide);
      expect(await codeOf(app.keys.update(caller, wide, { name: fresh() }))).toBe("forbidden");
      expect(await codeOf(app.keys.reset(caller, wide))).toBe("forbidden");
      expect(await codeOf(app.keys.update(caller, wide, { roles: [role], scopes: [] }))).toBe("forbidden");
      expect(await codeOf(app.keys.resume(caller, wide))).toBe("forbidden");
      expect(await codeOf(app.keys.update(caller, own, { roles: null }))).toBe("forbidden");
      expect(await codeOf(app.keys.update(caller, own, { scopes: ["dns:read"] }))).toBe("forbidden");
      expect(await codeOf(app.keys.update(caller, own, { name: fresh() }))).toBe("ok");
    },
  );

  test("held to addresses makes only keys that are held to them too", async () => {
    const caller = await callerWith({ allowedIps: ["10.0.0.0/8", "2001:db8::/32"] });
    const attempt = (allowedIps: readonly string[] | null): Promise<string> =>
      codeOf(app.keys.create(caller, { allowedIps, name: fresh(), username: "root" }));
    expect(await attempt(null)).toBe("forbidden");
    expect(await attempt(["0.0.0.0/0"])).toBe("forbidden");
    expect(await attempt(["10.0.0.0/7"])).toBe("forbidden");
    expect(await attempt(["10.1.0.0/16", "192.0.2.1"])).toBe("forbidden");
    expect(await attempt(["10.1.0.0/16", "2001:db8:1::/48", "::ffff:10.2.3.4"])).toBe("ok");
    expect(await codeOf(app.keys.update(caller, caller.key!.id, { allowedIps: null }))).toBe("forbidden");
  });

  test("makes no user, group or membership with rights that it lacks", async () => {
    const { users, groups } = app;
    const caller = await callerWith({ roles: ["ACCOUNT_WRITE"], scopes: [] });
    expect(await codeOf(users.create(caller, { username: "full", roles: ["FULL_ADMIN"] }))).toBe("forbidden");
    expect(await codeOf(users.create(caller, { username: "scoped", roles: [], scopes: ["dns:read"] }))).toBe(
      "forbidden",
    );
    expect(await codeOf(groups.create(caller, { name: "full", roles: ["API_KEY_READ"], scopes: [] }))).toBe(
      "forbidden",
    );
    await groups.create(SYSTEM, { name: "wide", roles: ["FULL_ADMIN"], scopes: [] });
    await users.create(SYSTEM, { username: "plain", roles: ["ACCOUNT_READ"] });
    expect(await codeOf(groups.addMember(caller, { name: "wide", username: "plain" }))).toBe("forbidden");
    expect(await codeOf(users.create(caller, { username: "reader", roles: ["ACCOUNT_READ"] }))).toBe("ok");
  });
});
