/**
 * tls-server-end-point of RFC 5929, section 4.1: the certificate's digest by the hash of its own signature algorithm,
 * MD5 and SHA-1 replaced by SHA-256. Runtimes do not tell that algorithm, so it is read from the DER.
 */
import { createHash, X509Certificate } from "node:crypto";
import { DER, type DerValue, readDer, readOid, readSequence } from "./der.ts";

const RSASSA_PSS = "1.2.840.113549.1.1.10";
const HASH_OF_SIGNATURE: Readonly<Record<string, string>> = {
  "1.2.840.113549.1.1.4": "sha256", // md5WithRSAEncryption
  "1.2.840.113549.1.1.5": "sha256", // sha1WithRSAEncryption
  "1.2.840.113549.1.1.14": "sha224",
  "1.2.840.113549.1.1.11": "sha256",
  "1.2.840.113549.1.1.12": "sha384",
  "1.2.840.113549.1.1.13": "sha512",
  "1.2.840.10045.4.1": "sha256", // ecdsa-with-SHA1
  "1.2.840.10045.4.3.1": "sha224",
  "1.2.840.10045.4.3.2": "sha256",
  "1.2.840.10045.4.3.3": "sha384",
  "1.2.840.10045.4.3.4": "sha512",
};
const HASH_OF_OID: Readonly<Record<string, string>> = {
  "1.2.840.113549.2.5": "sha256", // MD5
  "1.3.14.3.2.26": "sha256", // SHA-1
  "2.16.840.1.101.3.4.2.4": "sha224",
  "2.16.840.1.101.3.4.2.1": "sha256",
  "2.16.840.1.101.3.4.2.2": "sha384",
  "2.16.840.1.101.3.4.2.3": "sha512",
};

/** Throws for signature algorithms without a single hash, EdDSA above all: the binding is undefined for them. */
export function tlsServerEndPoint(leafDer: Uint8Array): Uint8Array {
  return createHash(signatureHash(leafDer)).update(leafDer).digest();
}

/** @returns undefined where the certificate has none: one that was kept before that was asked. Sign-in without a binding goes on */
export function bindingOf(pem: string | null): (() => Uint8Array) | undefined {
  if (pem === null || bindingFault(pem) !== undefined) return undefined;
  return () => tlsServerEndPoint(new X509Certificate(pem).raw);
}

/** @returns why the certificate, in PEM, has no binding; undefined where it has one. */
export function bindingFault(pem: string): string | undefined {
  let raw: Uint8Array;
  try {
    ({ raw } = new X509Certificate(pem));
  } catch {
    return "Expected a whole certificate in PEM: this one cannot be read";
  }
  try {
    tlsServerEndPoint(raw);
    return undefined;
  } catch {
    return "This certificate is signed with Ed25519 or another algorithm without a channel binding: official clients cannot sign in by it. Use an RSA or ECDSA certificate";
  }
}

function signatureHash(leafDer: Uint8Array): string {
  const [, algorithm] = readSequence(leafDer);
  const [oidValue, parameters] = members(algorithm);
  const oid = readOid(oidValue);
  const hash = oid === RSASSA_PSS ? pssHash(parameters) : HASH_OF_SIGNATURE[oid];
  if (hash === undefined) throw new Error(`tls-server-end-point is undefined for signature algorithm ${oid}`);
  return hash;
}

/** RSASSA-PSS-params of RFC 4055: [0] is the hash, SHA-1 where it is absent. */
function pssHash(parameters: DerValue | undefined): string | undefined {
  const explicit = members(parameters).find((value) => value.tag === 0xa0);
  if (explicit === undefined) return "sha256";
  const [oid] = members(readDer(explicit.content)[0]);
  return HASH_OF_OID[readOid(oid)];
}

function members(value: DerValue | undefined): DerValue[] {
  if (value?.tag !== DER.sequence) throw new Error("DER: a SEQUENCE was expected");
  return readDer(value.content);
}
