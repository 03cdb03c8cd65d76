import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { Origin } from "../src/domain/caller.ts";
import type { KeyFields } from "../src/domain/key.ts";
import type { User } from "../src/domain/user.ts";
import type { Credential, Session, SessionEnd } from "../src/sign-in/credential.ts";
import { SESSION_AGE_MS_MAX } from "../src/sign-in/sessions.ts";
import {
  auditOf,
  credentialOf,
  makeUserWithPassword,
  openTestApp,
  originOf,
  PASSWORD,
  refusalOf,
  type TestApp,
  until,
} from "./accounts-app.ts";

let app: TestApp;
/** Another process on the same folder. */
let other: TestApp;
let alice: User;

beforeEach(async () => {
  app = await openTestApp();
  other = await openTestApp({ beside: app });
  await makeUserWithPassword(app, "root");
  await app.groups.create(app.system, { name: "readers", roles: ["API_KEY_READ"], scopes: [] });
  alice = await makeUserWithPassword(app, "alice", ["KEY_HOLDER"]);
  await app.groups.addMember(app.system, { name: "readers", username: "alice" });
});
afterEach(async () => {
  await other.close();
  await app.close();
});

interface Opened {
  readonly session: Session;
  readonly credential: Credential;
  readonly ends: SessionEnd[];
}

function open(credential: Credential, origin = originOf()): Opened {
  const ends: SessionEnd[] = [];
  return {
    session: app.sessions.open(credential, origin, (reason) => ends.push(reason)),
    credential,
    ends,
  };
}

async function byKey(
  fields: KeyFields = {},
  origin: Origin = originOf(),
): Promise<Opened & { id: number; text: string }> {
  const made = await app.keys.create(app.system, { name: crypto.randomUUID(), username: "alice", ...fields });
  const { text } = made.secret;
  const credential = credentialOf(await app.signIn.byKey(text, "alice", origin));
  return { ...open(credential, origin), id: made.key.id, text };
}

async function byPassword(origin: Origin = originOf(), username = "alice"): Promise<Opened> {
  return open(credentialOf(await app.signIn.byPassword(username, PASSWORD, origin)), origin);
}

const callerIn = async ({ session }: Opened) => app.sessions.caller(session);
const isLive = (opened: Opened): Promise<boolean> =>
  callerIn(opened).then(
    () => true,
    (error) => {
      expect(error).toMatchObject({ code: "session_expired" });
      return false;
    },
  );

describe.each(["this process", "another process"])("a session of a key, changed by %s", (where) => {
  const from = (): TestApp => (where === "this process" ? app : other);

  test.each([
    ["pause", (id: number) => from().keys.pause(app.system, id)],
    ["revocation", (id: number) => from().keys.revoke(app.system, id, "left")],
    ["reset", (id: number) => from().keys.reset(app.system, id)],
    ["deletion", (id: number) => from().keys.remove(app.system, id)],
    ["exposure", (id: number) => from().keys.revokeExposed(id)],
  ])("ends for its next use after %s, and others live on", async (_what, act) => {
    const [opened, bystander] = [await byKey(), await byKey()];
    expect(await isLive(opened)).toBe(true);
    await act(opened.id);
    expect(await isLive(opened)).toBe(false);
    expect(opened.ends).toEqual(["key_ended"]);
    expect(await isLive(bystander)).toBe(true);
  });

  test.each([
    ["lock", () => from().users.lock(app.system, alice.id)],
    ["loss of a role", () => from().users.update(app.system, alice.id, { roles: [] })],
    ["loss of a group", () => from().groups.removeMember(app.system, { name: "readers", username: "alice" })],
    ["loss of the group's role", () => from().groups.update(app.system, "readers", { roles: [] })],
    ["deletion of the group", () => from().groups.remove(app.system, "readers")],
    ["a new password", () => from().users.update(app.system, alice.id, { password: "another long one" })],
    ["deletion", () => from().users.remove(app.system, alice.id)],
  ])("ends with its user's other sessions after %s", async (_what, act) => {
    const [key, password, bystander] = [
      await byKey(),
      await byPassword(),
      await byPassword(originOf(), "root"),
    ];
    await act();
    expect(await isLive(key)).toBe(false);
    expect(await isLive(password)).toBe(false);
    expect(key.ends).toHaveLength(1);
    expect(password.ends).toEqual(["user_ended"]);
    expect(await isLive(bystander)).toBe(true);
  });

  test("learns of it without being used", async () => {
    const opened = await byKey();
    await from().keys.revoke(app.system, opened.id, "left");
    await until(() => opened.ends.length > 0);
    expect(opened.ends).toEqual(["key_ended"]);
  });

  test("has new rights at once where rights are added", async () => {
    const opened = await byKey();
    expect((await callerIn(opened)).roles.has("ACCOUNT_READ")).toBe(false);
    await from().users.update(app.system, alice.id, { roles: ["KEY_HOLDER", "ACCOUNT_READ"] });
    expect((await callerIn(opened)).roles.has("ACCOUNT_READ")).toBe(true);
    await from().groups.update(app.system, "readers", {
      roles: ["API_KEY_READ", "AUTH_SESSIONS_READ"],
    });
    expect((await callerIn(opened)).roles.has("AUTH_SESSIONS_READ")).toBe(true);
    await from().keys.update(app.system, opened.id, { name: "renamed" });
    expect((await callerIn(opened)).key?.name).toBe("renamed");
  });
});

