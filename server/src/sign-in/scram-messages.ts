/**
 * SCRAM-SHA-512 of the dialect (`conformance/3.4-scram.txt`; RFC 5802 but for the combined nonce): messages and proof, without I/O.
 *
 * Parsing is strict: attributes in their order, nothing beside them, base64 that encodes back to the same text.
 */
import { KEY_ID_MAX } from "@chatelaine/contract/limits";
import { equalBytes, hmacSha512, sha512 } from "../crypto.ts";
import type { ScramVerifier } from "../domain/key.ts";
import { isUsername } from "../domain/user.ts";

export const NONCE_BYTES = 32;
const PROOF_BYTES = 64;
const MESSAGE_CHARS_MAX = 1024;
const CLIENT_FIRST =
  /^((?:n|y|p=tls-server-end-point),,)(n=([^,=:]{1,32}):([1-9]\d{0,9}),r=([A-Za-z0-9+/=]{44}))$/;
const CLIENT_FINAL = /^(c=([A-Za-z0-9+/=]+),r=([A-Za-z0-9+/=]{88})),p=([A-Za-z0-9+/=]{88})$/;

export interface ClientFirst {
  /** With its two commas. */
  readonly gs2Header: string;
  /** Whether the exchange is bound to the TLS certificate. */
  readonly isBound: boolean;
  /** Without the header. */
  readonly bare: string;
  readonly username: string;
  readonly keyId: number;
  readonly nonce: Uint8Array;
}

export interface ClientFinal {
  /** `c=`: header and binding. */
  readonly binding: Uint8Array;
  /** As sent. */
  readonly nonce: string;
  readonly proof: Uint8Array;
  readonly withoutProof: string;
}

/** What the server has sent and is to compare with. */
export interface ScramChallenge {
  readonly first: ClientFirst;
  readonly nonce: string;
  readonly serverFirst: string;
  /** tls-server-end-point (RFC 5929); undefined where the exchange is not bound. */
  readonly binding: Uint8Array | undefined;
}

export function parseClientFirst(message: string): ClientFirst | undefined {
  const parts = message.length <= MESSAGE_CHARS_MAX ? CLIENT_FIRST.exec(message) : null;
  if (!parts) return undefined;
  const [gs2Header, bare, username, id, nonceText] = parts.slice(1) as [
    string,
    string,
    string,
    string,
    string,
  ];
  const nonce = decode(nonceText, NONCE_BYTES);
  const keyId = Number(id);
  if (!nonce || !isUsername(username) || keyId > KEY_ID_MAX) return undefined;
  return { gs2Header, isBound: gs2Header.startsWith("p"), bare, username, keyId, nonce };
}

/** The combined nonce is the base64 of both nonces' bytes, not the one text after the other. */
export function challenge(
  first: ClientFirst,
  server: {
    readonly nonce: Uint8Array;
    readonly salt: Uint8Array;
    readonly iterations: number;
    readonly binding: Uint8Array | undefined;
  },
): ScramChallenge {
  const nonce = Buffer.concat([first.nonce, server.nonce]).toString("base64");
  const salt = Buffer.from(server.salt).toString("base64");
  const serverFirst = `r=${nonce},s=${salt},i=${server.iterations}`;
  return { first, nonce, serverFirst, binding: first.isBound ? server.binding : undefined };
}

export function parseClientFinal(message: string): ClientFinal | undefined {
  const parts = message.length <= MESSAGE_CHARS_MAX ? CLIENT_FINAL.exec(message) : null;
  if (!parts) return undefined;
  const [withoutProof, bindingText, nonce, proofText] = parts.slice(1) as [string, string, string, string];
  const binding = decode(bindingText);
  const proof = decode(proofText, PROOF_BYTES);
  return binding && proof ? { binding, nonce, proof, withoutProof } : undefined;
}

/**
 * Compares all, in constant time, whatever differs first.
 * @returns the server's last message, undefined where proof, nonce or binding is wrong
 */
export function checkProof(
  { first, nonce, serverFirst, binding }: ScramChallenge,
  final: ClientFinal,
  verifier: ScramVerifier,
): string | undefined {
  const authMessage = `${first.bare},${serverFirst},${final.withoutProof}`;
  const signature = hmacSha512(verifier.storedKey, authMessage);
  const clientKey = final.proof.map((byte, at) => byte ^ signature[at]!);
  const isProven = equalBytes(sha512(clientKey), verifier.storedKey);
  const isSameNonce = equalBytes(Buffer.from(final.nonce), Buffer.from(nonce));
  const expected = Buffer.concat([Buffer.from(first.gs2Header), binding ?? new Uint8Array()]);
  const isSameBinding = equalBytes(final.binding, expected);
  const serverSignature = Buffer.from(hmacSha512(verifier.serverKey, authMessage)).toString("base64");
  return isProven && isSameNonce && isSameBinding ? `v=${serverSignature}` : undefined;
}

function decode(text: string, length?: number): Uint8Array | undefined {
  const bytes = Buffer.from(text, "base64");
  if (bytes.toString("base64") !== text) return undefined;
  return length === undefined || bytes.length === length ? bytes : undefined;
}
