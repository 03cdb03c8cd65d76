import { expect, test } from "bun:test";
import { AnonymousRate, AnonymousSockets, isOriginAllowed } from "./jsonrpc-admission.ts";

test("so many calls of a method from an address pass in a window, which begins with the first", () => {
  let now = 0;
  const rate = new AnonymousRate(3, { now: () => 0, monotonic: () => now });
  const take = (method = "core.ping", address = "192.0.2.1") => rate.take(method, address);
  expect([take(), take(), take(), take()]).toEqual([true, true, true, false]);
  expect(take("auth.login_ex")).toBe(true);
  expect(take("core.ping", "192.0.2.2")).toBe(true);
  now = 59_999;
  expect(take()).toBe(false);
  now = 60_000;
  expect(take()).toBe(true);
});

test("addresses of one IPv6 network count as one", () => {
  const rate = new AnonymousRate(1, { now: () => 0, monotonic: () => 0 });
  expect(rate.take("core.ping", "2001:db8::1")).toBe(true);
  expect(rate.take("core.ping", "2001:db8::2")).toBe(false);
  expect(rate.take("core.ping", "2001:db8:0:1::1")).toBe(true);
});

test("there are at most 100 counters; when they are taken nobody new passes until one is old", () => {
  let now = 0;
  const rate = new AnonymousRate(5, { now: () => 0, monotonic: () => now });
  for (let at = 0; at < 100; at++) expect(rate.take("core.ping", `192.0.2.${at}`)).toBe(true);
  expect(rate.take("core.ping", "198.51.100.1")).toBe(false);
  expect(rate.take("core.ping", "192.0.2.7")).toBe(true);
  now = 60_000;
  expect(rate.take("core.ping", "198.51.100.1")).toBe(true);
});

test("a rate of 0 is no limit", () => {
  const rate = new AnonymousRate(0, { now: () => 0, monotonic: () => 0 });
  for (let at = 0; at < 1_000; at++) expect(rate.take("core.ping", "192.0.2.1")).toBe(true);
});

test("sockets without a session are bounded for an address and in all", () => {
  const sockets = new AnonymousSockets();
  for (let at = 0; at < 50; at++) expect(sockets.enter("192.0.2.1")).toBe(true);
  expect(sockets.enter("192.0.2.1")).toBe(false);
  sockets.put("192.0.2.1", -1);
  expect(sockets.enter("192.0.2.1")).toBe(true);
  for (let at = 50; at < 1_000; at++) expect(sockets.enter(`198.51.${at >> 5}.${at & 31}`)).toBe(true);
  expect(sockets.enter("203.0.113.1")).toBe(false);
  expect(sockets.enter(null)).toBe(false);
});

test("pages of our own origin and of allowed ones may connect, programs too", () => {
  const own = ["https://keys.example"];
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
