/**
 * An alert counts and names the keys that the list it leads to has: for keys that end soon, by their own expiry or by what
 * their owner's keys may live, for those that nobody uses, and for each fact that stops a key anyway.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { UNUSED_DAYS } from "../src/domain/alert.ts";
import { movedClock } from "./installation.ts";
import { openRest, type RestApp, SYSTEM } from "./rest-app.ts";

const DAY = 86_400_000;
const AGE_DAYS = UNUSED_DAYS + 1;
/** How each key would be alerted about: its days, and those of its owner's limit, from when it is made. */
const BASES = {
  unused: { expiresInDays: null, limitDays: null },
  "unused, ends late": { expiresInDays: AGE_DAYS + 100, limitDays: AGE_DAYS + 200 },
  soon: { expiresInDays: AGE_DAYS + 3, limitDays: null },
  "soon, before its limit": { expiresInDays: AGE_DAYS + 3, limitDays: AGE_DAYS + 60 },
  "soon by its limit": { expiresInDays: null, limitDays: AGE_DAYS + 3 },
  "soon by its limit, long before its expiry": { expiresInDays: AGE_DAYS + 100, limitDays: AGE_DAYS + 3 },
  "past its limit": { expiresInDays: AGE_DAYS + 3, limitDays: AGE_DAYS - 1 },
  expired: { expiresInDays: AGE_DAYS - 1, limitDays: AGE_DAYS + 3 },
} as const;
const STOPS = ["works", "paused", "revoked", "owner locked", "owner without a role"] as const;
type Stop = (typeof STOPS)[number];

const clock = movedClock();
let rest: RestApp;
let auth: Record<string, string>;

const nameOf = (base: string, stop: Stop): string => `${base}; ${stop}`;
const CASES = Object.keys(BASES).flatMap((base) => STOPS.map((stop) => ({ base, stop })));
/** What an administrator should hear of, said by hand. */
const EXPECTED = {
  key_expires_soon: [
    "soon",
    "soon, before its limit",
    "soon by its limit",
    "soon by its limit, long before its expiry",
  ].map((base) => nameOf(base, "works")),
  key_unused: Object.keys(BASES)
    .filter((base) => base !== "past its limit" && base !== "expired")
    .map((base) => nameOf(base, "works")),
  key_revoked: Object.keys(BASES).map((base) => nameOf(base, "revoked")),
};

beforeAll(async () => {
  rest = await openRest({}, { clock });
  const { keys, users } = rest.app;
  const made = [];
  for (const [at, { base, stop }] of CASES.entries()) {
    const owner = await users.create(SYSTEM, { username: `owner${at}`, roles: ["KEY_HOLDER"] });
    const { expiresInDays, limitDays } = BASES[base as keyof typeof BASES];
    const expiresAt = expiresInDays === null ? null : clock.now() + expiresInDays * DAY;
    const { key } = await keys.create(SYSTEM, {
      name: nameOf(base, stop),
      username: owner.username,
      expiresAt,
    });
    // Held to a limit afterwards: what is there already keeps its own end.
    if (limitDays !== null) {
      const ceilings = { allowedIps: null, rateLimit: null, lifetimeSeconds: limitDays * 86_400 };
      await users.update(SYSTEM, owner.id, { ceilings });
    }
    made.push({ key, owner, stop });
  }
  clock.advance(AGE_DAYS * DAY);
  for (const { key, owner, stop } of made) {
    if (stop === "paused") await keys.pause(SYSTEM, key.id);
    if (stop === "revoked") await keys.revoke(SYSTEM, key.id, "Over");
    if (stop === "owner without a role") await users.update(SYSTEM, owner.id, { roles: [] });
    if (stop === "owner locked") await users.lock(SYSTEM, owner.id);
  }
  auth = await rest.browser("ada");
});
afterAll(() => rest[Symbol.asyncDispose]());

async function alerts(): Promise<{
  readonly kinds: { kind: string; count: number; mend: { query: Record<string, string> } }[];
  readonly entries: { kind: string; text: string; key: { name: string } }[];
}> {
  return (await rest.send("GET /alerts?limit=200", { headers: auth })).json;
}

describe("the alerts of a kind are about the keys of the list that they lead to", () => {
  for (const [kind, expected] of Object.entries(EXPECTED)) {
    test(kind, async () => {
      const { kinds, entries } = await alerts();
      const told = entries.filter((alert) => alert.kind === kind).map(({ key }) => key.name);
      expect(told.toSorted()).toEqual(expected.toSorted());
      const { count, mend } = kinds.find((one) => one.kind === kind)!;
      const listed = await rest.send(`GET /keys?limit=1000&${new URLSearchParams(mend.query)}`, {
        headers: auth,
      });
      expect(listed.json.entries.map(({ name }: { name: string }) => name).toSorted()).toEqual(
        expected.toSorted(),
      );
      expect([count, listed.json.total]).toEqual([expected.length, expected.length]);
    });
  }
});

test("an alert and the entry of the key say when it really ends, which its owner's limit may decide", async () => {
  const { entries } = await alerts();
  const end = new Date(clock.now() + 3 * DAY).toISOString().slice(0, 16);
  const listed = await rest.send("GET /keys?limit=1000&status=expires_soon&order=ends_at", { headers: auth });
  for (const { name, ends_at } of listed.json.entries as { name: string; ends_at: string }[])
    expect([name, ends_at.slice(0, 16)]).toEqual([name, end]);
  for (const name of EXPECTED.key_expires_soon) {
    const alert = entries.find(({ kind, key }) => kind === "key_expires_soon" && key.name === name)!;
    expect(alert.text).toStartWith(`The key ${name} expires at ${end}`);
  }
});

test("the order by ends_at takes the owner's limit for an end, and pages go on in it", async () => {
  const whole = (await rest.send("GET /keys?limit=1000&order=ends_at", { headers: auth })).json.entries;
  const ends = whole.map((key: { ends_at: string | null }) => key.ends_at ?? "never");
  expect(ends).toEqual(ends.toSorted());
  expect(new Set(ends).size).toBeGreaterThan(3);
  const seen: string[] = [];
  for (let cursor = ""; ; ) {
    const { json } = await rest.send(`GET /keys?limit=7&order=ends_at${cursor}`, { headers: auth });
    seen.push(...json.entries.map(({ name }: { name: string }) => name));
    if (json.next === null) break;
    cursor = `&cursor=${json.next}`;
  }
  expect(seen).toEqual(whole.map(({ name }: { name: string }) => name));
});

test("what is known of alerts follows an owner who is locked, loses their roles, or gets them back", async () => {
  const { alerts: known, users } = rest.app;
  const name = nameOf("soon", "works");
  const owner = `owner${CASES.findIndex((one) => nameOf(one.base, one.stop) === name)}`;
  const { id } = await users.get(SYSTEM, { username: owner });
  const isTold = async (): Promise<boolean> => {
    await known.compare();
    return (await alerts()).entries.some(
      (alert) => alert.kind === "key_expires_soon" && alert.key.name === name,
    );
  };
  let tellings = 0;
  await known.compare();
  const leave = known.subscribe(() => tellings++);
  expect(await isTold()).toBe(true);
  for (const [change, told] of [
    [() => users.lock(SYSTEM, id), false],
    [() => users.unlock(SYSTEM, id), true],
    [() => users.update(SYSTEM, id, { roles: [] }), false],
    [() => users.update(SYSTEM, id, { roles: ["KEY_HOLDER"] }), true],
  ] as const) {
    const before = tellings;
    await change();
    expect(await isTold()).toBe(told);
    expect(tellings).toBeGreaterThan(before);
  }
  leave();
});
