import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { CLIENTS_MAX } from "../domain/recent-clients.ts";
import { UseTable } from "./use-table.ts";
import { type ClientInfo, type CountedOutcome, OUTCOMES, Tally } from "./use-tally.ts";

const NOON = Date.UTC(2030, 0, 1, 12);
const DAY = NOON / 86_400_000 - 0.5;
const HOUR_MS = 3_600_000;
const seen = (host: string | null, client = "one", address = "192.0.2.1") => ({ host, client, address });
const plain = ({ keyId, counts, last, hosts }: Pick<Tally, "keyId" | "counts" | "last" | "hosts">) => ({
  keyId,
  counts: [...counts].sort((a, b) => a.day - b.day || a.what.localeCompare(b.what)),
  last: last && { ...last, earlier: last.earlier ?? [] },
  hosts: [...hosts].sort(),
});

describe("a tally", () => {
  test("counts by day, hour and outcome, however they alternate", () => {
    const tally = new Tally(7);
    for (let turn = 0; turn < 3; turn++) {
      tally.note("ok", seen(null), NOON);
      tally.note("expired", null, NOON);
    }
    tally.note("ok", seen(null), NOON + HOUR_MS);
    tally.note("ok", seen(null), NOON + 24 * HOUR_MS);
    expect(tally.counts).toEqual([
      { day: DAY, what: "12a", times: 3 },
      { day: DAY, what: "12e", times: 3 },
      { day: DAY, what: "13a", times: 1 },
      { day: DAY + 1, what: "12a", times: 1 },
    ]);
  });

  test("knows the last use, and other clients beside it; a refusal is no use", () => {
    const tally = new Tally(7);
    tally.note("expired", null, NOON);
    tally.note("ok", null, NOON);
    expect([tally.last, tally.hosts.size]).toEqual([undefined, 0]);
    tally.note("ok", seen(null), NOON + 1);
    expect(tally.last).toEqual({ keyId: 7, at: NOON + 1, address: "192.0.2.1", client: "one", count: 1 });
    tally.note("ok", seen(null, "two"), NOON + 2);
    tally.note("ok", seen(null, "one"), NOON + 3);
    expect(tally.last).toMatchObject({ at: NOON + 3, client: "one", count: 3 });
    expect(tally.last?.earlier?.map(({ client }) => client)).toEqual(["one", "two"]);
  });

  test("keeps the latest of more clients than are told", () => {
    const tally = new Tally(7);
    tally.note("ok", { ...seen(null), client: null }, NOON);
    for (let client = 0; client < CLIENTS_MAX + 5; client++) tally.note("ok", seen(null, `c${client}`), NOON);
    tally.note("ok", seen(null, "c7"), NOON + 1);
    tally.note("ok", seen(null, "last"), NOON + 2);
    const earlier = tally.last?.earlier?.map(({ client }) => client) ?? [];
    expect(earlier).toHaveLength(CLIENTS_MAX);
    expect(earlier.slice(-2)).toEqual([`c${CLIENTS_MAX + 4}`, "c7"]);
    expect(earlier).not.toContain("c0");
  });

  test("takes a client that names itself null for no nameless one", () => {
    const tally = new Tally(7);
    for (const client of ["null", null, "one"]) tally.note("ok", { ...seen(null), client }, NOON);
    expect(tally.last?.earlier?.map(({ client }) => client)).toEqual(["null", null]);
  });

  test("counts hosts by name up to eight, and the rest together", () => {
    const tally = new Tally(7);
    for (let turn = 0; turn < 2; turn++)
      for (let host = 0; host < 12; host++) tally.note("ok", seen(`h${host}`), NOON);
    expect(tally.hosts.size).toBe(9);
    expect([tally.hosts.get("h0"), tally.hosts.get("")]).toEqual([2, 8]);
  });
});

describe("the table of uses", () => {
  test("tells of each key what a tally of its own would, whatever comes in which order", () => {
    const step = fc.record({
      keyId: fc.constantFrom(3, 900, 2_147_483_647),
      outcome: fc.constantFrom<CountedOutcome>(...OUTCOMES.slice(0, 3)),
      host: fc.constantFrom(null, "a.example", "b.example"),
      client: fc.constantFrom("one", "two"),
      isUse: fc.boolean(),
      after: fc.constantFrom(0, 0, 1, HOUR_MS),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const table = new UseTable(10);
        const tallies = new Map<number, Tally>();
        let now = NOON;
        for (const { keyId, outcome, host, client, isUse, after } of steps) {
          now += after;
          const one: ClientInfo | null = isUse && outcome === "ok" ? seen(host, client) : null;
          expect(table.note(keyId, outcome, one, now)).toBe(true);
          const tally = tallies.get(keyId) ?? new Tally(keyId);
          tallies.set(keyId, tally);
          tally.note(outcome, one, now);
        }
        const told = [...table.slices(2)].flat();
        const expected = [...tallies.values()].sort((a, b) => a.keyId - b.keyId);
        expect(told.map(plain)).toEqual(expected.map(plain));
      }),
    );
  });

  test("gives them by the order of keys, in slices, and refuses what is beyond its room", () => {
    const table = new UseTable(3_000);
    for (let key = 3_000; key > 0; key--) expect(table.note(key, "ok", seen(null), NOON)).toBe(true);
    expect(table.note(3_001, "ok", seen(null), NOON)).toBe(false);
    expect(table.note(17, "ok", seen(null), NOON)).toBe(true);
    const slices = [...table.slices(1_000)];
    expect(slices.map(({ length }) => length)).toEqual([1_000, 1_000, 1_000]);
    expect(slices.flat().map(({ keyId }) => keyId)).toEqual(Array.from({ length: 3_000 }, (_, at) => at + 1));
    expect(slices.flat()[16]?.counts).toEqual([{ day: DAY, what: "12a", times: 2 }]);
  });
});
