/**
 * The REST API below `/api/v1`, its documents and its built-in pages.
 *
 * Every operation of the contract has one handler, and every request one way: key in the address refused, route found,
 * caller known, input read, parsed and decoded, the caller judged again where a body was waited for, handler called, answer
 * encoded or problem shaped. A body is not read before its credential is known. What has changed nothing, by whatever method, is answered
 * to a caller who still stands then; a caller who has ended is told that, whatever else their request failed of. What one may do is the use case's to judge; what
 * is asked here is only whether anybody is signed in at all.
 */
import { randomUUID } from "node:crypto";
import { codecOf } from "@chatelaine/contract/codec";
import type { Operation } from "@chatelaine/contract/operations/operation";
import { type OperationName, operationList } from "@chatelaine/contract/operations/operations";
import { type Context, Hono } from "hono";
import { AppError, endOr } from "../../domain/errors.ts";
import type { RateState } from "../../verify/verify.ts";
import { challengeFor } from "../challenge.ts";
import { createDocs, type Docs, isDocs } from "../docs/docs.ts";
import { entityTag, preconditionOf } from "../entity-tags.ts";
import { answerOf } from "../long-answers.ts";
import { isOneOf } from "../origins.ts";
import type { Peer } from "../peer.ts";
import { rateHeaders } from "../rate-headers.ts";
import { alertHandlers } from "./alert-operations.ts";
import { authenticate, authenticateAgain } from "./authenticate.ts";
import type { Call, Handler, Handlers, RestDeps } from "./call.ts";
import { createEventHub, type EventHub } from "./events.ts";
import { readInput, refuseKeyInQuery } from "./input.ts";
import { keyHandlers } from "./key-operations.ts";
import { openApiText } from "./openapi.ts";
import { malformed, problemResponse } from "./problem.ts";
import { createReceipts, type Receipts } from "./receipts.ts";
import { sessionHandlers } from "./session-operations.ts";
import { systemHandlers } from "./system-operations.ts";
import { groupHandlers, userHandlers } from "./user-operations.ts";

const API_BASE = "/api/v1";

export interface Rest {
  /** undefined when the path is none of ours. The listener adds the headers that confine a page to every answer. */
  fetch(req: Request, peer: Peer): Response | Promise<Response> | undefined;
  /** Asked last: a problem document for what is below `/api` and nobody's. */
  missing(req: Request): Response | undefined;
  close(): void;
}

interface Env {
  Bindings: {
    readonly peer: Peer;
    readonly url: URL;
    readonly requestId: string;
    /** What is left of the key's limits, once it is known. */
    rate?: RateState;
  };
}

/** The REST API that the original had before. */
const LEGACY_API = /^\/api\/v[12]\.0(?:\/|$)/;

type AnyHandler = (call: Call) => Promise<unknown>;

export function createRest(deps: RestDeps): Rest {
  const receipts = createReceipts(deps.feed, deps.clock);
  const events = createEventHub(deps);
  const app = createApp(deps, receipts, events);
  const docs = createDocs({ openApi: openApiText, versions: deps.rpcVersions ?? [], log: deps.log });
  return {
    fetch: (req, peer) => {
      const url = new URL(req.url);
      if (isDocs(url)) return docsAnswer(docs, { deps, req, peer, url });
      if (url.pathname !== API_BASE && !url.pathname.startsWith(`${API_BASE}/`)) return undefined;
      return answer(app, deps, req, { peer, url, requestId: randomUUID() });
    },
    missing: (req) => {
      const { pathname } = new URL(req.url);
      if (pathname !== "/api" && !pathname.startsWith("/api/")) return undefined;
      const error = LEGACY_API.test(pathname) ? noMoreThere() : noSuchAddress();
      return problemResponse(error, randomUUID(), deps.log);
    },
    close: () => {
      events.close();
      receipts.close();
    },
  };
}

interface AskedPage {
  readonly deps: RestDeps;
  readonly req: Request;
  readonly peer: Peer;
  readonly url: URL;
}

