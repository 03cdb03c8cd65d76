/**
 * The documentation that is built in: pages, search, reference and documents, for everyone who can reach the server. All
 * is served from here and asks no other host (held by `docs.test.ts` in a browser that can reach none).
 */
import { operationList } from "@chatelaine/contract/operations/operations";
import { html } from "hono/html";
import { AppError } from "../../domain/errors.ts";
import type { Peer } from "../peer.ts";
import { changesPage } from "./changes.ts";
import script from "./docs.browser.js" with { type: "text" };
import style from "./docs.css" with { type: "text" };
import { guidePages } from "./guides.ts";
import { type Frame, type Markup, mark, type Page, renderPage } from "./layout.ts";
import { methodPages } from "./methods.ts";
import { openRpcText } from "./openrpc.ts";
import reference from "./reference.browser.js" with { type: "text" };
import referenceStyle from "./reference.css" with { type: "text" };
import type { RpcVersion } from "./rpc.ts";
import { scalarBundle } from "./scalar.ts";
import tokens from "./tokens.css" with { type: "text" };

export type { EventWords, MethodError, MethodWords, RpcVersion } from "./rpc.ts";

export interface DocsDeps {
  openApi(): string;
  /** Oldest first; the last is also `current`. */
  readonly versions: readonly RpcVersion[];
}

export interface Docs {
  /** Throws malformed_request for whoever does more than read. */
  fetch(req: Request, url: URL, peer: Peer): Promise<Response> | Response;
}

const ROOT = "/api/docs";
const OPEN_API = "/api/openapi.json";
const OPEN_RPC = "/api/openrpc.json";
const REFERENCE: Page = {
  path: "rest",
  title: "REST reference",
  section: "REST",
  words: `OpenAPI try it out ${operationList.map(({ name, method, path, title }) => `${name} ${method} ${path} ${title}`).join(" ")}`,
  body: () => html``,
};

/** Whether the address is the documentation's. */
export function isDocs({ pathname }: URL): boolean {
  return (
    pathname === ROOT || pathname.startsWith(`${ROOT}/`) || pathname === OPEN_API || pathname === OPEN_RPC
  );
}

export function createDocs({ openApi, versions }: DocsDeps): Docs {
  const names = ["current", ...versions.map(({ name }) => name).reverse()];
  const pagesOf = (version: string): readonly Page[] | undefined => {
    const rpc = version === "current" ? versions.at(-1) : versions.find(({ name }) => name === version);
    if (!rpc && version !== "current") return undefined;
    return [...guidePages(), changesPage(versions), REFERENCE, ...(rpc ? methodPages(rpc) : [])];
  };
  return {
    fetch: (req, url, peer) => {
      const { pathname } = url;
      if (req.method !== "GET" && req.method !== "HEAD") throw onlyRead();
      if (pathname === OPEN_API) return text(openApi(), "application/json");
      if (pathname === OPEN_RPC) return openRpc(versions.at(-1));
      const asset = ASSETS[pathname.slice(ROOT.length)];
      if (asset) return asset(req);
      const [version = "", ...path] = pathname.slice(ROOT.length + 1).split("/");
      if (version === "") return Response.redirect(`${ROOT}/current`, 302);
      const pages = pagesOf(version);
      const origin = peer.ownOrigins[0] ?? url.origin;
      const side = (pages ?? pagesOf("current")!).filter(({ section }) => section !== "");
      const frame: Frame = { version: pages ? version : "current", versions: names, pages: side, origin };
      if (!pages) return show(missing(), frame, 404);
      return answer(path.join("/").replace(/\/$/, ""), url, pages, frame);
    },
  };
}

const ASSETS: Readonly<Record<string, (req: Request) => Response | Promise<Response>>> = {
  "/assets/tokens.css": () => text(tokens, "text/css"),
  "/assets/docs.css": () => text(style, "text/css"),
  "/assets/reference.css": () => text(referenceStyle, "text/css"),
  "/assets/docs.js": () => text(script, "text/javascript"),
  "/assets/reference.js": () => text(reference, "text/javascript"),
  "/assets/scalar.js": (req) => scalarBundle(/\bgzip\b/.test(req.headers.get("accept-encoding") ?? "")),
};

function answer(path: string, url: URL, pages: readonly Page[], frame: Frame): Response | Promise<Response> {
  if (path === REFERENCE.path) return markup(referencePage(frame.version));
  if (path === "search") return show(searchPage(url.searchParams.get("q") ?? "", pages), frame);
  const page = pages.find((one) => one.path === path);
  return page ? show(page, frame) : show(missing(), frame, 404);
}

function show(page: Pick<Page, "path" | "title" | "body">, frame: Frame, status = 200): Promise<Response> {
  return markup(renderPage(page, frame), status);
}

/** The reference has the whole window; a line above it leads back. */
function referencePage(version: string): Markup {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>REST reference · Chatelaine</title>
<link rel="icon" href="/favicon.svg">
<link rel="stylesheet" href="/api/docs/assets/tokens.css">
<link rel="stylesheet" href="/api/docs/assets/reference.css">
</head>
<body>
<nav class="top" aria-label="Documentation">${mark(`${ROOT}/${version}`)}<a href="/api/openapi.json">OpenAPI document</a></nav>
<div id="reference"></div>
<script src="/api/docs/assets/scalar.js"></script>
<script src="/api/docs/assets/reference.js"></script>
</body>
</html>`;
}

function searchPage(q: string, pages: readonly Page[]): Pick<Page, "path" | "title" | "body"> {
  const words = q
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== "")
    .slice(0, 10);
  const found = pages.filter(({ title, words: text, path }) => {
    const all = `${title} ${text} ${path}`.toLowerCase();
    return words.length > 0 && words.every((word) => all.includes(word));
  });
  return {
    path: "search",
    title: q.trim() === "" ? "Search" : `Search: ${q.slice(0, 100)}`,
    body: (_, base) =>
      html`<p>${found.length === 1 ? "One page" : `${found.length} pages`}</p><ul>${found.map(
        (page) =>
          html`<li><a href="${base}${page.path === "" ? "" : `/${page.path}`}">${page.title}</a> <span class="quiet">${page.words.slice(0, 120)}</span></li>`,
      )}</ul>`,
  };
}

function missing(): Pick<Page, "path" | "title" | "body"> {
  return {
    path: "?",
    title: "There is no such page",
    body: (_, base) => html`<p><a href="${base}">Start here</a>, or search.</p>`,
  };
}

function openRpc(version: RpcVersion | undefined): Response {
  return version ? text(openRpcText(version), "application/json") : text("{}", "application/json", 404);
}

function onlyRead(): AppError {
  const details = { status: 405, allow: "GET, HEAD" };
  return new AppError("malformed_request", "The documentation is only read", { details });
}

async function markup(page: Markup, status = 200): Promise<Response> {
  return text(String(await page), "text/html", status);
}

function text(body: string, type: string, status = 200): Response {
  return new Response(body, { status, headers: { "Content-Type": `${type}; charset=utf-8` } });
}
