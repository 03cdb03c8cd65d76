import { expect, test } from "bun:test";
import { AnonymousRate, isOriginAllowed, RATE_NETWORKS_MAX } from "./admission.ts";

function rateOf(limit: number) {
  let now = 0;
  const rate = new AnonymousRate(limit, { monotonic: () => now });
  return {
    take: (method = "core.ping", address: string | null = "192.0.2.1") =>
      rate.take(method, address) !== undefined,
    counter: () => rate.take("core.ping", "192.0.2.1"),
    at: (instant: number) => {
      now = instant;
    },
  };
}

test("so many calls of a method from an address pass in a window, which begins with the first", () => {
  const { take, at } = rateOf(3);
  expect([take(), take(), take(), take()]).toEqual([true, true, true, false]);
  expect(take("auth.login_ex")).toBe(true);
  expect(take("core.ping", "192.0.2.2")).toBe(true);
  expect(take("core.ping", null)).toBe(true);
  at(59_999);
  expect(take()).toBe(false);
  at(60_000);
  expect(take()).toBe(true);
});

test("addresses of one IPv6 network count as one", () => {
  const { take } = rateOf(1);
  expect(take("core.ping", "2001:db8::1")).toBe(true);
  expect(take("core.ping", "2001:db8::2")).toBe(false);
  expect(take("core.ping", "2001:db8:0:1::1")).toBe(true);
});

test("a table that is full forgets the one who was there longest ago, and refuses nobody for it", () => {
  const { take } = rateOf(1);
  expect(take("core.ping", "198.51.100.1")).toBe(true);
  expect(take("core.ping", "198.51.100.2")).toBe(true);
  const address = (at: number): string => `10.0.${at >> 8}.${at & 255}`;
  for (let at = 0; at < RATE_NETWORKS_MAX - 2; at++) expect(take("core.ping", address(at))).toBe(true);
  expect(take("core.ping", "198.51.100.2")).toBe(false);
  expect(take("core.ping", "203.0.113.1")).toBe(true);
  expect(take("core.ping", "198.51.100.2")).toBe(false);
  expect(take("core.ping", "198.51.100.1")).toBe(true);
});

test("what is given back may be taken again", () => {
  const { take, counter } = rateOf(2);
  const first = counter();
  expect([take(), take()]).toEqual([true, false]);
  first!.count--;
  expect([take(), take()]).toEqual([true, false]);
});

test("a rate of 0 is no limit", () => {
  const { take } = rateOf(0);
  for (let at = 0; at < 1_000; at++) expect(take()).toBe(true);
});

test("pages of our own origin and of allowed ones may connect, programs too", () => {
  const own = { ownOrigins: ["https://keys.example"], proxied: false };
  expect(isOriginAllowed(null, own, [])).toBe(true);
  expect(isOriginAllowed("https://keys.example", own, [])).toBe(true);
  expect(isOriginAllowed("http://keys.example", own, [])).toBe(true);
  expect(isOriginAllowed("https://other.example", own, ["https://other.example"])).toBe(true);
  for (const foreign of [
    "https://other.example",
    "http://keys.example:81",
    "ftp://keys.example",
    "null",
    "",
    "https://keys.example.evil",
  ]) {
    expect(isOriginAllowed(foreign, own, [])).toBe(false);
  }
});

test("behind a trusted proxy the port of a page counts only where the proxy passes one on", () => {
  const [dropped, kept] = [["https://keys.example"], ["https://keys.example:8443"]];
  for (const [ownOrigins, proxied, origin, passes] of [
    [dropped, true, "https://keys.example:8443", true],
    [dropped, true, "https://keys.example", true],
    [dropped, true, "https://other.example:8443", false],
    [dropped, true, "https://keys.example.evil:8443", false],
    [dropped, false, "https://keys.example:8443", false],
    [kept, true, "https://keys.example:8443", true],
    [kept, true, "https://keys.example:9443", false],
    [kept, true, "https://keys.example", false],
  ] as const)
    expect([origin, isOriginAllowed(origin, { ownOrigins, proxied }, [])]).toEqual([origin, passes]);
});
