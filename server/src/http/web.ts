/**
 * Serves the screens: one page for every address that the browser's router knows, and the files it loads.
 *
 * Files named by their content may be kept for ever; the page itself is asked for anew each time, so that an update of the
 * server reaches every browser with the next reload. The headers that confine a page are put on by `browser.ts`.
 */
import type { Log } from "../log.ts";
import { hasAlready } from "./entity-tags.ts";
import { answerOf } from "./long-answers.ts";
import { loadWebPack, type WebAsset, type WebPack } from "./web-pack.ts";

export interface Web {
  /** @returns undefined where the path is none of the screens'. */
  fetch(req: Request): Response | Promise<Response> | undefined;
  /** Asked last: for a browser, the page that says that there is nothing here, and leads back. Its status is 404. */
  missing(req: Request): Promise<Response> | undefined;
}

/** The addresses of screens. Whatever is below them belongs to them too; the browser's router knows which there are. */
const SCREENS = [
  "/keys",
  "/users",
  "/groups",
  "/audit",
  "/system",
  "/certificate",
  "/guide",
  "/sign-in",
  "/setup",
  "/scale/scaleclireference/auth/cliapikey",
];

export function createWeb({ log }: { readonly log: Log }): Web {
  let loading: Promise<WebPack | undefined> | undefined;
  const load = (): Promise<WebPack | undefined> => {
    loading ??= loadWebPack((reason) => log.error(reason)).then((pack) => {
      if (pack === undefined) loading = undefined;
      return pack;
    });
    return loading;
  };
  return {
    fetch: (req) => {
      const { pathname } = new URL(req.url);
      const path = isScreen(pathname) ? "/index.html" : pathname;
      if (path !== "/index.html" && !isFile(path)) return undefined;
      if (req.method !== "GET" && req.method !== "HEAD")
        return new Response("Method not allowed\n", { status: 405, headers: { Allow: "GET, HEAD" } });
      return load().then((pack) => serve(req, pack, path));
    },
    missing: (req) => (wantsPage(req) ? load().then((pack) => serveMissing(req, pack)) : undefined),
  };
}

/** Programs ask for anything; a browser that is to show a page names HTML. */
function wantsPage({ method, headers }: Request): boolean {
  return (method === "GET" || method === "HEAD") && /\btext\/html\b/.test(headers.get("accept") ?? "");
}

/** The same page, so that it looks as all others do; its tag is not that of an address that is there. */
function serveMissing(req: Request, pack: WebPack | undefined): Response {
  const headers = new Headers(req.headers);
  headers.delete("if-none-match");
  const page = serve(new Request(req.url, { method: req.method, headers }), pack, "/index.html");
  if (!page.ok) return page;
  page.headers.delete("ETag");
  return new Response(page.body, { status: 404, headers: page.headers });
}

function isScreen(pathname: string): boolean {
  return (
    pathname === "/" || SCREENS.some((screen) => pathname === screen || pathname.startsWith(`${screen}/`))
  );
}

function isFile(path: string): boolean {
  return path.startsWith("/assets/") || path.startsWith("/pictures/") || path === "/favicon.svg";
}

function serve(req: Request, pack: WebPack | undefined, path: string): Response {
  if (pack === undefined)
    return new Response("The screens are not built; see the server's log.\n", { status: 503 });
  const asset = pack.get(path);
  if (asset === undefined) return new Response("Not found\n", { status: 404 });
  const headers = new Headers({
    "Content-Type": asset.type,
    "Cache-Control": asset.immutable ? "public, max-age=31536000, immutable" : "no-cache",
    ETag: asset.etag,
    Vary: "Accept-Encoding",
  });
  if (hasAlready(req, asset.etag)) return new Response(null, { status: 304, headers });
  const [encoding, body] = encode(asset, req.headers.get("accept-encoding") ?? "");
  if (encoding) headers.set("Content-Encoding", encoding);
  headers.set("Content-Length", String(body.length));
  if (req.method === "HEAD") return new Response(null, { headers });
  return answerOf(body as Uint8Array<ArrayBuffer>, { headers });
}

function encode(asset: WebAsset, accepted: string): readonly [string | undefined, Uint8Array] {
  const accepts = (name: string): boolean =>
    accepted.split(",").some((part) => {
      const [coding = "", ...options] = part.trim().toLowerCase().split(";");
      return coding === name && !options.some((option) => /^\s*q=0(\.0*)?\s*$/.test(option));
    });
  if (asset.br && accepts("br")) return ["br", asset.br];
  if (asset.gzip && accepts("gzip")) return ["gzip", asset.gzip];
  return [undefined, asset.identity];
}
