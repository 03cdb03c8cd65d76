/**
 * Guards the routes of a service by keys, in Hono, Express and Fastify. The key comes as `Authorization: Bearer`, as the
 * password of Basic, or in `X-API-Key`. Where Chatelaine is away the answer is 503, never 401.
 *
 *     app.use("/dns/*", guardHono(createVerifier({ url }), { scope: "dns:read" }));
 */
import type { Answer, GoodAnswer, Verifier, Wanted } from "./verify.ts";

export interface GuardOptions<Req> {
  /** `resource:action` that the key must have. */
  readonly scope?: string;
  /** The client's address, for keys that are bound to addresses; only from where it can be trusted. */
  readonly ip?: (req: Req) => string | undefined;
  /** What a request takes from the key's rate limit; 1 unless set. */
  readonly cost?: (req: Req) => number;
}

/** What a refused client is told. */
export interface Refusal {
  readonly status: 401 | 403 | 429 | 503;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: { readonly error: string };
}

export type Outcome = { readonly ok: true; readonly key: GoodAnswer } | ({ readonly ok: false } & Refusal);

type ReadHeader = (name: string) => string | undefined | null;

interface HonoContext {
  readonly req: { header(name: string): string | undefined };
  set(name: string, value: unknown): void;
  json(body: object, status: never, headers: Record<string, string>): Response;
}

/** The key's answer is in `context.get("chatelaine")`. */
export function guardHono<Context extends HonoContext>(
  verifier: Verifier,
  options: GuardOptions<Context> = {},
) {
  return async (context: Context, next: () => Promise<void>): Promise<Response | undefined> => {
    const outcome = await decide(verifier, (name) => context.req.header(name), wantedOf(options, context));
    if (!outcome.ok) return context.json(outcome.body, outcome.status as never, { ...outcome.headers });
    context.set("chatelaine", outcome.key);
    await next();
    return undefined;
  };
}

interface NodeRequest {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}
interface ExpressResponse {
  status(code: number): { set(headers: object): { json(body: object): unknown } };
}

/** The key's answer is in `req.chatelaine`. */
export function guardExpress<Req extends NodeRequest>(verifier: Verifier, options: GuardOptions<Req> = {}) {
  return async (req: Req, res: ExpressResponse, next: (error?: unknown) => void): Promise<void> => {
    const outcome = await decide(verifier, headerOf(req), wantedOf(options, req));
    if (!outcome.ok) {
      res.status(outcome.status).set(outcome.headers).json(outcome.body);
      return;
    }
    Object.assign(req, { chatelaine: outcome.key });
    next();
  };
}

interface FastifyReply {
  code(status: number): { headers(headers: object): { send(body: object): unknown } };
}

/** For `preHandler` or `onRequest`. The key's answer is in `request.chatelaine`. */
export function guardFastify<Req extends NodeRequest>(verifier: Verifier, options: GuardOptions<Req> = {}) {
  return async (request: Req, reply: FastifyReply): Promise<unknown> => {
    const outcome = await decide(verifier, headerOf(request), wantedOf(options, request));
    if (!outcome.ok) return reply.code(outcome.status).headers(outcome.headers).send(outcome.body);
    Object.assign(request, { chatelaine: outcome.key });
    return undefined;
  };
}

/** For any other framework: what to do with a request that has these headers. */
export async function decide(verifier: Verifier, header: ReadHeader, wanted: Wanted = {}): Promise<Outcome> {
  const key = readKey(header);
  if (key === undefined) return refusal(401, "A key is needed");
  let answer: Answer;
  try {
    answer = await verifier.verify(key, wanted);
  } catch {
    return { ...refusal(503, "Keys cannot be checked at the moment"), headers: { "Retry-After": "2" } };
  }
  if (answer.valid) return { ok: true, key: answer };
  const decided = { "Decision-Id": answer.decision };
  if (answer.reason === "rate_limited")
    return { ...refusal(429, "Too many requests"), headers: { ...decided, "Retry-After": "1" } };
  const isForbidden = FORBIDDEN.has(answer.reason);
  const refused = isForbidden ? refusal(403, "The key may not do this") : refusal(401, "The key is not good");
  return { ...refused, headers: { ...refused.headers, ...decided } };
}

const FORBIDDEN: ReadonlySet<string> = new Set([
  "scope_missing",
  "address_not_allowed",
  "user_locked",
  "insecure_transport",
]);

function refusal(status: Refusal["status"], error: string): { ok: false } & Refusal {
  const headers: Record<string, string> = status === 401 ? { "WWW-Authenticate": "Bearer" } : {};
  return { ok: false, status, headers, body: { error } };
}

function readKey(header: ReadHeader): string | undefined {
  const [, scheme = "", rest = ""] = /^(Bearer|Basic) +(\S+)$/i.exec(header("authorization") ?? "") ?? [];
  if (scheme.toLowerCase() === "bearer") return rest;
  const own = header("x-api-key");
  if (own) return own;
  if (scheme === "") return undefined;
  try {
    return atob(rest).split(":").slice(1).join(":") || undefined;
  } catch {
    return undefined;
  }
}

function headerOf({ headers }: NodeRequest): ReadHeader {
  return (name) => {
    const value = headers[name];
    return Array.isArray(value) ? value.join(", ") : value;
  };
}

function wantedOf<Req>({ scope, ip, cost }: GuardOptions<Req>, req: Req): Wanted {
  return { scope, ip: ip?.(req), cost: cost?.(req) };
}
