/**
 * The checking endpoints, first on the way of a request: `/auth` for reverse proxies, `POST /api/v1/verify` for
 * services, the keys of signed identities at `/.well-known/jwks.json`. Nothing here reads a cookie, and no answer may be
 * kept by anybody.
 */

import type { Usage } from "../../activity/use.ts";
import type { Network } from "../../domain/address.ts";
import type { Clock } from "../../domain/clock.ts";
import type { Log } from "../../log.ts";
import type { KeysInClear } from "../../sign-in/clear-text.ts";
import type { RequireStanding } from "../../sign-in/judge.ts";
import { createCheckKey } from "../../verify/check.ts";
import type { Verify } from "../../verify/verify.ts";
import type { Bodies } from "../bodies.ts";
import { securityHeaders } from "../browser.ts";
import { hasProxyHeaders } from "../forwarded.ts";
import type { Hosts } from "../hosts.ts";
import type { ProxyTrust } from "../peer.ts";
import { refuseKeyInQuery } from "../rest/input.ts";
import { problemResponse } from "../rest/problem.ts";
import type { Answerers, AnswerIncoming } from "../routes.ts";
import { createAuth } from "./auth.ts";
import { createCheckClients } from "./check-client.ts";
import { createAssertions, type Signer } from "./identity.ts";
import { type MetricsDeps, metricsText } from "./metrics.ts";
import { createOwnCaller } from "./own-key.ts";
import type { CheckFigures } from "./stats.ts";
import { createVerifyRoute } from "./verify.ts";

export interface CheckDeps {
  readonly verify: Verify;
  readonly usage: Usage;
  readonly stats: CheckFigures;
  readonly keysInClear: KeysInClear;
  readonly secrets: { readonly assertions: Signer & { readonly publicKey: object } };
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

export type CheckRoutes = Answerers["check"];

export function createCheck(deps: CheckDeps): CheckRoutes {
  const { verify, usage, stats, clock, log, trust, requireStanding } = deps;
  const clientOf = createCheckClients(deps);
  const checkKey = createCheckKey({
    verify,
    usage,
    stats,
    now: clock.now,
    keysInClear: deps.keysInClear,
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
  const metrics: AnswerIncoming = async ({ req, search, address, isTls }) => {
    const refused = refuseKeyInAddress(search, log);
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
  const answerKeys: AnswerIncoming = ({ search }) => {
    const refused = refuseKeyInAddress(search, log);
    if (refused) return confined(refused);
    const headers = { "Content-Type": "application/jwk-set+json", "Cache-Control": "max-age=300" };
    return confined(new Response(jwks, { headers }));
  };
  return {
    auth: ({ req, pathAt, address, isTls }) => auth.exact(req, pathAt, { client: clientOf(address), isTls }),
    envoy: ({ req, address, isTls }) => auth.envoy(req, { client: clientOf(address), isTls }),
    elsewhere: ({ req, address }) => auth.elsewhere(req, clientOf(address)),
    // With a query it is left to REST, which says what is wrong with it.
    verify: ({ req, search, address, isTls }) =>
      search === "" ? verifyRoute(req, clientOf(address), () => ownCaller(req, address, isTls)) : undefined,
    jwks: answerKeys,
    metrics,
  };
}

function refuseKeyInAddress(search: string, log: Log): Response | undefined {
  try {
    refuseKeyInQuery(search);
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
