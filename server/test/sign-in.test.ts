import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { Origin } from "../src/domain/caller.ts";
import type { SignInRefusal } from "../src/sign-in/credential.ts";
import {
  auditOf,
  makeUser,
  makeUserWithPassword,
  openTestApp,
  originOf,
  PASSWORD,
  type TestApp,
} from "./accounts-app.ts";

let app: TestApp;

beforeEach(async () => {
  app = await openTestApp();
  await makeUser(app, "root");
  await makeUserWithPassword(app, "alice", ["KEY_HOLDER"]);
});
afterEach(() => app.close());

const no = (reason: SignInRefusal) => ({ kind: "refused" as const, reason });
const noCaller = (reason: SignInRefusal) => ({ ok: false as const, reason });
const insecure = (door: Origin["door"]): Origin => originOf({ door, transport: "clear" });

async function makeKey(fields: object = {}, username = "alice") {
  const { key, secret } = await app.keys.create(app.system, {
    name: crypto.randomUUID(),
    username,
    ...fields,
  });
  return { id: key.id, text: secret.text, name: key.name };
}

describe("by key", () => {
  test("the right text signs its owner in, named or not, and is audited and counted", async () => {
    const key = await makeKey();
    const { signIn } = app;
    expect(await signIn.byKey(key.text, "alice", originOf())).toMatchObject({
      kind: "signed_in",
      credential: {
        kind: "API_KEY",
        username: "alice",
        key: { id: key.id, name: key.name },
        methods: ["key"],
      },
    });
    expect((await signIn.byKey(key.text, undefined, originOf())).kind).toBe("signed_in");
    await Promise.all([app.audit.flush(), app.usage.flush()]);
    expect((await app.keys.get(app.system, key.id)).lastUsedAddress).toBe("192.0.2.7");
    const [record] = await auditOf(app, "API_KEY");
    expect(record).toMatchObject({
      event: "AUTHENTICATION",
      success: true,
      username: "alice",
      error: null,
      credentials: { credentials: "API_KEY", credentials_data: { api_key: { id: key.id, name: key.name } } },
    });
  });

  test("every fault has its reason, and only whoever has the secret learns it", async () => {
    const { signIn } = app;
    const [paused, revoked, expired, allowed] = [
      await makeKey(),
      await makeKey(),
      await makeKey({ expiresAt: app.clock.now() + 60_000 }),
      await makeKey({ allowedIps: ["198.51.100.0/24"] }),
    ];
    const good = await makeKey();
    await app.keys.pause(app.system, paused.id);
    await app.keys.revoke(app.system, revoked.id, "left");
    app.clock.move(60_000);
    const of = (text: string, username?: string) => signIn.byKey(text, username, originOf());
    expect(await of(paused.text)).toEqual(no("paused"));
    expect(await of(revoked.text)).toEqual(no("revoked"));
    expect(await of(expired.text)).toEqual(no("expired"));
    expect(await of(allowed.text)).toEqual(no("address_not_allowed"));
    expect(await of(good.text, "root")).toEqual(no("unknown"));
    expect(await of("nonsense")).toMatchObject(no("malformed"));
    const foreign = `${revoked.id}-${"A".repeat(64)}`;
    expect(await of(foreign)).toEqual(no("unknown"));
    expect(await of(`999999-${"A".repeat(64)}`)).toEqual(no("unknown"));
  });

  test("what was presented is not recorded, and a name only where the secret was right", async () => {
    const canary = `7-${"Canary42".repeat(8)}`;
    await app.signIn.byKey(canary, "my-password-by-mistake", originOf());
    await app.signIn.byKey("Canary42", "alice", originOf());
    const records = await auditOf(app, "API_KEY");
    expect(records).toHaveLength(2);
    expect(JSON.stringify(records)).not.toMatch(/Canary42|mistake/);
    expect(records[0]).toMatchObject({ success: false, username: null, error: "Invalid API key" });
    expect(records[0]!.credentials?.credentials_data.api_key).toBe("<INVALID>");
  });

  test("an owner without any role is refused as such", async () => {
    const key = await makeKey();
    const { id } = await app.users.get(app.system, { username: "alice" });
    await app.users.update(app.system, id, { roles: [] });
    expect(await app.signIn.byKey(key.text, undefined, originOf())).toEqual(no("no_roles"));
    expect(await app.signIn.byPassword("alice", PASSWORD, originOf())).toEqual(no("no_roles"));
  });
});

