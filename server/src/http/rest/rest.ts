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
import type { OperationName } from "@chatelaine/contract/operations/operations";
import { AppError, endOr } from "../../domain/errors.ts";
import type { RateState } from "../../verify/verify.ts";
import { securityHeaders } from "../browser.ts";
import { challengeFor } from "../challenge.ts";
import { createDocs, type Docs } from "../docs/docs.ts";
import { entityTag, preconditionOf } from "../entity-tags.ts";
import { answerOf } from "../long-answers.ts";
import { isOneOf } from "../origins.ts";
import type { Peer } from "../peer.ts";
import { rateHeaders } from "../rate-headers.ts";
import type { Incoming } from "../routes.ts";
import { alertHandlers } from "./alert-operations.ts";
import { authenticate, authenticateAgain } from "./authenticate.ts";
import type { Call, Handler, Handlers, RestDeps } from "./call.ts";
import { createEventHub, type EventHub } from "./events.ts";
import { readInput, refuseKeyInQuery } from "./input.ts";
import { keyHandlers } from "./key-operations.ts";
import { openApiText } from "./openapi.ts";
import { findOperation, methodsAt } from "./operations.ts";
import { malformed, problemResponse } from "./problem.ts";
import { createReceipts, type Receipts } from "./receipts.ts";
import { sessionHandlers } from "./session-operations.ts";
import { systemHandlers } from "./system-operations.ts";
import { groupHandlers, userHandlers } from "./user-operations.ts";

const API_BASE = "/api/v1";

export interface Rest {
  /** The listener adds the headers that confine a page to every answer. */
  fetch(asked: Incoming, peer: Peer): Promise<Response>;
  docs(req: Request, peer: Peer): Promise<Response>;
  /** A problem document for what is below `/api` and nobody's. */
  missing(asked: Incoming): Response;
  close(): void;
}

/** One request on its way through the API. */
interface Exchange {
  readonly req: Request;
  readonly peer: Peer;
  /** Without the query. */
  readonly path: string;
  /** The query, with its question mark, or empty. */
  readonly search: string;
  readonly requestId: string;
  /** What is left of the key's limits, once it is known. */
  rate?: RateState;
}

/** The REST API that the original had before. */
const LEGACY_API = /^\/api\/v[12]\.0(?:\/|$)/;

type AnyHandler = (call: Call) => Promise<unknown>;

