import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { openCheck } from "./check-app.ts";
import { callerOf, movedClock, SYSTEM } from "./installation.ts";
import { startSecond } from "./second-server.ts";

const DAY = 86_400_000;

test("checks are counted by hour and outcome, with last use and hosts, and no change of the key is undone by it", async () => {
  const clock = movedClock();
  await using check = await openCheck({}, { clock });
  const { usage, keys } = check.app;
  const { id, text } = await check.key("ci", { scopes: ["dns:read"] });
  const headers = {
    "X-Forwarded-For": "192.0.2.7",
    "X-Forwarded-Host": "App.example",
    "User-Agent": "tester/1",
  };
  for (let time = 0; time < 3; time++) await check.auth(text, { headers });
  await check.auth(text, { headers, path: "/auth?scope=dns:write" });
  clock.advance(3_600_000);
  await check.auth(text, { headers: { ...headers, "X-Forwarded-Host": "b.example" } });
  await keys.update(SYSTEM, id, { description: "changed meanwhile" });
  await keys.pause(SYSTEM, id);
  await check.auth(text, { headers });
  await usage.flush();
  const report = await usage.report(SYSTEM, id, 0);
  const start = Date.UTC(2030, 0, 1);
  expect(report.counts).toEqual([
    { at: start, hours: 1, outcomes: { ok: 3, scope_missing: 1 } },
    { at: start + 3_600_000, hours: 1, outcomes: { ok: 1, paused: 1 } },
  ]);
  expect(report.hosts.map(({ host, uses }) => [host, uses])).toEqual([
    ["app.example", 3],
    ["b.example", 1],
  ]);
  const key = await keys.get(SYSTEM, id);
  expect(key).toMatchObject({
    lastUsedAt: clock.now(),
    lastUsedAddress: "192.0.2.7",
    lastUsedClient: "tester/1",
  });
  expect(key).toMatchObject({ description: "changed meanwhile", pausedAt: clock.now() });
});

test("calls of the REST API by a key count as its use, and refused ones tell its owner from where they came", async () => {
  const clock = movedClock();
  await using check = await openCheck({}, { clock });
  const { usage, keys } = check.app;
  const { id, text } = await check.key("ci");
  const call = async (): Promise<number> => {
    const headers = { Authorization: `Bearer ${text}`, "User-Agent": "tester/1" };
    return (await fetch(`${check.url}/api/v1/keys/self`, { headers })).status;
  };
  expect([await call(), await call()]).toEqual([200, 200]);
  await keys.pause(SYSTEM, id);
  expect(await call()).toBe(403);
  const { counts, refusals } = await usage.report(SYSTEM, id, 0);
  expect(counts.map(({ outcomes }) => outcomes)).toEqual([{ ok: 2, paused: 1 }]);
  expect(refusals).toMatchObject([
    { keyId: id, reason: "paused", rule: "API key is paused", address: "127.0.0.1", at: clock.now() },
  ]);
});

test("a key's owner reads its use by the REST API", async () => {
  await using check = await openCheck();
  const { id, text } = await check.key("ci");
  const headers = { Authorization: `Bearer ${text}` };
  await check.auth(text);
  await check.auth(text, { path: "/auth?group=none" });
  const answer = await fetch(`${check.url}/api/v1/keys/${id}/use`, { headers });
  expect(answer.status).toBe(200);
  const use = (await answer.json()) as { counts: { outcomes: object }[]; refusals: { reason: string }[] };
  expect(use.counts[0]?.outcomes).toMatchObject({ ok: expect.any(Number), scope_missing: 1 });
  expect(use.refusals.map(({ reason }) => reason)).toEqual(["scope_missing"]);
});

test("whoever may see the key learns by the number of a decision why it was refused", async () => {
  await using check = await openCheck();
  const { id, text } = await check.key("ci");
  const refused = await check.auth(text, {
    path: "/auth?group=none",
    headers: { "X-Forwarded-For": "192.0.2.7" },
  });
  const decision = refused.headers.get("decision-id")!;
  const ask = async (number: string) => {
    const headers = { Authorization: `Bearer ${text}` };
    const answer = await fetch(`${check.url}/api/v1/decisions/${number}`, { headers });
    return { status: answer.status, json: (await answer.json()) as object };
  };
  expect(await ask(decision)).toEqual({
    status: 200,
    json: {
      decision,
      at: expect.any(String),
      reason: "scope_missing",
      rule: expect.stringContaining("none"),
      address: "192.0.2.7",
      host: null,
      key: { id, name: "ci" },
    },
  });
  const wrong = await check.auth(`${id}-${"A".repeat(64)}`);
  const untold = await ask(wrong.headers.get("decision-id") ?? crypto.randomUUID());
  expect(untold).toMatchObject({ status: 404, json: { code: "not_found" } });
});

