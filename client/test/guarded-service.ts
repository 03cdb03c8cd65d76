/**
 * One guarded route in each framework, run by Bun and by Node alike; it tells what reached it. Says its addresses in one
 * JSON line. Arguments: address of Chatelaine, JSON of more options.
 */

import { verifyAssertion } from "@chatelaine/client/assertion";
import { chatelaine as guardExpress, identityOf } from "@chatelaine/client/express";
import { chatelaine as guardFastify } from "@chatelaine/client/fastify";
import { type ChatelaineVariables, chatelaine as guardHono } from "@chatelaine/client/hono";
import { serve } from "@hono/node-server";
import express from "express";
import fastify from "fastify";
import { Hono } from "hono";

const [url = "", more = "{}"] = process.argv.slice(2);
const options = { url, scope: "dns:read", onUnavailable: () => {}, ...JSON.parse(more) };
const told = (identity: ChatelaineVariables["chatelaine"] | undefined) => ({
  user: identity?.user.username,
  key: identity?.key.id,
});

const hono = new Hono<{ Variables: ChatelaineVariables }>();
hono.get("/assertion", async (c) => {
  const jwks = `${url}/.well-known/jwks.json`;
  const wanted = { issuer: "chatelaine", audience: "app.example", jwks };
  return c.json(await verifyAssertion(c.req.header("remote-assertion"), wanted));
});
hono.use("/dns", guardHono(options));
hono.all("/dns", async (c) =>
  c.json({ ...told(c.get("chatelaine")), headers: [...c.req.raw.headers], body: await c.req.text() }),
);

function serveHono(): Promise<string> | string {
  if (process.versions.bun)
    return Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: hono.fetch }).url.origin;
  return new Promise((resolve) => {
    serve({ fetch: hono.fetch, port: 0, hostname: "127.0.0.1" }, ({ port }) =>
      resolve(`http://127.0.0.1:${port}`),
    );
  });
}

const application = express();
application.use("/dns", guardExpress(options));
application.use(express.text());
application.all("/dns", (req, res) => {
  res.json({ ...told(identityOf(req)), headers: [req.headers, req.rawHeaders], body: req.body });
});
const expressUrl = await new Promise<string>((resolve) => {
  const server = application.listen(0, "127.0.0.1", () =>
    resolve(`http://127.0.0.1:${(server.address() as { port: number }).port}`),
  );
});

const fast = fastify();
fast.addHook("onRequest", guardFastify(options));
fast.all("/dns", async (request) => ({
  ...told(identityOf(request)),
  headers: [request.headers, request.raw.rawHeaders],
  body: request.body,
}));
const fastifyUrl = await fast.listen({ port: 0, host: "127.0.0.1" });

console.log(JSON.stringify({ hono: await serveHono(), express: expressUrl, fastify: fastifyUrl }));
