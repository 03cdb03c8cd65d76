/**
 * Serves the screens: one page for every address that the browser's router knows, and the files it loads.
 *
 * Files named by their content may be kept for ever; the page itself is asked for again each time, so that an update of the
 * server reaches every browser with the next reload. The headers that confine a page are put on by `browser.ts`.
 */
import type { Log } from "../log.ts";
import type { AnswerIncoming } from "./routes.ts";
import { keepWebPack, servePacked, type WebPack } from "./web-pack.ts";

export interface Web {
  /** The file that is asked for, or the page, for every address that is a screen's. */
  fetch: AnswerIncoming;
  /** Incoming last: for a browser, the page that says that there is nothing here, and leads back. Its status is 404. */
  missing: AnswerIncoming;
}

export function createWeb({ log }: { readonly log: Log }): Web {
  const load = keepWebPack("web", (reason) => log.error(reason));
  return {
    fetch: ({ req, path }) => {
      if (req.method !== "GET" && req.method !== "HEAD")
        return new Response("Method not allowed\n", { status: 405, headers: { Allow: "GET, HEAD" } });
      return load().then((pack) => servePacked(req, pack, isFile(path) ? path : "/index.html"));
    },
    missing: ({ req }) => (wantsPage(req) ? load().then((pack) => serveMissing(req, pack)) : undefined),
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
  const page = servePacked(new Request(req.url, { method: req.method, headers }), pack, "/index.html");
  if (!page.ok) return page;
  page.headers.delete("ETag");
  return new Response(page.body, { status: 404, headers: page.headers });
}

function isFile(path: string): boolean {
  return path.startsWith("/assets/") || path.startsWith("/pictures/") || path === "/favicon.svg";
}
