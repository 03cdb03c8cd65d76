/** The JSON-RPC API over one WebSocket, as a program opens it, and the sign-in that never sends a key. */
import { createHash, createHmac, pbkdf2Sync, randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { hostHeader, type Site } from "./raw-http.ts";

interface RpcAnswer {
  readonly result?: unknown;
  readonly error?: {
    readonly code: number;
    readonly data?: { readonly error: number; readonly reason: string };
  };
}

export interface Rpc extends Disposable {
  /** Throws where the connection ends, or no answer comes within a few seconds. */
  call(method: string, ...params: readonly unknown[]): Promise<RpcAnswer>;
}

const ANSWER_MS_MAX = 5_000;

/** Throws where it is not opened. */
export async function openRpc(site: Site): Promise<Rpc> {
  const tls = { rejectUnauthorized: !site.insecure, ...(site.ca && { ca: readFileSync(site.ca) }) };
  const url = `${site.tls ? "wss" : "ws"}://${hostHeader(site)}/api/current`;
  const socket = new WebSocket(url, { tls } as unknown as string[]);
  const ended = Promise.withResolvers<never>();
  ended.promise.catch(() => undefined);
  const fail = (): void => ended.reject(new Error("the WebSocket was closed"));
  socket.onclose = fail;
  socket.onerror = fail;
  const waiting = new Map<string, (answer: RpcAnswer) => void>();
  socket.onmessage = ({ data }) => {
    const { id, ...answer } = JSON.parse(String(data)) as RpcAnswer & { readonly id?: string };
    if (id !== undefined) waiting.get(id)?.(answer);
  };
  const within = async <Value>(work: Promise<Value>): Promise<Value> => {
    const late = setTimeout(() => {
      ended.reject(new Error(`no answer over the WebSocket within ${ANSWER_MS_MAX / 1000} s`));
      socket.close();
    }, ANSWER_MS_MAX);
    try {
      return await Promise.race([work, ended.promise]);
    } finally {
      clearTimeout(late);
    }
  };
  await within(
    new Promise<void>((resolve) => {
      socket.onopen = () => resolve();
    }),
  );
  let count = 0;
  return {
    call: (method, ...params) => {
      const id = String(++count);
      const answer = new Promise<RpcAnswer>((resolve) => waiting.set(id, resolve));
      socket.send(JSON.stringify({ jsonrpc: "2.0", id, method, params }));
      return within(answer);
    },
    [Symbol.dispose]: () => socket.close(),
  };
}

export interface ScramKey {
  readonly username: string;
  readonly text: string;
}

/**
 * SCRAM-SHA-512 (RFC 5802), with the nonces of the JSON-RPC API.
 * @param binding tls-server-end-point of the certificate that this client sees; absent: unbound
 */
export async function signInByScram(
  rpc: Rpc,
  { username, text }: ScramKey,
  binding?: Uint8Array,
): Promise<boolean> {
  const header = binding ? "p=tls-server-end-point,," : "n,,";
  const dash = text.indexOf("-");
  const bare = `n=${username}:${text.slice(0, dash)},r=${randomBytes(32).toString("base64")}`;
  const say = async (scram_type: string, rfc_str: string): Promise<string | undefined> => {
    const { result } = await rpc.call("auth.login_ex", { mechanism: "SCRAM", scram_type, rfc_str });
    const { response_type, rfc_str: said } = (result ?? {}) as { response_type?: string; rfc_str?: string };
    return response_type === "SCRAM_RESPONSE" ? said : undefined;
  };
  const first = await say("CLIENT_FIRST_MESSAGE", header + bare);
  const [, nonce, salt = "", rounds] = /^r=([^,]+),s=([^,]+),i=(\d+)$/.exec(first ?? "") ?? [];
  if (nonce === undefined) return false;
  const salted = pbkdf2Sync(text.slice(dash + 1), Buffer.from(salt, "base64"), Number(rounds), 64, "sha512");
  const clientKey = hmac(salted, "Client Key");
  const channel = Buffer.concat([Buffer.from(header), binding ?? new Uint8Array()]).toString("base64");
  const unproved = `c=${channel},r=${nonce}`;
  const signature = hmac(createHash("sha512").update(clientKey).digest(), `${bare},${first},${unproved}`);
  const proof = Buffer.from(clientKey.map((byte, at) => byte ^ signature[at]!)).toString("base64");
  return (await say("CLIENT_FINAL_MESSAGE", `${unproved},p=${proof}`)) !== undefined;
}

function hmac(key: Uint8Array, text: string): Buffer {
  return createHmac("sha512", key).update(text).digest();
}
