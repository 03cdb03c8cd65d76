/**
 * The listeners: http, https and unix sockets. Each request goes to the table of all addresses (`routes.ts`).
 *
 * A renewed certificate is taken by a second listener on the same port. The first one gets no new connections from then
 * on, ends those that it has by `Connection: close` and then goes, so nobody is dropped (held by
 * `certificate-renewal.test.ts`). A port that another program holds is never shared.
 */
import { existsSync, unlinkSync } from "node:fs";
import { createServer as createProbe } from "node:net";
import { KEEP_ALIVE_SECONDS, UNTAKEN_SECONDS } from "@chatelaine/contract/limits";
import type { Listen, SocketAccess } from "../config.ts";
import { isLoopbackHost } from "../domain/address.ts";
import { AppError } from "../domain/errors.ts";
import type { Log } from "../log.ts";
import type { Bodies, Inbound } from "./bodies.ts";
import type { Hosts } from "./hosts.ts";
import { isLong } from "./long-answers.ts";
import { type Peer, type ProxyTrust, readPeer } from "./peer.ts";
import { findPortHolder } from "./port-holder.ts";
import { type AnswerIncoming, Incoming, type Listening, type RouteTable } from "./routes.ts";
import { SharedPort } from "./shared-port.ts";
import { bindUnixSocket, clearUnixSocket } from "./unix-socket.ts";

export interface Listener {
  readonly url: string;
  /** Serves with another certificate from now on. */
  replaceTls(tls: Tls): void;
  /** Stops accepting; resolves when requests are answered, or after the wait. */
  close(waitMs: number): Promise<void>;
}

export interface Tls {
  readonly cert: string;
  readonly key: string;
  /** tls-server-end-point of the certificate (RFC 5929). */
  readonly binding: Uint8Array;
}

/** For TLS 1.2; those of 1.3 are all of this kind: authenticated encryption (AEAD) with forward secrecy, and no CBC. */
const TLS_1_2_SUITES = ["AES128-GCM-SHA256", "AES256-GCM-SHA384", "CHACHA20-POLY1305"]
  .flatMap((cipher) => [`ECDHE-ECDSA-${cipher}`, `ECDHE-RSA-${cipher}`])
  .join(":");

/** How long a connection may rest. */
export interface Patience {
  /** Between two requests. */
  readonly keepAliveSeconds: number;
  /** While its client takes nothing of a long answer. */
  readonly untakenSeconds: number;
}

export const PATIENCE: Patience = { keepAliveSeconds: KEEP_ALIVE_SECONDS, untakenSeconds: UNTAKEN_SECONDS };

export interface ListenOptions {
  readonly flag: string;
  readonly on: Listen;
  readonly tls: Tls | undefined;
  /** Of a unix socket. */
  readonly socket: SocketAccess;
  readonly routes: RouteTable;
  readonly websocket: Bun.WebSocketHandler<unknown>;
  readonly trust: ProxyTrust;
  readonly bodies: Bodies;
  readonly hosts: Hosts;
  readonly patience: Patience;
  /** Finishes every answer, errors too. */
  readonly finish: (response: Response) => Response;
  readonly log: Log;
}

/** Of bodies that nobody reads, before Bun itself ends the connection. */
const REQUEST_BYTES_MAX = 8 * 1024 * 1024;
/** How long a replaced listener goes on with what had come to it: handshakes under way, connections in use. */
const HANDOVER_MS = 2_000;
const IN_USE_MS = 1_000;
const LAST_ANSWER_MS = 100;

/** Throws AppError unavailable, one line that names the flag, where nothing can listen there. */
export async function listen(options: ListenOptions): Promise<Listener> {
  const { flag } = options;
  const on = inFamilies(options);
  if (on.kind === "unix") await clearUnixSocket(flag, on.path);
  else if (on.port !== 0) await requireFree(flag, on.host, on.port);
  let current = serve(options, on);
  const bound: Listen = on.kind === "tcp" ? { ...on, port: current.server.port ?? on.port } : on;
  const port = bound.kind === "tcp" ? new SharedPort(bound.port) : undefined;
  port?.add(current);
  const before = new Map<Serving, Timer>();
  const retire = (one: Serving): void => {
    void one.server.stop(false);
    port?.remove(one, current);
    // What is left of it are its WebSockets.
    if (one.server.pendingWebSockets === 0) before.delete(one);
  };
  return {
    url: urlOf(bound, options.tls !== undefined),
    replaceTls: (tls) => {
      const last = current;
      current = serve({ ...options, tls }, bound);
      port?.add(current);
      last.isEnding = true;
      before.set(
        last,
        setTimeout(() => retire(last), HANDOVER_MS),
      );
    },
    close: async (waitMs) => {
      const all = [...before.keys(), current];
      for (const timer of before.values()) clearTimeout(timer);
      await endConnections(all);
      await within(
        waitMs,
        all.map(({ server }) => server.stop(false)),
      );
      await Promise.all(all.map(({ server }) => server.stop(true)));
      if (on.kind === "unix" && existsSync(on.path)) unlinkSync(on.path);
    },
  };
}

