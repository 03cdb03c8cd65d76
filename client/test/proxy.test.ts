import { expect, test } from "bun:test";
import { join } from "node:path";
import { openCheck } from "../../server/test/check-app.ts";

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
