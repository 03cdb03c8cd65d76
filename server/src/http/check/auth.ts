/**
 * Forward authentication: a reverse proxy asks with the headers of its client's request, any method, and passes it on or
 * refuses by the status: 200, 401, 403, 429 or 503. Cookies count for nothing. The refused learn no more than the status
 * and the number of the decision, under which the key's owner finds why.
 */
import { CLIENT_CHARS_MAX } from "@chatelaine/contract/limits";
import type { Clock } from "../../domain/clock.ts";
import { errorCode } from "../../domain/errors.ts";
import { maskForeign } from "../../domain/masking.ts";
import type { Log } from "../../log.ts";
import type { CheckDecision, CheckKey } from "../../verify/check.ts";
import type { CheckResult, MaybePromise, Need, RefusalReason } from "../../verify/verify.ts";
import { challengeFor } from "../challenge.ts";
import type { ProxyTrust } from "../peer.ts";
import { readPresentedKey } from "../presented.ts";
import { rateHeaders } from "../rate-headers.ts";
import { type CheckClient, clientAddress, clientTransport } from "./check-client.ts";
import { createIdentity } from "./identity.ts";
import { createWants, type Wants, wantsOfHeaders } from "./wants.ts";
import { createWarnOncePerMinute, type WarnOncePerMinute } from "./warn-once.ts";

export interface AuthDeps {
  readonly checkKey: CheckKey;
  readonly assert: (
    id: number,
    allowance: Extract<CheckResult, { ok: true }>["allowance"],
    audience: string,
  ) => string;
  readonly trust: ProxyTrust;
  readonly clock: Clock;
  readonly log: Log;
}

/** A proxy waits no longer: Envoy gives up after 200 ms. */
const ANSWER_MS_MAX = 150;
const HOST_CHARS_MAX = 255;
const PATH_CHARS_MAX = 100;
const STATUS: Readonly<Record<RefusalReason, 401 | 403 | 429>> = {
  malformed: 401,
  unknown: 401,
  expired: 401,
  paused: 403,
  revoked: 401,
  user_locked: 403,
  no_roles: 403,
  scope_missing: 403,
  address_not_allowed: 403,
  insecure_transport: 403,
  rate_limited: 429,
};

interface AskedBy {
  readonly client: CheckClient;
  /** Whether the client itself speaks TLS. */
  readonly isTls: boolean;
}

export interface Auth {
  /** `/auth` itself, whose query says what is wanted. @param pathAt where the path begins in the address */
  exact(req: Request, pathAt: number, by: AskedBy): MaybePromise<Response>;
  /** `/auth/envoy` and all below: what the address says is never read. */
  envoy(req: Request, by: AskedBy): MaybePromise<Response>;
  /** Every other path that begins with `/auth`: 403. */
  elsewhere(req: Request, checkClient: CheckClient): Response;
}

interface Shown {
  /** The client's headers. */
  readonly client: Headers;
  /** `Authorization` carried the key, and so must not go onwards. */
  readonly isSpent: boolean;
}

