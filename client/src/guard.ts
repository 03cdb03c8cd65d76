/**
 * What all middleware shares: finds the key of a request, asks Chatelaine, and says what to answer where it is no. The
 * refused learn the status and the number of the decision, no more. 401, 403, 429: the key is not good enough; 503:
 * Chatelaine could not be asked, which is never the key's fault.
 */
import { type Challenge, challengeFor } from "./challenge.ts";
import { readClientAddress } from "./client-address.ts";
import { ChatelaineError } from "./errors.ts";
import { type Presented, type ReadHeader, readPresented } from "./presented.ts";
import {
  type BadAnswer,
  createVerifier,
  type GoodAnswer,
  type RefusedBecause,
  type VerifierOptions,
  type Wanted,
} from "./verify.ts";

export interface GuardOptions extends VerifierOptions, Pick<Wanted, "scope" | "cost"> {
  /** The one header that carries keys; absent: Authorization (Bearer, Basic) and X-API-Key. */
  readonly header?: string;
  /**
   * What a 401 offers. `auto`, which it is unless set: Basic and Bearer to programs, Bearer alone to what may be a browser,
   * so that no box for a password opens. `basic`, `bearer`: that one alone. With `header` it is `bearer` unless set.
   */
  readonly challenge?: Challenge;
  /** Gets why Chatelaine could not be asked. Absent: a line on standard error, once a minute at most. */
  readonly onUnavailable?: (error: ChatelaineError) => void;
  /**
   * Gets what Chatelaine refuses about the question itself (a status of 4xx: a scope that is none, a service that may not
   * ask), once for each message. Waiting does not help: the configuration is wrong. Absent: a line on standard error.
   */
  readonly onMisconfigured?: (error: ChatelaineError) => void;
}

/** Who asks: the key, its user, and what is left of its rate limit. */
export type Identity = Omit<GoodAnswer, "valid">;

/** Where the identity is found on a request or a context. */
export const IDENTITY = "chatelaine";

/** What a refused client is told. */
export interface Refusal {
  readonly status: 401 | 403 | 429 | 503;
  readonly headers: Readonly<Record<string, string>>;
  /** A problem document, RFC 9457. */
  readonly body: string;
}

/** `spent`: headers that carried a key, and so must not go onwards. */
export type Judgement = { readonly spent: readonly string[] } & (
  | { readonly identity: Identity; readonly refusal?: undefined }
  | { readonly identity?: undefined; readonly refusal: Refusal }
);

/** @param ip address of the client, as the service knows it */
export type Guard = (read: ReadHeader, ip: string | undefined) => Promise<Judgement>;

const RETRY_SECONDS = "2";
/** Messages of a wrong configuration that are remembered: the rest is not reported. */
const MESSAGES_MAX = 100;
const STATUS: Readonly<Record<RefusedBecause, 401 | 403 | 429>> = {
  malformed: 401,
  unknown: 401,
  expired: 401,
  paused: 403,
  revoked: 401,
  user_locked: 403,
  scope_missing: 403,
  address_not_allowed: 403,
  insecure_transport: 403,
  rate_limited: 429,
};
const WORDS = {
  401: ["not_authenticated", "Not authenticated", "A good key is needed."],
  403: ["forbidden", "Forbidden", "This key may not do that."],
  429: ["too_many_requests", "Too many requests", "This key has used up what it may."],
  503: ["unavailable", "Unavailable", "Keys cannot be checked at the moment: keep yours and try again."],
} as const;
const NO_KEY = 'Bearer realm="chatelaine"';
const BAD_TOKEN = `${NO_KEY}, error="invalid_token"`;

