/**
 * What browsers need: the session cookie, proof that a request comes from our own pages, and headers that confine a page.
 *
 * Over TLS only the `__Host-` cookie is read, so that nobody on another port or over plain http can plant one. The plain
 * variant is for http: on loopback, and where the settings allow credentials in clear text, which `WebSessions` judges. A
 * change by cookie passes only with an Origin of our own (held by
 * `rest-browser.test.ts`).
 */
import { AppError } from "../domain/errors.ts";
import { isOneOf } from "./origins.ts";

export const SECURE_COOKIE = "__Host-chatelaine";
export const PLAIN_COOKIE = "chatelaine";
const TOKEN = /^[A-Za-z0-9_-]{64}$/;

/** How the client sees the connection, after trusted proxies. */
export interface Seen {
  readonly tls: boolean;
}

/** @returns the session token that the browser sent; undefined where there is none, or more than one. */
export function readSessionCookie(req: Request, seen: Seen): string | undefined {
  const name = cookieName(seen);
  const header = req.headers.get("cookie");
  if (header === null) return undefined;
  const values = header
    .split(";")
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(`${name}=`))
    .map((pair) => pair.slice(name.length + 1));
  const [token] = values;
  return values.length === 1 && token !== undefined && TOKEN.test(token) ? token : undefined;
}

/** @returns the value of Set-Cookie. */
export function sessionCookie(token: string, seen: Seen): string {
  return `${cookieName(seen)}=${token}; Path=/; HttpOnly; SameSite=Strict${seen.tls ? "; Secure" : ""}`;
}

/** @returns the value of Set-Cookie that takes the cookie away. */
export function clearedCookie(seen: Seen): string {
  return `${cookieName(seen)}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0${seen.tls ? "; Secure" : ""}`;
}

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

/**
 * Puts what confines a page on an answer, whatever it is. A Cache-Control that is there stays.
 */
export function securityHeaders(headers: Headers): void {
  for (const [name, value] of SECURITY_HEADERS) headers.set(name, value);
  if (!headers.has("Cache-Control")) headers.set("Cache-Control", "no-store");
}

function cookieName({ tls }: Seen): string {
  return tls ? SECURE_COOKIE : PLAIN_COOKIE;
}
