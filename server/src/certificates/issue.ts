/**
 * Makes the local CA and its leaves: ECDSA P-256 with SHA-256, by WebCrypto. Loaded only when one is due, because the
 * X.509 library is the slowest part of a start. It wants `reflect-metadata` to be there when it is loaded.
 */
import { DAY_MS } from "@chatelaine/contract/instant";
import { AsnConvert } from "@peculiar/asn1-schema";
import {
  GeneralName,
  GeneralSubtree,
  GeneralSubtrees,
  id_ce_nameConstraints,
  NameConstraints,
} from "@peculiar/asn1-x509";
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
import { formatAddress, parseAddress } from "../domain/address.ts";
import { isAddress } from "./names.ts";

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const CA_DAYS = 3652;
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
      new Extension(id_ce_nameConstraints, true, nameConstraints(names)),
      identifier,
    ],
  });
  return { certPem: pemOf(certificate), key: await exportKey(keys.privateKey) };
}

export interface LeafLife {
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly lifeMs: number;
}

export async function issueLeaf(
  authority: Issued,
  names: readonly string[],
  { now, lifeMs }: LeafLife,
): Promise<Issued> {
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
    notAfter: new Date(now + lifeMs),
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
function nameConstraints(names: readonly string[]): ArrayBuffer {
  const subtrees = names.map((name) => new GeneralSubtree({ base: new GeneralName(baseOf(name)) }));
  return AsnConvert.serialize(new NameConstraints({ permittedSubtrees: new GeneralSubtrees(subtrees) }));
}

/** Of an address this one alone. */
function baseOf(name: string): Partial<GeneralName> {
  const bits = parseAddress(name)?.bits;
  return bits === undefined ? { dNSName: name } : { iPAddress: `${name}/${bits}` };
}

/** @returns the permitted DNS names and single addresses of a CA's name constraints. */
export function readPermittedNames(caPem: string): string[] {
  const extension = new X509Certificate(caPem).getExtension(id_ce_nameConstraints);
  if (extension === null) return [];
  const { permittedSubtrees } = AsnConvert.parse(extension.value, NameConstraints);
  return [...(permittedSubtrees ?? [])].flatMap(({ base }) => {
    if (base.dNSName !== undefined) return [base.dNSName];
    const [text = "", bits] = base.iPAddress?.split("/") ?? [];
    const address = parseAddress(text);
    return address && bits === String(address.bits) ? [formatAddress(address)] : [];
  });
}
