/** A SCRAM-SHA-512 client for tests, written from RFC 5802 and the dialect's own rule for nonces. */
import { createHash, createHmac, pbkdf2Sync, randomBytes } from "node:crypto";
import type { RpcClient } from "./rpc-client.ts";

export interface ScramKeyMaterial {
  readonly username: string;
  readonly keyId: number;
  /** The 64 characters after `id-`. */
  readonly body: string;
}

export interface ScramResponse {
  readonly response_type: string;
  readonly scram_type?: string;
  readonly rfc_str?: string;
  readonly user_info?: { account_attributes: string[] } | null;
}

export class ScramClient {
  readonly #material: ScramKeyMaterial;
  readonly #header: string;
  readonly #binding: Uint8Array;
  readonly #nonce: Uint8Array;
  #authMessage = "";
  #serverKey: Uint8Array = new Uint8Array();

  /** @param binding tls-server-end-point, or undefined to sign in unbound */
  constructor(material: ScramKeyMaterial, binding?: Uint8Array, nonce: Uint8Array = randomBytes(32)) {
    this.#material = material;
    this.#header = binding ? "p=tls-server-end-point,," : "n,,";
    this.#binding = binding ?? new Uint8Array();
    this.#nonce = nonce;
  }

  first(): string {
    return `${this.#header}${this.#bare()}`;
  }

  /** Throws where the server's message is none that the official clients take. */
  final(serverFirst: string): string {
    const parts = /^r=([A-Za-z0-9+/=]+),s=([A-Za-z0-9+/=]+),i=(\d+)$/.exec(serverFirst);
    if (!parts) throw new Error(`server-first: ${serverFirst}`);
    const [, nonce, salt, rounds] = parts as unknown as [string, string, string, string];
    this.#requireFit(Buffer.from(nonce, "base64"), Buffer.from(salt, "base64"), Number(rounds));
    const salted = pbkdf2Sync(this.#material.body, Buffer.from(salt, "base64"), Number(rounds), 64, "sha512");
    const clientKey = hmac(salted, "Client Key");
    this.#serverKey = hmac(salted, "Server Key");
    const channel = Buffer.concat([Buffer.from(this.#header), this.#binding]).toString("base64");
    const withoutProof = `c=${channel},r=${nonce}`;
    this.#authMessage = `${this.#bare()},${serverFirst},${withoutProof}`;
    const signature = hmac(createHash("sha512").update(clientKey).digest(), this.#authMessage);
    const proof = clientKey.map((byte, at) => byte ^ signature[at]!);
    return `${withoutProof},p=${Buffer.from(proof).toString("base64")}`;
  }

  /** Whether the server knows the key too. */
  accepts(serverFinal: string): boolean {
    return serverFinal === `v=${hmac(this.#serverKey, this.#authMessage).toString("base64")}`;
  }

  #requireFit(nonce: Buffer, salt: Buffer, rounds: number): void {
    const startsWithMine = nonce.subarray(0, 32).equals(Buffer.from(this.#nonce));
    if (nonce.length !== 64 || !startsWithMine) throw new Error("the combined nonce does not fit");
    if (salt.length !== 16) throw new Error("the salt has not 16 bytes");
    if (rounds < 50_000 || rounds > 5_000_000) throw new Error(`${rounds}: iteration count outside`);
  }

  #bare(): string {
    const { username, keyId } = this.#material;
    return `n=${username}:${keyId},r=${Buffer.from(this.#nonce).toString("base64")}`;
  }
}

/** Both steps. @returns the last response; throws where the server does not prove itself */
export async function scramSignIn(
  rpc: RpcClient,
  key: { readonly username: string; readonly text: string },
  binding?: Uint8Array,
): Promise<ScramResponse> {
  const dash = key.text.indexOf("-");
  const material = {
    username: key.username,
    keyId: Number(key.text.slice(0, dash)),
    body: key.text.slice(dash + 1),
  };
  const client = new ScramClient(material, binding);
  const login = (scram_type: string, rfc_str: string): Promise<ScramResponse> =>
    rpc.result("auth.login_ex", { mechanism: "SCRAM", scram_type, rfc_str });
  const first = await login("CLIENT_FIRST_MESSAGE", client.first());
  if (first.response_type !== "SCRAM_RESPONSE") return first;
  const final = await login("CLIENT_FINAL_MESSAGE", client.final(first.rfc_str!));
  if (final.response_type !== "SCRAM_RESPONSE") return final;
  if (!client.accepts(final.rfc_str!)) throw new Error("the server does not know the key");
  return final;
}

function hmac(key: Uint8Array, text: string): Buffer {
  return createHmac("sha512", key).update(text).digest();
}
