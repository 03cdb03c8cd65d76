/**
 * Network addresses and CIDR blocks, compared as numbers. IPv4-mapped IPv6 addresses are IPv4.
 */
export interface Address {
  readonly bits: 32 | 128;
  readonly value: bigint;
}

export interface Network extends Address {
  readonly prefix: number;
}

const V4 = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/;

/** @returns undefined for anything that is not exactly an IPv4 or IPv6 address (RFC 4291); zones are cut off. */
export function parseAddress(text: string): Address | undefined {
  if (text.length > 64) return undefined;
  const v4 = parseV4(text);
  if (v4 !== undefined) return { bits: 32, value: v4 };
  const zone = text.indexOf("%");
  const value = parseV6(zone < 0 ? text : text.slice(0, zone));
  if (value === undefined) return undefined;
  return value >> 32n === 0xffffn ? { bits: 32, value: value & 0xffffffffn } : { bits: 128, value };
}

/** @returns undefined unless the text is an address or `address/prefix`; host bits are cleared. */
export function parseNetwork(text: string): Network | undefined {
  const slash = text.indexOf("/");
  const address = parseAddress(slash < 0 ? text : text.slice(0, slash));
  if (!address) return undefined;
  if (slash < 0) return { ...address, prefix: address.bits };
  const digits = text.slice(slash + 1);
  if (!/^(0|[1-9]\d{0,2})$/.test(digits)) return undefined;
  const mapped = address.bits === 32 && text.includes(":");
  const prefix = mapped ? Number(digits) - 96 : Number(digits);
  if (prefix < 0 || prefix > address.bits) return undefined;
  return { bits: address.bits, prefix, value: masked(address, prefix) };
}

export function networkContains(network: Network, address: Address): boolean {
  return network.bits === address.bits && masked(address, network.prefix) === network.value;
}

/** Whether every address of the inner block is in the outer one. */
function networkCovers(outer: Network, inner: Network): boolean {
  return outer.prefix <= inner.prefix && networkContains(outer, inner);
}

export function isLoopback(address: Address): boolean {
  return address.bits === 32 ? address.value >> 24n === 127n : address.value === 1n;
}

/** @param host an address without brackets, or a name */
export function isLoopbackHost(host: string): boolean {
  const address = parseAddress(host);
  return address ? isLoopback(address) : host === "localhost";
}

/** The block that strangers are counted for: one IPv4 address, or one IPv6 /64. */
function guessNetwork(address: Address): string {
  return address.bits === 32
    ? formatAddress(address)
    : `${formatAddress({ bits: 128, value: masked(address, 64) })}/64`;
}

/** The same of a client's address as texts say it; `local` for a unix socket, where there is none. */
export function networkOf(text: string | null): string {
  const address = text === null ? undefined : parseAddress(text);
  return address ? guessNetwork(address) : "local";
}

/** Whether each of the inner networks is within one of the outer ones. null: every address. */
export function coversNetworks(outer: readonly string[] | null, inner: readonly string[] | null): boolean {
  if (outer === null) return true;
  const networks = outer.map(parseNetwork);
  return (inner ?? ["0.0.0.0/0", "::/0"]).every((text) => {
    const network = parseNetwork(text);
    return network !== undefined && networks.some((one) => one !== undefined && networkCovers(one, network));
  });
}

/** Canonical text: dotted quad, or RFC 5952 with the first longest run of zero groups as `::`. */
export function formatAddress(address: Address): string {
  if (address.bits === 32) {
    return [24n, 16n, 8n, 0n].map((shift) => (address.value >> shift) & 255n).join(".");
  }
  const groups = Array.from(
    { length: 8 },
    (_, index) => (address.value >> BigInt(112 - index * 16)) & 0xffffn,
  );
  let best = { start: 0, length: 1 };
  for (let start = 0; start < 8; start++) {
    let end = start;
    while (end < 8 && groups[end] === 0n) end++;
    if (end - start > best.length) best = { start, length: end - start };
  }
  const hex = groups.map((group) => group.toString(16));
  if (best.length < 2) return hex.join(":");
  return `${hex.slice(0, best.start).join(":")}::${hex.slice(best.start + best.length).join(":")}`;
}

function parseV4(text: string): bigint | undefined {
  const parts = V4.exec(text);
  if (!parts) return undefined;
  let value = 0n;
  for (const part of parts.slice(1)) {
    if (Number(part) > 255 || (part.length > 1 && part.startsWith("0"))) return undefined;
    value = (value << 8n) | BigInt(part);
  }
  return value;
}

function parseV6(text: string): bigint | undefined {
  let rest = text;
  let tail: bigint | undefined;
  const lastColon = rest.lastIndexOf(":");
  if (rest.includes(".")) {
    tail = parseV4(rest.slice(lastColon + 1));
    if (tail === undefined) return undefined;
    rest = `${rest.slice(0, lastColon + 1)}${(tail >> 16n).toString(16)}:${(tail & 0xffffn).toString(16)}`;
  }
  const halves = rest.split("::");
  if (halves.length > 2) return undefined;
  const groups = halves.map((half) => (half === "" ? [] : half.split(":")));
  const count = groups.reduce((sum, half) => sum + half.length, 0);
  if (halves.length === 1 ? count !== 8 : count > 7) return undefined;
  if (!groups.flat().every((group) => /^[0-9a-fA-F]{1,4}$/.test(group))) return undefined;
  const zeros = halves.length === 2 ? Array<string>(8 - count).fill("0") : [];
  return [...groups[0]!, ...zeros, ...(groups[1] ?? [])].reduce(
    (value, group) => (value << 16n) | BigInt(Number.parseInt(group, 16)),
    0n,
  );
}

function masked(address: Address, prefix: number): bigint {
  const drop = BigInt(address.bits - prefix);
  return (address.value >> drop) << drop;
}
