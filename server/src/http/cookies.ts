/**
 * The session cookie.
 *
 * Over TLS only the `__Host-` cookie is read, so that nobody on another port or over plain http can plant one (RFC 6265bis,
 * 4.1.3.2). The plain variant is for http: on loopback, and where the settings allow credentials in clear text, which
 * `BrowserSessions` judges. Cookies know no ports, so the name ends in the first characters of the installation's id: two servers
 * under one host name do not sign each other's users out (held by `rest-browser.test.ts`).
 */
const SECURE_PREFIX = "__Host-";
/** What the names begin with; the documentation shows it. */
export const COOKIE_NAME = "chatelaine";
const ID_CHARS = 8;
const TOKEN = /^[A-Za-z0-9_-]{64}$/;

/** How the client sees the connection, after trusted proxies. */
interface ClientTransport {
  readonly tls: boolean;
}

export interface SessionCookies {
  /** @returns the session token that the browser sent; undefined where there is none, or more than one. */
  read(headers: Headers, seen: ClientTransport): string | undefined;
  /** Whether the browser sent a session cookie of this server, whatever is in it. */
  isSent(headers: Headers): boolean;
  /** @returns the value of Set-Cookie. */
  set(token: string, seen: ClientTransport): string;
  /** @returns the value of Set-Cookie that takes the cookie away. */
  clear(seen: ClientTransport): string;
}

/** @param installation its id */
export function createSessionCookies(installation: string): SessionCookies {
  const plain = `${COOKIE_NAME}-${installation.slice(0, ID_CHARS)}`;
  const nameOf = ({ tls }: ClientTransport): string => (tls ? SECURE_PREFIX + plain : plain);
  const attributes = ({ tls }: ClientTransport): string =>
    `Path=/; HttpOnly; SameSite=Strict${tls ? "; Secure" : ""}`;
  return {
    read: (headers, seen) => {
      const [token, ...others] = valuesOf(headers, nameOf(seen));
      return others.length === 0 && token !== undefined && TOKEN.test(token) ? token : undefined;
    },
    isSent: (headers) => [false, true].some((tls) => valuesOf(headers, nameOf({ tls })).length > 0),
    set: (token, seen) => `${nameOf(seen)}=${token}; ${attributes(seen)}`,
    clear: (seen) => `${nameOf(seen)}=; Max-Age=0; ${attributes(seen)}`,
  };
}

function valuesOf(headers: Headers, name: string): string[] {
  return (headers.get("cookie") ?? "")
    .split(";")
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(`${name}=`))
    .map((pair) => pair.slice(name.length + 1));
}
