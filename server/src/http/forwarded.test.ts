import { describe, expect, test } from "bun:test";
import { parseForwarded, readForwardedHosts, readHops, readProto } from "./forwarded.ts";

describe("Forwarded (RFC 7239)", () => {
  test.each([
    ['for="_gazonk"', [{ for: "_gazonk" }]],
    ['For="[2001:db8:cafe::17]:4711"', [{ for: "[2001:db8:cafe::17]:4711" }]],
    ["for=192.0.2.60;proto=http;by=203.0.113.43", [{ for: "192.0.2.60", proto: "http", by: "203.0.113.43" }]],
    ["for=192.0.2.43, for=198.51.100.17", [{ for: "192.0.2.43" }, { for: "198.51.100.17" }]],
    ["for=192.0.2.43:4711 ; PROTO=https", [{ for: "192.0.2.43:4711", proto: "https" }]],
    ['host="a\\"b,c;d";proto="https"', [{ host: 'a"b,c;d', proto: "https" }]],
    ["secret=x;proto=https", [{ proto: "https" }]],
    [" , ,proto=https,", [{ proto: "https" }]],
    ["", []],
  ])("%p is read", (text, elements) => {
    expect(parseForwarded(text)).toEqual(elements);
  });

  test.each([
    "https",
    "proto",
    "proto=",
    "proto=https http",
    'proto="https',
    "proto=https;proto=http",
    "proto=https;;Proto=https",
    "proto==https",
    "proto = https",
    'proto="ht\ntps"',
    `${"a=b;".repeat(2_000)}"`,
  ])("%p is not", (text) => {
    expect(parseForwarded(text)).toBeUndefined();
  });
});

test.each([
  [{}, undefined],
  [{ "x-forwarded-proto": "" }, undefined],
  [{ "x-forwarded-proto": "https" }, "secure"],
  [{ "x-forwarded-proto": "WSS , https" }, "secure"],
  [{ "x-forwarded-proto": "http" }, "clear"],
  [{ "x-forwarded-proto": "ws, wss" }, "clear"],
  [{ "x-forwarded-proto": "https, http" }, "unknown"],
  [{ "x-forwarded-proto": "ftp" }, "unknown"],
  [{ forwarded: "proto=https" }, "secure"],
  [{ forwarded: 'for=a;Proto="WSS", for=b;proto=https' }, "secure"],
  [{ forwarded: "proto=http, proto=https" }, "clear"],
  [{ forwarded: "for=a;proto=https, for=b" }, "unknown"],
  [{ forwarded: "for=a, for=b;proto=https" }, "unknown"],
  [{ forwarded: "for=192.0.2.7" }, undefined],
  [{ forwarded: "nonsense" }, "unknown"],
  [{ forwarded: "for=192.0.2.7", "x-forwarded-proto": "https" }, "secure"],
  [{ forwarded: "proto=https", "x-forwarded-proto": "https" }, "secure"],
  [{ forwarded: "proto=https", "x-forwarded-proto": "http" }, "unknown"],
  [{ forwarded: "proto=http", "x-forwarded-proto": "https" }, "unknown"],
  [{ forwarded: "nonsense", "x-forwarded-proto": "https" }, "unknown"],
] as const)("%p says %p", (headers, word) => {
  expect(readProto(new Headers(headers))).toBe(word);
});

test("Forwarded names client and host only where its proxy writes no other header", () => {
  const forwarded = "for=192.0.2.7;host=a.example, for=10.1.1.1;host=a.example";
  const alone = new Headers({ forwarded });
  expect([readHops(alone), readForwardedHosts(alone)]).toEqual([
    ["192.0.2.7", "10.1.1.1"],
    ["a.example", "a.example"],
  ]);
  for (const name of ["x-forwarded-for", "x-forwarded-proto"]) {
    const beside = new Headers({ forwarded, [name]: "https" });
    expect(readHops(beside)).toEqual(name.endsWith("for") ? ["https"] : []);
    expect(readForwardedHosts(beside)).toEqual([]);
  }
});
