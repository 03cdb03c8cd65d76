/** Names as they stand in certificates: DNS names in lower case, addresses in their canonical text. */
import { formatAddress, parseAddress } from "../domain/address.ts";

const LABEL = /^(?!-)[a-z0-9-]{1,63}(?<!-)$/;
/** In every certificate: anyone who is at the machine itself reaches the server by these. */
const OWN_NAMES = ["localhost", "127.0.0.1", "::1"];

export function isAddress(name: string): boolean {
  return parseAddress(name) !== undefined;
}

/** Canonical, without doubles, sorted; `localhost` and the loopback addresses are always among them. */
export function readNames(texts: readonly string[]): string[] {
  const names = [...OWN_NAMES, ...texts].map(readName).filter((name) => name !== undefined);
  return [...new Set(names)].sort();
}

/** @returns undefined for what is neither an address nor a DNS name (a host may call itself anything). */
function readName(text: string): string | undefined {
  const address = parseAddress(text);
  if (address !== undefined) return formatAddress(address);
  const name = text.toLowerCase().replace(/\.$/, "");
  if (name.length > 253 || /^[\d.]+$/.test(name)) return undefined;
  return name.split(".").every((label) => LABEL.test(label)) ? name : undefined;
}

/** Whether a CA with these permitted names may vouch for all of `names` (RFC 5280, 4.2.1.10). */
export function permitsNames(permitted: readonly string[], names: readonly string[]): boolean {
  return names.every((name) =>
    permitted.some(
      (base) => name === base || (!isAddress(name) && !isAddress(base) && name.endsWith(`.${base}`)),
    ),
  );
}