export function createAuth({ checkKey, assert, trust, ...deps }: AuthDeps): Auth {
  const wantsOf = createWants();
  const identity = createIdentity();
  const warn = createWarnOncePerMinute(deps);
  const answer = (result: CheckDecision, wants: Wants, { client, isSpent }: Shown): Response => {
    if (result.decision !== null) {
      const response = refusal(result.check, wants, result.decision);
      if (response.status === 401)
        response.headers.set("WWW-Authenticate", challengeFor(client, BAD_KEY, wants.challenge));
      return response;
    }
    const { check } = result;
    const foreign = isSpent ? null : client.get("authorization");
    const ready = identity(check.id, check.allowance);
    if (foreign === null && check.rate === null && wants.audience === null)
      return new Response(null, { headers: ready });
    const headers = new Headers(ready);
    if (foreign !== null) headers.set("Authorization", foreign);
    if (check.rate) rateHeaders(headers, check.rate);
    if (wants.audience !== null)
      headers.set("Remote-Assertion", assert(check.id, check.allowance, wants.audience));
    return new Response(null, { headers });
  };
  const { networks, secureFrom } = trust;
  const ask = (
    headers: Headers,
    wants: Wants,
    checkClient: CheckClient,
    isTls: boolean,
  ): MaybePromise<Response> => {
    const presented = readPresentedKey(headers, wants.header);
    if (presented.kind === "none") {
      return emptyAnswer(401, { "WWW-Authenticate": challengeFor(headers, NO_KEY, wants.challenge) });
    }
    const address = clientAddress(headers, networks);
    const { scopes, roles, groups } = wants;
    const transport = clientTransport(headers, address, { client: checkClient, isTls, secureFrom });
    const need: Need = {
      origin: transport === "secure" ? null : { ...NOBODY, address, transport },
      address,
      scopes,
      roles,
      groups,
    };
    const text = presented.kind === "key" ? presented.text : "";
    const seen = { address, client: cut(headers.get("user-agent"), CLIENT_CHARS_MAX), host: hostOf(headers) };
    const result = checkKey("auth", text, need, seen);
    const isSpent = presented.kind === "key" && presented.isAuthorization;
    const shown = { client: headers, isSpent };
    if (!(result instanceof Promise)) return answer(result, wants, shown);
    return result.then((one) => answer(one, wants, shown));
  };
  const answerTo = (
    req: Request,
    { client: checkClient, isTls }: AskedBy,
    wants: Wants | undefined,
  ): MaybePromise<Response> => {
    if (!checkClient.mayAuth) return refuseClient(checkClient, warn);
    if (!wants) {
      warn("A proxy asks /auth for something that is not understood, and is refused", {
        query: maskForeign(new URL(req.url).search),
      });
      return emptyAnswer(403);
    }
    try {
      const response = ask(req.headers, wants, checkClient, isTls);
      return response instanceof Promise ? inTime(response, wants, warn) : response;
    } catch (error) {
      return failed(error, wants, warn);
    }
  };
  return {
    exact: (req, pathAt, by) => answerTo(req, by, wantsOf(req.url, pathAt)),
    envoy: (req, by) => answerTo(req, by, wantsOfHeaders(req.headers)),
    elsewhere: (req, checkClient) => {
      if (!checkClient.mayAuth) return refuseClient(checkClient, warn);
      const path = maskForeign(new URL(req.url).pathname.slice(0, PATH_CHARS_MAX));
      warn(
        "A proxy asks an address that begins with /auth and is not there, and is refused: /auth alone takes a query, /auth/envoy is Envoy's; `chatelaine proxy` prints a configuration that asks right",
        { path },
      );
      return emptyAnswer(403);
    },
  };
}

function refuseClient({ address }: CheckClient, warn: WarnOncePerMinute): Response {
  warn("Somebody asked /auth who may not; --check-from or --trusted-proxy lets a network ask", { address });
  return emptyAnswer(403);
}

const NOBODY = { door: "auth", port: null, client: null, sessionId: null } as const;
const NO_KEY = 'Bearer realm="chatelaine"';
const BAD_KEY = `${NO_KEY}, error="invalid_token"`;
const CONFINED = {
  "Cache-Control": "no-store",
  "X-Content-Type-Options": "nosniff",
  "Referrer-Policy": "no-referrer",
  "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
};
/** Copied by each answer, and given the number of its decision before. */
const REFUSED = new Headers(CONFINED);

function refusal(
  { reason, rate }: Extract<CheckResult, { ok: false }>,
  wants: Wants,
  decision: string,
): Response {
  const status = STATUS[reason];
  REFUSED.set("Decision-Id", decision);
  const response = new Response(null, {
    status: status === 429 && wants.folds ? 403 : status,
    headers: REFUSED,
  });
  if (rate) rateHeaders(response.headers, rate);
  return response;
}

/** Away is never "no": clients throw good keys away on 401. */
function failed(error: unknown, { folds }: Wants, warn: WarnOncePerMinute): Response {
  const code = errorCode(error);
  warn("A check could not be made", { code, error });
  return emptyAnswer(folds ? 403 : 503, { "Retry-After": "2" });
}

async function inTime(response: Promise<Response>, wants: Wants, warn: WarnOncePerMinute): Promise<Response> {
  let late: Timer | undefined;
  const tooLate = new Promise<never>((_, reject) => {
    late = setTimeout(() => reject(new Error(`No answer within ${ANSWER_MS_MAX} ms`)), ANSWER_MS_MAX);
  });
  try {
    return await Promise.race([response, tooLate]);
  } catch (error) {
    return failed(error, wants, warn);
  } finally {
    clearTimeout(late);
  }
}

function emptyAnswer(status: number, more: Record<string, string> = {}): Response {
  return new Response(null, { status, headers: { ...CONFINED, ...more } });
}

function hostOf(headers: Headers): string | null {
  const host = headers.get("x-forwarded-host");
  return host === null || host.length > HOST_CHARS_MAX ? null : host.toLowerCase();
}

function cut(text: string | null, charsMax: number): string | null {
  return text === null || text.length <= charsMax ? text : text.slice(0, charsMax);
}
