/**
 * Who may ask about keys of others. The address that the listener saw decides, never a header: loopback, unix sockets,
 * `--check-from`, and for `/auth` also `--trusted-proxy`. What the asker says of its client counts, because it was let
 * ask; of several addresses the right-most that is no trusted proxy's.
 */
import { isLoopback, type Network, networkContains, parseAddress } from "../../domain/address.ts";

export interface Asker {
  readonly mayAuth: boolean;
  /** Loopback only where no proxy stands before it. */
  readonly mayVerify: "yes" | "unless_proxied" | "no";
}

export interface Askers {
  readonly trustedProxies: readonly Network[];
  readonly checkFrom: readonly Network[];
}

const KNOWN_MAX = 4_096;
const UNIX: Asker = { mayAuth: true, mayVerify: "unless_proxied" };
const PROXY_HEADERS = ["forwarded", "via", "x-forwarded-for", "x-real-ip"];

/** @returns judge of the address that a listener saw; null: a unix socket */
export function createAskers({ trustedProxies, checkFrom }: Askers): (address: string | null) => Asker {
  const known = new Map<string, Asker>();
  const judge = (text: string): Asker => {
    const address = parseAddress(text);
    if (!address) return { mayAuth: false, mayVerify: "no" };
    const isIn = (networks: readonly Network[]): boolean =>
      networks.some((network) => networkContains(network, address));
    const isNear = isLoopback(address);
    const isNamed = isIn(checkFrom);
    const mayVerify = isNamed ? "yes" : isNear ? "unless_proxied" : "no";
    return { mayAuth: isNear || isNamed || isIn(trustedProxies), mayVerify };
  };
  return (address) => {
    if (address === null) return UNIX;
    let asker = known.get(address);
    if (!asker) {
      asker = judge(address);
      if (known.size >= KNOWN_MAX) known.clear();
      known.set(address, asker);
    }
    return asker;
  };
}

export function isProxied(headers: Headers): boolean {
  return PROXY_HEADERS.some((name) => headers.has(name));
}

/** The client that a proxy names; null where it names none, or nothing that is an address. */
export function clientAddress(headers: Headers, trusted: readonly Network[]): string | null {
  const named = headers.get("x-forwarded-for");
  if (named === null) return null;
  if (!named.includes(",")) return bare(named);
  let client: string | null = null;
  for (const hop of named.split(",").reverse()) {
    client = bare(hop);
    const address = parseAddress(client);
    if (!address) return null;
    if (!trusted.some((network) => networkContains(network, address))) break;
  }
  return client;
}

/** Whether the proxy says that its client came without TLS, from elsewhere. */
export function isInsecureClient(headers: Headers, client: string | null): boolean {
  const proto = headers.get("x-forwarded-proto");
  if (proto === null || proto === "https") return false;
  const all = proto.split(",").map((part) => part.trim().toLowerCase());
  if (all.every((part) => part === "https" || part === "wss")) return false;
  const address = client === null ? undefined : parseAddress(client);
  return !address || !isLoopback(address);
}

/** Without brackets and port. */
function bare(hop: string): string {
  const text = hop.trim();
  const parts = /^\[([^\]]+)\](?::\d+)?$|^(\d+\.\d+\.\d+\.\d+):\d+$/.exec(text);
  return parts?.[1] ?? parts?.[2] ?? text;
}
