import { expect, test } from "bun:test";
import { Tally } from "./tally.ts";

const NOON = Date.UTC(2030, 0, 1, 12);
const DAY = NOON / 86_400_000 - 0.5;
const HOUR_MS = 3_600_000;
const seen = (host: string | null, client = "one", address = "192.0.2.1") => ({ host, client, address });

test("checks are counted by day, hour and outcome, however they alternate", () => {
  const tally = new Tally(7);
  for (let turn = 0; turn < 3; turn++) {
    tally.count("ok", NOON);
    tally.count("expired", NOON);
  }
  tally.count("ok", NOON + HOUR_MS);
  tally.count("ok", NOON + 24 * HOUR_MS);
  const expected = [
    { day: DAY, what: "12a", times: 3 },
    { day: DAY, what: "12e", times: 3 },
    { day: DAY, what: "13a", times: 1 },
    { day: DAY + 1, what: "12a", times: 1 },
  ];
  expect(tally.counts).toEqual(expected);
  expect(tally.counts).toEqual(expected);
  expect(tally.last).toBeUndefined();
});

test("the last use is the last one's, and other clients stand beside it", () => {
  const tally = new Tally(7);
  tally.use(seen(null), NOON);
  tally.use(seen(null), NOON + 1);
  expect(tally.last).toEqual({ keyId: 7, at: NOON + 1, address: "192.0.2.1", client: "one", count: 2 });
  tally.use(seen(null, "two"), NOON + 2);
  tally.use(seen(null, "one"), NOON + 3);
  expect(tally.last).toMatchObject({ at: NOON + 3, client: "one", count: 4 });
  expect(tally.last?.earlier?.map(({ client }) => client)).toEqual(["one", "two"]);
});

test("hosts are counted by name up to eight, and the rest together", () => {
  const tally = new Tally(7);
  for (let turn = 0; turn < 2; turn++)
    for (let host = 0; host < 12; host++) tally.use(seen(`h${host}`), NOON);
  const hosts = tally.hosts;
  expect(hosts.size).toBe(9);
  expect(hosts.get("h0")).toBe(2);
  expect([...hosts.values()].reduce((sum, uses) => sum + uses, 0)).toBe(24);
  tally.use(seen(null), NOON);
  expect(tally.hosts).toEqual(hosts);
});