describe("over an insecure transport", () => {
  beforeEach(() => app.settings.change(app.system, { insecureTransportDialect: "revoke" }));

  test("the dialect's door revokes the key, for the very next request in every process", async () => {
    const other = await openTestApp({ beside: app });
    try {
      const key = await makeKey();
      expect(await app.signIn.byKey(key.text, "alice", insecure("websocket"))).toEqual({
        ...no("insecure_transport"),
        isRevoked: true,
      });
      expect(await other.signIn.byKey(key.text, "alice", originOf())).toEqual(no("revoked"));
      expect((await app.keys.get(app.system, key.id)).revokedReason).toBe(
        "Attempt to use over an insecure transport",
      );
      // The other process may have written its own refusal by now.
      const revoked = { error: "API key revoked due to insecure transport" };
      expect(await auditOf(app, "API_KEY")).toContainEqual(expect.objectContaining(revoked));
    } finally {
      await other.close();
    }
  });

  test("other doors refuse and leave it whole, and the log says so once a minute", async () => {
    const key = await makeKey();
    const { signIn } = app;
    for (let times = 0; times < 3; times++) {
      expect(await signIn.callerOfKey(key.text, insecure("rest"))).toEqual(noCaller("insecure_transport"));
    }
    const told = () =>
      app.warnings.filter((words) => words.startsWith("A key came over an insecure transport"));
    expect(told()).toHaveLength(1);
    app.clock.move(60_000);
    await signIn.callerOfKey(key.text, insecure("rest"));
    expect(told()).toHaveLength(2);
    expect((await signIn.callerOfKey(key.text, originOf({ door: "rest" }))).ok).toBe(true);
  });

  test("the settings turn each door's rule, at once", async () => {
    const key = await makeKey();
    const { signIn } = app;
    await app.settings.change(app.system, { insecureTransportDialect: "allow", insecureTransport: "revoke" });
    expect((await signIn.byKey(key.text, "alice", insecure("websocket"))).kind).toBe("signed_in");
    expect((await signIn.callerOfKey(key.text, insecure("rest"))).ok).toBe(false);
    expect(await signIn.byKey(key.text, "alice", originOf())).toEqual(no("revoked"));
  });

  test("allowed, the key is still judged for all else; wrong text leaves it untouched", async () => {
    const { signIn } = app;
    const key = await makeKey({ allowedIps: ["198.51.100.0/24"] });
    const wrong = `${key.id}-${"A".repeat(64)}`;
    expect(await signIn.byKey(wrong, "alice", insecure("websocket"))).toEqual(no("unknown"));
    expect((await app.keys.get(app.system, key.id)).revokedAt).toBeNull();
    await app.settings.change(app.system, { insecureTransportDialect: "allow" });
    expect(await signIn.byKey(key.text, "alice", insecure("websocket"))).toEqual(no("address_not_allowed"));
  });

  test("two at once revoke it once", async () => {
    const key = await makeKey();
    const all = await Promise.all(
      Array.from({ length: 8 }, () => app.signIn.byKey(key.text, "alice", insecure("websocket"))),
    );
    expect(all.every(({ kind }) => kind === "refused")).toBe(true);
    expect((await auditOf(app, "key.revoke")).filter((record) => record.success)).toHaveLength(1);
  });
});

describe("a door that asks with every request", () => {
  test("gets the caller with the key's narrowed rights, and no audit record", async () => {
    const key = await makeKey({ roles: ["ACCOUNT_READ"], scopes: ["dns:read"] }, "root");
    const result = await app.signIn.callerOfKey(key.text, originOf({ door: "rest" }));
    if (!result.ok) throw new Error(result.reason);
    expect(result.caller).toMatchObject({
      kind: "key",
      username: "root",
      scopes: ["dns:read"],
      key: { id: key.id },
    });
    expect([...result.caller.roles]).toEqual(["ACCOUNT_READ"]);
    expect(await auditOf(app, "API_KEY")).toEqual([]);
    await app.usage.flush();
    expect((await app.keys.get(app.system, key.id)).lastUsedAt).not.toBeNull();
  });
});

describe("by password", () => {
  test("is audited both ways; a wrong password and no such user look alike", async () => {
    const { signIn } = app;
    expect(await signIn.byPassword("alice", PASSWORD, originOf())).toMatchObject({
      kind: "signed_in",
      credential: { kind: "LOGIN_PASSWORD", username: "alice", key: null },
    });
    expect(await signIn.byPassword("alice", "canary-canary", originOf())).toEqual(no("unknown"));
    expect(await signIn.byPassword("nobody", PASSWORD, originOf())).toEqual(no("unknown"));
    expect(await signIn.byPassword("root", "", originOf())).toEqual(no("unknown"));
    const records = await auditOf(app, "LOGIN_PASSWORD");
    expect(records.filter(({ success }) => success).map(({ username }) => username)).toEqual(["alice"]);
    const failed = records.filter(({ success }) => !success);
    expect(failed.reduce((sum, { details }) => sum + (details.count as number), 0)).toBe(3);
    expect(new Set(failed.map(({ description }) => description))).toEqual(new Set(["Sign in by password"]));
    expect(JSON.stringify(records)).not.toMatch(/canary|argon2|nobody/);
  });
});