/** Colours and scripts hold nothing that is not public; everything else is for whom the settings say. */
async function docsAnswer(docs: Docs, { deps, req, peer, url }: AskedPage): Promise<Response> {
  const isAsset = url.pathname.startsWith("/api/docs/assets/");
  try {
    refuseKeyInQuery(url);
    if (isAsset || deps.settings.current().docs === "open") return await docs.fetch(req, url, peer);
    if (await authenticate(req, peer, deps)) return await docs.fetch(req, url, peer);
    throw new AppError(
      "not_authenticated",
      "The documentation is for whoever is signed in: sign in at /sign-in",
    );
  } catch (error) {
    return problemResponse(error, randomUUID(), deps.log);
  }
}

async function answer(
  app: Hono<Env>,
  deps: RestDeps,
  req: Request,
  bindings: Env["Bindings"],
): Promise<Response> {
  const response = await app.fetch(req, bindings);
  const { headers } = response;
  headers.set("X-Request-Id", bindings.requestId);
  if (bindings.rate) rateHeaders(headers, bindings.rate);
  if (response.status === 401) offerBasic(req, bindings.url, headers);
  const origin = req.headers.get("origin");
  if (origin !== null && deps.allowOrigins && isOneOf(origin, deps.allowOrigins))
    allowOrigin(headers, origin);
  return response;
}

/** Not where somebody signs in with a password: that is what screens ask. */
function offerBasic(req: Request, { pathname }: URL, headers: Headers): void {
  const bearer = headers.get("WWW-Authenticate");
  const isSignIn = req.method === "POST" && pathname === `${API_BASE}/session`;
  if (bearer !== null && !isSignIn) headers.set("WWW-Authenticate", challengeFor(req.headers, bearer));
}

function createApp(deps: RestDeps, receipts: Receipts, events: EventHub): Hono<Env> {
  const app = new Hono<Env>({
    getPath: (_, options) => (options as { env: Env["Bindings"] }).env.url.pathname,
  });
  const handlers = handlersWith(events, deps) as Readonly<Record<string, AnyHandler>>;
  app.options("*", (context) => preflight(context.req.raw, context.env.url.pathname, deps));
  const nothing = async (context: Context<Env>): Promise<Response> => {
    const refused = await deps.refuseShown(context.req.raw, context.env.peer.origin);
    if (refused) return refused;
    throw notFound(context.req.method, context.env.url.pathname);
  };
  const add = (operation: Operation): void => {
    const handler = handlers[operation.name]!;
    app.on(operation.method, routeOf(operation), async (context) => {
      const { raw: req } = context.req;
      return run(operation, handler, { req, env: context.env, params: context.req.param(), deps, receipts });
    });
  };
  // `/keys/self` is not the key whose number is `self`, by whatever method.
  const literal = operationList.filter(({ params }) => params === undefined);
  for (const operation of literal) add(operation);
  for (const operation of literal) app.all(routeOf(operation), nothing);
  for (const operation of operationList) if (operation.params !== undefined) add(operation);
  app.notFound(nothing);
  app.onError((error, context) => problemResponse(error, context.env.requestId, deps.log));
  return app;
}

/** The compiler holds these to the contract: one for each operation, with its input and output. */
function handlersWith(events: EventHub, deps: RestDeps): Handlers<OperationName> {
  const stream: Handler<"events.stream"> = async ({ req, peer, asker }) => {
    if (!asker) throw new AppError("not_authenticated", "Sign in first");
    // Nobody would read it, so it would stay open for good.
    if (req.method === "HEAD")
      return new Response(null, { headers: { "Content-Type": "text/event-stream" } });
    return events.open(asker, req.headers.get("last-event-id"), () => authenticateAgain(req, peer, deps));
  };
  return {
    ...keyHandlers,
    ...userHandlers,
    ...groupHandlers,
    ...sessionHandlers,
    ...systemHandlers,
    ...alertHandlers,
    "events.stream": stream,
  };
}

interface Arrived {
  readonly req: Request;
  readonly env: Env["Bindings"];
  readonly params: Readonly<Record<string, string>>;
  readonly deps: RestDeps;
  readonly receipts: Receipts;
}

