/** Refusals of strangers are folded in the audit, in a part of their own; what they push out is never anybody else's. */
import { Database } from "bun:sqlite";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { join } from "node:path";
import type { Note } from "../src/activity/audit.ts";
import { FOLDS_A_MINUTE_MAX } from "../src/activity/audit-folds.ts";
import { createLog } from "../src/log.ts";
import { FOLDS_MAX } from "../src/store/sqlite/activity.ts";
import { makeInstallation, movedClock, SYSTEM } from "./installation.ts";
import { bearer, openRest, PASSWORD, type RestApp } from "./rest-app.ts";
import { RpcClient } from "./rpc-client.ts";

const SIGN_IN: Note = {
  event: "AUTHENTICATION",
  action: "API_KEY",
  description: "Sign in by key",
  success: true,
};

interface Fold {
  readonly action: string;
  readonly address: string | null;
  readonly username: string | null;
  readonly count: number;
  readonly details: string;
}

function foldsIn(folder: string): Fold[] {
  using database = new Database(join(folder, "activity.db"), { readonly: true });
  return database.query<Fold, []>("SELECT * FROM folds ORDER BY seq").all();
}

/** Someone's refusal, as any door tells it. */
const refusal = (address: string, reason = "unknown") =>
  ({ event: "AUTHENTICATION", action: "API_KEY", address, door: "rest", reason }) as const;
const note = () => ({ description: "Sign in by key", details: { reason: "unknown" } });
const addressOf = (at: number): string => `10.${at >> 16}.${(at >> 8) & 255}.${at & 255}`;

