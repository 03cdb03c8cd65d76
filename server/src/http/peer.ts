/**
 * Where a request comes from, and how safely, as the client sees it. What a proxy says of its client counts only from
 * proxies that are trusted, and then it alone decides; a proxy that nobody named is never loopback.
 *
 * A connection is in clear only where that is proved: this listener itself saw another machine come without TLS and without
 * a proxy's header, or a trusted proxy says so. What nobody can say is unknown: refused, and no reason to revoke anything.
 * The whole table is `docs/transport-matrix.txt`, held at every door by `server/test/transport-matrix.test.ts`.
 */
import { CLIENT_CHARS_MAX } from "@chatelaine/contract/limits";
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
import type { Transport } from "../domain/transport.ts";
import { hasProxyHeaders, readForwardedHosts, readHops, readProto } from "./forwarded.ts";
import { originOf } from "./origins.ts";

export interface ProxyTrust {
  readonly networks: readonly Network[];
  readonly unix: boolean;
  /** Programs that end TLS and say nothing: what their clients' headers say is the clients' own. */
  readonly tls: readonly Network[];
  /** Networks that nobody else can listen to. */
  readonly secureFrom: readonly Network[];
}

export function trustOf(config: {
  readonly trustedProxies: readonly Network[];
  readonly trustUnix: boolean;
  readonly tlsProxies: readonly Network[];
  readonly secureFrom: readonly Network[];
}): ProxyTrust {
  const { trustedProxies, trustUnix, tlsProxies, secureFrom } = config;
  return { networks: trustedProxies, unix: trustUnix, tls: tlsProxies, secureFrom };
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
  readonly ownOrigins: () => readonly string[];
}

export function readPeer(headers: Headers, wire: Wire, trust: ProxyTrust, door: Door): Peer {
  const direct = wire.address === null ? undefined : parseAddress(wire.address);
  const seen = readClient(headers, direct, wire, trust);
  const client = headers.get("user-agent");
  return {
    origin: {
      door,
      address: seen.address ? formatAddress(seen.address) : null,
      port: seen.proxied ? null : wire.port,
      transport: seen.transport,
      client: client === null ? null : maskForeign(client).slice(0, CLIENT_CHARS_MAX),
      sessionId: null,
    },
    tls: seen.tls,
    proxied: seen.proxied,
    loopback: seen.loopback,
    unix: direct === undefined && !seen.proxied && !hasProxyHeaders(headers),
    ownOrigins: () => ownOrigins(headers, seen),
  };
}

interface DirectClient {
  readonly address: Address | undefined;
  readonly transport: Transport;
  readonly tls: boolean;
  readonly loopback: boolean;
  readonly proxied: boolean;
}

function readClient(
  headers: Headers,
  direct: Address | undefined,
  wire: Wire,
  trust: ProxyTrust,
): DirectClient {
  const { tls } = wire;
  if (direct && isIn(direct, trust.tls))
    return { address: direct, transport: "secure", tls: true, loopback: false, proxied: true };
  const isTrusted = direct ? isIn(direct, trust.networks) : trust.unix;
  if (!isTrusted) return withoutProxy(headers, direct, wire, trust);
  // Nobody spoke for anybody: a program on the proxy's own machine.
  if (tls && !hasProxyHeaders(headers))
    return { address: direct, transport: "secure", tls, loopback: false, proxied: false };
  return throughProxy(headers, direct, wire, trust);
}

function withoutProxy(
  headers: Headers,
  direct: Address | undefined,
  { tls }: Wire,
  trust: ProxyTrust,
): DirectClient {
  const isForwarded = hasProxyHeaders(headers);
  const isNear = direct === undefined || isPrivate(direct, trust);
  const plain = isForwarded ? "unknown" : isNear ? "secure" : "clear";
  const loopback = direct !== undefined && isLoopback(direct) && !isForwarded;
  return { address: direct, transport: tls ? "secure" : plain, tls, loopback, proxied: false };
}

/** The client is the first hop from the right that is no trusted proxy; without a word the connection itself counts. */
function throughProxy(
  headers: Headers,
  direct: Address | undefined,
  wire: Wire,
  trust: ProxyTrust,
): DirectClient {
  const said = readProto(headers) ?? (wire.tls ? "secure" : "unknown");
  const tls = said === "secure";
  let address = direct;
  let isClient = false;
  const hops = readHops(headers).reverse();
  for (const hop of hops) {
    const parsed = parseHop(hop);
    if (!parsed) return { address: undefined, transport: said, tls, loopback: false, proxied: true };
    address = parsed;
    isClient = !isTrustedProxy(parsed, trust);
    if (isClient) break;
  }
  // Where every hop is a trusted proxy, the outermost is a program on that proxy's own machine.
  const isPrivateClient = hops.length > 0 && address !== undefined && isPrivate(address, trust);
  const loopback = isClient && address !== undefined && isLoopback(address);
  return { address, transport: isPrivateClient ? "secure" : said, tls, loopback, proxied: true };
}

/** @param hop with or without brackets and port */
export function parseHop(hop: string): Address | undefined {
  const parts = /^\[([^\]]+)\](?::\d+)?$|^(\d+\.\d+\.\d+\.\d+):\d+$/.exec(hop);
  return parseAddress(parts?.[1] ?? parts?.[2] ?? hop);
}

/** Whether nobody but the two ends can listen. */
export function isPrivate(address: Address, { secureFrom }: Pick<ProxyTrust, "secureFrom">): boolean {
  return isLoopback(address) || isIn(address, secureFrom);
}

function isIn(address: Address, networks: readonly Network[]): boolean {
  return networks.some((network) => networkContains(network, address));
}

function isTrustedProxy(address: Address, { networks, tls }: ProxyTrust): boolean {
  return isIn(address, networks) || isIn(address, tls);
}

/** Whether a proxy that is trusted stands there, and says under which name it was asked or cannot say it. */
export function isTrustedConnection(headers: Headers, address: string | null, trust: ProxyTrust): boolean {
  if (address === null) return trust.unix && hasProxyHeaders(headers);
  const direct = parseAddress(address);
  if (!direct) return false;
  return isIn(direct, trust.tls) || (hasProxyHeaders(headers) && isIn(direct, trust.networks));
}

/**
 * What proxies say that they were asked for counts where all of them say the same. Of a client whose connection is not known,
 * pages by either scheme: they are told what is missing.
 */
function ownOrigins(headers: Headers, { proxied, tls, transport }: DirectClient): string[] {
  const named = proxied ? readForwardedHosts(headers) : [];
  const host = headers.get("host") ?? "";
  const schemes = transport === "unknown" ? ["http", "https"] : [tls ? "https" : "http"];
  return schemes.flatMap((scheme) => {
    const [own, ...others] = new Set(named.map((host) => originOf(`${scheme}://${host}`)));
    const isAgreed = named.length > 0 && others.length === 0;
    return (isAgreed ? own : originOf(`${scheme}://${host}`)) ?? [];
  });
}
