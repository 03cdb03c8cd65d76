import { describe, expect, test } from "bun:test";
import { parseNetwork } from "../../domain/address.ts";
import { clientAddress, clientTransport, createCheckClients } from "./check-client.ts";

const networks = (...blocks: string[]) => blocks.map((block) => parseNetwork(block)!);

const TRUST = { networks: [], unix: false, tls: [], secureFrom: [] };

describe("who asks", () => {
  test("may do what its address is named for, in whichever spelling, and nobody else anything", () => {
    const askerOf = createCheckClients({
      trust: { ...TRUST, networks: networks("10.0.0.0/8", "2001:db8::1/128") },
      checkFrom: networks("192.0.2.7/32", "fd00::/8"),
    });
    const rights = (address: string | null) => {
      const { mayAuth, mayVerify, isNear } = askerOf(address);
      return [mayAuth, mayVerify, isNear];
    };
    for (const near of [null, "127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1", "0:0:0:0:0:0:0:1"])
      expect([near, ...rights(near)]).toEqual([near, true, "unless_proxied", true]);
    for (const proxy of ["10.1.2.3", "::ffff:10.1.2.3", "2001:db8::1"])
      expect([proxy, ...rights(proxy)]).toEqual([proxy, true, "no", false]);
    for (const named of ["192.0.2.7", "::ffff:c000:207", "fd12::9"])
      expect([named, ...rights(named)]).toEqual([named, true, "yes", false]);
    for (const other of [
      "192.0.2.8",
      "11.0.0.1",
      "2001:db8::2",
      "fe80::1%eth0",
      "::",
      "0.0.0.0",
      "nonsense",
      "",
    ])
      expect([other, ...rights(other)]).toEqual([other, false, "no", false]);
  });

  test("a network of everything is of one family", () => {
    const askerOf = createCheckClients({
      trust: { ...TRUST, networks: networks("0.0.0.0/0") },
      checkFrom: networks("::/0"),
    });
    expect([askerOf("198.51.100.1").mayVerify, askerOf("2001:db8::1").mayVerify]).toEqual(["no", "yes"]);
    expect(askerOf("::ffff:198.51.100.1").mayVerify).toBe("no");
  });
});

test("through a program that ends TLS and says nothing nobody asks", () => {
  const askerOf = createCheckClients({
    trust: { ...TRUST, tls: networks("127.0.0.1", "10.0.0.1") },
    checkFrom: [],
  });
  for (const address of ["127.0.0.1", "10.0.0.1"])
    expect(askerOf(address)).toEqual({
      address,
      mayAuth: false,
      isTrusted: false,
      isNear: false,
      mayVerify: "no",
    });
  expect(askerOf("127.0.0.2").mayAuth).toBe(true);
});

describe("the client that a proxy names", () => {
  const trusted = networks("10.0.0.0/8");
  const named = (...values: string[]) => {
    const headers = new Headers();
    for (const value of values) headers.append("X-Forwarded-For", value);
    return clientAddress(headers, trusted);
  };

  test.each([
    ["192.0.2.7", "192.0.2.7"],
    [" 192.0.2.7 ", "192.0.2.7"],
    ["192.0.2.7:4711", "192.0.2.7"],
    ["::ffff:192.0.2.7", "192.0.2.7"],
    ["[::ffff:192.0.2.7]:1", "192.0.2.7"],
    ["[2001:DB8::1]:443", "2001:db8::1"],
    ["[2001:db8::1]", "2001:db8::1"],
    ["fe80::1%eth0", "fe80::1"],
    ["[fe80::1%25eth0]:80", "fe80::1"],
    ["10.1.1.1", "10.1.1.1"],
    ["198.51.100.1, 192.0.2.7", "192.0.2.7"],
    ["198.51.100.1, 192.0.2.7, 10.1.1.1, 10.2.2.2", "192.0.2.7"],
    ["10.1.1.1, 10.2.2.2", "10.1.1.1"],
    ["nonsense, 192.0.2.7", "192.0.2.7"],
  ])("%p is %s", (value, client) => {
    expect([named(value), named(value)]).toEqual([client, client]);
  });

  test.each([
    "",
    ",",
    "nonsense",
    "unknown",
    "_hidden",
    "192.0.2.7, nonsense",
    "192.0.2.7,",
    "192.0.2.007",
    "0x7f.0.0.1",
    "2130706433",
    "127.1",
    "192.0.2.7:port",
    "2001:db8::1:443:1:2:3:4:5",
    "[2001:db8::1]443",
    "192.0.2.7 198.51.100.1",
    "1".repeat(10_000),
  ])("%p is nobody", (value) => {
    expect([named(value), named(value)]).toEqual([null, null]);
  });

  test("is the last of several headers", () => {
    expect(named("192.0.2.7", "198.51.100.1")).toBe("198.51.100.1");
    expect(named("198.51.100.1", "10.0.0.1")).toBe("198.51.100.1");
  });
});

describe("how the proxy's client came", () => {
  const near = { isNear: true, isTrusted: false };
  const named = { isNear: false, isTrusted: true };
  const service = { isNear: false, isTrusted: false };
  const judge = (
    checkClient: typeof near,
    proto?: string,
    client: string | null = "192.0.2.7",
    isTls = false,
  ) => {
    const headers = new Headers(proto === undefined ? {} : { "X-Forwarded-Proto": proto });
    return clientTransport(headers, client, {
      client: checkClient,
      isTls,
      secureFrom: networks("10.7.0.0/16"),
    });
  };

  test.each(["https", "HTTPS", "wss", "https, https", "https,wss"])("%p is secure", (proto) => {
    expect([judge(near, proto), judge(named, proto)]).toEqual(["secure", "secure"]);
  });

  test.each(["http", "http,https", "ws"])("%p is in clear where the proxy is trusted to say so", (proto) => {
    expect([judge(near, proto), judge(named, proto), judge(named, proto, null)]).toEqual([
      "unknown",
      "clear",
      "clear",
    ]);
  });

  test.each(["https, http", "httpss", "https;"])("%p is not known", (proto) => {
    expect([judge(near, proto), judge(named, proto)]).toEqual(["unknown", "unknown"]);
  });

  test("without a word it is as safe as who asks: only a trusted proxy elsewhere has to say it", () => {
    for (const silent of [undefined, "", ","]) {
      expect([near, service, named].map((checkClient) => judge(checkClient, silent))).toEqual([
        "secure",
        "secure",
        "unknown",
      ]);
      expect(judge({ isNear: true, isTrusted: true }, silent)).toBe("secure");
      expect(judge(named, silent, null, true)).toBe("secure");
    }
  });

  test("a client on this machine, or in a network that is private by itself, is secure", () => {
    for (const client of ["127.0.0.1", "10.7.1.2"])
      for (const proto of ["http", "https, http", undefined])
        expect([client, proto, judge(named, proto, client)]).toEqual([client, proto, "secure"]);
  });
});
