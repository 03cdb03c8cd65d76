/**
 * The documentation that is built in: pages, search, reference and documents, for everyone who can reach the server. All
 * is served from here and asks no other host (held by `docs.test.ts` in a browser that can reach none).
 */
import { html } from "hono/html";
import { AppError } from "../../domain/errors.ts";
import type { Log } from "../../log.ts";
import { answerOf } from "../long-answers.ts";
import type { Peer } from "../peer.ts";
import { keepWebPack, servePacked } from "../web-pack.ts";
import { changesPage } from "./changes.ts";
import script from "./docs.browser.js" with { type: "text" };
import style from "./docs.css" with { type: "text" };
import { guidePages } from "./guides.ts";
import { type DocsPage, type Frame, type Markup, renderPage, topLine } from "./layout.ts";
import { methodPages } from "./methods.ts";
import { openRpcText } from "./openrpc.ts";
import { REFERENCE_PATH } from "./operations.ts";
import reference from "./reference.browser.js" with { type: "text" };
import referenceStyle from "./reference.css" with { type: "text" };
import type { RpcVersion } from "./rpc.ts";
import { createSearch } from "./search.ts";
import tokens from "./tokens.css" with { type: "text" };
import topStyle from "./top.css" with { type: "text" };

export type { EventDoc, MethodDoc, MethodError, RpcVersion } from "./rpc.ts";

export interface DocsDeps {
  readonly log: Log;
  openApi(): string;
  /** Oldest first; the last is also `current`. */
  readonly versions: readonly RpcVersion[];
}

export interface Docs {
  /** Throws malformed_request for anyone who does more than read. */
  fetch(req: Request, url: URL, peer: Peer): Promise<Response> | Response;
}

const ROOT = "/api/docs";
const OPEN_API = "/api/openapi.json";
const OPEN_RPC = "/api/openrpc.json";
const SCALAR = `${ROOT}/assets/scalar.js`;
const REFERENCE: DocsPage = {
  path: REFERENCE_PATH,
  title: "REST reference",
  section: "REST",
  searchText: "Every operation of the REST API, to be tried out here. OpenAPI.",
  body: () => html``,
};

export function createDocs({ openApi, versions, log }: DocsDeps): Docs {
  const names = ["current", ...versions.map(({ name }) => name).reverse()];
  const made = new Map<string, readonly DocsPage[]>();
  const pagesOf = (version: string): readonly DocsPage[] | undefined => {
    const rpc = version === "current" ? versions.at(-1) : versions.find(({ name }) => name === version);
    if (!rpc && version !== "current") return undefined;
    let pages = made.get(version);
    if (!pages) {
      pages = [
        ...guidePages(rpc?.methods ?? []),
        changesPage(versions),
        REFERENCE,
        ...(rpc ? methodPages(rpc) : []),
      ];
      made.set(version, pages);
    }
    return pages;
  };
  const search = createSearch();
  const loadReference = keepWebPack("reference", (reason) => log.error(reason));
  return {
    fetch: (req, url, peer) => {
      const { pathname } = url;
      if (req.method !== "GET" && req.method !== "HEAD") throw onlyRead();
      if (pathname === OPEN_API) return text(openApi(), "application/json");
      if (pathname === OPEN_RPC) return openRpc(versions.at(-1));
      const asset = ASSETS[pathname.slice(ROOT.length)];
      if (asset) return asset();
      if (pathname === SCALAR) return loadReference().then((pack) => servePacked(req, pack, SCALAR));
      const [version = "", ...steps] = pathname.slice(ROOT.length + 1).split("/");
      if (version === "") return Response.redirect(`${ROOT}/current`, 302);
      const pages = pagesOf(version);
      const origin = peer.ownOrigins()[0] ?? url.origin;
      const side = (pages ?? pagesOf("current")!).filter(({ section }) => section !== "");
      const frame: Frame = { version: pages ? version : "current", versions: names, pages: side, origin };
      const path = steps.join("/").replace(/\/$/, "");
      if (!pages) return show(missing([], path), frame, 404);
      if (path === REFERENCE.path) return markup(referencePage(frame));
      if (path === "search")
        return search(url.searchParams.get("q") ?? "", version, pages).then((page) => show(page, frame));
      const page = pages.find((one) => one.path === path);
      if (page) return show(page, frame);
      const elsewhere = names.filter((name) => pagesOf(name)?.some((one) => one.path === path));
      return show(missing(elsewhere, path), frame, 404);
    },
  };
}

const ASSETS: Readonly<Record<string, () => Response>> = {
  "/assets/tokens.css": () => text(tokens, "text/css"),
  "/assets/docs.css": () => text(style, "text/css"),
  "/assets/reference.css": () => text(referenceStyle, "text/css"),
  "/assets/top.css": () => text(topStyle, "text/css"),
  "/assets/docs.js": () => text(script, "text/javascript"),
  "/assets/reference.js": () => text(reference, "text/javascript"),
};

function show(
  page: Pick<DocsPage, "path" | "title" | "body">,
  frame: Frame,
  status = 200,
): Promise<Response> {
  return markup(renderPage(page, frame), status);
}

/** The reference has the whole window but for the line above it, and a banner of its own. */
function referencePage(frame: Frame): Markup {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>REST reference · Chatelaine</title>
<link rel="icon" href="/favicon.svg">
<link rel="stylesheet" href="/api/docs/assets/tokens.css">
<link rel="stylesheet" href="/api/docs/assets/reference.css">
<link rel="stylesheet" href="/api/docs/assets/top.css">
</head>
<body>
<a class="skip" href="#reference">Skip to the reference</a>
<nav id="top" aria-label="Documentation">
${topLine(frame)}
</nav>
<div id="reference" tabindex="-1"></div>
<script src="/api/docs/assets/scalar.js"></script>
<script src="/api/docs/assets/reference.js"></script>
<script src="/api/docs/assets/docs.js"></script>
</body>
</html>`;
}

/** Says which versions have the page, for a reader who came from another version. */
function missing(versions: readonly string[], path: string): Pick<DocsPage, "path" | "title" | "body"> {
  return {
    path: "?",
    title: versions.length > 0 ? "This version does not have this page" : "There is no such page",
    body: (_, base) =>
      html`${
        versions.length > 0
          ? html`<p>It is in:</p><ul>${versions.map((name) => html`<li><a href="${ROOT}/${name}/${path}">${name}</a></li>`)}</ul>`
          : ""
      }<p><a href="${base}">Start here</a>, or search.</p>`,
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
  return answerOf(body, { status, headers: { "Content-Type": `${type}; charset=utf-8` } });
}