/** `::` is both families; where a machine has no IPv6 at all, every address of IPv4: an image does not know where it runs. */
function inFamilies({ on, flag, log }: ListenOptions): Listen {
  if (on.kind === "unix" || on.host !== "::" || hasIpv6()) return on;
  log.warn("This machine has no IPv6; listening on 0.0.0.0 in the place of ::", { flag });
  return { ...on, host: "0.0.0.0" };
}

function hasIpv6(): boolean {
  try {
    void Bun.serve({ hostname: "::", port: 0, fetch: () => new Response() }).stop(true);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "EAFNOSUPPORT";
  }
}

/** One listening socket, and whether it tells its clients to come back on another connection. */
interface Serving {
  readonly server: Bun.Server<unknown>;
  isEnding: boolean;
  /** Monotonic. */
  requestAt: number;
}

/** Connections that are in use learn with their next answer that it is the last: none is cut between two requests. */
async function endConnections(all: readonly Serving[]): Promise<void> {
  for (const one of all) one.isEnding = true;
  const since = performance.now() - IN_USE_MS;
  if (all.some(({ requestAt }) => requestAt > since)) await Bun.sleep(LAST_ANSWER_MS);
}

async function within(waitMs: number, work: readonly Promise<unknown>[]): Promise<void> {
  let late: Timer | undefined;
  const wait = new Promise<void>((resolve) => {
    late = setTimeout(resolve, waitMs);
  });
  await Promise.race([Promise.all(work), wait]);
  clearTimeout(late);
}

function serve(options: ListenOptions, on: Listen): Serving {
  const { flag, tls, websocket, routes } = options;
  const place =
    on.kind === "unix" ? { unix: on.path } : { hostname: on.host, port: on.port, reusePort: true };
  const isTls = on.kind === "tcp" && tls !== undefined;
  const isNear = isOnLoopback(on);
  const { keepAliveSeconds, untakenSeconds } = options.patience;
  const state = { isEnding: false, requestAt: Number.NEGATIVE_INFINITY };
  type Answered = Response | undefined | Promise<Response | undefined>;
  const listening: Listening = {
    isTls,
    readAddress: (req, server) => peerOf(req, server, on),
    readPeer: (req, server) => peerFor(options, req, server),
  };
  /** @param refused before its route is asked */
  const handle = (
    req: Request,
    server: Bun.Server<unknown>,
    refused: Response | undefined,
    fast: (asked: Incoming) => ReturnType<AnswerIncoming>,
  ): Answered => {
    state.requestAt = performance.now();
    const body = options.bodies.arrived(req);
    const asked = refused ? undefined : new Incoming(req, server, listening);
    const answered = asked
      ? (atOnce(options, asked, fast) ?? answer(options, asked))
      : options.finish(refused!);
    return body || state.isEnding ? whole(answered, state, body) : answered;
  };
  const refuseHost = (req: Request, server: Bun.Server<unknown>): Response | undefined =>
    nameless(req) ?? options.hosts.refuse(req, isNear ? peerOf(req, server, on) : null);
  const asWritten = routes.raw.map(([path, route]) => [
    path,
    (req: Request, server: Bun.Server<unknown>) => handle(req, server, nameless(req), route),
  ]);
  const bind = (): Bun.Server<unknown> =>
    Bun.serve<unknown>({
      ...place,
      ...(isTls ? { tls: { cert: tls.cert, key: tls.key, ciphers: TLS_1_2_SUITES } } : {}),
      // Bun gives a request on a unix socket no time of its own.
      idleTimeout: on.kind === "unix" ? untakenSeconds : keepAliveSeconds,
      maxRequestBodySize: REQUEST_BYTES_MAX,
      development: false,
      websocket,
      routes: Object.fromEntries(asWritten),
      fetch: (req, server) => handle(req, server, refuseHost(req, server), routes.fast),
      error: (error) => {
        options.log.error("A request failed", { error });
        const headers = { Connection: "close" };
        return options.finish(new Response("Internal error\n", { status: 500, headers }));
      },
    } as Bun.Serve.Options<unknown>);
  try {
    const server = on.kind === "unix" ? bindUnixSocket(on.path, options.socket, bind) : bind();
    return Object.assign(state, { server });
  } catch (error) {
    if (error instanceof AppError) throw error;
    throw new AppError(
      "unavailable",
      `${flag}: cannot listen on ${textOf(on)} (${(error as Error).message})`,
      { cause: error },
    );
  }
}

