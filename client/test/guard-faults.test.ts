/** Faults around a guard: what a proxy writes where an address should be, a wrong configuration, functions that throw. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { openCheck } from "../../server/test/check-app.ts";
import { createGuard } from "../src/guard.ts";
import { findRuntime, RUNTIMES, type Runtime, temporaryFolder } from "./runtimes.ts";

/** Behind a trusted proxy, whose word is the client's address. Says its addresses, then what its guards report. */
const SERVICE = `
import { chatelaine as guardExpress } from "@chatelaine/client/express";
import { chatelaine as guardFastify } from "@chatelaine/client/fastify";
import express4 from "express-4";
import express5 from "express";
import fastify from "fastify";

const [url = "", more = "{}"] = process.argv.slice(2);
const { fails, ...options } = JSON.parse(more);
const report = (kind) => (error) => {
  console.log(JSON.stringify({ kind, message: error.message }));
  const failure = new Error("The service's own function failed");
  if (fails === "throws") throw failure;
  if (fails === "rejects") return Promise.reject(failure);
};
const all = { url, ...options, onUnavailable: report("unavailable"), onMisconfigured: report("misconfigured") };
const urls = {};
for (const [name, express] of Object.entries({ express4, express5 })) {
  const app = express();
  app.set("trust proxy", true);
  app.use(guardExpress(all));
  app.get("/", (_, res) => res.end("in"));
  await new Promise((resolve) => {
    const server = app.listen(0, "127.0.0.1", () => {
      urls[name] = "http://127.0.0.1:" + server.address().port;
      resolve();
    });
  });
}
const fast = fastify({ trustProxy: true });
fast.addHook("onRequest", guardFastify(all));
fast.get("/", async () => "in");
urls.fastify = await fast.listen({ port: 0, host: "127.0.0.1" });
console.log(JSON.stringify(urls));
`;

interface Service extends AsyncDisposable {
  readonly urls: Readonly<Record<string, string>>;
  /** Of all that was reported so far, once the service has ended. */
  end(): Promise<readonly { kind: string; message: string }[]>;
}

async function startService(runtime: Runtime, url: string, options: object = {}): Promise<Service> {
  const folder = temporaryFolder();
  const entry = join(import.meta.dir, `.guard-faults-${process.pid}.ts`);
  await Bun.write(entry, SERVICE);
  const target = runtime === "Bun" ? "bun" : "node";
  const { outputs } = await Bun.build({ entrypoints: [entry], target, format: "esm" }).finally(() =>
    Bun.file(entry).delete(),
  );
  const built = join(folder, "service.mjs");
  await Bun.write(built, outputs[0]!);
  const args = [findRuntime(runtime, folder), built, url, JSON.stringify(options)];
  const child = Bun.spawn(args, { stdout: "pipe", stderr: "ignore", timeout: 60_000 });
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  const more = async (): Promise<boolean> => {
    const { done, value = "" } = await reader.read();
    text += value;
    return !done;
  };
  while (!text.includes("\n") && (await more()));
  const end = async () => {
    child.kill("SIGKILL");
    while (await more());
    await child.exited;
    return text
      .trim()
      .split("\n")
      .slice(1)
      .map((line) => JSON.parse(line) as { kind: string; message: string });
  };
  return {
    urls: JSON.parse(text.split("\n")[0]!),
    end,
    [Symbol.asyncDispose]: async () => {
      await end();
    },
  };
}

for (const runtime of RUNTIMES) {
  test(`on ${runtime} a guard takes the address that a proxy writes, with its port, and what is none is not known`, async () => {
    await using check = await openCheck();
    await using service = await startService(runtime, check.url);
    const free = await check.key("free");
    const bound = await check.key("bound", { allowedIps: ["192.0.2.0/24", "2001:db8::/32"] });
    const rows: [string, number, number][] = [
      ["192.0.2.7", 200, 200],
      ["192.0.2.7:5555", 200, 200],
      ["[2001:db8::7]:5555", 200, 200],
      ["198.51.100.7:5555", 200, 403],
      ["unknown", 200, 403],
      ["_hidden", 200, 403],
      ["junk junk", 200, 403],
    ];
    for (const [name, url] of Object.entries(service.urls)) {
      for (const [forwarded, forFree, forBound] of rows) {
        const statusOf = async (key: string) =>
          (await fetch(url, { headers: { "X-API-Key": key, "X-Forwarded-For": forwarded } })).status;
        expect([name, forwarded, await statusOf(free.text), await statusOf(bound.text)]).toEqual([
          name,
          forwarded,
          forFree,
          forBound,
        ]);
      }
    }
    expect(await service.end()).toEqual([]);
  });

  test(`on ${runtime} a question that Chatelaine refuses is reported once, as a fault of the configuration`, async () => {
    await using check = await openCheck();
    const { text } = await check.key("good");
    await using service = await startService(runtime, check.url, { scope: "no scope" });
    for (const url of Object.values(service.urls))
      for (const _ of [1, 2, 3])
        expect((await fetch(url, { headers: { "X-API-Key": text } })).status).toBe(503);
    const reports = await service.end();
    expect(reports.map(({ kind }) => kind)).toEqual(["misconfigured", "misconfigured", "misconfigured"]);
    for (const { message } of reports) expect(message).not.toContain(text);
  });

  for (const fails of ["throws", "rejects"])
    test(`on ${runtime} a function of the service that ${fails} costs no request its answer and ends no process`, async () => {
      await using check = await openCheck();
      const { text } = await check.key("good");
      await using service = await startService(runtime, check.url, { fails, timeoutMs: 1_000 });
      await check.server.close();
      for (const [name, url] of Object.entries(service.urls))
        for (const _ of [1, 2])
          expect([name, (await fetch(url, { headers: { "X-API-Key": text } })).status]).toEqual([name, 503]);
      expect((await service.end()).every(({ kind }) => kind === "unavailable")).toBe(true);
    });
}

test.each([
  [400, "misconfigured"],
  [403, "misconfigured"],
  [404, "misconfigured"],
  [408, "unavailable"],
  [422, "misconfigured"],
  [425, "unavailable"],
  [429, "unavailable"],
  [500, "unavailable"],
  [503, "unavailable"],
])("an answer of %d is reported as %s", async (status, kind) => {
  const reports: string[] = [];
  const guard = createGuard({
    url: "http://127.0.0.1:5390",
    fetch: async () => new Response(null, { status }),
    onUnavailable: () => reports.push("unavailable"),
    onMisconfigured: () => reports.push("misconfigured"),
  });
  const { refusal } = await guard((name) => (name === "x-api-key" ? "1-key" : undefined), undefined);
  expect([refusal?.status, reports]).toEqual([503, [kind]]);
});
