import { describe, expect, test } from "bun:test";
import { parseNetwork } from "../domain/address.ts";
import { readPeer, type Wire } from "./peer.ts";

const TRUST = { networks: [parseNetwork("10.0.0.0/8")!, parseNetwork("127.0.0.1")!], unix: false };
const NONE = { networks: [], unix: false };
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
  return { address: origin.address, secure: origin.secure, loopback, tls, proxied };
}

describe("where a request comes from", () => {
  test("loopback, TLS and unix sockets are secure, nothing else is", () => {
    expect(seen(wire("::ffff:127.0.0.1"), {}, NONE)).toMatchObject({
      address: "127.0.0.1",
      secure: true,
      loopback: true,
    });
    expect(seen(wire("192.0.2.1", true), {}, NONE)).toMatchObject({ secure: true, tls: true });
    expect(seen(wire(null), {}, NONE)).toMatchObject({ address: null, secure: true });
    expect(seen(wire("192.0.2.1"), {}, NONE)).toMatchObject({ secure: false, loopback: false });
  });

  test.each(["forwarded", "via", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host"])(
    "a proxy on loopback that nobody named (%s) is not loopback",
    (name) => {
      expect(seen(wire("127.0.0.1"), { [name]: "https" }, NONE)).toMatchObject({
        secure: false,
        loopback: false,
      });
    },
  );

  test("what a stranger says of its client counts for nothing", () => {
    const headers = { "x-forwarded-for": "127.0.0.1", "x-forwarded-proto": "https" };
    expect(seen(wire("192.0.2.9"), headers)).toMatchObject({
      address: "192.0.2.9",
      secure: false,
      proxied: false,
    });
  });

  test("the chain is read from the right to the first that is no trusted proxy", () => {
    const headers = { "x-forwarded-for": "6.6.6.6, 198.51.100.7, 10.2.2.2", "x-forwarded-proto": "https" };
    expect(seen(wire("10.1.1.1"), headers)).toMatchObject({
      address: "198.51.100.7",
      secure: true,
      tls: true,
    });
  });

  test("a trusted proxy's word alone decides whether the client is secure", () => {
    const from = { "x-forwarded-for": "198.51.100.7" };
    expect(seen(wire("10.1.1.1", true), from)).toMatchObject({ secure: false });
    expect(seen(wire("10.1.1.1"), { ...from, "x-forwarded-proto": "http" })).toMatchObject({ secure: false });
    expect(seen(wire("10.1.1.1"), { ...from, "x-forwarded-proto": "https, http" })).toMatchObject({
      secure: false,
    });
    expect(seen(wire("127.0.0.1"), {})).toMatchObject({ secure: false, loopback: false });
    expect(seen(wire("10.1.1.1"), { "x-forwarded-for": "::1" })).toMatchObject({
      secure: true,
      loopback: true,
    });
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