/** The last answer of its connection where the listener ends, or a body was not read: nothing waits for its rest. */
async function whole(
  answered: Response | Promise<Response | undefined>,
  serving: Pick<Serving, "isEnding">,
  body: Inbound | undefined,
): Promise<Response | undefined> {
  const response = await answered;
  if (serving.isEnding || body?.isLeft) response?.headers.set("connection", "close");
  return response;
}

/**
 * A request without a name (HTTP/1.0, an empty Host) is one for this server, and gets an address.
 * @returns 400 for what is no address: a Host with a space or slash in it
 */
function nameless(req: Request): Response | undefined {
  const { url } = req;
  if (url.startsWith("http")) return undefined;
  if (req.headers.get("host") || !url.startsWith("/")) return badRequest();
  Object.defineProperty(req, "url", { value: new URL(`http://localhost${url}`).href });
  return undefined;
}

/** For a Host that no address can be made of; one with an impossible port is found out where the address is parsed. */
function badRequest(): Response {
  return new Response("Bad request\n", { status: 400 });
}

function isOnLoopback(on: Listen): boolean {
  return on.kind !== "unix" && isLoopbackHost(on.host);
}

/** A client that reaches a loopback address is on this machine: nothing has to be asked. */
function peerOf(req: Request, server: Bun.Server<unknown>, on: Listen): string | null {
  if (on.kind === "unix") return null;
  if (on.host === "127.0.0.1" || on.host === "::1") return on.host;
  return server.requestIP(req)?.address ?? "0.0.0.0";
}

function peerFor(options: ListenOptions, req: Request, server: Bun.Server<unknown>): Peer {
  const ip = server.requestIP(req);
  const isUnix = options.on.kind === "unix";
  const wire = {
    address: isUnix ? null : (ip?.address ?? "0.0.0.0"),
    port: isUnix ? null : (ip?.port ?? null),
    tls: options.tls !== undefined && !isUnix,
  };
  const seen = readPeer(req.headers, wire, options.trust, "rest");
  return seen.proxied ? seen : { ...seen, binding: options.tls?.binding };
}

function atOnce(
  options: ListenOptions,
  asked: Incoming,
  fast: (asked: Incoming) => ReturnType<AnswerIncoming>,
): Response | Promise<Response> | undefined {
  try {
    return fast(asked) as Response | Promise<Response> | undefined;
  } catch (error) {
    if (URL.canParse(asked.req.url)) throw error;
    return options.finish(badRequest());
  }
}

async function answer(options: ListenOptions, asked: Incoming): Promise<Response | undefined> {
  const { req, server } = asked;
  const { keepAliveSeconds, untakenSeconds } = options.patience;
  // While its answer is made a connection does not rest, and what waits for a body has a deadline.
  server.timeout(req, 0);
  // What is fast is found by the address as it was sent.
  asked.dropFragment();
  try {
    const response = await options.routes.answer(asked);
    if (response === "upgraded") return undefined;
    if (!response) return options.finish(new Response("Not found\n", { status: 404 }));
    server.timeout(req, isLong(response) ? untakenSeconds : keepAliveSeconds);
    return options.finish(response);
  } catch (error) {
    if (!URL.canParse(req.url)) return options.finish(badRequest());
    const requestId = crypto.randomUUID();
    options.log.error("A request failed", { requestId, path: asked.path, error });
    return options.finish(new Response(`Internal error, request ${requestId}\n`, { status: 500 }));
  }
}

/** Listening with a shared port would succeed beside another program that shares it too; this does not. */
function requireFree(flag: string, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const probe = createProbe();
    probe.once("error", (error: NodeJS.ErrnoException) => {
      reject(
        new AppError("unavailable", whyNot(flag, host, port, error.code ?? error.message), { cause: error }),
      );
    });
    probe.listen({ host, port, exclusive: true }, () => probe.close(() => resolve()));
  });
}

function whyNot(flag: string, host: string, port: number, code: string): string {
  const place = textOf({ kind: "tcp", host, port });
  if (code === "EADDRINUSE") {
    const holder = findPortHolder(port);
    return `${flag}: ${place} is in use${holder ? ` by ${holder}` : ""}; ${flag} takes another address, or off`;
  }
  if (code === "EACCES") return `${flag}: no permission to listen on ${place}; ports below 1024 need root`;
  if (code === "EADDRNOTAVAIL") return `${flag}: ${host} is no address of this machine`;
  return `${flag}: cannot listen on ${place} (${code})`;
}

function urlOf(on: Listen, tls: boolean): string {
  return on.kind === "unix" ? `unix:${on.path}` : `${tls ? "https" : "http"}://${textOf(on)}`;
}

function textOf(on: Listen): string {
  if (on.kind === "unix") return on.path;
  return on.host.includes(":") ? `[${on.host}]:${on.port}` : `${on.host}:${on.port}`;
}
