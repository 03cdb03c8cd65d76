/** Last use and clients of a key as the store keeps them, whichever process writes first what it saw. */
import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import fc from "fast-check";
import { createUsage } from "../src/activity/use.ts";
import { CLIENTS_AGE_MS, CLIENTS_MAX, EarlierClients, isSameClient } from "../src/domain/recent-clients.ts";
import type { KeyUse, UseTally } from "../src/store/store.ts";
import { openCheck } from "./check-app.ts";
import { movedClock } from "./installation.ts";

const MINUTE = 60_000;
const START = Date.UTC(2030, 0, 1);

const seen = fc.record({
  after: fc.integer({ min: 0, max: 30 * MINUTE }),
  address: fc.constantFrom(null, "192.0.2.1", "192.0.2.2"),
  client: fc.constantFrom(null, "null", "one", "two", "three"),
});
/** One batch of one process, and how long after its time it is written: others may come first. */
const batch = fc.record({
  uses: fc.array(seen, { minLength: 1, maxLength: 5 }),
  late: fc.constantFrom(0, 0, MINUTE, 20 * MINUTE, 2 * CLIENTS_AGE_MS),
});
type Seen = Pick<KeyUse, "address" | "client" | "at">;

function tallyOf(keyId: number, uses: readonly Seen[]): UseTally {
  return { keyId, counts: [], hosts: new Map(), last: useOf(keyId, uses) };
}

function useOf(keyId: number, uses: readonly Seen[]): KeyUse {
  const earlier = new EarlierClients();
  for (const [place, use] of uses.entries())
    if (place > 0 && !isSameClient(uses[place - 1]!, use)) earlier.add(uses[place - 1]!);
  return { keyId, ...uses.at(-1)!, count: uses.length, earlier: earlier.list() };
}

/** At equal times either order is right. */
const listed = (clients: readonly Seen[]) =>
  clients.map(({ address, client, at }) => `${at} ${JSON.stringify([address, client])}`).sort();

function clientsOf(uses: readonly Seen[], since: number): Seen[] {
  const latest = new Map<string, Seen>();
  for (const use of uses) {
    const name = JSON.stringify([use.address, use.client]);
    const before = latest.get(name);
    if (!before || before.at <= use.at) latest.set(name, use);
  }
  return [...latest.values()].filter(({ at }) => at >= since);
}

test("last use, its count and the clients of the last hour are those that were, in whatever order they are written", async () => {
  await using check = await openCheck();
  const { store } = check.app;
  using activity = new Database(`${check.folder.path}/activity.db`, { readonly: true });
  const count = activity.query<{ uses: number }, [number]>("SELECT uses FROM key_use WHERE key_id = ?");
  let turn = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(batch, { minLength: 1, maxLength: 8 }), async (batches) => {
      const { id } = await check.key(`k${turn++}`);
      // Those before the start of a test would be cut by what an earlier one wrote.
      let now = START + turn * 100 * CLIENTS_AGE_MS;
      const written = batches.map(({ uses, late }) => {
        const at = uses.map(({ after, ...who }) => {
          now += after;
          return { ...who, at: now };
        });
        return { uses: at, when: now + late };
      });
      written.sort((a, b) => a.when - b.when);
      for (const { uses } of written) await store.recordUse([tallyOf(id, uses)], []);
      const all = written.flatMap(({ uses }) => uses);
      const since = now - CLIENTS_AGE_MS + 1;
      expect(listed(await store.listKeyClients(id, since))).toEqual(listed(clientsOf(all, since)));
      const key = await store.findKey(id);
      expect(key?.lastUsedAt).toBe(now);
      expect(count.get(id)?.uses).toBe(all.length);
      const lasts = all
        .filter(({ at }) => at === now)
        .map(({ address, client }) => JSON.stringify([address, client]));
      expect(lasts).toContain(JSON.stringify([key?.lastUsedAddress, key?.lastUsedClient]));
    }),
    { numRuns: 60 },
  );
}, 60_000);

test("of more clients than are told the latest are kept", async () => {
  await using check = await openCheck();
  const { store } = check.app;
  const { id } = await check.key("ci");
  const uses = Array.from({ length: CLIENTS_MAX + 15 }, (_, place) => ({
    address: null,
    client: `c${place}`,
    at: START + place,
  }));
  await store.recordUse([tallyOf(id, uses.slice(0, 10))], []);
  await store.recordUse([tallyOf(id, uses.slice(10))], []);
  const clients = (await store.listKeyClients(id, START)).map(({ client }) => client);
  expect(clients).toEqual(
    uses
      .map(({ client }) => client)
      .reverse()
      .slice(0, CLIENTS_MAX),
  );
});

test("a batch that could not be written keeps its clients beside those that came meanwhile", async () => {
  const clock = movedClock();
  const told: KeyUse[] = [];
  const counted: unknown[] = [];
  let fail: (() => void) | undefined;
  const isUnread = () => Promise.reject(new Error("not asked"));
  const usage = createUsage({
    clock: { now: clock.now, monotonic: () => 0 },
    log: { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} },
    keys: { get: isUnread },
    store: {
      recordUse: async (tallies) => {
        if (tallies.length === 0) return;
        if (fail) {
          fail();
          throw new Error("The disk is full");
        }
        told.push(...tallies.flatMap(({ last }) => last ?? []));
        counted.push(...tallies.flatMap(({ counts, hosts }) => [...counts, ...hosts]));
      },
      listKeyDays: isUnread,
      listKeyHosts: isUnread,
      listKeyClients: isUnread,
      listRefusals: isUnread,
      findRefusal: isUnread,
    },
  });
  const use = (client: string): void => {
    clock.advance(1);
    usage.note(7, "ok", { address: null, client, host: "svc" });
  };
  for (const client of ["one", "two"]) use(client);
  fail = () => {
    fail = undefined;
    for (const client of ["three", "four", "two"]) use(client);
  };
  await usage.flush();
  await usage.close();
  expect(told).toMatchObject([{ keyId: 7, at: clock.now(), client: "two", count: 5 }]);
  expect(told[0]?.earlier?.map(({ client }) => client)).toEqual(["one", "three", "four"]);
  expect(counted).toEqual([expect.objectContaining({ times: 5 }), ["svc", 5]]);
});
