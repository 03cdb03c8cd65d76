/**
 * The `fetch` that the library uses unless it is given one. Where a key would travel in clear (`http:`), no proxy of the
 * environment sees it: a request to this machine would leave it, and one to another would show the key on the way. For
 * `https:` the environment decides, and a proxy there learns the name of the host alone (held by `proxy.test.ts`).
 *
 * Bun reads HTTP_PROXY in every `fetch` and knows `proxy: false`. Other runtimes do not know the member and ignore it:
 * Node 20 and browsers read no such variable.
 */
import type { Fetch } from "./answer.ts";

export const directFetch: Fetch = (url, init) =>
  fetch(url, isDirect(url) ? ({ ...init, proxy: false } as RequestInit) : init);

/** Relative addresses are a page's own, and no proxy of the environment is in force there. */
function isDirect(url: string): boolean {
  return /^http:/i.test(url) || isLoopback(url);
}

function isLoopback(url: string): boolean {
  if (!URL.canParse(url)) return false;
  const { hostname } = new URL(url);
  return /^(?:localhost|.+\.localhost|127(?:\.\d+){3}|\[::1\])$/i.test(hostname);
}
