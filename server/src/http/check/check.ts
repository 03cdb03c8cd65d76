/**
 * The checking endpoints, first on the way of a request: `/auth` for reverse proxies, `POST /api/v1/verify` for
 * services, the keys of signed identities at `/.well-known/jwks.json`. Nothing here reads a cookie, and no answer may be
 * kept by anybody.
 */

import type { Usage } from "../../activity/use.ts";
import type { Network } from "../../domain/address.ts";
import type { Clock } from "../../domain/clock.ts";
import type { InsecureTransportRule } from "../../domain/settings.ts";
import type { Log } from "../../log.ts";
import type { RequireStanding } from "../../sign-in/judge.ts";
import type { Verify } from "../../verify/verify.ts";
import type { Bodies } from "../bodies.ts";
import { securityHeaders } from "../browser.ts";
import { hasProxyHeaders } from "../forwarded.ts";
import type { Hosts } from "../hosts.ts";
import type { FastRoute } from "../listen.ts";
import type { ProxyTrust } from "../peer.ts";
import { refuseKeyInQuery } from "../rest/input.ts";
import { problemResponse } from "../rest/problem.ts";
import { createAuth } from "./auth.ts";
import { createCheckClients } from "./check-client.ts";
import { createCheckKey } from "./check-key.ts";
import { createAssertions, type Signer } from "./identity.ts";
import { type MetricsDeps, metricsText } from "./metrics.ts";
import { createOwnCaller } from "./own-key.ts";
import type { CheckStats } from "./stats.ts";
import { createVerifyRoute } from "./verify.ts";
import { createWarnOncePerMinute } from "./warn-once.ts";

export interface CheckDeps {
  readonly verify: Verify;
  readonly usage: Usage;
  readonly stats: CheckStats;
  readonly keys: { revokeExposed(id: number): Promise<void> };
  readonly secrets: { readonly assertions: Signer & { readonly publicKey: object } };
  readonly insecureRule: () => InsecureTransportRule;
  readonly metrics: Pick<MetricsDeps, "countSessions" | "storeBytes" | "version" | "backup">;
  readonly clock: Clock;
  readonly bodies: Bodies;
  readonly hosts: Hosts;
  readonly log: Log;
  readonly trust: ProxyTrust;
  readonly requireStanding: RequireStanding;
  readonly signIn: Parameters<typeof createOwnCaller>[0];
  readonly checkFrom: readonly Network[];
}

export interface CheckRoutes {
  readonly fastRoute: FastRoute;
  /** Not for a listener that serves checks alone. */
  readonly metrics: FastRoute;
  /** Matched on the raw path, before dot segments are resolved: nothing that a client appends to `/auth/` is another address. */
  readonly rawRoutes: Readonly<Record<string, FastRoute>>;
}

const AUTH = "/auth";
const ENVOY = "/auth/envoy";
const VERIFY = "/api/v1/verify";
const METRICS = "/metrics";
const JWKS = "/.well-known/jwks.json";
const QUESTION = 63;

export function createCheck(deps: CheckDeps): CheckRoutes {
  const { verify, usage, stats, keys, clock, log, trust, requireStanding } = deps;
  const clientOf = createCheckClients(deps);
  const checkKey = createCheckKey({
    verify,
    usage,
    stats,
    log,
    now: clock.now,
    insecureRule: deps.insecureRule,
    revokeExposed: keys.revokeExposed,
    warnOncePerMinute: createWarnOncePerMinute({ clock, log }),
  });
  const assert = createAssertions(deps.secrets.assertions, clock);
  const auth = createAuth({ checkKey, assert, trust, clock, log });
  const verifyRoute = createVerifyRoute({
    checkKey,
    verify,
    requireStanding,
    bodies: deps.bodies,
    hosts: deps.hosts,
    clock,
    log,
  });
  const ownCaller = createOwnCaller(deps.signIn, trust);
  const answerMetrics = async (req: Request, address: string | null, isTls: boolean): Promise<Response> => {
    const refused = refuseKeyInAddress(req, log);
    if (refused) return confined(refused);
    const { headers } = req;
    const isNear =
      clientOf(address).isNear && !hasProxyHeaders(headers) && deps.hosts.isKnown(headers, address);
    const isOpen =
      isNear || (await ownCaller(req, address, isTls).catch(() => undefined))?.roles.has("SYSTEM_AUDIT_READ");
    if (!isOpen) return confined(new Response("Forbidden\n", { status: 403 }));
    const type = { "Content-Type": "text/plain; version=0.0.4; charset=utf-8" };
    return confined(new Response(metricsText({ ...deps, ...deps.metrics }), { headers: type }));
  };
  const jwks = JSON.stringify({ keys: [deps.secrets.assertions.publicKey] });
  const answerKeys = (req: Request): Response => {
    const refused = refuseKeyInAddress(req, log);
    if (refused) return confined(refused);
    const headers = { "Content-Type": "application/jwk-set+json", "Cache-Control": "max-age=300" };
    return confined(new Response(jwks, { headers }));
  };
  const fastRoute: FastRoute = (req, peerAddress, isTls) => {
    const { url } = req;
    const at = url.indexOf("/", 8);
    if (url.startsWith(AUTH, at)) {
      const next = at + AUTH.length;
      if (next === url.length || url.charCodeAt(next) === QUESTION)
        return auth.exact(req, at, { client: clientOf(peerAddress()), isTls });
      return auth.elsewhere(req, clientOf(peerAddress()));
    }
    if (url.endsWith(VERIFY) && url.length === at + VERIFY.length && req.method === "POST")
      return verifyRoute(req, clientOf(peerAddress()), () => ownCaller(req, peerAddress(), isTls));
    return isReadOf(req, JWKS, at) ? answerKeys(req) : undefined;
  };
  const metrics: FastRoute = (req, peerAddress, isTls) => {
    if (!isReadOf(req, METRICS, req.url.indexOf("/", 8))) return undefined;
    return answerMetrics(req, peerAddress(), isTls);
  };
  const envoy: FastRoute = (req, peerAddress, isTls) =>
    auth.envoy(req, { client: clientOf(peerAddress()), isTls });
  const elsewhere: FastRoute = (req, peerAddress) => auth.elsewhere(req, clientOf(peerAddress()));
  return {
    fastRoute,
    metrics,
    rawRoutes: { [ENVOY]: envoy, [`${ENVOY}/*`]: envoy, [`${AUTH}/*`]: elsewhere },
  };
}

/** By GET or HEAD, whatever the query: Prometheus sends what its `params` say. */
function isReadOf({ url, method }: Request, path: string, pathAt: number): boolean {
  if (!url.startsWith(path, pathAt) || (method !== "GET" && method !== "HEAD")) return false;
  const end = pathAt + path.length;
  return url.length === end || url.charCodeAt(end) === QUESTION;
}

function refuseKeyInAddress({ url }: Request, log: Log): Response | undefined {
  try {
    if (url.includes("?")) refuseKeyInQuery(new URL(url));
    return undefined;
  } catch (error) {
    return problemResponse(error, crypto.randomUUID(), log);
  }
}

/** No page, no matter who looks at it in a browser. */
function confined(response: Response): Response {
  securityHeaders(response.headers);
  return response;
}
