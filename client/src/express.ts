/**
 * Middleware for Express, and for all that calls `(req, res, next)` on Node's http: lets requests with a good key
 * through, with `req.chatelaine`, and answers the others.
 *
 *     app.use("/dns", chatelaine({ url: "http://127.0.0.1:5390", scope: "dns:read" }));
 *     app.get("/dns/zones", (req, res) => res.json(zonesOf(identityOf(req)!.user.username)));
 */
import { createGuard, type GuardOptions, IDENTITY } from "./guard.ts";
import { headerReader, type NodeRequest, removeHeaders } from "./node-request.ts";

export { type GuardOptions, type Identity, identityOf } from "./guard.ts";

/** `req.ip` counts where there is one: Express knows its trusted proxies. */
export interface ExpressRequest extends NodeRequest {
  readonly ip?: string;
  readonly socket?: { readonly remoteAddress?: string };
}

export interface ExpressResponse {
  statusCode: number;
  setHeader(name: string, value: string): unknown;
  end(body: string): unknown;
}

export type ExpressMiddleware = (
  req: ExpressRequest,
  res: ExpressResponse,
  next: (error?: unknown) => void,
) => Promise<void>;

export function chatelaine(options: GuardOptions): ExpressMiddleware {
  const guard = createGuard(options);
  const judge: ExpressMiddleware = async (req, res, next) => {
    const { identity, refusal, spent } = await guard(headerReader(req), req.ip ?? req.socket?.remoteAddress);
    removeHeaders(req, spent);
    if (identity) {
      Object.assign(req, { [IDENTITY]: identity });
      next();
      return;
    }
    res.statusCode = refusal.status;
    for (const [name, value] of Object.entries(refusal.headers)) res.setHeader(name, value);
    res.end(refusal.body);
  };
  // Express 4 looks at no promise: a rejection would end the whole service.
  return (req, res, next) => judge(req, res, next).catch(next);
}
