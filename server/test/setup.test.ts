import { afterEach, beforeEach, expect, test } from "bun:test";
import { SETUP_TOKEN_MS } from "../src/accounts/setup.ts";
import {
  auditOf,
  makeUser,
  openTestApp,
  originOf,
  PASSWORD,
  refusalOf,
  type TestApp,
} from "./accounts-app.ts";

let app: TestApp;

beforeEach(async () => {
  app = await openTestApp();
});
afterEach(() => app.close());

const first = (token: string, username = "root", to = app) =>
  to.setup.createFirst(token, { username, password: PASSWORD }, originOf());

test("the link makes a full administrator, once, and both are audited without the token", async () => {
  const { setup } = app;
  expect(await setup.isNeeded()).toBe(true);
  const token = await setup.makeToken(app.system);
  const user = await first(token);
  expect(user).toMatchObject({ username: "root", roles: ["FULL_ADMIN"], hasPassword: true });
  expect(await setup.isNeeded()).toBe(false);
  expect(await refusalOf(first(token, "second"))).toMatchObject({ code: "conflict" });
  const records = [...(await auditOf(app, "setup.link")), ...(await auditOf(app, "user.create"))];
  expect(records.map(({ description, success }) => `${description}: ${success}`).sort()).toEqual([
    "Create the first user: false",
    "Create user root: true",
    "Make a link to set up: true",
  ]);
  expect(JSON.stringify(records)).not.toContain(token);
});

test("a wrong, replaced or late link makes nobody, and a refused input leaves it whole", async () => {
  const { setup } = app;
  const replaced = await setup.makeToken(app.system);
  const token = await setup.makeToken(app.system);
  for (const wrong of ["", "x".repeat(64), replaced]) {
    expect(await refusalOf(first(wrong))).toMatchObject({ code: "forbidden" });
  }
  const weak = setup.createFirst(token, { username: "root", password: "short" }, originOf());
  expect(await refusalOf(weak)).toMatchObject({ code: "invalid", issues: [{ code: "weak_password" }] });
  app.clock.move(SETUP_TOKEN_MS);
  expect(await refusalOf(first(token))).toMatchObject({ code: "forbidden" });
  expect((await first(await setup.makeToken(app.system))).id).toBeGreaterThan(0);
});

test("the link is dead as soon as a user exists, whoever made him", async () => {
  const token = await app.setup.makeToken(app.system);
  await makeUser(app, "alice", ["KEY_HOLDER"]);
  expect(await refusalOf(first(token))).toMatchObject({ code: "conflict" });
  expect(await refusalOf(app.setup.makeToken(app.system))).toMatchObject({ code: "conflict" });
});

test("of many who use one link at once, in two processes, one wins", async () => {
  const other = await openTestApp({ beside: app });
  try {
    const token = await app.setup.makeToken(app.system);
    const all = await Promise.allSettled(
      Array.from({ length: 8 }, (_, at) => first(token, `root${at}`, at % 2 === 0 ? app : other)),
    );
    expect(all.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    for (const one of all) {
      if (one.status === "rejected") expect(one.reason).toMatchObject({ code: "conflict" });
    }
    expect((await app.users.list(app.system, { want: "count" })).total).toBe(1);
  } finally {
    await other.close();
  }
});

test("a link that is not good costs no hash, and a user made by any way takes the row of a good one along", async () => {
  const { setup } = app;
  const token = await setup.makeToken(app.system);
  const digest = app.secrets.digestToken(token);
  expect(await app.store.findSetupToken(digest)).toBeGreaterThan(app.clock.now());
  const real = Bun.password.hash;
  let hashed = 0;
  Bun.password.hash = ((...given: Parameters<typeof real>) => {
    hashed++;
    return real(...given);
  }) as typeof real;
  try {
    for (const wrong of ["", "x".repeat(64), `${token}x`])
      expect(await refusalOf(first(wrong))).toMatchObject({ code: "forbidden" });
    app.clock.move(SETUP_TOKEN_MS);
    expect(await refusalOf(first(token))).toMatchObject({ code: "forbidden" });
    app.clock.move(-SETUP_TOKEN_MS);
    expect(hashed).toBe(0);
    // As the command line makes one.
    await makeUser(app, "root");
    expect(await app.store.findSetupToken(digest)).toBeUndefined();
  } finally {
    Bun.password.hash = real;
  }
});