test("hours become days after 90 days, and days are forgotten after two years", async () => {
  const clock = movedClock();
  await using check = await openCheck({}, { clock });
  const { usage } = check.app;
  const { id, text } = await check.key("ci");
  const use = async () => {
    await check.auth(text);
    await usage.flush();
  };
  await use();
  clock.advance(3_600_000);
  await use();
  const hoursOf = async () =>
    (await usage.report(SYSTEM, id, 0)).counts.map(({ hours, outcomes }) => [hours, outcomes.ok]);
  expect(await hoursOf()).toEqual([
    [1, 1],
    [1, 1],
  ]);
  clock.advance(91 * DAY);
  await use();
  expect(await hoursOf()).toEqual([
    [24, 2],
    [1, 1],
  ]);
  clock.advance(700 * DAY);
  await use();
  expect(await hoursOf()).toEqual([
    [24, 1],
    [1, 1],
  ]);
});

test("the owner of a key finds by the decision's number why it was refused; others, and the refused, do not", async () => {
  await using check = await openCheck();
  const { usage, users, store } = check.app;
  const { id, text } = await check.key("ci", { scopes: ["dns:read"] });
  const refused = await check.auth(text, {
    path: "/auth?scope=dns:write",
    headers: { "X-Forwarded-For": "192.0.2.7" },
  });
  expect([refused.status, await refused.text()]).toEqual([403, ""]);
  const decision = refused.headers.get("decision-id")!;
  const ada = await callerOf(store, await users.get(SYSTEM, { username: "ada" }));
  const why = await usage.why(ada, decision);
  expect(why).toMatchObject({ keyId: id, name: "ci", reason: "scope_missing", address: "192.0.2.7" });
  expect(why.rule).toContain("dns:write");
  const bob = await callerOf(
    store,
    await users.create(SYSTEM, { username: "bob", roles: ["KEY_HOLDER"], scopes: [] }),
  );
  await expect(usage.why(bob, decision)).rejects.toMatchObject({ code: "not_found" });
  await expect(usage.report(bob, id, 0)).rejects.toMatchObject({ code: "not_found" });
  const unknown = await check.auth(`${id}-${"a".repeat(64)}`);
  await expect(usage.why(SYSTEM, unknown.headers.get("decision-id")!)).rejects.toMatchObject({
    code: "not_found",
  });
});

test("the last 100 refusals of a key are kept, and no more", async () => {
  await using check = await openCheck();
  const { id, text } = await check.key("ci");
  for (let time = 0; time < 130; time++) {
    await check.auth(text, { path: "/auth?group=none" });
    if (time === 60) await check.app.usage.flush();
  }
  const { refusals } = await check.app.usage.report(SYSTEM, id, 0);
  expect(refusals).toHaveLength(100);
  expect(new Set(refusals.map(({ decision }) => decision)).size).toBe(100);
});

test("a key's hosts are bounded, and what is beyond is counted together", async () => {
  await using check = await openCheck();
  const { id, text } = await check.key("ci");
  for (let host = 0; host < 60; host++) {
    await check.auth(text, { headers: { "X-Forwarded-Host": `h${host}.example` } });
    if (host % 8 === 7) await check.app.usage.flush();
  }
  const { usage, keys } = check.app;
  const hostsOf = async (key: number) => (await usage.report(SYSTEM, key, 0)).hosts;
  const sumOf = (hosts: readonly { uses: number }[]) => hosts.reduce((sum, { uses }) => sum + uses, 0);
  const hosts = await hostsOf(id);
  expect([hosts.length <= 33, sumOf(hosts)]).toEqual([true, 60]);
  const other = await check.key("at once");
  for (let host = 0; host < 60; host++)
    await check.auth(other.text, { headers: { "X-Forwarded-Host": `h${host}.example` } });
  const many = await hostsOf(other.id);
  expect([many.length <= 33, sumOf(many)]).toEqual([true, 60]);
  expect(await keys.get(SYSTEM, other.id)).toMatchObject({ lastUsedAt: expect.any(Number) });
});

test("uses before and after midnight are each of their own day", async () => {
  const clock = movedClock();
  await using check = await openCheck({}, { clock });
  const { usage } = check.app;
  const { id, text } = await check.key("ci");
  clock.advance(DAY - 500);
  await check.auth(text);
  clock.advance(1_000);
  await check.auth(text);
  await check.auth(text);
  const start = Date.UTC(2030, 0, 1);
  expect((await usage.report(SYSTEM, id, 0)).counts).toEqual([
    { at: start + 23 * 3_600_000, hours: 1, outcomes: { ok: 1 } },
    { at: start + DAY, hours: 1, outcomes: { ok: 2 } },
  ]);
});