describe("at REST", () => {
  let rest: RestApp;
  let headers: Record<string, string>;
  let address: string;
  let networks = 0;
  const clock = movedClock();

  beforeAll(async () => {
    rest = await openRest({ trustedProxy: ["127.0.0.1"] }, { clock });
    headers = {
      ...bearer(await rest.key("ada", "auditor")),
      "X-Forwarded-For": "192.0.2.250",
      "X-Forwarded-Proto": "https",
    };
  });
  afterAll(() => rest[Symbol.asyncDispose]());
  beforeEach(() => {
    clock.advance(60_000);
    address = `203.0.113.${++networks}`;
  });
  const from = (more: Record<string, string> = {}, who = address) => ({
    headers: { "X-Forwarded-For": who, "X-Forwarded-Proto": "https", ...more },
  });
  const flood = async (times: number, ask: (at: number) => Promise<{ status: number }>, status: number) => {
    for (let at = 0; at < times; at += 50) {
      const answers = await Promise.all(Array.from({ length: 50 }, (_, one) => ask(at + one)));
      expect(new Set(answers.map((answer) => answer.status))).toEqual(new Set([status]));
    }
    await rest.app.audit.flush();
    return foldsIn(rest.folder).filter((fold) => fold.address === address);
  };

  test("a flood of bad keys is one record, and pushes out nothing", async () => {
    const { total: before } = (await rest.send("GET /audit?success=true", { headers })).json;
    const folds = await flood(1_000, () => rest.send("GET /keys", from(bearer("x"))), 401);
    expect(folds).toMatchObject([{ action: "API_KEY", username: null, count: 1_000 }]);
    const after = await rest.send("GET /audit?success=true", { headers });
    expect(after.json.total).toBeGreaterThanOrEqual(before);
    const { json } = await rest.send(`GET /audit?address=${address}`, { headers });
    expect(json).toMatchObject({
      total: 1,
      entries: [
        {
          event: "AUTHENTICATION",
          action: "API_KEY",
          description: "Sign in by key",
          success: false,
          error: "Invalid API key",
          door: "rest",
          details: { reason: "malformed", count: 1_000, lastAt: clock.now() },
        },
      ],
    });
  });

  test("so is one at the door of services that ask, and one with set-up links", async () => {
    const ask = () =>
      rest.send("POST /verify", { ...from({ ...bearer(`1-${"A".repeat(64)}`) }), body: { key: "x" } });
    expect(await flood(200, ask, 403)).toMatchObject([{ action: "API_KEY", count: 200 }]);
    const body = { token: "x".repeat(64), username: "canary", password: PASSWORD };
    const folds = await flood(200, () => rest.send("POST /setup", { ...from(), body }), 409);
    expect(folds).toMatchObject([
      { action: "API_KEY" },
      { action: "user.create", username: null, count: 200 },
    ]);
    expect(JSON.stringify(folds)).not.toContain("canary");
  });

  test("a flood of passwords is one record for each reason, with the name of the first who exists", async () => {
    await rest.user("guessed", ["KEY_HOLDER"]);
    const guess = (at: number) =>
      rest.send("POST /session", {
        ...from(),
        body: { username: at === 0 ? "guessed" : `nobody${at}`, password: "wrong wrong wrong" },
      });
    const statuses: number[] = [];
    for (let at = 0; at < 60; at++) statuses.push((await guess(at)).status);
    expect(statuses).toEqual([...Array(50).fill(401), ...Array(10).fill(429)]);
    await rest.app.audit.flush();
    expect(foldsIn(rest.folder).filter((fold) => fold.address === address)).toMatchObject([
      { action: "LOGIN_PASSWORD", username: "guessed", count: 50 },
      { action: "LOGIN_PASSWORD", count: 10 },
    ]);
  }, 60_000);

  test("whose secret was right is told apart, key by key", async () => {
    const [one, two] = [await rest.key("ada", "one"), await rest.key("ada", "two")];
    const { entries } = (await rest.send("GET /keys?order=-id&limit=2", { headers })).json;
    for (const { id } of entries) await rest.app.keys.pause(SYSTEM, id);
    for (const key of [one, two, one, two, one, two]) {
      clock.advance(1);
      await rest.send("GET /keys", from(bearer(key)));
    }
    const { json } = await rest.send(`GET /audit?address=${address}&order=at`, { headers });
    expect(
      json.entries.map((entry: { target: unknown; details: object }) => [entry.target, entry.details]),
    ).toEqual(
      [entries[1], entries[0]].map(({ id, name }: { id: number; name: string }) => [
        { kind: "key", id, name },
        { reason: "paused", count: 3, lastAt: clock.now() - (name === "one" ? 1 : 0) },
      ]),
    );
  });

  test("addresses of a network are one, networks and minutes are not", async () => {
    const bad = (who: string) => rest.send("GET /keys", from(bearer("x"), who));
    const found = async () => {
      await rest.app.audit.flush();
      return foldsIn(rest.folder)
        .filter((fold) => fold.address?.startsWith("2001:db8:"))
        .map((fold) => [fold.address, fold.count]);
    };
    for (const who of ["2001:db8::1", "2001:db8::2", "2001:db8:0:1::1"]) await bad(who);
    expect(await found()).toEqual([
      ["2001:db8::1", 2],
      ["2001:db8:0:1::1", 1],
    ]);
    clock.advance(60_000);
    await bad("2001:db8::3");
    expect((await found()).at(-1)).toEqual(["2001:db8::3", 1]);
  });

  test("they are listed, ordered, searched and exported among all others, by both APIs", async () => {
    for (let time = 0; time < 4; time++) await rest.send("GET /keys", from(bearer("x")));
    clock.advance(1_000);
    await rest.key("ada", `made after ${address}`);
    clock.advance(1_000);
    await rest.send("GET /keys", from(bearer(`1-${"A".repeat(64)}`)));
    const list = async (query: string) =>
      (await rest.send(`GET /audit?${query}`, { headers })).json.entries as Record<string, unknown>[];
    const last = await list("order=-at&limit=3");
    expect(last.map(({ action }) => action)).toEqual(["API_KEY", "key.create", "API_KEY"]);
    expect(
      (await list(`q=${address}&success=false`)).map(({ details }) => (details as { count: number }).count),
    ).toEqual([1, 4]);
    const filter = JSON.stringify([
      ["address", "=", address],
      ["error", "^", "Invalid"],
    ]);
    expect(await list(`filter=${encodeURIComponent(filter)}`)).toHaveLength(2);
    const first = await rest.send(`GET /audit?address=${address}&limit=1`, { headers });
    const second = await rest.send(`GET /audit?address=${address}&limit=1&cursor=${first.json.next}`, {
      headers,
    });
    expect([first.json.entries[0].details.count, second.json.entries[0].details.count]).toEqual([1, 4]);
    const jsonl = await rest.send(`GET /audit/export?address=${address}`, { headers });
    const lines = jsonl.text
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(lines.map(({ details }) => details.count)).toEqual([4, 1]);
    const csv = await rest.send(`GET /audit/export?address=${address}&format=csv`, { headers });
    expect(csv.text).toContain('""count"":4');
    const { Authorization, ...proxied } = headers;
    const rpc = await RpcClient.connect(rest.url, { headers: proxied });
    await rpc.signIn("ada", Authorization!.slice("Bearer ".length));
    const found = await rpc.result<{ event_data: object }[]>("audit.query", {
      "query-filters": [
        ["address", "=", address],
        ["success", "=", false],
      ],
      "query-options": { order_by: ["message_timestamp"] },
    });
    expect(found.map(({ event_data }) => event_data)).toEqual([
      expect.objectContaining({ error: "Invalid API key", count: 4 }),
      expect.not.objectContaining({ count: expect.anything() }),
    ]);
    rpc.close();
  });

  test("the alert of refused sign-ins counts every one of them", async () => {
    clock.advance(25 * 3_600_000);
    await flood(300, () => rest.send("GET /keys", from(bearer("x"))), 401);
    const { kinds } = (await rest.send("GET /alerts", { headers })).json;
    expect(kinds).toContainEqual(expect.objectContaining({ kind: "sign_in_failures", count: 300 }));
  });
});

