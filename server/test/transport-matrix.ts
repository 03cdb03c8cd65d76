/** Every way in which a client may come, at every door: what the transport matrix (`docs/transport-matrix.txt`) is held to. */
import { connect, createServer, type Server as TcpServer } from "node:net";
import { join } from "node:path";
import type { App } from "../src/app.ts";
import type { RawConfig } from "../src/config.ts";
import type { Server } from "../src/server.ts";
import { AWAY } from "./away.ts";
import { type Folder, makeInstallation, PASSWORD, SYSTEM } from "./installation.ts";
import { bearer } from "./rest-app.ts";
import { type RpcAnswer, RpcClient } from "./rpc-client.ts";
import { scramSignIn } from "./scram-client.ts";

export const DOORS = ["REST", "/auth", "PLAIN", "SCRAM", "password"] as const;
type Door = (typeof DOORS)[number];

/** What a request says of its way here, by the name of its column in the table. */
export const SAID: Readonly<Record<string, Record<string, string>>> = {
  "no header": {},
  "X-Forwarded-For alone": { "X-Forwarded-For": "192.0.2.7" },
  http: { "X-Forwarded-Proto": "http" },
  ws: { "X-Forwarded-Proto": "ws" },
  https: { "X-Forwarded-Proto": "https" },
  wss: { "X-Forwarded-Proto": "WSS" },
  "https, wss": { "X-Forwarded-Proto": "https, wss" },
  "https, http": { "X-Forwarded-Proto": "https, http" },
  "http, https": { "X-Forwarded-Proto": "http, https" },
  "Forwarded https": { Forwarded: 'for="192.0.2.7:4711";proto=https' },
  "Forwarded http": { Forwarded: "for=192.0.2.7;Proto=HTTP" },
  "Forwarded http, https": { Forwarded: "for=192.0.2.7;proto=http", "X-Forwarded-Proto": "https" },
};

/** What the server knows of the address that a connection comes from, and the option that says so. */
export const PEERS = ["trusted", "not trusted", "trusted =tls", "in --secure-from"] as const;
export type PeerKind = (typeof PEERS)[number];
const OPTIONS: Readonly<Record<PeerKind, (addresses: string[]) => RawConfig>> = {
  trusted: (addresses) => ({ trustedProxy: addresses }),
  "not trusted": () => ({}),
  "trusted =tls": (addresses) => ({ trustedProxy: addresses.map((address) => `${address}=tls`) }),
  "in --secure-from": (addresses) => ({ secureFrom: addresses }),
};

export interface MatrixPlace {
  readonly from: "this machine" | "another machine";
  readonly listener: "http" | "https" | "unix";
  readonly peer: PeerKind;
  readonly url: string;
  readonly app: App;
}

/** Servers with real listeners of each kind, whose settings revoke whatever is proved to be in clear. */
export async function openPlaces(): Promise<{
  readonly places: readonly MatrixPlace[];
  close(): Promise<void>;
}> {
  const places: MatrixPlace[] = [];
  const relays: TcpServer[] = [];
  const folders: Folder[] = [];
  const open = async (rawOf: (folder: string) => RawConfig): Promise<Server> => {
    const folder = await makeInstallation();
    folders.push(folder);
    const server = await folder.serve(rawOf(folder.path));
    const { users, settings } = server.app;
    await users.create(SYSTEM, { username: "ada", roles: ["FULL_ADMIN"], password: PASSWORD });
    await settings.change(SYSTEM, { insecureTransport: "revoke", insecureTransportDialect: "revoke" });
    return server;
  };
  for (const peer of PEERS) {
    const options = OPTIONS[peer](["127.0.0.1", AWAY]);
    const { urls, app } = await open(() => ({ http: "0.0.0.0:0", https: "0.0.0.0:0", ...options }));
    const [http, https] = urls.map((url) => new URL(url).port) as [string, string];
    const add = (from: MatrixPlace["from"], host: string): void => {
      places.push({ from, listener: "http", peer, url: `http://${host}:${http}`, app });
      places.push({ from, listener: "https", peer, url: `https://${host}:${https}`, app });
    };
    add("this machine", "127.0.0.1");
    add("another machine", AWAY);
    if (peer !== "trusted" && peer !== "not trusted") continue;
    const near = await open((folder) => ({
      http: `unix:${join(folder, "http.sock")}`,
      ...OPTIONS[peer](["unix"]),
    }));
    const path = near.urls[0]!.slice("unix:".length);
    const relay = createServer((client) => {
      const socket = connect(path);
      client.pipe(socket).pipe(client);
      for (const end of [client, socket]) end.on("error", () => end.destroy());
    });
    await new Promise<void>((resolve) => relay.listen(0, "127.0.0.1", resolve));
    relays.push(relay);
    const { port } = relay.address() as { port: number };
    const url = `http://127.0.0.1:${port}`;
    places.push({ from: "this machine", listener: "unix", peer, url, app: near.app });
  }
  return {
    places,
    close: async () => {
      for (const relay of relays) relay.close();
      for (const folder of folders) await folder[Symbol.asyncDispose]();
    },
  };
}

