/**
 * Where alerts may be sent. Loopback and private networks are the administrator's choice: receivers stand there. Link-local
 * addresses are refused, whatever name leads to them, because clouds give a machine's own credentials out there.
 */
import { type Address, networkContains, parseAddress, parseNetwork } from "./address.ts";

const URL_CHARS_MAX = 2_048;
/** Link-local (RFC 3927, RFC 4291), the same through NAT64 (RFC 6052), and where a cloud answers by IPv6. */
const REFUSED = ["169.254.0.0/16", "fe80::/10", "64:ff9b::a9fe:0/112", "fd00:ec2::254/128"].map(
  (block) => parseNetwork(block)!,
);

/** What is wrong with the address of a webhook, as far as the text alone tells; undefined where it will do. */
export function webhookUrlFault(text: unknown): string | undefined {
  if (typeof text !== "string" || text.length > URL_CHARS_MAX || !URL.canParse(text))
    return "Expected an address such as https://hooks.example.org/chatelaine";
  const url = new URL(text);
  if (url.protocol !== "https:" && url.protocol !== "http:") return "Expected an address by https or http";
  if (url.username !== "" || url.password !== "") return "The address must hold no user name and no password";
  if (url.hash !== "") return "The address must not have a part after #";
  const literal = parseAddress(url.hostname.replace(/^\[(.*)\]$/, "$1"));
  return literal && isRefusedTarget(literal) ? "Link-local addresses are not sent to" : undefined;
}

export function isRefusedTarget(address: Address): boolean {
  return REFUSED.some((network) => networkContains(network, address));
}

/** The address as it is shown, to whoever it is: its path is a secret at many receivers. */
export function shownWebhookUrl(url: string): string {
  const { origin, pathname, search } = new URL(url);
  return pathname === "/" && search === "" ? `${origin}/` : `${origin}/…`;
}
