/**
 * A hook for Fastify: lets requests with a good key through, with `request.chatelaine`, and answers the others.
 *
 *     app.addHook("onRequest", chatelaine({ url: "http://127.0.0.1:5390", scope: "dns:read" }));
 *     app.get("/zones", async (request) => zonesOf(identityOf(request)!.user.username));
 */
import { createGuard, type GuardOptions, IDENTITY } from "./guard.ts";
import { headerReader, type NodeRequest, removeHeaders } from "./node-request.ts";

export { type GuardOptions, type Identity, identityOf } from "./guard.ts";

export interface FastifyRequestLike {
  readonly ip?: string;
  readonly raw: NodeRequest;
}

export interface FastifyReplyLike {
  code(status: number): unknown;
  header(name: string, value: string): unknown;
  send(body: string): unknown;
}

export type FastifyHook = (request: FastifyRequestLike, reply: FastifyReplyLike) => Promise<unknown>;

export function chatelaine(options: GuardOptions): FastifyHook {
  const guard = createGuard(options);
  return async (request, reply) => {
    const { identity, refusal, spent } = await guard(headerReader(request.raw), request.ip);
    removeHeaders(request.raw, spent);
    if (identity) {
      Object.assign(request, { [IDENTITY]: identity });
      return undefined;
    }
    reply.code(refusal.status);
    for (const [name, value] of Object.entries(refusal.headers)) reply.header(name, value);
    return reply.send(refusal.body);
  };
}
