/**
 * Where alerts may be sent. Loopback and private networks are the administrator's choice: receivers stand there. Other addresses
 * for special use are refused, whatever name leads to them: clouds give a machine's own credentials out at some, others
 * are IPv4 addresses in another dress, and at the rest there is no receiver.
 */
import { URL_CHARS_MAX } from "@chatelaine/contract/limits";
import { type Address, isLoopback, networkContains, parseAddress, parseNetwork } from "./address.ts";

/**
 * IANA's registries of special-purpose addresses, without loopback and private use (RFC 1918, RFC 4193), and what clouds have
 * put elsewhere. IPv6 addresses that carry an IPv4 address are refused whatever that is.
 */
const REFUSED = [
  "0.0.0.0/8",
  // Shared by carriers; a cloud's metadata is at 100.100.100.200.
  "100.64.0.0/10",
  "169.254.0.0/16",
  // IETF protocols; a cloud's metadata is at 192.0.0.192.
  "192.0.0.0/24",
  "192.0.2.0/24",
  "192.31.196.0/24",
  "192.52.193.0/24",
  "192.88.99.0/24",
  "192.175.48.0/24",
  "198.18.0.0/15",
  "198.51.100.0/24",
  "203.0.113.0/24",
  "224.0.0.0/4",
  "240.0.0.0/4",
  // A cloud's own services, at an address of the public kind.
  "168.63.129.16/32",
  // With an IPv4 address in it: compatible, translated, NAT64, Teredo (in 2001::/23), 6to4.
  "::/96",
  "::ffff:0:0:0/96",
  "64:ff9b::/96",
  "64:ff9b:1::/48",
  "2001::/23",
  "2002::/16",
  "100::/64",
  "100:0:0:1::/64",
  "2001:db8::/32",
  "2620:4f:8000::/48",
  "3fff::/20",
  "5f00::/16",
  "fe80::/10",
  "fec0::/10",
  "ff00::/8",
  // Metadata of clouds, in private networks.
  "fd00:ec2::254/128",
  "fd20:ce::254/128",
].map((block) => parseNetwork(block)!);

/** What is wrong with the address of a webhook, as far as the text alone tells; undefined where it will do. */
export function webhookUrlFault(text: unknown): string | undefined {
  if (typeof text !== "string" || text.length > URL_CHARS_MAX || !URL.canParse(text))
    return "Expected an address such as https://hooks.example.org/chatelaine";
  const url = new URL(text);
  if (url.protocol !== "https:" && url.protocol !== "http:") return "Expected an address by https or http";
  if (url.username !== "" || url.password !== "") return "The address must hold no user name and no password";
  if (url.hash !== "") return "The address must not have a part after #";
  const literal = parseAddress(url.hostname.replace(/^\[(.*)\]$/, "$1"));
  return literal && isRefusedTarget(literal) ? "Addresses for special use are not sent to" : undefined;
}

export function isRefusedTarget(address: Address): boolean {
  return !isLoopback(address) && REFUSED.some((network) => networkContains(network, address));
}

/** The address as it is shown, to anybody: its path is a secret at many receivers. */
export function shownWebhookUrl(url: string): string {
  const { origin, pathname, search } = new URL(url);
  return pathname === "/" && search === "" ? `${origin}/` : `${origin}/…`;
}
