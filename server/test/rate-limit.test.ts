import { expect, test } from "bun:test";
import { openCheck } from "./check-app.ts";
import { movedClock, SYSTEM } from "./installation.ts";
import { startSecond } from "./second-server.ts";

test("of 200 requests at once at two processes exactly the 50 that are left pass", async () => {
  await using check = await openCheck();
  const { text } = await check.key("ci", { rateLimit: { limit: 60, windowSeconds: 3_600 } });
  for (let spent = 0; spent < 10; spent++) expect((await check.auth(text)).status).toBe(200);
  await using second = await startSecond(check.folder.path);
  const headers = { Authorization: `Bearer ${text}` };
  const ask = (place: number) => fetch(`${place % 2 ? second.url : check.url}/auth`, { headers });
  const answers = await Promise.all(Array.from({ length: 200 }, (_, place) => ask(place)));
  const statuses = answers.map(({ status }) => status);
  expect(statuses.filter((status) => status === 200)).toHaveLength(50);
  expect(statuses.filter((status) => status === 429)).toHaveLength(150);
});

test("answers carry the standard headers, and a refusal says when to come again", async () => {
  const clock = movedClock();
  await using check = await openCheck({}, { clock });
  const { text } = await check.key("ci", { rateLimit: { limit: 2, windowSeconds: 60 } });
  const first = await check.auth(text);
  expect(first.headers.get("ratelimit-policy")).toBe('"key";q=2;w=60');
  expect(first.headers.get("ratelimit")).toBe('"key";r=1;t=60');
  expect(first.headers.has("retry-after")).toBe(false);
  clock.advance(20_000);
  expect((await check.auth(text)).status).toBe(200);
  const refused = await check.auth(text);
  expect([refused.status, refused.headers.get("retry-after"), refused.headers.get("ratelimit")]).toEqual([
    429,
    "40",
    '"key";r=0;t=40',
  ]);
  const folded = await check.auth(text, { path: "/auth?deny=403" });
  expect([folded.status, folded.headers.get("retry-after")]).toEqual([403, "40"]);
  expect(await check.verify({ key: text })).toMatchObject({ valid: false, reason: "rate_limited" });
  clock.advance(40_000);
  expect((await check.auth(text)).status).toBe(200);
});

test("every door that takes a key says the same of its limit, while it lasts and when it is spent", async () => {
  await using check = await openCheck({}, { clock: movedClock() });
  const keys: Record<string, { readonly text: string; readonly id: number }> = {};
  const bearer = ({ text }: { readonly text: string }) => ({ headers: { Authorization: `Bearer ${text}` } });
  const doors: Record<string, (key: { readonly text: string; readonly id: number }) => Promise<Response>> = {
    "/auth": (key) => fetch(`${check.url}/auth`, bearer(key)),
    "/verify": ({ text }) =>
      fetch(`${check.url}/api/v1/verify`, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ key: text }),
      }),
    "REST, its own entry": (key) => fetch(`${check.url}/api/v1/keys/${key.id}`, bearer(key)),
    "REST, any other": (key) => fetch(`${check.url}/api/v1/session`, bearer(key)),
    "REST, what is not there": (key) => fetch(`${check.url}/api/v1/keys/999999`, bearer(key)),
    "REST, what it may not": (key) => fetch(`${check.url}/api/v1/users`, bearer(key)),
  };
  for (const door of Object.keys(doors))
    keys[door] = await check.key(door, { rateLimit: { limit: 1, windowSeconds: 60 } });
  const told = async (door: string) => {
    const { headers } = await doors[door]!(keys[door]!);
    return ["ratelimit-policy", "ratelimit", "retry-after"].map((name) => headers.get(name));
  };
  for (const door of Object.keys(doors)) {
    expect([door, await told(door)]).toEqual([door, ['"key";q=1;w=60', '"key";r=0;t=60', null]]);
    expect([door, await told(door)]).toEqual([door, ['"key";q=1;w=60', '"key";r=0;t=60', "60"]]);
  }
});

test("a cost is spent whole or not at all, and a refused request spends nothing", async () => {
  await using check = await openCheck();
  const { text } = await check.key("ci", {
    rateLimit: { limit: 10, windowSeconds: 60 },
    scopes: ["dns:read"],
  });
  const left = async (question: object) =>
    (await check.verify({ key: text, ...question })).rate_limit?.remaining;
  expect(await left({ cost: 7 })).toBe(3);
  expect(await check.verify({ key: text, cost: 4 })).toMatchObject({ reason: "rate_limited" });
  expect(await check.verify({ key: text, scope: "dns:write" })).toMatchObject({ reason: "scope_missing" });
  expect(await left({ cost: 0 })).toBe(3);
  expect(await left({ cost: 3 })).toBe(0);
  expect(await left({ cost: 0 })).toBe(0);
});

test("limits survive a reset and what was spent survives a restart", async () => {
  await using check = await openCheck();
  const fields = {
    rateLimit: { limit: 3, windowSeconds: 3_600 },
    scopes: ["dns:read"],
    allowedIps: ["192.0.2.0/24"],
  };
  const { id, text } = await check.key("ci", fields);
  expect(await check.verify({ key: text, ip: "192.0.2.1", cost: 2 })).toMatchObject({ valid: true });
  const { key, secret } = await check.app.keys.reset(SYSTEM, id);
  expect(key).toMatchObject(fields);
  await check.server.close();
  const again = await check.folder.serve();
  const ask = async () => {
    const body = JSON.stringify({ key: secret.text, ip: "192.0.2.1" });
    const headers = { "Content-Type": "application/json" };
    return (await fetch(`${again.urls[0]}/api/v1/verify`, { method: "POST", body, headers })).json();
  };
  expect(await ask()).toMatchObject({ valid: true, rate_limit: { remaining: 0 } });
  expect(await ask()).toMatchObject({ valid: false, reason: "rate_limited" });
});

test("a clock that steps back opens a new window instead of closing the key for good", async () => {
  const clock = movedClock();
  await using check = await openCheck({}, { clock });
  const { text } = await check.key("ci", { rateLimit: { limit: 1, windowSeconds: 60 } });
  expect((await check.auth(text)).status).toBe(200);
  expect((await check.auth(text)).status).toBe(429);
  clock.advance(-86_400_000);
  // Time stands still until what had ended is written down.
  await check.app.clock.settle();
  expect((await check.auth(text)).status).toBe(200);
  expect((await check.auth(text)).status).toBe(429);
});

test("sign-in by the key spends from the same limit", async () => {
  await using check = await openCheck();
  const { text } = await check.key("ci", { rateLimit: { limit: 2, windowSeconds: 3_600 } });
  const own = () => fetch(`${check.url}/api/v1/keys/self`, { headers: { Authorization: `Bearer ${text}` } });
  expect((await own()).status).toBe(200);
  expect((await check.auth(text)).status).toBe(200);
  expect((await check.auth(text)).status).toBe(429);
  expect((await own()).status).not.toBe(200);
});
