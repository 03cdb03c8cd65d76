/**
 * Tokens of two processes on one folder: `app` makes them, and either uses them. Whatever ends a token, or the session that
 * made it, ends it and what it opened in both.
 */
import { Database } from "bun:sqlite";
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { join } from "node:path";
import type { Origin } from "../src/domain/caller.ts";
import type { KeyFields } from "../src/domain/key.ts";
import type { User } from "../src/domain/user.ts";
import type { Credential, Session, SessionEnd, TokenOptions } from "../src/sign-in/credential.ts";
import { TOKEN_TOUCH_EVERY_MS, TOKENS_PER_SESSION_MAX, TOKENS_PER_USER_MAX } from "../src/sign-in/token.ts";
import {
  auditOf,
  callerOf,
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

const WHERE = ["this process", "another process"] as const;
type Where = (typeof WHERE)[number];
const at = (where: Where): TestApp => (where === "this process" ? app : other);

interface Opened {
  readonly of: TestApp;
  readonly session: Session;
  readonly credential: Credential;
  readonly ends: SessionEnd[];
}

function open(credential: Credential, origin: Origin, of = app): Opened {
  const ends: SessionEnd[] = [];
  const session = of.sessions.open(credential, origin, (reason) => ends.push(reason));
  return { of, session, credential, ends };
}

async function byKey(fields: KeyFields = {}): Promise<Opened & { readonly keyId: number }> {
  const origin = originOf();
  const made = await app.keys.create(app.system, { name: crypto.randomUUID(), username: "alice", ...fields });
  const credential = credentialOf(await app.signIn.byKey(made.secret.text, "alice", origin));
  return { ...open(credential, origin), keyId: made.key.id };
}

async function byPassword(username = "alice", of = app): Promise<Opened> {
  const origin = originOf();
  return open(credentialOf(await of.signIn.byPassword(username, PASSWORD, origin)), origin, of);
}

const OPTIONS: TokenOptions = { ttlSeconds: 600, attributes: {}, matchOrigin: true, singleUse: false };

function generate({ of, session }: Opened, more: Partial<TokenOptions> = {}): Promise<string> {
  return of.tokens.generate(session, { ...OPTIONS, ...more });
}

function use(token: string, of = app, origin = originOf()) {
  return of.signIn.byToken(token, origin);
}

async function openBy(token: string, of = app): Promise<Opened> {
  const origin = originOf();
  return open(credentialOf(await use(token, of, origin)), origin, of);
}

async function isGood(token: string): Promise<boolean> {
  const answers = [await use(token, app), await use(token, other)];
  expect(answers[0]!.kind).toBe(answers[1]!.kind);
  return answers[0]!.kind === "signed_in";
}

const callerIn = async ({ of, session }: Opened) => of.sessions.caller(session);

function isLive(opened: Opened): Promise<boolean> {
  return callerIn(opened).then(
    () => true,
    (error) => {
      expect(error).toMatchObject({ code: "session_expired" });
      return false;
    },
  );
}

const waiting = async (of = app) => of.tokens.list(await callerOf(of, "root"));

function rows(table: string): Record<string, unknown>[] {
  using database = new Database(join(app.folder, "chatelaine.db"), { readonly: true });
  return database.query(`SELECT * FROM ${table}`).all() as Record<string, unknown>[];
}

const lastUse = (): number => Number(rows("tokens")[0]?.used_at);

/** What ends tokens, for a session of alice's by a key, which made them; done by a process. */
const ENDS: Readonly<Record<string, (by: TestApp, maker: Opened & { keyId: number }) => unknown>> = {
  "its maker signs out": (_, maker) => app.sessions.close(maker.session, "logout"),
  "its maker's session is ended": async (_, maker) =>
    expect(await app.sessions.terminate(await callerOf(app, "root"), maker.session.id)).toBe(true),
  "all others are ended": async (by) => by.sessions.terminateOthers(await callerOf(by, "root")),
  "it is ended from the list": async (by) => {
    // What hangs on one that was ended before is gone with it.
    for (const { id } of await waiting(by))
      if ((await waiting(by)).some((one) => one.id === id))
        expect(await by.sessions.terminate(await callerOf(by, "root"), id)).toBe(true);
  },
  "its key is paused": (by, { keyId }) => by.keys.pause(by.system, keyId),
  "its key is revoked": (by, { keyId }) => by.keys.revoke(by.system, keyId, "left"),
  "its key is reset": (by, { keyId }) => by.keys.reset(by.system, keyId),
  "its key is narrowed": (by, { keyId }) => by.keys.update(by.system, keyId, { roles: ["KEY_HOLDER"] }),
  "its key is deleted": (by, { keyId }) => by.keys.remove(by.system, keyId),
  "its key was shown in clear": (by, { keyId }) => by.keys.revokeExposed(keyId),
  "its key expires": async (by, { keyId }) => {
    await by.keys.update(by.system, keyId, { expiresAt: app.clock.now() + 60_000 });
    app.clock.move(61_000);
    await by.keys.sweepExpired();
  },
  "its user is locked": (by) => by.users.lock(by.system, alice.id),
  "its user loses a right": (by) => by.groups.removeMember(by.system, { name: "readers", username: "alice" }),
  "its user is deleted": (by) => by.users.remove(by.system, alice.id),
  "its user's password is changed": (by) =>
    by.users.update(by.system, alice.id, { password: "another long one" }),
  "its user's password is taken away": (by) =>
    by.users.update(by.system, alice.id, { passwordDisabled: true }),
  "it rests for too long": () => app.clock.move(601_000),
};

describe.each(Object.entries(ENDS))("a token ends when %s", (words, end) => {
  test.each(WHERE)("done by %s: waiting and used ones, those that it made, here and there", async (where) => {
    const maker = await byKey();
    const tokens = {
      multi: await generate(maker),
      single: await generate(maker, { singleUse: true }),
      used: await generate(maker),
      spent: await generate(maker, { singleUse: true }),
    };
    const opened = [await openBy(tokens.used), await openBy(tokens.spent, other)];
    // By way of a session that a token opened, and once more.
    const second = await generate(opened[1]!);
    const third = await openBy(second, other);
    const fourth = await generate(third, { singleUse: true });
    const bystander = await byPassword("root");
    const spared = await generate(bystander);

    await end(at(where), maker);

    const isAlone = !["all others are ended", "it is ended from the list", "it rests for too long"].includes(
      words,
    );
    for (const token of [tokens.multi, tokens.single, tokens.used, second, fourth])
      expect([token, await isGood(token)]).toEqual([token, false]);
    const lives = await Promise.all([...opened, third].map(isLive));
    // One that is spent is ended by nothing but what it hangs on.
    expect(lives).toEqual(
      words === "it is ended from the list" ? [false, true, false] : [false, false, false],
    );
    expect([isAlone, await isGood(spared)]).toEqual([isAlone, isAlone]);
    const rows = (await waiting()).map(({ root }) => root.username);
    expect(rows).toEqual(isAlone ? ["root"] : []);
  });
});

test("nothing that ended comes back when its cause is undone", async () => {
  const maker = await byKey();
  const [paused, locked] = [await generate(maker), await generate(await byPassword())];
  await other.keys.pause(app.system, maker.keyId);
  await other.keys.resume(app.system, maker.keyId);
  await other.users.lock(app.system, alice.id);
  await other.users.unlock(app.system, alice.id);
  expect([await isGood(paused), await isGood(locked)]).toEqual([false, false]);
});

describe("a token", () => {
  test("opens sessions in both processes, with the rights and limits of the key beneath", async () => {
    const maker = await byKey({ roles: ["API_KEY_READ"] });
    const token = await generate(maker);
    expect(token).toMatch(/^CT1[A-Za-z0-9_-]{61}$/);
    for (const of of [app, other]) {
      const opened = await openBy(token, of);
      expect(opened.credential).toMatchObject({
        kind: "TOKEN",
        username: "alice",
        parent: { kind: "API_KEY", key: { id: maker.keyId }, loginId: maker.credential.loginId },
      });
      const caller = await callerIn(opened);
      expect([[...caller.roles], caller.kind]).toEqual([["API_KEY_READ"], "key"]);
    }
    const records = await auditOf(app, "token.create");
    expect(records).toMatchObject([{ description: "Generate authentication token for session" }]);
    expect(JSON.stringify(await auditOf(app, "TOKEN"))).not.toContain(token);
  });

  test("of a token's session belongs to the credential at the root", async () => {
    const maker = await byPassword();
    const second = await openBy(await generate(maker), other);
    const third = await openBy(await generate(second));
    const { kind, loginId, loginAt, username } = maker.credential;
    expect(third.credential.parent).toMatchObject({ kind, loginId, loginAt, username, key: null });
    expect((await callerIn(third)).kind).toBe("user");
  });

  test.each([1, 2, 3, 4, 5])("for a single use is used once, raced by two processes (%d)", async () => {
    const token = await generate(await byPassword(), { singleUse: true });
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, turn) => use(token, turn % 2 === 0 ? app : other)),
    );
    expect(answers.filter(({ kind }) => kind === "signed_in")).toHaveLength(1);
    expect(await isGood(token)).toBe(false);
    expect(await waiting()).toEqual([]);
  });

  test("matches the address unless told otherwise, and with attributes opens nothing", async () => {
    const maker = await byPassword();
    const elsewhere = originOf({ address: "198.51.100.1" });
    expect((await use(await generate(maker), other, elsewhere)).kind).toBe("refused");
    expect((await use(await generate(maker, { matchOrigin: false }), other, elsewhere)).kind).toBe(
      "signed_in",
    );
    expect((await use(await generate(maker, { attributes: { job: 1 } }), other)).kind).toBe("refused");
  });

  test("lives as long as it is used, and the session with it", async () => {
    const token = await generate(await byPassword(), { ttlSeconds: 200 });
    const opened = await openBy(token, other);
    for (let times = 0; times < 3; times++) {
      app.clock.move(190_000);
      expect(await isLive(opened)).toBe(true);
      // The use is written down, so the token is good for others too.
      await until(() => lastUse() >= app.clock.now() - 5_000);
    }
    expect((await use(token)).kind).toBe("signed_in");
    app.clock.move(201_000);
    expect(await isLive(opened)).toBe(false);
    expect(opened.ends).toEqual(["token_ended"]);
    expect(await isGood(token)).toBe(false);
  });

  test("is written as used once a minute at most, and ends for good where time has ended it", async () => {
    const token = await generate(await byPassword());
    const usedAt = async () => (await waiting())[0]?.usedAt;
    const before = await usedAt();
    app.clock.move(TOKEN_TOUCH_EVERY_MS - 5_000);
    await use(token);
    expect(await usedAt()).toBe(before);
    app.clock.move(5_000);
    await use(token);
    expect(await usedAt()).toBeGreaterThanOrEqual(before! + TOKEN_TOUCH_EVERY_MS);
    app.clock.move(600_000);
    expect((await use(token)).kind).toBe("refused");
    app.clock.move(-600_000);
    expect(await isGood(token)).toBe(false);
  });

  test("dies with the session that it opened, in every process", async () => {
    const token = await generate(await byPassword());
    await app.sessions.close((await openBy(token)).session, "disconnect");
    expect(await isGood(token)).toBe(false);
  });

  test.each(["disconnect", "replaced"] as const)(
    "brings a client back after %s, and over a restart",
    async (how) => {
      const maker = await byKey();
      const [first, second] = [
        await generate(maker, { singleUse: true }),
        await generate(maker, { singleUse: true }),
      ];
      await app.sessions.close(maker.session, how);
      expect((await use(first, other)).kind).toBe("signed_in");
      const again = await openTestApp({ beside: app });
      expect((await use(second, again)).kind).toBe("signed_in");
      await again.close();
    },
  );

  test("that was made before another sign-in on the connection ends when that signs out", async () => {
    const maker = await byPassword();
    const token = await generate(maker);
    await app.sessions.close(maker.session, "replaced");
    const origin = originOf({ sessionId: maker.session.id });
    const next = open(credentialOf(await app.signIn.byPassword("root", PASSWORD, origin)), origin);
    expect((await use(token, other)).kind).toBe("signed_in");
    await app.sessions.close(next.session, "logout");
    expect(await isGood(token)).toBe(false);
  });

  test("hangs on nothing any more where its maker lost the connection, however often a client comes back", async () => {
    let client: Opened = await byKey();
    for (let times = 0; times < 5; times++) {
      const token = await generate(client, { singleUse: true });
      await client.of.sessions.close(client.session, "disconnect");
      // Sessions that cannot end anything any more are forgotten.
      await until(() => rows("token_lines").length === 0);
      client = await openBy(token, times % 2 === 0 ? other : app);
      expect(client.credential.token?.line).toEqual([]);
    }
  }, 20_000);

  test("is bounded in number and life, and a session that ended makes none", async () => {
    const maker = await byPassword();
    for (const ttlSeconds of [0, -1, 1.5, Number.NaN, 1e9]) {
      expect((await refusalOf(generate(maker, { ttlSeconds }))).message).toContain("A token may live");
    }
    for (let count = 0; count < TOKENS_PER_SESSION_MAX; count++) await generate(maker);
    expect((await refusalOf(generate(maker))).code).toBe("limit_reached");
    // What has ended makes room.
    app.clock.move(601_000);
    await generate(maker);
    await app.sessions.close(maker.session, "logout");
    expect((await refusalOf(generate(maker))).message).toBe("Session is expired");
    expect(TOKENS_PER_USER_MAX).toBeGreaterThan(TOKENS_PER_SESSION_MAX);
  });

  test("that is made while its maker signs out is not there afterwards", async () => {
    for (let times = 0; times < 10; times++) {
      const maker = await byPassword();
      const made = generate(maker).catch(() => undefined);
      if (times % 2 === 1) await Promise.resolve();
      await app.sessions.close(maker.session, "logout");
      const token = await made;
      if (token !== undefined) expect(await isGood(token)).toBe(false);
      expect(await waiting()).toEqual([]);
    }
  });

  test("opens no session that lives where its maker ends between the sign-in and the opening", async () => {
    for (const of of [app, other]) {
      const maker = await byPassword();
      const token = await generate(maker, { singleUse: true });
      const origin = originOf();
      const credential = credentialOf(await use(token, of, origin));
      await app.sessions.close(maker.session, "logout");
      await of.feed.follow();
      const opened = open(credential, origin, of);
      expect(await isLive(opened)).toBe(false);
      await until(() => opened.ends.length > 0);
    }
  });
});

