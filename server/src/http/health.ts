/** `/healthz`: the process answers. `/readyz`: the database answers and its disk takes writes. `/ca.pem`: what to trust. */
import type { Log } from "../log.ts";
import type { Route } from "./listen.ts";

const PROBE_MS_MAX = 2_500;
/** How long an answer holds, so that nobody makes us probe at will. */
const FRESH_MS = 1_000;

const PATHS = /\/(?:healthz|readyz|ca\.pem)(?:\?|$)/;

/** Said by HEAD too. */
const TEXT = { "content-type": "text/plain;charset=utf-8" };

export interface HealthDeps {
  readonly probe: () => Promise<void>;
  readonly monotonic: () => number;
  readonly caPem: () => string | undefined;
  readonly log: Log;
}

export function createHealth({ probe, monotonic, caPem, log }: HealthDeps): Route {
  let checked = Number.NEGATIVE_INFINITY;
  let ready: Promise<boolean> = Promise.resolve(false);
  const isReady = (): Promise<boolean> => {
    if (monotonic() - checked < FRESH_MS) return ready;
    checked = monotonic();
    ready = within(probe(), PROBE_MS_MAX).then(
      () => true,
      (error: unknown) => {
        log.warn("Not ready", { error });
        return false;
      },
    );
    return ready;
  };
  const answer = async (req: Request): Promise<Response | undefined> => {
    const { pathname } = new URL(req.url);
    const pem = pathname === "/ca.pem" ? caPem() : undefined;
    if (pathname !== "/healthz" && pathname !== "/readyz" && !pem) return undefined;
    if (req.method !== "GET" && req.method !== "HEAD") {
      return new Response("Method not allowed\n", { status: 405, headers: { allow: "GET, HEAD" } });
    }
    if (pem) return new Response(pem, { headers: { "content-type": "application/x-pem-file" } });
    if (pathname === "/healthz") return new Response("ok\n", { headers: TEXT });
    return (await isReady())
      ? new Response("ready\n", { headers: TEXT })
      : new Response("not ready\n", { status: 503, headers: TEXT });
  };
  return (req) => (PATHS.test(req.url) ? answer(req) : undefined);
}

async function within<T>(work: Promise<T>, ms: number): Promise<T> {
  let late: Timer | undefined;
  const tooLate = new Promise<never>((_, reject) => {
    late = setTimeout(() => reject(new Error(`No answer within ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([work, tooLate]);
  } finally {
    clearTimeout(late);
  }
}
