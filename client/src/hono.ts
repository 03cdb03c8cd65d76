/**
 * Middleware for Hono on any runtime: lets requests with a good key through, with `c.get("chatelaine")`, and answers
 * the others.
 *
 *     const app = new Hono<{ Variables: ChatelaineVariables }>();
 *     app.use("/dns/*", chatelaine({ url: "http://127.0.0.1:5390", scope: "dns:read" }));
 *     app.get("/dns/zones", (c) => c.json(zonesOf(c.get("chatelaine").user.username)));
 */
import { createGuard, type GuardOptions, IDENTITY, type Identity } from "./guard.ts";

export type { GuardOptions, Identity } from "./guard.ts";

/** For `new Hono<{ Variables: ChatelaineVariables }>()`. */
export interface ChatelaineVariables {
  readonly [IDENTITY]: Identity;
}

export interface HonoContext {
  readonly req: { raw: Request };
  readonly env: unknown;
  set(name: never, value: never): void;
}

export interface HonoOptions<Context extends HonoContext = HonoContext> extends GuardOptions {
  /** Address of the client. Absent: of the socket, on Bun, Deno and Node; behind a proxy this must say it. */
  readonly ip?: (c: Context) => string | undefined;
}

export type HonoMiddleware<Context> = (
  c: Context,
  next: () => Promise<void>,
) => Promise<Response | undefined>;

export function chatelaine<Context extends HonoContext = HonoContext>(
  options: HonoOptions<Context>,
): HonoMiddleware<Context> {
  const guard = createGuard(options);
  const addressOf = options.ip ?? socketAddress;
  return async (c, next) => {
    const { headers } = c.req.raw;
    const read = (name: string): string[] => {
      const value = headers.get(name);
      return value === null ? [] : [value];
    };
    const { identity, refusal, spent } = await guard(read, addressOf(c));
    removeHeaders(c, spent);
    if (!identity) {
      return new Response(refusal.body, { status: refusal.status, headers: refusal.headers });
    }
    c.set(IDENTITY as never, identity as never);
    await next();
    return undefined;
  };
}

/** In place where the runtime lets us, else in a copy of the request, which takes its body along. */
function removeHeaders(c: HonoContext, names: readonly string[]): void {
  if (names.length === 0) return;
  try {
    for (const name of names) c.req.raw.headers.delete(name);
  } catch {
    // Deno's are immutable.
  }
  if (!names.some((name) => c.req.raw.headers.has(name))) return;
  const headers = new Headers(c.req.raw.headers);
  for (const name of names) headers.delete(name);
  c.req.raw = new Request(c.req.raw, { headers });
}

interface KnownEnv {
  /** Bun: the server is the environment, or a member of it. */
  readonly requestIP?: (request: Request) => { readonly address: string } | null;
  readonly server?: KnownEnv;
  /** Node. */
  readonly incoming?: { readonly socket?: { readonly remoteAddress?: string } };
  /** Deno. */
  readonly remoteAddr?: { readonly hostname?: string };
}

function socketAddress({ env, req }: HonoContext): string | undefined {
  const known = (env ?? {}) as KnownEnv;
  const bun = known.requestIP ? known : known.server;
  return (
    bun?.requestIP?.(req.raw)?.address ?? known.incoming?.socket?.remoteAddress ?? known.remoteAddr?.hostname
  );
}