export function createRest(deps: RestDeps): Rest {
  const receipts = createReceipts(deps.feed, deps.clock);
  const events = createEventHub(deps);
  const run = createRun(deps, receipts, events);
  const docs = createDocs({ openApi: openApiText, versions: deps.rpcVersions ?? [], log: deps.log });
  return {
    fetch: ({ req, path, search }, peer) =>
      answer(run, deps, { req, peer, path, search, requestId: randomUUID() }),
    docs: (req, peer) => docsAnswer(docs, { deps, req, peer, url: new URL(req.url) }),
    missing: ({ path }) => {
      const error = LEGACY_API.test(path) ? noMoreThere() : noSuchAddress();
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
    refuseKeyInQuery(url.search);
    if (isAsset || deps.settings.current().docs === "open") return await docs.fetch(req, url, peer);
    if (await authenticate(req, peer, deps)) return await docs.fetch(req, url, peer);
    throw new AppError(
      "not_authenticated",
      "The documentation is for anyone who is signed in: sign in at /sign-in",
    );
  } catch (error) {
    return problemResponse(error, randomUUID(), deps.log);
  }
}

type Run = (exchange: Exchange) => Promise<Response>;

async function answer(run: Run, deps: RestDeps, exchange: Exchange): Promise<Response> {
  const { req, requestId } = exchange;
  const response = await run(exchange).catch((error: unknown) => problemResponse(error, requestId, deps.log));
  const { headers } = response;
  headers.set("X-Request-Id", requestId);
  if (exchange.rate) rateHeaders(headers, exchange.rate);
  if (response.status === 401) offerBasic(exchange, headers);
  const origin = req.headers.get("origin");
  if (origin !== null && deps.allowOrigins && isOneOf(origin, deps.allowOrigins))
    allowOrigin(headers, origin);
  // As of GET, without its content (RFC 9110, section 9.3.2).
  return req.method === "HEAD" ? new Response(null, response) : response;
}

/** Not where somebody signs in with a password: that is what screens ask. */
function offerBasic({ req, path }: Exchange, headers: Headers): void {
  const bearer = headers.get("WWW-Authenticate");
  const isSignIn = req.method === "POST" && path === `${API_BASE}/session`;
  if (bearer !== null && !isSignIn) headers.set("WWW-Authenticate", challengeFor(req.headers, bearer));
}

function createRun(deps: RestDeps, receipts: Receipts, events: EventHub): Run {
  const handlers = handlersWith(events, deps) as Readonly<Record<string, AnyHandler>>;
  return async (exchange) => {
    const { req, peer, path } = exchange;
    if (req.method === "OPTIONS") return preflight(req, path, deps);
    const found = findOperation(req.method, path);
    if (found)
      return run(found.operation, handlers[found.operation.name]!, {
        exchange,
        params: found.params,
        deps,
        receipts,
      });
    const refused = await deps.refuseShown(req, peer.origin);
    if (refused) return refused;
    throw notFound(req.method, path);
  };
}

/** The compiler holds these to the contract: one for each operation, with its input and output. */
function handlersWith(events: EventHub, deps: RestDeps): Handlers<OperationName> {
  const stream: Handler<"events.stream"> = async ({ req, peer, authenticated }) => {
    if (!authenticated) throw new AppError("not_authenticated", "Sign in first");
    // Nobody would read it, so it would stay open for good.
    if (req.method === "HEAD")
      return new Response(null, { headers: { "Content-Type": "text/event-stream" } });
    return events.open(authenticated, req.headers.get("last-event-id"), () =>
      authenticateAgain(req, peer, deps),
    );
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
  readonly exchange: Exchange;
  readonly params: Readonly<Record<string, string>>;
  readonly deps: RestDeps;
  readonly receipts: Receipts;
}

async function run(operation: Operation, handler: AnyHandler, arrived: Arrived): Promise<Response> {
  const { exchange, params, deps, receipts } = arrived;
  const { req, peer, search } = exchange;
  deps.bodies.refuseLarge(req);
  refuseKeyInQuery(search);
  const authenticated = await authenticate(req, peer, deps);
  exchange.rate = authenticated?.rate;
  const isOpen = operation.access.kind === "anyone";
  if (!authenticated && !isOpen) throw notSignedIn(req, deps);
  const input = await readInput(operation, { req, search, params, bodies: deps.bodies });
  const requireStanding = () => (authenticated ? deps.requireStanding(authenticated.caller) : undefined);
  if (req.body !== null) await requireStanding();
  const { params: named } = input;
  const acts = { committed: 0 };
  const precondition = preconditionOf(operation, req, { params: named, caller: authenticated?.caller });
  const caller = authenticated && {
    ...authenticated.caller,
    gone: req.signal,
    acts,
    ...(precondition && { precondition }),
  };
  const call = { ...input, req, peer, authenticated, caller, deps, receipts };
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
  const headers = new Headers(JSON_HEADERS);
  const tag = entityTag(operation, answered);
  if (tag) headers.set("ETag", tag);
  return answerOf(JSON.stringify(answered), { status: operation.status, headers });
}

/** Each answer gets a copy, which is cheaper than ten headers one by one. */
const JSON_HEADERS = new Headers({ "Content-Type": "application/json;charset=utf-8" });
securityHeaders(JSON_HEADERS);

function notSignedIn(req: Request, { cookies }: RestDeps): AppError {
  if (cookies.isSent(req.headers))
    return new AppError("session_expired", "The session has ended; sign in again");
  return new AppError(
    "not_authenticated",
    "Send a key as `Authorization: Bearer KEY` or `X-API-Key: KEY`, or sign in",
  );
}

function notFound(method: string, path: string): AppError {
  const allowed = methodsAt(path);
  if (allowed.length === 0) return noSuchAddress();
  const error = malformed(`${method} is not possible here`, 405);
  return new AppError(error.code, error.message, {
    details: { ...error.details, allow: allowed.join(", ") },
  });
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