describe("expiry", () => {
  test("ends the session at its next use, and by itself", async () => {
    const [used, idle] = [
      await byKey({ expiresAt: app.clock.now() + 60_000 }),
      await byKey({ expiresAt: app.clock.now() + 60_000 }),
    ];
    expect(await isLive(used)).toBe(true);
    app.clock.move(61_000);
    expect(await isLive(used)).toBe(false);
    expect(used.ends).toEqual(["key_expired"]);
    await until(() => idle.ends.length > 0);
    expect(idle.ends).toEqual(["key_expired"]);
  });

  test("that is moved later or earlier holds for sessions that are open", async () => {
    const opened = await byKey({ expiresAt: app.clock.now() + 60_000 });
    await app.keys.update(app.system, opened.id, { expiresAt: app.clock.now() + 3_600_000 });
    app.clock.move(61_000);
    expect(await isLive(opened)).toBe(true);
    await other.keys.update(app.system, opened.id, { expiresAt: app.clock.now() + 10_000 });
    app.clock.move(11_000);
    expect(await isLive(opened)).toBe(false);
  });

  test("by age comes after thirty days", async () => {
    const opened = await byPassword();
    app.clock.move(SESSION_AGE_MS_MAX - 60_000);
    expect(await isLive(opened)).toBe(true);
    app.clock.move(60_000);
    expect(await isLive(opened)).toBe(false);
    expect(opened.ends).toEqual(["too_old"]);
  });
});

describe("what happens between the sign-in and the opening", () => {
  test.each([
    ["a revocation", (id: number) => app.keys.revoke(app.system, id, "left")],
    ["a reset", (id: number) => other.keys.reset(app.system, id)],
    [
      "a lock that is undone",
      async () => {
        await app.users.lock(app.system, alice.id);
        await app.users.unlock(app.system, alice.id);
      },
    ],
    ["a new password", () => other.users.update(app.system, alice.id, { password: "another long one" })],
  ])("%s opens no session that lives", async (_what, act) => {
    for (const isFollowed of [true, false]) {
      const made = await app.keys.create(app.system, { name: crypto.randomUUID(), username: "alice" });
      const credential = credentialOf(await app.signIn.byKey(made.secret.text, "alice", originOf()));
      await act(made.key.id);
      if (isFollowed) await app.feed.follow();
      const opened = open(credential);
      expect(await isLive(opened)).toBe(false);
      await until(() => opened.ends.length > 0);
      expect(opened.ends).toHaveLength(1);
    }
  });
});

describe("a session", () => {
  test("that changed its own user's password lives on, alone", async () => {
    const [own, another] = [await byPassword(), await byPassword()];
    const change = { password: "another long one", current: PASSWORD };
    await app.users.setPassword(await callerIn(own), { id: alice.id }, change);
    expect(await isLive(own)).toBe(true);
    expect(await isLive(another)).toBe(false);
  });

  test("carries the rights of its key as they are narrowed", async () => {
    const opened = await byKey({ roles: ["API_KEY_READ"] });
    const caller = await callerIn(opened);
    expect([...caller.roles]).toEqual(["API_KEY_READ"]);
    expect(caller).toMatchObject({
      kind: "key",
      username: "alice",
      origin: { sessionId: opened.session.id },
    });
  });

  test("is told once, or not at all where the opener closed it, and its end is recorded", async () => {
    const [closed, ended] = [await byKey(), await byKey()];
    app.sessions.close(closed.session, "disconnect");
    app.sessions.close(closed.session, "disconnect");
    await app.keys.remove(app.system, ended.id);
    await app.feed.follow();
    app.sessions.close(ended.session, "disconnect");
    expect([closed.ends, ended.ends]).toEqual([[], ["key_ended"]]);
    expect(await isLive(closed)).toBe(false);
    const records = (await auditOf(app, "API_KEY")).filter(({ event }) => event === "LOGOUT");
    expect(records.map(({ details }) => details.reason).sort()).toEqual(["disconnect", "key_ended"]);
  });

  test("is replaced by a new sign-in on the same connection", async () => {
    const origin = originOf();
    const first = await byPassword(origin);
    const second = await byKey({}, origin);
    expect(second.session.id).toBe(first.session.id);
    app.sessions.close(first.session, "replaced");
    expect([await isLive(first), await isLive(second), first.ends]).toEqual([false, true, []]);
  });

  test("is listed and ended by those who have the role, and listeners hear of it", async () => {
    const heard: string[] = [];
    const stop = app.sessions.subscribe((change, session) => heard.push(`${change} ${session.id}`));
    const [mine, victim, third] = [await byPassword(originOf(), "root"), await byKey(), await byKey()];
    const [root, holder] = [await callerIn(mine), await callerIn(victim)];
    const { sessions } = app;
    const notAuthorized = { code: "role_missing", message: "Not authorized" };
    expect(sessions.list(root)).toHaveLength(3);
    expect(() => sessions.list(holder)).toThrow("Not authorized");
    expect(await refusalOf(sessions.terminate(holder, mine.session.id))).toMatchObject(notAuthorized);
    expect(await refusalOf(sessions.terminateOthers(holder))).toMatchObject(notAuthorized);
    expect(await sessions.terminate(root, "nothing")).toBe(false);
    expect(await sessions.terminate(root, victim.session.id)).toBe(true);
    expect(victim.ends).toEqual(["terminated"]);
    await sessions.terminateOthers(root);
    expect([await isLive(mine), await isLive(third)]).toEqual([true, false]);
    expect(heard).toHaveLength(5);
    expect(heard[3]).toBe(`removed ${victim.session.id}`);
    stop();
    expect((await auditOf(app, "session.end")).filter((record) => record.success)).toHaveLength(2);
  });
});
