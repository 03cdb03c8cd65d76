/** The certificate that an operator provides: read, checked, and refused in one line where it cannot be served. */
import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { AppError } from "../domain/errors.ts";
import { tlsServerEndPoint } from "./binding.ts";
import { type ServingCertificate, toServing } from "./serving.ts";

/** @param now milliseconds since the epoch. Throws AppError `invalid`. */
export function readProvided(files: { certFile: string; keyFile: string }, now: number): ServingCertificate {
  const certPem = readText(files.certFile, "certificate");
  const keyPem = readText(files.keyFile, "key");
  const leaf = parseLeaf(certPem, files.certFile);
  const key = parseKey(keyPem, files.keyFile);
  refuseUnbindable(leaf, files.certFile);
  if (!leaf.checkPrivateKey(key)) {
    throw invalid(`The key ${files.keyFile} does not belong to the certificate ${files.certFile}`);
  }
  if (Date.parse(leaf.validTo) <= now) {
    throw invalid(`The certificate ${files.certFile} expired on ${isoDay(leaf.validTo)}`);
  }
  return toServing(certPem, keyPem, key);
}

function readText(file: string, what: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    const why = code === "ENOENT" ? "does not exist" : `cannot be read (${code})`;
    throw invalid(`The ${what} file ${file} ${why}`, error);
  }
}

function parseLeaf(pem: string, file: string): X509Certificate {
  if (!pem.includes("-----BEGIN CERTIFICATE-----")) throw invalid(`${file} holds no certificate in PEM form`);
  try {
    return new X509Certificate(pem);
  } catch (error) {
    throw invalid(`The certificate in ${file} is damaged`, error);
  }
}

function parseKey(pem: string, file: string): KeyObject {
  if (!/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(pem))
    throw invalid(`${file} holds no private key in PEM form`);
  if (/BEGIN ENCRYPTED|Proc-Type: 4,ENCRYPTED/.test(pem)) {
    throw invalid(`The key in ${file} is encrypted; Chatelaine reads keys without a passphrase`);
  }
  try {
    return createPrivateKey(pem);
  } catch (error) {
    throw invalid(`The private key in ${file} is damaged`, error);
  }
}

function refuseUnbindable(leaf: X509Certificate, file: string): void {
  try {
    tlsServerEndPoint(new Uint8Array(leaf.raw));
  } catch (error) {
    throw invalid(
      `The certificate ${file} is signed with Ed25519 or another algorithm without a channel binding, ` +
        "which official clients need to sign in: use an RSA or ECDSA certificate",
      error,
    );
  }
}

function isoDay(text: string): string {
  return new Date(text).toISOString().slice(0, 10);
}

function invalid(message: string, cause?: unknown): AppError {
  return new AppError("invalid", message, { cause });
}
