/**
 * Where a request comes from, as the client sees it. What a proxy says of its client counts only from proxies that are trusted,
 * and then it alone decides; a proxy that nobody named is never loopback.
 */
import {
  type Address,
  formatAddress,
  isLoopback,
  type Network,
  networkContains,
  parseAddress,
} from "../domain/address.ts";
import type { Door, Origin } from "../domain/caller.ts";
import { maskForeign } from "../domain/masking.ts";

export interface ProxyTrust {
  readonly networks: readonly Network[];
  readonly unix: boolean;
}

/** What the listener saw itself. */
export interface Wire {
  /** null on a unix socket. */
  readonly address: string | null;
  readonly port: number | null;
  /** TLS ended here. */
  readonly tls: boolean;
}

export interface Peer {
  readonly origin: Origin;
  /** Whether the client itself speaks TLS, here or to the trusted proxy. */
  readonly tls: boolean;
  /** A trusted proxy stands between. */
  readonly proxied: boolean;
  readonly loopback: boolean;
  readonly unix: boolean;
  /** tls-server-end-point of the certificate that this very connection was opened with; undefined where a proxy ends TLS. */
  readonly binding?: Uint8Array | undefined;
  /** Origins of pages that come from here. */
  readonly ownOrigins: readonly string[];
}

const PROXY_HEADERS = [
  "forwarded",
  "via",
  "x-forwarded-for",
  "x-forwarded-proto",
  "x-forwarded-host",
  "x-real-ip",
];
const CLIENT_CHARS_MAX = 200;

export function readPeer(headers: Headers, wire: Wire, trust: ProxyTrust, door: Door): Peer {
  const direct = wire.address === null ? undefined : parseAddress(wire.address);
  const isTrusted = direct ? isTrustedProxy(direct, trust) : trust.unix && hasProxyHeaders(headers);
  const seen = isTrusted ? throughProxy(headers, direct, trust) : withoutProxy(headers, direct, wire);
  const host = (isTrusted && single(headers.get("x-forwarded-host"))) || headers.get("host");
  const client = headers.get("user-agent");
  return {
    origin: {
      door,
      address: seen.address ? formatAddress(seen.address) : null,
      port: isTrusted ? null : wire.port,
      secure: seen.secure,
      client: client === null ? null : maskForeign(client).slice(0, CLIENT_CHARS_MAX),
      sessionId: null,
    },
    tls: seen.tls,
    proxied: isTrusted,
    loopback: seen.loopback,
    unix: direct === undefined && !isTrusted,
    ownOrigins: !host ? [] : [`${seen.tls ? "https" : "http"}://${host.toLowerCase()}`],
  };
}

interface Seen {
  readonly address: Address | undefined;
  readonly secure: boolean;
  readonly tls: boolean;
  readonly loopback: boolean;
}

function withoutProxy(headers: Headers, direct: Address | undefined, wire: Wire): Seen {
  if (!direct) return { address: undefined, secure: true, tls: false, loopback: false };
  const loopback = isLoopback(direct) && !hasProxyHeaders(headers);
  return { address: direct, secure: wire.tls || loopback, tls: wire.tls, loopback };
}

/** `X-Forwarded-For` from the right to the first that is no trusted proxy; `X-Forwarded-Proto` must say https throughout. */
function throughProxy(headers: Headers, direct: Address | undefined, trust: ProxyTrust): Seen {
  const protos = listed(headers.get("x-forwarded-proto"));
  const tls = protos.length > 0 && protos.every((proto) => proto.toLowerCase() === "https");
  const hops = listed(headers.get("x-forwarded-for"));
  let address = direct;
  let isClient = false;
  for (const hop of hops.reverse()) {
    const parsed = parseAddress(
      hop.replace(/^\[([^\]]+)\](?::\d+)?$/, "$1").replace(/^(\d+\.\d+\.\d+\.\d+):\d+$/, "$1"),
    );
    if (!parsed) return { address: undefined, secure: tls, tls, loopback: false };
    address = parsed;
    isClient = !isTrustedProxy(parsed, trust);
    if (isClient) break;
  }
  const loopback = isClient && address !== undefined && isLoopback(address);
  return { address, secure: tls || loopback, tls, loopback };
}

function isTrustedProxy(address: Address, trust: ProxyTrust): boolean {
  return trust.networks.some((network) => networkContains(network, address));
}

/** @param text of a connection's address; null: a unix socket */
export function isTrustedAddress(text: string | null, trust: ProxyTrust): boolean {
  if (text === null) return trust.unix;
  const address = parseAddress(text);
  return address !== undefined && isTrustedProxy(address, trust);
}

export function hasProxyHeaders(headers: Headers): boolean {
  return PROXY_HEADERS.some((name) => headers.has(name));
}

function listed(value: string | null): string[] {
  return (value ?? "")
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
}

function single(value: string | null): string | undefined {
  const parts = listed(value);
  return parts.length === 1 ? parts[0] : undefined;
}
