/**
 * What browsers need besides the session cookie (`cookies.ts`): proof that a request comes from our own pages, and headers
 * that confine a page. A change by cookie passes only with an Origin of our own (held by `rest-browser.test.ts`).
 */
import { AppError } from "../domain/errors.ts";
import { isOneOf } from "./origins.ts";

/** Throws forbidden unless a request that carries the cookie comes from a page of ours. */
export function requireOwnOrigin(req: Request, ownOrigins: readonly string[]): void {
  const origin = req.headers.get("origin");
  const site = req.headers.get("sec-fetch-site");
  const isRead = req.method === "GET" || req.method === "HEAD";
  const isOrigin = origin === null ? isRead : isOneOf(origin, ownOrigins);
  const isSite = site === null || site === "same-origin" || (isRead && site === "none");
  if (isOrigin && isSite) return;
  throw new AppError("forbidden", "A request with the session cookie must come from this server's own pages");
}

/** Throws forbidden where another site's page asks to sign somebody in. Programs send neither header. */
export function refuseForeignOrigin(req: Request, ownOrigins: readonly string[]): void {
  const origin = req.headers.get("origin");
  const site = req.headers.get("sec-fetch-site");
  const isForeign = origin !== null && !isOneOf(origin, ownOrigins);
  if (!isForeign && (site === null || site === "same-origin" || site === "none")) return;
  throw new AppError("forbidden", "Signing in must come from this server's own pages");
}

/** Scripts from here alone; styles may be inline, because the component library needs it. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data: blob:",
  "font-src 'self' data:",
  "connect-src 'self'",
  "manifest-src 'self'",
  "worker-src 'self'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join("; ");

const SECURITY_HEADERS: readonly (readonly [string, string])[] = [
  ["Content-Security-Policy", CONTENT_SECURITY_POLICY],
  ["X-Content-Type-Options", "nosniff"],
  ["X-Frame-Options", "DENY"],
  ["Referrer-Policy", "no-referrer"],
  ["Cross-Origin-Opener-Policy", "same-origin"],
  ["Cross-Origin-Resource-Policy", "same-origin"],
  ["Permissions-Policy", "camera=(), geolocation=(), microphone=()"],
];

const [LAST_HEADER] = SECURITY_HEADERS.at(-1)!;

/**
 * Puts what confines a page on an answer, whatever it is. A Cache-Control that is there stays.
 */
export function securityHeaders(headers: Headers): void {
  if (headers.has(LAST_HEADER)) return;
  for (const [name, value] of SECURITY_HEADERS) headers.set(name, value);
  if (!headers.has("Cache-Control")) headers.set("Cache-Control", "no-store");
}