describe("the list", () => {
  test("has waiting tokens for those who may see sessions, and connections only among connections", async () => {
    const maker = await byKey();
    await generate(maker);
    await openBy(await generate(maker, { singleUse: true }), other);
    const root = await callerOf(other, "root");
    expect(await other.tokens.list(root)).toMatchObject([
      { root: { username: "alice", key: { id: maker.keyId } }, address: "192.0.2.7", client: "test" },
    ]);
    expect(app.sessions.list(root)).toHaveLength(1);
    expect((await refusalOf(app.tokens.list(await callerOf(app, "alice")))).code).toBe("role_missing");
  });

  test("ends nothing for those who may not, and what it ends is recorded", async () => {
    const token = await generate(await byPassword());
    const [{ id } = { id: "" }] = await waiting();
    const [alices, root] = [await callerOf(other, "alice"), await callerOf(other, "root")];
    expect((await refusalOf(other.sessions.terminate(alices, id))).code).toBe("role_missing");
    expect((await refusalOf(other.sessions.terminateOthers(alices))).code).toBe("role_missing");
    expect((await use(token)).kind).toBe("signed_in");
    const ends = await Promise.all([
      app.sessions.terminate(root, id),
      other.sessions.terminate(root, id),
      other.sessions.terminate(root, "nothing"),
    ]);
    expect(ends.filter(Boolean)).toHaveLength(1);
    await generate(await byPassword());
    await other.sessions.terminateOthers(root);
    const records = (await auditOf(app, "session.end")).filter(({ success }) => success);
    const told = records.map(({ description }) => description).filter((words) => words.includes("token"));
    expect(told.sort()).toEqual(["End a waiting token of alice", "End all waiting tokens"]);
  });

  test("ends all but the caller's own, which a token opened", async () => {
    const root = await byPassword("root");
    const token = await generate(root);
    const own = await openBy(token, other);
    const [here, there] = [await byPassword(), await byPassword("alice", other)];
    await other.sessions.terminateOthers(await callerIn(own));
    expect(await Promise.all([own, root, here, there].map(isLive))).toEqual([true, false, false, false]);
    expect(here.ends).toEqual(["terminated"]);
    expect(await isGood(token)).toBe(false);
  });
});

test("a sign-in by token spends from the rate of the key beneath, and one too many leaves the token", async () => {
  const token = await generate(await byKey({ rateLimit: { limit: 3, windowSeconds: 60 } }));
  const outcome = async (of: TestApp) => {
    const answer = await use(token, of);
    return answer.kind === "refused" ? answer.reason : answer.kind === "signed_in";
  };
  // One was spent by the key's own sign-in.
  expect([await outcome(app), await outcome(other), await outcome(app)]).toEqual([
    true,
    true,
    "rate_limited",
  ]);
  expect(await auditOf(app, "TOKEN")).toContainEqual(
    expect.objectContaining({
      success: false,
      details: expect.objectContaining({ reason: "rate_limited" }),
    }),
  );
  app.clock.move(60_000);
  expect(await outcome(other)).toBe(true);
});