export type MatrixOutcome = "passes" | "refused" | "revoked" | "may not ask";

const INSECURE = { rejectUnauthorized: false };

const keys = new WeakMap<App, { readonly id: number; readonly text: string }>();

/** One that was not revoked yet. */
async function goodKey(app: App): Promise<{ readonly id: number; readonly text: string }> {
  const known = keys.get(app);
  if (known && (await app.keys.get(SYSTEM, known.id)).revokedAt === null) return known;
  const { key, secret } = await app.keys.create(SYSTEM, { name: crypto.randomUUID(), username: "ada" });
  const made = { id: key.id, text: secret.text };
  keys.set(app, made);
  return made;
}

/** What becomes of a good credential that comes like this. Throws for an answer that is none of the known ones. */
export async function tryDoor(
  door: Door,
  { url, app }: MatrixPlace,
  headers: Record<string, string>,
): Promise<MatrixOutcome> {
  const { id, text } = await goodKey(app);
  const answer = await WAYS[door]({ url, headers, text });
  const { revokedAt } = await app.keys.get(SYSTEM, id);
  if (answer === "passes" && revokedAt === null) return "passes";
  if (answer === "EXPIRED" && revokedAt !== null) return "revoked";
  if (answer === "refused") return revokedAt === null ? "refused" : "revoked";
  if (answer === "may not ask" && revokedAt === null) return answer;
  throw new Error(`${door}: ${answer}, revoked: ${revokedAt !== null}`);
}

interface Try {
  readonly url: string;
  readonly headers: Record<string, string>;
  readonly text: string;
}

const WAYS: Readonly<Record<Door, (tried: Try) => Promise<string>>> = {
  REST: async ({ url, headers, text }) => {
    const asked = await fetch(`${url}/api/v1/keys?limit=1`, {
      headers: { ...headers, ...bearer(text) },
      tls: INSECURE,
    });
    if (asked.status === 200) return "passes";
    const { code } = (await asked.json()) as { code: string };
    return asked.status === 403 && code === "insecure_transport" ? "refused" : `${asked.status} ${code}`;
  },
  "/auth": async ({ url, headers, text }) => {
    let asked = await fetch(`${url}/auth`, { headers: { ...headers, ...bearer(text) }, tls: INSECURE });
    // It answers within 150 ms, and where the disk is slow a revocation goes on after that.
    while (asked.status === 503)
      asked = await fetch(`${url}/auth`, { headers: { ...headers, ...bearer(text) }, tls: INSECURE });
    if (asked.status === 401) return "EXPIRED";
    if (asked.status !== 403) return asked.status === 200 ? "passes" : String(asked.status);
    return asked.headers.has("Decision-Id") ? "refused" : "may not ask";
  },
  PLAIN: async ({ url, headers, text }) => {
    const login = { mechanism: "API_KEY_PLAIN", username: "ada", api_key: text };
    return overSocket(url, headers, (rpc) => rpc.call("auth.login_ex", login));
  },
  SCRAM: async ({ url, headers, text }) => {
    const rpc = await RpcClient.connect(url, { headers });
    const { response_type } = await scramSignIn(rpc, { username: "ada", text });
    rpc.close();
    return response_type === "SCRAM_RESPONSE" ? "passes" : response_type;
  },
  password: async ({ url, headers }) => {
    const login = { mechanism: "PASSWORD_PLAIN", username: "ada", password: PASSWORD };
    return overSocket(url, headers, (rpc) => rpc.call("auth.login_ex", login));
  },
};

async function overSocket(
  url: string,
  headers: Record<string, string>,
  call: (rpc: RpcClient) => Promise<RpcAnswer>,
): Promise<string> {
  const rpc = await RpcClient.connect(url, { headers });
  const { error, result } = await call(rpc);
  rpc.close();
  if (error?.code === -32001 && error.data?.error === 95) return "refused";
  const type = (result as { response_type?: string } | undefined)?.response_type;
  return type === "SUCCESS" ? "passes" : (type ?? JSON.stringify(error));
}
