/**
 * Makes the local CA and its leaves: ECDSA P-256 with SHA-256, by WebCrypto. Loaded only when one is due, because the
 * X.509 library is the slowest part of a start.
 */
import "./reflect.ts";
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from "@peculiar/x509";
import { CA_DAYS, LEAF_DAYS } from "./lifetimes.ts";
import { addressBytes, isAddress } from "./names.ts";

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const DAY_MS = 86_400_000;
const NAME_CONSTRAINTS = "2.5.29.30";
/** Clocks differ: a certificate made now is valid for those who are behind. */
const LEAF_BACKDATE_MS = 3_600_000;
const CA_BACKDATE_MS = DAY_MS;

export interface Issued {
  readonly certPem: string;
  /** PKCS #8, DER. */
  readonly key: Uint8Array;
}

/**
 * A CA that may vouch for servers of these names, of names below them (RFC 5280 knows no narrower constraint on a DNS name), of
 * these addresses alone, and for no further CA.
 */
export async function issueAuthority(names: readonly string[], now: number): Promise<Issued> {
  const keys = await makeKeys();
  const identifier = await SubjectKeyIdentifierExtension.create(keys.publicKey);
  const certificate = await X509CertificateGenerator.createSelfSigned({
    // A name of its own, so that a trust store can tell a new CA from the one that it replaces.
    name: `CN=Chatelaine local CA ${identifier.keyId.slice(0, 8)}`,
    keys,
    signingAlgorithm: ALGORITHM,
    notBefore: new Date(now - CA_BACKDATE_MS),
    notAfter: new Date(now + CA_DAYS * DAY_MS),
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
      new Extension(NAME_CONSTRAINTS, true, nameConstraints(names)),
      identifier,
    ],
  });
  return { certPem: pemOf(certificate), key: await exportKey(keys.privateKey) };
}

export async function issueLeaf(authority: Issued, names: readonly string[], now: number): Promise<Issued> {
  const issuer = new X509Certificate(authority.certPem);
  const signingKey = await crypto.subtle.importKey("pkcs8", Buffer.from(authority.key), ALGORITHM, false, [
    "sign",
  ]);
  const keys = await makeKeys();
  const certificate = await X509CertificateGenerator.create({
    subject: "CN=Chatelaine",
    issuer: issuer.subjectName,
    publicKey: keys.publicKey,
    signingKey,
    signingAlgorithm: ALGORITHM,
    notBefore: new Date(now - LEAF_BACKDATE_MS),
    notAfter: new Date(now + LEAF_DAYS * DAY_MS),
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
      new SubjectAlternativeNameExtension(
        names.map((name) => ({ type: isAddress(name) ? ("ip" as const) : ("dns" as const), value: name })),
      ),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
      await AuthorityKeyIdentifierExtension.create(issuer.publicKey),
    ],
  });
  return { certPem: pemOf(certificate), key: await exportKey(keys.privateKey) };
}

function makeKeys(): Promise<CryptoKeyPair> {
  return crypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]) as Promise<CryptoKeyPair>;
}

async function exportKey(key: CryptoKey): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.exportKey("pkcs8", key));
}

function pemOf(certificate: X509Certificate): string {
  return `${certificate.toString("pem").trim()}\n`;
}

/**
 * NameConstraints of RFC 5280, 4.2.1.10: permittedSubtrees alone. Names hold at least one DNS name and one address, so
 * that neither kind is left open.
 */
function nameConstraints(names: readonly string[]): Uint8Array<ArrayBuffer> {
  const subtrees = names.map((name) => der(0x30, isAddress(name) ? addressBase(name) : dnsBase(name)));
  return der(0x30, der(0xa0, ...subtrees));
}

function dnsBase(name: string): Uint8Array {
  return der(0x82, new TextEncoder().encode(name));
}

/** The address, and a mask of ones: this address alone. */
function addressBase(name: string): Uint8Array {
  const bytes = addressBytes(name);
  return der(0x87, bytes, new Uint8Array(bytes.length).fill(0xff));
}

function der(tag: number, ...parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const content = Buffer.concat(parts);
  return new Uint8Array(Buffer.concat([Buffer.from([tag, ...derLength(content.length)]), content]));
}

function derLength(length: number): number[] {
  if (length < 0x80) return [length];
  if (length < 0x100) return [0x81, length];
  return [0x82, length >> 8, length & 0xff];
}