async function run(operation: Operation, handler: AnyHandler, arrived: Arrived): Promise<Response> {
  const { req, env, params, deps, receipts } = arrived;
  const { url, peer } = env;
  deps.bodies.refuseLarge(req);
  refuseKeyInQuery(url);
  const asker = await authenticate(req, peer, deps);
  env.rate = asker?.rate;
  const isOpen = operation.access.kind === "anyone";
  if (!asker && !isOpen) throw notSignedIn(req, deps);
  const input = await readInput(operation, { req, url, params, bodies: deps.bodies });
  const requireStanding = () => (asker ? deps.requireStanding(asker.caller) : undefined);
  if (req.body !== null) await requireStanding();
  const { params: named } = input;
  const acts = { committed: 0 };
  const precondition = preconditionOf(operation, req, { params: named, caller: asker?.caller });
  const caller = asker && { ...asker.caller, gone: req.signal, acts, ...(precondition && { precondition }) };
  const call = { ...input, req, peer, asker, caller, deps, receipts };
  let output: unknown;
  try {
    output = await handler(call as unknown as Call);
    // Who signs in or out ends a session by it.
    if (acts.committed === 0 && (operation.method === "GET" || !isOpen)) await requireStanding();
  } catch (error) {
    throw await endOr(error, requireStanding);
  }
  if (output instanceof Response) return output;
  const answered = codecOf(operation.output).encode(output as never);
  const tag = entityTag(operation, answered);
  return answerOf(JSON.stringify(answered), {
    status: operation.status,
    headers: { "Content-Type": "application/json;charset=utf-8", ...(tag && { ETag: tag }) },
  });
}

function routeOf(operation: Operation): string {
  return API_BASE + operation.path.replaceAll(/\{(\w+)\}/g, ":$1");
}

function notSignedIn(req: Request, { cookies }: RestDeps): AppError {
  if (cookies.isSent(req.headers))
    return new AppError("session_expired", "The session has ended; sign in again");
  return new AppError(
    "not_authenticated",
    "Send a key as `Authorization: Bearer KEY` or `X-API-Key: KEY`, or sign in",
  );
}

/** What may be done at an address, by the operations that name it, or else by those that name its like. */
function methodsAt(path: string): string[] {
  const literal = operationList.filter((operation) => API_BASE + operation.path === path);
  const found =
    literal.length > 0 ? literal : operationList.filter((operation) => pathPattern(operation).test(path));
  return found.map(({ method }) => method);
}

function notFound(method: string, path: string): AppError {
  const allowed = methodsAt(path);
  if (allowed.length === 0) return noSuchAddress();
  const error = malformed(`${method} is not possible here`, 405);
  return new AppError(error.code, error.message, {
    details: { ...error.details, allow: allowed.join(", ") },
  });
}

function pathPattern(operation: Operation): RegExp {
  return new RegExp(`^${API_BASE}${operation.path.replaceAll(/\{\w+\}/g, "[^/]+")}$`);
}

function noMoreThere(): AppError {
  const words =
    "This server has no REST API of TrueNAS: ask /api/v1, or speak JSON-RPC 2.0 at wss /api/current";
  return new AppError("not_found", words, { details: { status: 410 } });
}

function noSuchAddress(): AppError {
  return new AppError("not_found", "There is no such address; /api/docs lists all that there are");
}

/** Who names no origin is no page, and is told what there is. */
function preflight(req: Request, path: string, { allowOrigins = [] }: RestDeps): Response {
  const allowed = methodsAt(path);
  if (allowed.length === 0) throw noSuchAddress();
  const origin = req.headers.get("origin");
  if (origin === null) return new Response(null, { status: 204, headers: { Allow: allowed.join(", ") } });
  if (!isOneOf(origin, allowOrigins)) {
    throw new AppError(
      "forbidden",
      "Pages of other origins may not call; `--allow-origin` names those that may",
    );
  }
  const headers = {
    "Access-Control-Allow-Methods": "GET, POST, PUT, PATCH, DELETE",
    "Access-Control-Allow-Headers":
      "Authorization, X-API-Key, Content-Type, Idempotency-Key, If-Match, Last-Event-ID",
    "Access-Control-Max-Age": "600",
  };
  return new Response(null, { status: 204, headers });
}

/** Without credentials: a page elsewhere may call with a key, never with the browser's session. */
function allowOrigin(headers: Headers, origin: string): void {
  headers.set("Access-Control-Allow-Origin", origin);
  headers.set(
    "Access-Control-Expose-Headers",
    "ETag, X-Request-Id, Retry-After, RateLimit, RateLimit-Policy",
  );
  headers.set("Cross-Origin-Resource-Policy", "cross-origin");
  headers.append("Vary", "Origin");
}
