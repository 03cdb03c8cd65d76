import { describe, expect, test } from "bun:test";
import { parseNetwork } from "../domain/address.ts";
import { clientAddress, clientTransport } from "./check/check-client.ts";
import { readPeer, type Wire } from "./peer.ts";

const TRUST = {
  networks: [parseNetwork("10.0.0.0/8")!, parseNetwork("127.0.0.1")!],
  unix: false,
  tls: [],
  secureFrom: [],
};
const NONE = { networks: [], unix: false, tls: [], secureFrom: [] };
const wire = (address: string | null, tls = false): Wire => ({
  address,
  port: address === null ? null : 4000,
  tls,
});

function seen(
  from: Wire,
  headers: Record<string, string> = {},
  trust: Parameters<typeof readPeer>[2] = TRUST,
) {
  const { origin, loopback, tls, proxied } = readPeer(new Headers(headers), from, trust, "rest");
  return { address: origin.address, transport: origin.transport, loopback, tls, proxied };
}

describe("where a request comes from", () => {
  test("loopback, TLS and unix sockets are secure, nothing else is", () => {
    expect(seen(wire("::ffff:127.0.0.1"), {}, NONE)).toMatchObject({
      address: "127.0.0.1",
      transport: "secure",
      loopback: true,
    });
    expect(seen(wire("192.0.2.1", true), {}, NONE)).toMatchObject({ transport: "secure", tls: true });
    expect(seen(wire(null), {}, NONE)).toMatchObject({ address: null, transport: "secure" });
    expect(seen(wire("192.0.2.1"), {}, NONE)).toMatchObject({ transport: "clear", loopback: false });
  });

  test.each([
    ...["Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Ssl"],
    ...[
      "X-Forwarded-Scheme",
      "X-Forwarded-Server",
      "X-Forwarded-Port",
      "X-Real-IP",
      "X-Client-IP",
      "X-Scheme",
    ],
    ...["Front-End-Https", "CF-Connecting-IP", "CF-Visitor", "True-Client-IP", "CloudFront-Forwarded-Proto"],
    ...["X-Envoy-External-Address"],
  ])("a proxy that nobody named (%s) is neither loopback nor in clear", (name) => {
    for (const from of ["127.0.0.1", "192.0.2.1", null])
      expect([from, seen(wire(from), { [name]: "https" }, NONE)]).toMatchObject([
        from,
        { transport: "unknown", loopback: false },
      ]);
    expect(seen(wire("192.0.2.1", true), { [name]: "http" }, NONE).transport).toBe("secure");
  });

  test.each([
    ["127.0.0.1", "secure"],
    ["::ffff:127.0.0.1", "secure"],
    ["127.0.0.1, 10.2.2.2", "secure"],
    ["::1", "secure"],
    ["10.8.0.5", "secure"],
    ["192.0.2.7, 10.8.0.5", "clear"],
    ["10.2.2.2", "clear"],
    ["198.51.100.7", "clear"],
    ["127.0.0.1, 198.51.100.7", "clear"],
    ["unknown", "clear"],
    ["", "clear"],
  ] as const)("a trusted proxy says http of %p: %s, at /auth too", (hops, transport) => {
    const trust = { ...TRUST, secureFrom: [parseNetwork("10.8.0.0/16")!] };
    const headers = { "x-forwarded-for": hops, "x-forwarded-proto": "http" };
    for (const from of ["127.0.0.1", "10.1.1.1"])
      expect([from, seen(wire(from), headers, trust).transport]).toEqual([from, transport]);
    const client = clientAddress(new Headers(headers), trust.networks);
    const by = { client: { isNear: false, isTrusted: true }, isTls: false, secureFrom: trust.secureFrom };
    expect(clientTransport(new Headers(headers), client, by)).toBe(transport);
  });

  test("what a stranger says of its client counts for nothing", () => {
    const headers = { "x-forwarded-for": "127.0.0.1", "x-forwarded-proto": "https" };
    expect(seen(wire("192.0.2.9"), headers)).toMatchObject({
      address: "192.0.2.9",
      transport: "unknown",
      proxied: false,
    });
  });

  test("the chain is read from the right to the first that is no trusted proxy", () => {
    const headers = { "x-forwarded-for": "6.6.6.6, 198.51.100.7, 10.2.2.2", "x-forwarded-proto": "https" };
    expect(seen(wire("10.1.1.1"), headers)).toMatchObject({
      address: "198.51.100.7",
      transport: "secure",
      tls: true,
    });
  });

  test("a trusted proxy's word decides, and without one the connection itself", () => {
    const from = { "x-forwarded-for": "198.51.100.7" };
    const transport = (direct: Wire, headers: Record<string, string>) => seen(direct, headers).transport;
    expect(transport(wire("10.1.1.1", true), from)).toBe("secure");
    expect(transport(wire("10.1.1.1", true), { ...from, "x-forwarded-proto": "http" })).toBe("clear");
    expect(transport(wire("10.1.1.1"), from)).toBe("unknown");
    expect(transport(wire("10.1.1.1"), { ...from, "x-forwarded-proto": "http" })).toBe("clear");
    expect(transport(wire("10.1.1.1"), { ...from, "x-forwarded-proto": "https, http" })).toBe("unknown");
    expect(seen(wire("127.0.0.1"), {})).toMatchObject({ transport: "unknown", loopback: false });
    expect(seen(wire("10.1.1.1"), { "x-forwarded-for": "::1" })).toMatchObject({
      transport: "secure",
      loopback: true,
    });
  });

  test("a program on the proxy's own machine that speaks TLS itself is no proxy", () => {
    expect(seen(wire("127.0.0.1", true), {})).toMatchObject({
      transport: "secure",
      tls: true,
      proxied: false,
    });
  });

  test("a program that ends TLS and says nothing makes its clients secure, and what they say counts for nothing", () => {
    const trust = { ...NONE, tls: [parseNetwork("127.0.0.1")!] };
    const lies = { "x-forwarded-proto": "http", "x-forwarded-for": "::1", forwarded: "for=::1" };
    for (const headers of [{}, lies] as Record<string, string>[])
      expect(seen(wire("127.0.0.1"), headers, trust)).toEqual({
        address: "127.0.0.1",
        transport: "secure",
        loopback: false,
        tls: true,
        proxied: true,
      });
  });

  test("a network that is private by itself is secure, and no proxy", () => {
    const trust = { ...TRUST, secureFrom: [parseNetwork("192.168.7.0/24")!] };
    expect(seen(wire("192.168.7.9"), {}, trust)).toMatchObject({
      transport: "secure",
      tls: false,
      loopback: false,
    });
    expect(seen(wire("192.168.8.9"), {}, trust).transport).toBe("clear");
    expect(seen(wire("192.168.7.9"), { via: "1.1 a" }, trust).transport).toBe("unknown");
    const proxied = { "x-forwarded-for": "192.168.7.9", "x-forwarded-proto": "http" };
    expect(seen(wire("10.1.1.1"), proxied, trust).transport).toBe("secure");
    expect(seen(wire("10.1.1.1"), proxied).transport).toBe("clear");
  });

  test("a proxy that writes Forwarded alone names its client and the host there", () => {
    const headers = {
      forwarded: 'for="[2001:db8::7]:4711";host="Keys.example:443";proto=https',
      host: "inner",
    };
    const { origin, ownOrigins } = readPeer(new Headers(headers), wire("10.1.1.1"), TRUST, "rest");
    expect([origin.address, ownOrigins()]).toEqual(["2001:db8::7", ["https://keys.example"]]);
    const both = { ...headers, "x-forwarded-for": "198.51.100.7" };
    expect(seen(wire("10.1.1.1"), both).address).toBe("198.51.100.7");
  });

  test.each([
    [{ host: "keys.example:443" }, ["https://keys.example"]],
    [{ host: "KEYS.example" }, ["https://keys.example"]],
    [{ host: "inner", "x-forwarded-host": "keys.example, Keys.Example" }, ["https://keys.example"]],
    [{ host: "inner", "x-forwarded-host": "keys.example:443, keys.example" }, ["https://keys.example"]],
    [{ host: "inner", "x-forwarded-host": "a.example, b.example" }, ["https://inner"]],
    [{}, []],
    [{ host: "keys.example:80" }, ["https://keys.example:80"]],
    [{ host: "no host" }, []],
  ])("pages of %p are the server's own as URLs have them", (headers: object, own) => {
    const given = new Headers({ ...headers, "x-forwarded-proto": "https" });
    expect(readPeer(given, wire("10.1.1.1"), TRUST, "rest").ownOrigins()).toEqual(own);
  });

  test("an address that is none makes the client unknown, never somebody else", () => {
    const headers = { "x-forwarded-for": "198.51.100.7, unknown", "x-forwarded-proto": "https" };
    expect(seen(wire("10.1.1.1"), headers)).toMatchObject({ address: null });
  });

  test("ports beside addresses are cut off", () => {
    expect(seen(wire("10.1.1.1"), { "x-forwarded-for": "198.51.100.7:1234" }).address).toBe("198.51.100.7");
    expect(seen(wire("10.1.1.1"), { "x-forwarded-for": "[2001:db8::7]:1234" }).address).toBe("2001:db8::7");
  });
});
