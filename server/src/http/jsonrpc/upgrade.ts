/**
 * JSON-RPC 2.0 over WebSocket: which paths upgrade and for whom. What happens on a socket is in `connection.ts`.
 *
 * Bun answers pings, pings idle clients itself, and closes with 1009 what is longer than its own maximum.
 */
import { randomUUID } from "node:crypto";
import type { Clock } from "../../domain/clock.ts";
import type { Log } from "../../log.ts";
import type { Sessions } from "../../sign-in/sessions.ts";
import type { MaybePromise } from "../../verify/verify.ts";
import type { RefuseClear } from "../clear-upgrades.ts";
import type { RefuseShown } from "../shown-in-clear.ts";
import { AnonymousRate, isOriginAllowed } from "./admission.ts";
import type { Api, RpcPeer } from "./api.ts";
import { HARD_CHARS_MAX, SocketConnection, type SocketData } from "./connection.ts";
import { Lobby } from "./lobby.ts";

export type { RpcPeer } from "./api.ts";
export type { SocketData } from "./connection.ts";

/** One answer may be long: a list of all keys. The outbox bounds what is behind it. */
const BUFFER_BYTES_MAX = 256 << 20;
const PING_AFTER_SECONDS = 120;
/** Where older versions of the original speak another protocol. */
const LEGACY_PATH = "/websocket";
const LEGACY_MESSAGE = "This server speaks JSON-RPC 2.0 at /api/current; /websocket is no more";
const API_PATH = /^\/api\/(current|v(?![12]\.0$)\d+\.[^/]*)$/;

export interface JsonRpcDeps {
  readonly api: Api;
  readonly sessions: Sessions;
  readonly clock: Clock;
  readonly log: Log;
  /** Origins of web pages other than our own that may connect. */
  readonly allowOrigins: readonly string[];
  /** Calls a minute of one method from one network without a session; 0: without limit. */
  readonly anonymousRate: number;
  readonly refuseClear: RefuseClear;
  readonly refuseShown: RefuseShown;
}

export interface JsonRpc {
  /**
   * Answers the paths of the API: `/api/current` and its versions, `/api/versions`, `/api/boot_id`.
   * @returns undefined for other paths; `upgraded`, or the refusal: 404 no such version, 403 foreign Origin or clear text,
   *   426 no upgrade, 503 shutting down
   */
  upgrade(
    req: Request,
    server: Bun.Server<unknown>,
    peer: RpcPeer,
  ): MaybePromise<Response | "upgraded" | undefined>;
  readonly websocket: Bun.WebSocketHandler<SocketData>;
  /** Answers what is under way and closes every socket. */
  close(): Promise<void>;
}

export function createJsonRpc(deps: JsonRpcDeps): JsonRpc {
  const bootId = randomUUID();
  const open = new Set<SocketConnection>();
  const lobby = new Lobby(deps.clock);
  const rate = new AnonymousRate(deps.anonymousRate, deps.clock);
  let isClosed = false;
  const connect = (req: Request, server: Bun.Server<unknown>, version: string, peer: RpcPeer) => {
    const isUpgrade = req.headers.get("upgrade")?.toLowerCase() === "websocket";
    if (isUpgrade && !isOriginAllowed(req.headers.get("origin"), peer, deps.allowOrigins)) {
      return refuse(403, "Pages of this origin may not connect (--allow-origin)");
    }
    const open = () =>
      isUpgrade
        ? enter(req, server, version, peer)
        : refuse(426, "This is a WebSocket", { Upgrade: "websocket", Connection: "Upgrade" });
    // A look at the address by itself sends nothing that could be read on the way.
    const isLook = !isUpgrade && (req.method === "GET" || req.method === "HEAD");
    return firstOf(
      () => (isLook ? undefined : deps.refuseClear(req, peer.origin)),
      () => deps.refuseShown(req, peer.origin),
      open,
    );
  };
  const enter = (
    req: Request,
    server: Bun.Server<unknown>,
    version: string,
    peer: RpcPeer,
  ): Response | "upgraded" => {
    if (isClosed) return refuse(503, "The server is shutting down", { "Retry-After": "10" });
    const connection = new SocketConnection({ ...deps, lobby, rate }, version, peer);
    lobby.enter(connection, peer.origin.address);
    // No sub-protocol is spoken here: where one is asked for, none is agreed to.
    req.headers.delete("sec-websocket-protocol");
    if (server.upgrade(req, { data: { connection } })) return "upgraded";
    lobby.leave(connection);
    return refuse(400, "The upgrade is not a valid one");
  };
  return {
    upgrade: (req, server, peer) => {
      const path = new URL(req.url).pathname;
      if (path === LEGACY_PATH)
        return firstOf(
          () => deps.refuseShown(req, peer.origin),
          () => sendAway(req, server),
        );
      if (path === "/api/versions") return Response.json(deps.api.versions);
      if (path === "/api/boot_id") return Response.json(bootId);
      const name = API_PATH.exec(path)?.[1];
      if (name === undefined) return undefined;
      const version =
        name === "current" ? deps.api.versions.at(-1) : deps.api.versions.find((one) => one === name);
      return version === undefined
        ? refuse(404, "There is no such version of the API")
        : connect(req, server, version, peer);
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

type Answered = Response | "upgraded";

/** Without a wait where none of them waits: an upgrade is best made at once. */
function firstOf(
  first: () => MaybePromise<Answered | undefined>,
  ...others: (() => MaybePromise<Answered | undefined>)[]
): MaybePromise<Answered | undefined> {
  const answer = first();
  const [next, ...rest] = others;
  const go = (found: Answered | undefined) => (found !== undefined || !next ? found : firstOf(next, ...rest));
  return answer instanceof Promise ? answer.then(go) : go(answer);
}

/** Told in the other protocol's own words, before a key is sent; what is sent all the same is not looked at. */
function sendAway(req: Request, server: Bun.Server<unknown>): Response | "upgraded" {
  req.headers.delete("sec-websocket-protocol");
  return server.upgrade(req, { data: {} }) ? "upgraded" : refuse(410, LEGACY_MESSAGE);
}

function handlers(open: Set<SocketConnection>): Bun.WebSocketHandler<SocketData> {
  return {
    maxPayloadLength: HARD_CHARS_MAX + 65_536,
    backpressureLimit: BUFFER_BYTES_MAX,
    closeOnBackpressureLimit: true,
    idleTimeout: PING_AFTER_SECONDS,
    perMessageDeflate: false,
    open: (socket) => {
      const { connection } = socket.data;
      if (connection) {
        open.add(connection);
        connection.opened(socket);
        return;
      }
      socket.send(JSON.stringify({ msg: "failed", version: "1", reason: LEGACY_MESSAGE }));
      socket.close(1008, LEGACY_MESSAGE);
    },
    message: (socket, data) => socket.data.connection?.receive(data),
    ping: (socket) => socket.data.connection?.heard(),
    drain: (socket) => socket.data.connection?.drained(),
    close: (socket) => {
      const { connection } = socket.data;
      if (!connection) return;
      open.delete(connection);
      connection.closed();
    },
  };
}

function refuse(status: number, words: string, headers: Record<string, string> = {}): Response {
  return new Response(`${words}\n`, { status, headers });
}
