import { expect, test } from "bun:test";
import { parseExpiry, parseId, parseInstantOrDay } from "./arguments.ts";

const NOW = Date.UTC(2026, 0, 31, 10);

test("an expiry is a time from now, an instant, a day in UTC, or never", () => {
  const hour = 3_600_000;
  for (const [text, at] of [
    ["never", null],
    ["30m", NOW + hour / 2],
    ["12h", NOW + 12 * hour],
    ["90d", NOW + 90 * 24 * hour],
    ["2w", NOW + 14 * 24 * hour],
    ["1y", NOW + 365 * 24 * hour],
    ["2030-01-31", Date.UTC(2030, 0, 31)],
    ["2028-02-29", Date.UTC(2028, 1, 29)],
    ["2030-01-31T12:00:00Z", Date.UTC(2030, 0, 31, 12)],
    ["2030-01-31T12:00Z", Date.UTC(2030, 0, 31, 12)],
    ["2030-01-31T12:00:00.500Z", Date.UTC(2030, 0, 31, 12, 0, 0, 500)],
    ["2030-01-31T12:00:00+02:00", Date.UTC(2030, 0, 31, 10)],
    ["2030-01-31 14:00:00+02:00", Date.UTC(2030, 0, 31, 12)],
    ["2030-01-31t12:00:00.1234567z", Date.UTC(2030, 0, 31, 12, 0, 0, 123)],
    ["9999-12-31T23:59:59Z", Date.UTC(9999, 11, 31, 23, 59, 59)],
  ] as const) {
    expect(parseExpiry(text, NOW)).toBe(at);
  }
});

test("whatever could mean two things, or no day at all, is refused", () => {
  for (const text of [
    "",
    "90",
    "0d",
    "01d",
    "-1d",
    "1.5d",
    "90 d",
    "90D",
    "1M",
    "9000y",
    "999999999y",
    "Never",
    "tomorrow",
    "2030-1-31",
    "2030-02-29",
    "2030-02-31",
    "2030-13-01",
    "2030-01-31T12:00:00",
    "2030-01-31 12:00:00",
    "2030-01-31T24:00:00Z",
    "2030-01-31T12:60:00Z",
    "2030-01-31T12:00:00+0200",
    "2030-01-31T12:00:00+25:00",
    "+012030-01-31",
    "1893456000000",
  ]) {
    expect(() => parseExpiry(text, NOW)).toThrow("Expected a time from now");
  }
  expect(parseInstantOrDay("2030-02-31T00:00:00Z")).toBeUndefined();
});

test("an id is decimal, without sign, blank or leading zero, and within SCRAM's limit", () => {
  expect([parseId("1"), parseId("2147483647")]).toEqual([1, 2_147_483_647]);
  for (const text of [
    "0",
    "-1",
    "+1",
    "01",
    " 1",
    "1 ",
    "1.0",
    "1e3",
    "0x7",
    "2147483648",
    "99999999999",
    "٧",
    "",
  ]) {
    expect(() => parseId(text)).toThrow("An id is");
  }
});
