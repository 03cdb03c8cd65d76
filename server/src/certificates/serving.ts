/** From PEM texts to what is served. */
import { type KeyObject, X509Certificate } from "node:crypto";
import { formatAddress, parseAddress } from "../domain/address.ts";

export interface ServingCertificate {
  /** The leaf first, then the chain that the operator provides. */
  readonly certPem: string;
  readonly keyPem: string;
  readonly leafDer: Uint8Array;
  /** SHA-256, `AA:BB:...` */
  readonly fingerprint: string;
  /** Milliseconds since the epoch. */
  readonly notAfter: number;
  readonly names: readonly string[];
}

/** Throws where the key is not the leaf's. `certPem` starts with the leaf. */
export function toServing(certPem: string, keyPem: string, key: KeyObject): ServingCertificate {
  const leaf = new X509Certificate(certPem);
  if (!leaf.checkPrivateKey(key)) throw new Error("The key is not the certificate's");
  return {
    certPem,
    keyPem,
    leafDer: new Uint8Array(leaf.raw),
    fingerprint: leaf.fingerprint256,
    notAfter: Date.parse(leaf.validTo),
    names: namesOf(leaf),
  };
}

/** Node writes `DNS:a, IP Address:0:0:0:0:0:0:0:1`; addresses become canonical. */
function namesOf(certificate: X509Certificate): string[] {
  const parts = (certificate.subjectAltName ?? "").split(", ");
  return parts.flatMap((part) => {
    const name = part.match(/^(?:DNS|IP Address):(.+)$/)?.[1];
    if (name === undefined) return [];
    const address = parseAddress(name);
    return [address === undefined ? name : formatAddress(address)];
  });
}
