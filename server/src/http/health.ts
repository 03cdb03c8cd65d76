/** `/healthz`: the process answers. `/readyz`: the database answers and its disk takes writes. `/ca.pem`: what to trust. */
import type { Log } from "../log.ts";
import type { AnswerIncoming } from "./routes.ts";

const PROBE_MS_MAX = 2_500;
/** How long an answer holds, so that nobody makes us probe at will. */
const FRESH_MS = 1_000;

/** Said by HEAD too. */
const TEXT = { "content-type": "text/plain;charset=utf-8" };

export interface HealthDeps {
  readonly probe: () => Promise<void>;
  readonly monotonic: () => number;
  readonly caPem: () => string | undefined;
  readonly log: Log;
}

export function createHealth({ probe, monotonic, caPem, log }: HealthDeps): AnswerIncoming {
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
  return ({ req, path }) => {
    const pem = path === "/ca.pem" ? caPem() : undefined;
    if (path === "/ca.pem" && !pem) return undefined;
    if (req.method !== "GET" && req.method !== "HEAD") {
      return new Response("Method not allowed\n", { status: 405, headers: { allow: "GET, HEAD" } });
    }
    if (pem) return new Response(pem, { headers: { "content-type": "application/x-pem-file" } });
    if (path === "/healthz") return new Response("ok\n", { headers: TEXT });
    return isReady().then((is) =>
      is
        ? new Response("ready\n", { headers: TEXT })
        : new Response("not ready\n", { status: 503, headers: TEXT }),
    );
  };
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
