import { describe, expect, test } from "bun:test";
import {
  formatAddress,
  isLoopback,
  networkContains,
  networkOf,
  parseAddress,
  parseNetwork,
} from "./address.ts";

const inside = (block: string, address: string): boolean =>
  networkContains(parseNetwork(block)!, parseAddress(address)!);

describe("addresses", () => {
  test.each([
    ["127.0.0.1", "127.0.0.1"],
    ["::ffff:127.0.0.1", "127.0.0.1"],
    ["::ffff:7f00:1", "127.0.0.1"],
    ["0:0:0:0:0:ffff:c000:0201", "192.0.2.1"],
    ["2001:DB8::1", "2001:db8::1"],
    ["2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
    ["::", "::"],
    ["::1", "::1"],
    ["fe80::1%eth0", "fe80::1"],
    ["64:ff9b::192.0.2.33", "64:ff9b::c000:221"],
    ["1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"],
  ])("%s is written %s", (text, canonical) => {
    expect(formatAddress(parseAddress(text)!)).toBe(canonical);
  });

  test.each([
    "",
    "1.2.3",
    "1.2.3.4.5",
    "256.1.1.1",
    "01.2.3.4",
    "1.2.3.4 ",
    "::1::",
    "1:2:3:4:5:6:7:8:9",
    "1:2:3:4:5:6:7",
    ":1:2:3:4:5:6:7:8",
    "12345::",
    "::g",
    "localhost",
    "::ffff:1.2.3.256",
    "1".repeat(100),
  ])("%p is none", (text) => {
    expect(parseAddress(text)).toBeUndefined();
  });

  test.each([
    "10.0.0.0/33",
    "10.0.0.0/-1",
    "10.0.0.0/08",
    "10.0.0.0/",
    "::/129",
    "/8",
    "::ffff:10.0.0.0/95",
    "x/8",
  ])("%p is no block", (text) => {
    expect(parseNetwork(text)).toBeUndefined();
  });

  test("are compared as numbers, mapped ones as IPv4", () => {
    expect(inside("10.0.0.0/8", "10.255.0.1")).toBe(true);
    expect(inside("10.0.0.0/8", "::ffff:10.1.2.3")).toBe(true);
    expect(inside("::ffff:10.0.0.0/104", "10.9.9.9")).toBe(true);
    expect(inside("10.0.0.0/8", "11.0.0.1")).toBe(false);
    expect(inside("1.0.0.0/8", "10.0.0.1")).toBe(false);
    expect(inside("10.1.2.3", "10.1.2.3")).toBe(true);
    expect(inside("10.1.2.3/32", "10.1.2.4")).toBe(false);
    expect(inside("10.1.2.3/8", "10.200.0.1")).toBe(true);
    expect(inside("0.0.0.0/0", "8.8.8.8")).toBe(true);
    expect(inside("0.0.0.0/0", "2001:db8::1")).toBe(false);
    expect(inside("::/0", "8.8.8.8")).toBe(false);
    expect(inside("2001:db8::/32", "2001:db8:ffff::1")).toBe(true);
    expect(inside("2001:db8::/32", "2001:db9::")).toBe(false);
  });

  test("of loopback are known in every spelling", () => {
    for (const text of ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"])
      expect(isLoopback(parseAddress(text)!)).toBe(true);
    for (const text of ["128.0.0.1", "::2", "0.0.0.0", "::"])
      expect(isLoopback(parseAddress(text)!)).toBe(false);
  });

  test("are counted by the network that one subscriber has", () => {
    expect(networkOf("192.0.2.7")).toBe("192.0.2.7");
    expect(networkOf("::ffff:192.0.2.7")).toBe("192.0.2.7");
    expect(networkOf("2001:db8:1:2:3:4:5:6")).toBe("2001:db8:1:2::/64");
    expect(networkOf(null)).toBe("local");
  });
});
