/**
 * Who may ask about keys of others. The address that the listener saw decides, never a header: loopback, unix sockets,
 * `--check-from`, and for `/auth` also `--trusted-proxy`. What the client says of its client counts, because it was let
 * ask; of several addresses the right-most that is no trusted proxy's.
 */
import {
  formatAddress,
  isLoopback,
  type Network,
  networkContains,
  parseAddress,
} from "../../domain/address.ts";
import type { Transport } from "../../domain/transport.ts";
import { readHops, readProto } from "../forwarded.ts";
import { isPrivate, type ProxyTrust, parseHop } from "../peer.ts";

export interface CheckClient {
  /** As the listener saw it; null: a unix socket. */
  readonly address: string | null;
  readonly mayAuth: boolean;
  /** Named by `--trusted-proxy`. */
  readonly isTrusted: boolean;
  /** This very machine, where no proxy stands before it. */
  readonly isNear: boolean;
  /** Loopback only where no proxy stands before it. */
  readonly mayVerify: "yes" | "unless_proxied" | "no";
}

export interface CheckClients {
  readonly trust: ProxyTrust;
  readonly checkFrom: readonly Network[];
}

interface AskedBy {
  readonly client: Pick<CheckClient, "isNear" | "isTrusted">;
  /** Of the client's own connection. */
  readonly isTls: boolean;
  readonly secureFrom: readonly Network[];
}

const KNOWN_MAX = 4_096;

/** @returns judge of the address that a listener saw; null: a unix socket */
export function createCheckClients({
  trust,
  checkFrom,
}: CheckClients): (address: string | null) => CheckClient {
  const known = new Map<string, CheckClient>();
  const unix: CheckClient = {
    address: null,
    mayAuth: true,
    isTrusted: trust.unix,
    isNear: true,
    mayVerify: "unless_proxied",
  };
  const judge = (text: string): CheckClient => {
    const address = parseAddress(text);
    if (!address) return { address: text, mayAuth: false, isTrusted: false, isNear: false, mayVerify: "no" };
    const isIn = (networks: readonly Network[]): boolean =>
      networks.some((network) => networkContains(network, address));
    // A client behind a program that says nothing may be anybody.
    const isNear = isLoopback(address) && !isIn(trust.tls);
    const isNamed = isIn(checkFrom);
    const isTrusted = isIn(trust.networks);
    const mayVerify = isNamed ? "yes" : isNear ? "unless_proxied" : "no";
    return { address: text, mayAuth: isNear || isNamed || isTrusted, isTrusted, isNear, mayVerify };
  };
  return (address) => {
    if (address === null) return unix;
    let checkClient = known.get(address);
    if (!checkClient) {
      checkClient = judge(address);
      if (known.size >= KNOWN_MAX) known.clear();
      known.set(address, checkClient);
    }
    return checkClient;
  };
}

/** The client that a proxy names, in canonical text; null where it names none, or nothing that is an address. */
export function clientAddress(headers: Headers, trusted: readonly Network[]): string | null {
  const named = headers.get("x-forwarded-for");
  if (named === null) return headers.has("forwarded") ? outermost(readHops(headers), trusted) : null;
  if (!named.includes(",")) return canonical(named);
  return outermost(named.split(","), trusted);
}

function outermost(hops: readonly string[], trusted: readonly Network[]): string | null {
  let client: string | null = null;
  for (const hop of hops.toReversed()) {
    const address = parseHop(hop.trim());
    if (!address) return null;
    client = formatAddress(address);
    if (!trusted.some((network) => networkContains(network, address))) break;
  }
  return client;
}

const HOP_CHARS_MAX = 64;
const canonicals = new Map<string, string | null>();

/** Most clients come again. */
function canonical(hop: string): string | null {
  let text = canonicals.get(hop);
  if (text === undefined) {
    const address = hop.length > HOP_CHARS_MAX ? undefined : parseHop(hop.trim());
    text = address ? formatAddress(address) : null;
    if (hop.length > HOP_CHARS_MAX) return text;
    if (canonicals.size >= KNOWN_MAX) canonicals.clear();
    canonicals.set(hop, text);
  }
  return text;
}

/**
 * How the client came that is asked for. Who says nothing is a program on this machine, one that speaks TLS itself, or a
 * service of `--check-from` that looks after its own clients; a trusted proxy elsewhere has to say it. In clear is proved by
 * a trusted proxy alone.
 */
export function clientTransport(
  headers: Headers,
  client: string | null,
  { client: checkClient, isTls, secureFrom }: AskedBy,
): Transport {
  const said = readProto(headers);
  const word = said ?? (isTls || checkClient.isNear || !checkClient.isTrusted ? "secure" : "unknown");
  if (word === "secure") return "secure";
  const address = client === null ? undefined : parseAddress(client);
  if (address && isPrivate(address, { secureFrom })) return "secure";
  return word === "clear" && checkClient.isTrusted ? "clear" : "unknown";
}
