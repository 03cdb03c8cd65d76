/**
 * Who may ask about keys of others. The address that the listener saw decides, never a header: loopback, unix sockets,
 * `--check-from`, and for `/auth` also `--trusted-proxy`. What the asker says of its client counts, because it was let
 * ask; of several addresses the right-most that is no trusted proxy's.
 */
import {
  formatAddress,
  isLoopback,
  type Network,
  networkContains,
  parseAddress,
} from "../../domain/address.ts";

export interface Asker {
  /** As the listener saw it; null: a unix socket. */
  readonly address: string | null;
  readonly mayAuth: boolean;
  /** This very machine, where no proxy stands before it. */
  readonly isNear: boolean;
  /** Loopback only where no proxy stands before it. */
  readonly mayVerify: "yes" | "unless_proxied" | "no";
}

export interface Askers {
  readonly trustedProxies: readonly Network[];
  readonly checkFrom: readonly Network[];
}

const KNOWN_MAX = 4_096;
const UNIX: Asker = { address: null, mayAuth: true, isNear: true, mayVerify: "unless_proxied" };

/** @returns judge of the address that a listener saw; null: a unix socket */
export function createAskers({ trustedProxies, checkFrom }: Askers): (address: string | null) => Asker {
  const known = new Map<string, Asker>();
  const judge = (text: string): Asker => {
    const address = parseAddress(text);
    if (!address) return { address: text, mayAuth: false, isNear: false, mayVerify: "no" };
    const isIn = (networks: readonly Network[]): boolean =>
      networks.some((network) => networkContains(network, address));
    const isNear = isLoopback(address);
    const isNamed = isIn(checkFrom);
    const mayVerify = isNamed ? "yes" : isNear ? "unless_proxied" : "no";
    return { address: text, mayAuth: isNear || isNamed || isIn(trustedProxies), isNear, mayVerify };
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

/** The client that a proxy names, in canonical text; null where it names none, or nothing that is an address. */
export function clientAddress(headers: Headers, trusted: readonly Network[]): string | null {
  const named = headers.get("x-forwarded-for");
  if (named === null) return null;
  if (!named.includes(",")) return canonical(named);
  let client: string | null = null;
  for (const hop of named.split(",").reverse()) {
    const address = parseAddress(bare(hop));
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
    const address = hop.length > HOP_CHARS_MAX ? undefined : parseAddress(bare(hop));
    text = address ? formatAddress(address) : null;
    if (hop.length > HOP_CHARS_MAX) return text;
    if (canonicals.size >= KNOWN_MAX) canonicals.clear();
    canonicals.set(hop, text);
  }
  return text;
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
