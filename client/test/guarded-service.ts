/** One guarded route in each framework, run by Bun and by Node alike. Says its addresses, one JSON line. */
import { serve } from "@hono/node-server";
import express from "express";
import fastify from "fastify";
import { Hono } from "hono";
import { createAssertionCheck } from "../src/assertion.ts";
import { guardExpress, guardFastify, guardHono } from "../src/middleware.ts";
import { createVerifier, type GoodAnswer } from "../src/verify.ts";

const url = process.argv[2]!;
const verifier = createVerifier({ url });
const options = { scope: "dns:read", ip: () => "192.0.2.7" };
const told = (key: GoodAnswer) => ({ user: key.user.username, key: key.key.id });
const checkAssertion = createAssertionCheck({ url, audience: "app.example" });

const hono = new Hono<{ Variables: { chatelaine: GoodAnswer } }>();
hono.get("/assertion", async (context) => {
  const identity = await checkAssertion(context.req.header("remote-assertion"));
  return context.json({ user: identity?.username ?? null });
});
hono.use("/dns", guardHono(verifier, options));
hono.get("/dns", (context) => context.json(told(context.get("chatelaine"))));
const honoPort = await new Promise<number>((resolve) => {
  serve({ fetch: hono.fetch, port: 0, hostname: "127.0.0.1" }, ({ port }) => resolve(port));
});

const application = express();
application.get("/dns", guardExpress(verifier, options), (req, res) => {
  res.json(told((req as unknown as { chatelaine: GoodAnswer }).chatelaine));
});
const expressPort = await new Promise<number>((resolve) => {
  const server = application.listen(0, "127.0.0.1", () =>
    resolve((server.address() as { port: number }).port),
  );
});

const fast = fastify();
fast.get("/dns", { preHandler: guardFastify(verifier, options) as never }, async (request) =>
  told((request as unknown as { chatelaine: GoodAnswer }).chatelaine),
);
const fastifyUrl = await fast.listen({ port: 0, host: "127.0.0.1" });

console.log(
  JSON.stringify({
    hono: `http://127.0.0.1:${honoPort}`,
    express: `http://127.0.0.1:${expressPort}`,
    fastify: fastifyUrl,
  }),
);
