/**
 * JSON-RPC 2.0 over WebSocket: which paths upgrade and for whom. What happens on a socket is in `jsonrpc-connection.ts`.
 *
 * Bun answers pings, pings idle clients itself, and closes with 1009 what is longer than its own maximum.
 */
import { randomUUID } from "node:crypto";
import type { Accounts } from "../accounts/accounts.ts";
import type { Clock } from "../domain/clock.ts";
import type { Log } from "../log.ts";
import { AnonymousRate, AnonymousSockets, isOriginAllowed } from "./jsonrpc-admission.ts";
import type { Api, Peer } from "./jsonrpc-api.ts";
import { HARD_CHARS_MAX, SocketConnection, type SocketData } from "./jsonrpc-connection.ts";

export type { Peer } from "./jsonrpc-api.ts";
export type { SocketData } from "./jsonrpc-connection.ts";

/** One answer may be long: a list of all keys. The outbox bounds what is behind it. */
const BUFFER_BYTES_MAX = 256 << 20;
const PING_AFTER_SECONDS = 120;

export interface JsonRpcDeps {
  readonly api: Api;
  readonly accounts: Pick<Accounts, "sessions">;
  readonly clock: Clock;
  readonly log: Log;
  /** Origins of web pages other than our own that may connect. */
  readonly allowOrigins: readonly string[];
  /** Calls a minute of one anonymous method from one address; 0: without limit. */
  readonly anonymousRate: number;
}

export interface JsonRpc {
  /** Whether this path is answered by `upgrade`: `/api/current` and whatever looks like a version. */
  isApiPath(path: string): boolean;
  /** @returns undefined when upgraded, else the refusal: 404 no such version, 403 foreign Origin, 426 no upgrade, 503 full. */
  upgrade(req: Request, server: Bun.Server<SocketData>, peer: Peer): Response | undefined;
  /** `/api/versions` and `/api/boot_id`; undefined for other paths. */
  describe(path: string): Response | undefined;
  readonly websocket: Bun.WebSocketHandler<SocketData>;
  /** Answers what is under way and closes every socket. */
  close(): Promise<void>;
}

export function createJsonRpc(deps: JsonRpcDeps): JsonRpc {
  const bootId = randomUUID();
  const open = new Set<SocketConnection>();
  const sockets = new AnonymousSockets();
  const rate = new AnonymousRate(deps.anonymousRate, deps.clock);
  let isClosed = false;
  const upgrade = (req: Request, server: Bun.Server<SocketData>, peer: Peer): Response | undefined => {
    const version = versionOf(new URL(req.url).pathname, deps.api.versions);
    if (version === undefined) return refuse(404, "There is no such version of the API");
    if (req.headers.get("upgrade")?.toLowerCase() !== "websocket") {
      return refuse(426, "This is a WebSocket", { Upgrade: "websocket", Connection: "Upgrade" });
    }
    if (!isOriginAllowed(req.headers.get("origin"), peer.ownOrigins, deps.allowOrigins)) {
      return refuse(403, "Pages of this origin may not connect (--allow-origin)");
    }
    const { address } = peer.origin;
    if (isClosed || !sockets.enter(address))
      return refuse(503, "Too many connections", { "Retry-After": "10" });
    const connection = new SocketConnection({ ...deps, sockets, rate }, version, peer);
    if (server.upgrade(req, { data: { connection } })) return undefined;
    sockets.put(address, -1);
    return refuse(400, "The upgrade is not a valid one");
  };
  return {
    isApiPath: (path) => /^\/api\/(current|v\d+[^/]*)$/.test(path),
    upgrade,
    describe: (path) => {
      if (path === "/api/versions") return Response.json(deps.api.versions);
      return path === "/api/boot_id" ? Response.json(bootId) : undefined;
    },
    websocket: handlers(open),
    close: async () => {
      isClosed = true;
      await Promise.all(
        [...open].map((connection) => connection.closeSoon(1001, "The server is shutting down")),
      );
    },
  };
}

function handlers(open: Set<SocketConnection>): Bun.WebSocketHandler<SocketData> {
  return {
    maxPayloadLength: HARD_CHARS_MAX + 65_536,
    backpressureLimit: BUFFER_BYTES_MAX,
    closeOnBackpressureLimit: true,
    idleTimeout: PING_AFTER_SECONDS,
    perMessageDeflate: false,
    open: (socket) => {
      open.add(socket.data.connection);
      socket.data.connection.opened(socket);
    },
    message: (socket, data) => socket.data.connection.receive(data),
    drain: (socket) => socket.data.connection.drained(),
    close: (socket) => {
      open.delete(socket.data.connection);
      socket.data.connection.closed();
    },
  };
}

function versionOf(path: string, versions: readonly string[]): string | undefined {
  const name = /^\/api\/([^/]+)$/.exec(path)?.[1];
  return name === "current" ? versions.at(-1) : versions.find((version) => version === name);
}

function refuse(status: number, words: string, headers: Record<string, string> = {}): Response {
  return new Response(`${words}\n`, { status, headers });
}
