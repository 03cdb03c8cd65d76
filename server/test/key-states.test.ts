/**
 * The status that lists, filters and single keys tell is what a check answers, by the server's clock: for every state, and
 * for every two of them at once.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { KEY_STATUSES } from "@chatelaine/contract/operations/key-entry";
import type { KeyState } from "../src/domain/key.ts";
import { movedClock, SYSTEM } from "./installation.ts";
import { bearer, openRest, type RestApp } from "./rest-app.ts";

const DAY = 86_400_000;
const LIMIT_DAYS = 30;
const clock = movedClock();
let rest: RestApp;
let auth: Record<string, string>;
/** By name: a key for each set of facts, each of an owner of its own. */
const made = new Map<string, { readonly id: number; readonly text: string }>();

const FACTS = ["revoked", "paused", "expired", "past_limit", "user_locked", "no_roles"] as const;
type Fact = (typeof FACTS)[number];

/** In the order in which a check names them. */
const CASES: readonly (readonly Fact[])[] = [
  [],
  ...FACTS.map((fact) => [fact] as const),
  ...FACTS.flatMap((one, at) => FACTS.slice(at + 1).map((other) => [one, other] as const)),
];
const nameOf = (facts: readonly Fact[]): string => (facts.length === 0 ? "active" : facts.join(" and "));
const expectedOf = (facts: readonly Fact[]): KeyState => facts[0] ?? "active";

beforeAll(async () => {
  rest = await openRest({}, { clock });
  auth = await rest.browser("ada");
  for (const [at, facts] of CASES.entries()) await make(at, facts);
  // All expiries and lifetimes are over now, and nobody's session.
  clock.advance((LIMIT_DAYS + 1) * DAY);
  for (const [at, facts] of CASES.entries()) await finish(at, facts);
  auth = await rest.browser("ada");
});
afterAll(() => rest[Symbol.asyncDispose]());

async function make(at: number, facts: readonly Fact[]): Promise<void> {
  const { users } = rest.app;
  const { id, username } = await users.create(SYSTEM, { username: `owner${at}`, roles: ["KEY_HOLDER"] });
  const expiresAt = facts.includes("expired") ? clock.now() + DAY : null;
  const { key, secret } = await rest.app.keys.create(SYSTEM, { name: nameOf(facts), username, expiresAt });
  made.set(nameOf(facts), { id: key.id, text: secret.text });
  // Held to a limit afterwards: what is there already keeps its own end.
  if (facts.includes("past_limit")) {
    const ceilings = { allowedIps: null, rateLimit: null, lifetimeSeconds: (LIMIT_DAYS * DAY) / 1000 };
    await users.update(SYSTEM, id, { ceilings });
  }
}

async function finish(at: number, facts: readonly Fact[]): Promise<void> {
  const { keys, users } = rest.app;
  const { id } = made.get(nameOf(facts))!;
  const owner = await users.get(SYSTEM, { username: `owner${at}` });
  if (facts.includes("paused")) await keys.pause(SYSTEM, id);
  if (facts.includes("revoked")) await keys.revoke(SYSTEM, id, "Over");
  if (facts.includes("no_roles")) await users.update(SYSTEM, owner.id, { roles: [] });
  if (facts.includes("user_locked")) await users.lock(SYSTEM, owner.id);
}

const list = async (query: string): Promise<{ name: string; status: string }[]> =>
  (await rest.send(`GET /keys?limit=1000&${query}`, { headers: auth })).json.entries;

for (const facts of CASES) {
  test(`a key that is ${nameOf(facts)} is told as ${expectedOf(facts)} by every way to read it`, async () => {
    const expected = expectedOf(facts);
    const { id, text } = made.get(nameOf(facts))!;
    const verdict = await rest.app.verify.verify(text, { origin: null });
    // The word of a check for what is over, whichever end it had.
    const reason = expected === "past_limit" ? "expired" : expected;
    expect(verdict.ok ? "active" : verdict.reason).toBe(reason);
    const one = await rest.send(`GET /keys/${id}`, { headers: auth });
    const bare = await rest.send(`GET /keys/${id}`, {
      headers: bearer(await rest.key("ada", `reader ${id}`)),
    });
    expect([one.json.status, bare.json.status]).toEqual([expected, expected]);
    expect((await list("")).find(({ name }) => name === nameOf(facts))?.status).toBe(expected);
  });
}

