/**
 * The `fetch` that the library uses unless it is given one. Where a key would travel in clear (`http:`), no proxy of the
 * environment sees it: a request to this machine would leave it, and one to another would show the key on the way. For
 * `https:` the environment decides, and a proxy there learns the name of the host alone (held by `proxy.test.ts`).
 *
 * Each runtime that reads HTTP_PROXY is told in its own way: Bun knows `proxy: false`; Deno a client that connects by itself, for
 * `http:` alone; Node, from 24 on and where NODE_USE_ENV_PROXY is set, the agent that it keeps for what NO_PROXY names. The others
 * ignore the members.
 */
import type { Fetch } from "./answer.ts";

export const directFetch: Fetch = (url, init) =>
  fetch(url, isDirect(url) ? { ...init, ...directly(url) } : init);

/** Relative addresses are a page's own, and no proxy of the environment is in force there. */
function isDirect(url: string): boolean {
  return /^http:/i.test(url) || isLoopback(url);
}

function isLoopback(url: string): boolean {
  if (!URL.canParse(url)) return false;
  const { hostname } = new URL(url);
  return /^(?:localhost|.+\.localhost|127(?:\.\d+){3}|\[::1\])$/i.test(hostname);
}

function directly(url: string): object {
  return { proxy: false, client: denoClient(url), dispatcher: nodeAgent() };
}

interface Deno {
  createHttpClient?(options: { proxy: { transport: "tcp"; hostname: string; port: number } }): object;
}

/** One for each place, which keeps its connections; it knows no TLS. */
const clients = new Map<string, object>();

function denoClient(url: string): object | undefined {
  const { Deno } = globalThis as { Deno?: Deno };
  if (!Deno?.createHttpClient || !URL.canParse(url)) return undefined;
  const { protocol, hostname: host, port, origin } = new URL(url);
  if (protocol !== "http:") return undefined;
  const known = clients.get(origin);
  if (known) return known;
  const place = { hostname: host.replace(/^\[|\]$/g, ""), port: Number(port || 80) };
  const client = Deno.createHttpClient({ proxy: { transport: "tcp", ...place } });
  clients.set(origin, client);
  return client;
}

const GLOBAL_AGENT = Symbol.for("undici.globalDispatcher.1");

function nodeAgent(): unknown {
  const agent = (globalThis as { [GLOBAL_AGENT]?: object })[GLOBAL_AGENT];
  const own =
    agent && Object.getOwnPropertySymbols(agent).find((one) => one.description === "no proxy agent");
  return own && Reflect.get(agent, own);
}