test("what was written of use is there after a kill -9, and the key is as it was left", async () => {
  await using check = await openCheck();
  const { id, text } = await check.key("ci");
  await check.server.close();
  await using child = await startSecond(check.folder.path);
  const use = () => fetch(`${child.url}/auth`, { headers: { Authorization: `Bearer ${text}` } });
  for (let time = 0; time < 20; time++) await use();
  const local = await check.folder.open();
  const counted = async () =>
    (await local.usage.report(SYSTEM, id, 0)).counts.reduce(
      (sum, { outcomes }) => sum + (outcomes.ok ?? 0),
      0,
    );
  // Nobody asks the server to write: it does by itself.
  while ((await counted()) < 20) await Bun.sleep(50);
  await local.keys.pause(SYSTEM, id);
  for (let time = 0; time < 5; time++) await use();
  await child.stop("SIGKILL");
  expect(await counted()).toBe(20);
  const key = await local.keys.get(SYSTEM, id);
  expect([key.pausedAt === null, key.lastUsedAt === null]).toEqual([false, false]);
});

test("hours of many keys become days part by part, after days without use and a restart in the midst of it too", async () => {
  const clock = movedClock();
  await using check = await openCheck({}, { clock });
  const { usage } = check.app;
  const { text } = await check.key("ci");
  const today = clock.now() / DAY;
  const hand = new Database(`${check.folder.path}/activity.db`);
  const insert = hand.prepare("INSERT INTO key_days (key_id, day, counts) VALUES (?, ?, ?)");
  const olds = [today - 400, today - 100, today - 97, today - 91];
  const KEYS = 300;
  hand.transaction(() => {
    for (let key = 1_000; key < 1_000 + KEYS; key++) {
      insert.run(key, today - 731, '{"a":1}');
      insert.run(key, olds[0]!, '{"a":3}');
      for (const day of [...olds.slice(1), today - 90, today - 89])
        insert.run(key, day, '{"00a":1,"23a":2,"07s":4}');
    }
  })();
  const rows = (day: number) =>
    hand.query<{ counts: string }, [number]>("SELECT counts FROM key_days WHERE day = ?").all(day);
  const use = async () => {
    await check.auth(text);
    await usage.flush();
  };
  for (let time = 0; time < 3; time++) await use();
  expect(rows(today - 91).some(({ counts }) => counts.includes("23a"))).toBe(true);
  await check.server.close();
  const again = await check.folder.serve({}, { clock });
  for (let time = 0; time < 12; time++) {
    await fetch(`${again.urls[0]}/auth`, { headers: { Authorization: `Bearer ${text}` } });
    await again.app.usage.flush();
  }
  for (const day of olds.slice(1)) {
    expect(rows(day)).toHaveLength(KEYS);
    expect(new Set(rows(day).map(({ counts }) => counts))).toEqual(new Set(['{"a":3,"s":4}']));
  }
  expect(new Set(rows(olds[0]!).map(({ counts }) => counts))).toEqual(new Set(['{"a":3}']));
  for (const day of [today - 90, today - 89])
    expect(new Set(rows(day).map(({ counts }) => counts))).toEqual(new Set(['{"00a":1,"23a":2,"07s":4}']));
  expect(rows(today - 731)).toEqual([]);
  hand.close();
});

test("metrics tell checks by outcome to this machine and to auditors, in Prometheus' format", async () => {
  await using check = await openCheck({ trustedProxy: ["127.0.0.1"] });
  const { text } = await check.key("ci");
  await check.auth(text);
  await check.auth(`7-${"a".repeat(64)}`);
  const response = await fetch(`${check.url}/metrics`);
  const body = await response.text();
  expect(response.headers.get("content-type")).toStartWith("text/plain; version=0.0.4");
  expect(body).toContain('chatelaine_checks_total{door="auth",outcome="ok"} 1');
  expect(body).toContain('chatelaine_checks_total{door="auth",outcome="unknown"} 1');
  for (const line of body.trim().split("\n"))
    expect(line).toMatch(/^(# (HELP|TYPE) .+|[a-z_]+(\{[^}]*\})? [0-9.e+-]+)$/);
  const proxied = { "X-Forwarded-For": "203.0.113.7", "X-Forwarded-Proto": "https" };
  expect((await fetch(`${check.url}/metrics`, { headers: proxied })).status).toBe(403);
  const as = (key: string) =>
    fetch(`${check.url}/metrics`, { headers: { ...proxied, Authorization: `Bearer ${key}` } });
  expect((await as(text)).status).toBe(403);
  await check.app.users.create(SYSTEM, {
    username: "watch",
    roles: ["SYSTEM_AUDIT_READ"],
    scopes: [],
  });
  const { secret } = await check.app.keys.create(SYSTEM, { name: "watch", username: "watch" });
  expect((await as(secret.text)).status).toBe(200);
});
