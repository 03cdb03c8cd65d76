/** Names as they stand in certificates: DNS names in lower case, addresses in their canonical text. */
import { formatAddress, parseAddress } from "../domain/address.ts";
import { DER, type DerValue, readDer, readOid, readSequence } from "./der.ts";

const LABEL = /^(?!-)[a-z0-9-]{1,63}(?<!-)$/;
const NAME_CONSTRAINTS = "2.5.29.30";
const EXTENSIONS_TAG = 0xa3;
const PERMITTED_TAG = 0xa0;
const DNS_TAG = 0x82;
const IP_TAG = 0x87;
/** In every certificate: whoever is at the machine itself reaches the server by these. */
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

/** @returns the permitted DNS names and single addresses of a CA's name constraints. */
export function readPermittedNames(caDer: Uint8Array): string[] {
  const constraints = readExtension(caDer, NAME_CONSTRAINTS);
  if (constraints === undefined) return [];
  const permitted = readSequence(constraints).find((value) => value.tag === PERMITTED_TAG);
  return readDer(permitted?.content ?? new Uint8Array()).flatMap((subtree) => {
    const [base] = readDer(subtree.content);
    const name = base && readBase(base);
    return name === undefined ? [] : [name];
  });
}

function readBase(base: DerValue): string | undefined {
  if (base.tag === DNS_TAG) return new TextDecoder().decode(base.content);
  if (base.tag !== IP_TAG) return undefined;
  const half = base.content.length / 2;
  const isSingle = base.content.subarray(half).every((byte) => byte === 0xff);
  return isSingle ? formatAddressBytes(base.content.subarray(0, half)) : undefined;
}

function formatAddressBytes(bytes: Uint8Array): string {
  const value = bytes.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
  return formatAddress({ bits: bytes.length === 4 ? 32 : 128, value });
}

export function addressBytes(text: string): Uint8Array {
  const address = parseAddress(text);
  if (address === undefined) throw new Error(`${text} is no address`);
  const count = address.bits / 8;
  return Uint8Array.from({ length: count }, (_, index) =>
    Number((address.value >> BigInt((count - 1 - index) * 8)) & 0xffn),
  );
}

/** @returns the content of an extension's OCTET STRING. */
function readExtension(certificateDer: Uint8Array, wanted: string): Uint8Array | undefined {
  const [tbs] = readSequence(certificateDer);
  const explicit = readDer(tbs?.content ?? new Uint8Array()).find((value) => value.tag === EXTENSIONS_TAG);
  if (explicit === undefined) return undefined;
  for (const extension of readSequence(explicit.content)) {
    const parts = readDer(extension.content);
    if (readOid(parts[0]) === wanted) return parts.find((part) => part.tag === DER.octets)?.content;
  }
  return undefined;
}