/** For any framework: what to do with a request that has these headers. */
export function createGuard(options: GuardOptions): Guard {
  const { verify } = createVerifier(options);
  const { header, scope, cost, challenge = header === undefined ? "auto" : "bearer" } = options;
  const report = reporter(options);
  return async (read, ip) => {
    const presented = readPresented(read, header);
    const { headers: spent } = presented;
    const offer = (bearer: string): string => challengeFor(read, bearer, challenge);
    if (presented.kind !== "key") return { spent, refusal: withoutKey(presented, offer) };
    try {
      const answer = await verify(presented.text, { scope, cost, ip: readClientAddress(ip) });
      if (!answer.valid) return { spent, refusal: refusalOf(answer, offer) };
      const { key, user, rate_limit } = answer;
      return { spent, identity: { key, user, rate_limit } };
    } catch (error) {
      report(error);
      return { spent, refusal: refuse(503, { "Retry-After": RETRY_SECONDS }) };
    }
  };
}

/** What a guard of Express or Fastify has put on a request. */
export function identityOf(request: object): Identity | undefined {
  return (request as { readonly [IDENTITY]?: Identity })[IDENTITY];
}

type Offer = (bearer: string) => string;

function withoutKey({ kind }: Presented, offer: Offer): Refusal {
  return refuse(401, { "WWW-Authenticate": offer(kind === "none" ? NO_KEY : BAD_TOKEN) });
}

function refusalOf({ reason, decision, ...answer }: BadAnswer, offer: Offer): Refusal {
  // A reason that only a later server knows is a no all the same.
  const status = STATUS[reason] ?? 403;
  const more = {
    ...(status === 401 && { "WWW-Authenticate": offer(BAD_TOKEN) }),
    ...(status === 429 && rateHeaders(answer)),
    ...(decision && { "Decision-Id": decision }),
  };
  return refuse(status, more, decision);
}

/** As Chatelaine's own doors say it (draft-ietf-httpapi-ratelimit-headers). */
function rateHeaders({
  rate_limit: rate,
  retry_after_seconds: seconds,
}: Pick<BadAnswer, "rate_limit" | "retry_after_seconds">): Record<string, string> {
  const wait = seconds ?? Math.max(1, rate?.reset_seconds ?? 1);
  return {
    "Retry-After": String(wait),
    ...(rate && {
      "RateLimit-Policy": `"key";q=${rate.limit};w=${rate.window_seconds}`,
      RateLimit: `"key";r=${rate.remaining};t=${rate.reset_seconds}`,
    }),
  };
}

function refuse(
  status: Refusal["status"],
  headers: Readonly<Record<string, string>>,
  decision?: string,
): Refusal {
  const [code, title, detail] = WORDS[status];
  return {
    status,
    headers: { "Content-Type": "application/problem+json", "Cache-Control": "no-store", ...headers },
    body: JSON.stringify({ type: "about:blank", title, status, code, detail, decision }),
  };
}

/** A function of the service that throws, or promises and fails, is its own fault: no request loses its answer, and the service goes on. */
function reporter(options: GuardOptions): (error: unknown) => void {
  const { onUnavailable = sayOnceAMinute(), onMisconfigured = sayMisconfigured } = options;
  const known = new Set<string>();
  const misconfigured = (error: ChatelaineError): unknown => {
    if (known.has(error.message) || known.size >= MESSAGES_MAX) return undefined;
    known.add(error.message);
    return onMisconfigured(error);
  };
  const tell = async (error: unknown): Promise<unknown> =>
    error instanceof ChatelaineError && isAboutQuestion(error)
      ? misconfigured(error)
      : onUnavailable(error as ChatelaineError);
  return (error) => {
    tell(error).catch((thrown) =>
      console.error("The guard could not report why requests are answered 503.", thrown),
    );
  };
}

/** 408, 425, 429: too late, too early, too often. */
const OF_THE_MOMENT: readonly number[] = [408, 425, 429];

function isAboutQuestion({ status }: ChatelaineError): boolean {
  return status >= 400 && status < 500 && !OF_THE_MOMENT.includes(status);
}

function sayMisconfigured({ message }: ChatelaineError): void {
  console.error(`Requests are answered 503 because this guard is not configured correctly. ${message}`);
}

function sayOnceAMinute(): (error: ChatelaineError) => void {
  let saidAt = Number.NEGATIVE_INFINITY;
  return ({ message }) => {
    const now = performance.now();
    if (now - saidAt < 60_000) return;
    saidAt = now;
    console.error(`Requests are answered 503. ${message}`);
  };
}
