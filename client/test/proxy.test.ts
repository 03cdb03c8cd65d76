import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { openCheck } from "../../server/test/check-app.ts";
import { directFetch } from "../src/direct-fetch.ts";

/** Asks in each way that the library has, as a child process: the variables of a proxy are read at its start. */
const ASK = `
import { createClient } from "${join(import.meta.dir, "../src/client.ts")}";
import { createGuard } from "${join(import.meta.dir, "../src/guard.ts")}";
import { remoteKeys } from "${join(import.meta.dir, "../src/key-set.ts")}";
import { createVerifier } from "${join(import.meta.dir, "../src/verify.ts")}";
const [url = "", key = ""] = process.argv.slice(1);
const outcome = (asked) => asked.then(() => "answered", (error) => error.message);
const guard = createGuard({ url, onUnavailable: () => undefined });
console.log(JSON.stringify({
  verify: await outcome(createVerifier({ url, timeoutMs: 1000 }).verify(key)),
  guard: (await guard((name) => (name === "x-api-key" ? key : undefined), undefined)).refusal?.status ?? "answered",
  client: await outcome(createClient({ url, key }).self.get()),
  keySet: await outcome(remoteKeys(url + "/.well-known/jwks.json", { timeoutMs: 1000 }).find("x")),
}));
`;

async function ask(url: string, key: string, proxy: string): Promise<Record<string, string>> {
  const env = {
    ...process.env,
    HTTP_PROXY: proxy,
    http_proxy: proxy,
    HTTPS_PROXY: proxy,
    NO_PROXY: "",
    no_proxy: "",
  };
  const child = Bun.spawn([process.execPath, "-e", ASK, url, key], { env, stderr: "inherit" });
  return JSON.parse(await new Response(child.stdout).text());
}

test("no key goes through a proxy of the environment in clear, neither for this machine nor for another", async () => {
  await using check = await openCheck();
  const { text } = await check.key("good");
  const proxied: string[] = [];
  using proxy = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: async (req) => {
      proxied.push(`${req.url} ${await req.text()}`);
      return new Response("the proxy answers", { status: 502 });
    },
  });
  const { port } = new URL(check.url);
  const answered = { verify: "answered", guard: "answered", client: "answered", keySet: "answered" };
  for (const url of [check.url, `http://localhost:${port}`])
    expect([url, await ask(url, text, proxy.url.href)]).toEqual([url, answered]);
  // A name that nobody has: whatever is said of it did not come from the proxy.
  const far = await ask("http://chatelaine.invalid", text, proxy.url.href);
  expect(Object.values(far)).not.toContain("answered");
  expect(proxied).toEqual([]);
});

test("for https the environment decides: the proxy learns the name of the host, and no key", async () => {
  const heard: string[] = [];
  using proxy = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      data: (socket, data) => {
        heard.push(data.toString());
        socket.end("HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n");
      },
    },
  });
  await ask("https://chatelaine.invalid", "1-secret", `http://127.0.0.1:${proxy.port}`);
  expect(heard.length).toBeGreaterThan(0);
  for (const text of heard) expect(text).toStartWith("CONNECT chatelaine.invalid:443 ");
  expect(heard.join("")).not.toContain("secret");
});

/** What each runtime is asked by, where it reads the variables: tried by hand with Deno 2.9 and Node 24. */
describe("every runtime is told in its own way to connect directly to", () => {
  const agent = {};
  const [DENO, NODE] = ["Deno", Symbol.for("undici.globalDispatcher.1")] as const;
  const world = globalThis as Record<string | symbol, unknown>;
  const before = { fetch: world.fetch, [NODE]: world[NODE] };
  let sent: Record<string, unknown> | undefined;
  beforeAll(() => {
    world[DENO] = { createHttpClient: (options: object) => options };
    world[NODE] = { [Symbol("no proxy agent")]: agent };
    world.fetch = (_url: string, init: Record<string, unknown>) => {
      sent = init;
      return Promise.resolve(new Response());
    };
  });
  afterAll(() => {
    delete world[DENO];
    Object.assign(world, before);
  });
  const byDeno = (hostname: string, port: number) => ({ proxy: { transport: "tcp", hostname, port } });
  for (const [url, wanted] of [
    ["http://127.0.0.1:5390/x", { proxy: false, client: byDeno("127.0.0.1", 5390), dispatcher: agent }],
    ["HTTP://localhost/x", { proxy: false, client: byDeno("localhost", 80), dispatcher: agent }],
    ["http://[::1]:5390/x", { proxy: false, client: byDeno("::1", 5390), dispatcher: agent }],
    ["http://keys.example/x", { proxy: false, client: byDeno("keys.example", 80), dispatcher: agent }],
    ["https://localhost:5397/x", { proxy: false, client: undefined, dispatcher: agent }],
    ["https://keys.example/x", {}],
    ["/api/v1/x", {}],
  ] as const)
    test(url, async () => {
      await directFetch(url, { method: "POST" });
      expect(sent).toEqual({ method: "POST", ...wanted });
    });
});
