/**
 * tls-server-end-point of RFC 5929, section 4.1: the certificate's digest by the hash of its own signature algorithm,
 * MD5 and SHA-1 replaced by SHA-256. The runtime names that algorithm; only the hash of RSASSA-PSS is read from the DER, by
 * hand, because the ASN.1 library takes a tenth of a second of every start.
 */
import { createHash, X509Certificate } from "node:crypto";

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
/** By the object identifier's content, in hexadecimal. */
const HASH_OF_PSS: Readonly<Record<string, string>> = {
  "2a864886f70d0205": "sha256", // MD5
  "2b0e03021a": "sha256", // SHA-1
  "608648016503040204": "sha224",
  "608648016503040201": "sha256",
  "608648016503040202": "sha384",
  "608648016503040203": "sha512",
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
  const { raw, signatureAlgorithmOid: oid } = new X509Certificate(leafDer);
  const hash = oid === RSASSA_PSS ? pssHash(raw) : HASH_OF_SIGNATURE[oid];
  if (hash === undefined) throw new Error(`tls-server-end-point is undefined for signature algorithm ${oid}`);
  return hash;
}

/** RSASSA-PSS-params of RFC 4055: [0] is the hash, SHA-1 where it is absent. */
function pssHash(leafDer: Uint8Array): string | undefined {
  const [, algorithm] = contents(only(leafDer));
  const parameters = contents(algorithm!.content)[1];
  const hash = contents(parameters?.content).find(({ tag }) => tag === 0xa0);
  if (hash === undefined) return "sha256";
  const [oid] = contents(only(hash.content));
  return HASH_OF_PSS[Buffer.from(oid!.content).toString("hex")];
}

interface DerValue {
  readonly tag: number;
  readonly content: Uint8Array;
}

/** The content of the one value that `bytes` are. */
function only(bytes: Uint8Array): Uint8Array {
  return contents(bytes)[0]!.content;
}

/** The values in a row of a certificate that the runtime has read: their lengths are right, and definite. */
function contents(bytes: Uint8Array = new Uint8Array()): DerValue[] {
  const values: DerValue[] = [];
  for (let at = 0; at < bytes.length; ) {
    const first = bytes[at + 1]!;
    const start = at + 2 + (first < 0x80 ? 0 : first & 0x7f);
    const length =
      first < 0x80 ? first : bytes.subarray(at + 2, start).reduce((sum, byte) => sum * 256 + byte, 0);
    values.push({ tag: bytes[at]!, content: bytes.subarray(start, start + length) });
    at = start + length;
  }
  return values;
}