describe("the filter by status", () => {
  for (const status of KEY_STATUSES) {
    test(`${status} finds what is told as ${status}, and nothing else`, async () => {
      const all = await list("");
      const wanted = all.filter((key) => key.status === status).map(({ name }) => name);
      expect(wanted.length).toBeGreaterThan(0);
      const found = await list(`status=${status}`);
      expect(found.map(({ name }) => name)).toEqual(wanted);
      const { total } = (await rest.send(`GET /keys?limit=1&status=${status}`, { headers: auth })).json;
      expect(total).toBe(wanted.length);
    });
  }

  test("does so among words of another script", async () => {
    const ids = new Map<KeyState, number>();
    for (const facts of CASES.slice(0, FACTS.length + 1)) {
      const { id } = made.get(nameOf(facts))!;
      const status = expectedOf(facts);
      ids.set(status, id);
      await rest.app.keys.update(SYSTEM, id, { description: `Schlüssel ${status}` });
    }
    for (const [status, id] of ids) {
      const found = await rest.send(`GET /keys?q=SCHLÜSSEL&status=${status}`, { headers: auth });
      expect([status, found.json.entries.map((key: { id: number }) => key.id)]).toEqual([status, [id]]);
    }
  });

  test("expires_soon looks at what its owner's keys may live, too", async () => {
    const { users } = rest.app;
    const { id, username } = await users.create(SYSTEM, { username: "soon", roles: ["KEY_HOLDER"] });
    await rest.app.keys.create(SYSTEM, { name: "ends by its owner", username });
    await rest.app.keys.create(SYSTEM, { name: "ends", username, expiresAt: clock.now() + 3 * DAY });
    const soon = async () => (await list("status=expires_soon&order=name")).map(({ name }) => name);
    expect(await soon()).toEqual(["ends"]);
    const ceilings = { allowedIps: null, rateLimit: null, lifetimeSeconds: (5 * DAY) / 1000 };
    await users.update(SYSTEM, id, { ceilings });
    expect(await soon()).toEqual(["ends", "ends by its owner"]);
    await users.lock(SYSTEM, id);
    expect(await soon()).toEqual([]);
  });
});

test("the order by status gathers them, and a walk through its pages has every key once", async () => {
  const whole = await list("order=status");
  const groups = whole.map(({ name, status }) => (name.includes("expired and") ? "" : status));
  const first = (status: string): number => groups.indexOf(status);
  expect(first("active")).toBe(0);
  for (const [one, other] of [
    ["active", "no_roles"],
    ["no_roles", "user_locked"],
    ["user_locked", "paused"],
    ["paused", "revoked"],
  ] as const)
    expect([one, groups.lastIndexOf(one) < first(other)]).toEqual([one, true]);
  for (const order of ["status", "-status"]) {
    const seen: string[] = [];
    for (let cursor = ""; ; ) {
      const page = (await rest.send(`GET /keys?limit=4&order=${order}${cursor}`, { headers: auth })).json;
      seen.push(...page.entries.map(({ name }: { name: string }) => name));
      if (page.next === null) break;
      cursor = `&cursor=${page.next}`;
    }
    expect(seen).toEqual((await list(`order=${order}`)).map(({ name }) => name));
  }
});

test("editable is what an edit would answer", async () => {
  const { users } = rest.app;
  await rest.user("manager", ["API_KEY_WRITE", "READONLY_ADMIN"]);
  await rest.user("reader", ["READONLY_ADMIN"]);
  await rest.user("holder", ["KEY_HOLDER"]);
  const scoped = await users.create(SYSTEM, { username: "scoped", roles: ["KEY_HOLDER"], scopes: ["dns:*"] });
  for (const owner of ["ada", "manager", "reader", "holder", scoped.username])
    await rest.key(owner, `of ${owner}`);
  await rest.key("ada", "of ada, for services", { roles: [] });
  const told: Record<string, string[]> = {};
  for (const who of ["ada", "manager", "reader", "holder"]) {
    const headers = await rest.browser(who);
    const page = await rest.send("GET /keys?limit=1000", { headers });
    for (const key of page.json.entries as {
      id: number;
      name: string;
      editable: boolean;
      description: string;
    }[]) {
      if (!key.name.startsWith("of ")) continue;
      const body = { description: `${key.description}.` };
      const { status } = await rest.send(`PATCH /keys/${key.id}`, { headers, body });
      expect([who, key.name, key.editable]).toEqual([who, key.name, status === 200]);
      if (key.editable) told[who] = [...(told[who] ?? []), key.name].toSorted();
    }
  }
  expect(told).toMatchObject({
    manager: ["of holder", "of manager", "of reader"],
    reader: ["of reader"],
    holder: ["of holder"],
  });
});

test("latest_use counts what was used a moment ago, by every way in", async () => {
  const { id, text } = made.get("active")!;
  const read = async (query: string) => (await rest.send(`GET /keys/${id}${query}`, { headers: auth })).json;
  expect((await read("?latest_use=1")).last_used_at).toBeNull();
  for (const ask of [
    () => fetch(`${rest.url}/auth`, { headers: bearer(text) }),
    () => rest.send("GET /keys/self", { headers: bearer(text) }),
  ]) {
    clock.advance(60_000);
    await ask();
    const used = new Date(clock.now()).toISOString();
    expect((await read("?latest_use=1")).last_used_at).toBe(used);
    const [listed] = (await rest.send(`GET /keys?ids=${id}&latest_use=1`, { headers: auth })).json.entries;
    expect(listed.last_used_at).toBe(used);
    const clients = await rest.send(`GET /keys/${id}/clients`, { headers: auth });
    expect(clients.json.entries[0].last_used_at).toBe(used);
  }
});