test("strangers of thousands of networks make a bounded number of records a minute, and are all counted", async () => {
  await using folder = await makeInstallation();
  const clock = movedClock();
  const { audit } = await folder.open({ clock });
  const networks = FOLDS_A_MINUTE_MAX * 3;
  for (let at = 0; at < networks; at++) audit.refuse(refusal(addressOf(at)), note);
  await audit.flush();
  const folds = foldsIn(folder.path);
  expect(folds.length).toBe(FOLDS_A_MINUTE_MAX + 1);
  expect(folds.reduce((sum, { count }) => sum + count, 0)).toBe(networks);
  expect(folds.at(-1)).toMatchObject({ address: null, count: networks - FOLDS_A_MINUTE_MAX });
  // Whoever was there before is counted as ever.
  audit.refuse(refusal(addressOf(0)), note);
  await audit.flush();
  expect(foldsIn(folder.path)[0]).toMatchObject({ address: addressOf(0), count: 2 });
});

test("their part is bounded and evicts only itself, the oldest first", async () => {
  await using folder = await makeInstallation();
  const clock = movedClock();
  const { audit } = await folder.open({ clock });
  audit.note({ ...SIGN_IN, address: "192.0.2.1" });
  audit.refuse(refusal("192.0.2.1"), note);
  await audit.flush();
  {
    using database = new Database(join(folder.path, "activity.db"));
    const fill = `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${FOLDS_MAX + 500})
      INSERT INTO folds (id, at, event, action, description, door, details, success, name, count, last_at)
      SELECT 'i' || i, ?1, 'AUTHENTICATION', 'API_KEY', '', 'rest', '{"count":1}', 0, 'n' || i, 1, ?1 FROM n`;
    database.run(fill, [clock.now()]);
  }
  clock.advance(61_000);
  audit.refuse(refusal("192.0.2.9"), note);
  await audit.flush();
  using database = new Database(join(folder.path, "activity.db"), { readonly: true });
  const count = (sql: string): number => database.query<{ n: number }, []>(sql).get()!.n;
  expect(count("SELECT count(*) AS n FROM folds")).toBe(FOLDS_MAX);
  expect(count("SELECT count(*) AS n FROM folds WHERE address = '192.0.2.1'")).toBe(0);
  expect(count("SELECT count(*) AS n FROM folds WHERE address = '192.0.2.9'")).toBe(1);
  expect(count("SELECT count(*) AS n FROM records WHERE address = '192.0.2.1'")).toBe(1);
});

test("what cannot be written waits, and each is counted once; two processes add up", async () => {
  await using folder = await makeInstallation();
  const clock = movedClock();
  const log = createLog("error", "text", () => {});
  const [one, two] = [await folder.open({ clock, log }), await folder.open({ clock, log })];
  {
    using database = new Database(join(folder.path, "activity.db"));
    database.run("CREATE TRIGGER no_fold BEFORE INSERT ON folds BEGIN SELECT RAISE(ABORT, 'no'); END");
    for (let time = 0; time < 3; time++) one.audit.refuse(refusal("192.0.2.1"), note);
    await one.audit.flush();
    for (let time = 0; time < 2; time++) one.audit.refuse(refusal("192.0.2.1"), note);
    one.audit.note(SIGN_IN);
    await one.audit.flush();
    expect(foldsIn(folder.path)).toEqual([]);
    database.run("DROP TRIGGER no_fold");
  }
  two.audit.refuse(refusal("192.0.2.1"), note);
  await two.audit.flush();
  await one.audit.flush();
  await one.audit.flush();
  expect(foldsIn(folder.path)).toMatchObject([{ count: 6 }]);
  const { rows } = await one.audit.list(SYSTEM, { where: undefined });
  expect(rows.find(({ success }) => !success)?.details).toMatchObject({ count: 6, lastAt: clock.now() });
});
