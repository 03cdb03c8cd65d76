/**
 * What every configuration of a reverse proxy is made of: which site, which service, what is asked of a key. The proxies'
 * files make text of it, and know nothing that the others would have to know as well.
 */

export const IDENTITY = [
  "Remote-User",
  "Remote-Name",
  "Remote-Email",
  "Remote-Groups",
  "Remote-Roles",
  "Remote-Key-Id",
  "Remote-Key-Scopes",
] as const;

export interface Endpoint {
  readonly tls: boolean;
  readonly host: string;
  readonly port: number;
  /** Path of a unix socket, in the place of host and port. */
  readonly socket?: string;
}

/** Headers that browsers send and pages set. */
export const BROWSER_MARKS = ["Sec-Fetch-Mode", "Origin", "X-Requested-With"] as const;

/** What a 401 offers; `auto`: Basic and Bearer to programs, and Bearer alone to browsers, which would open a box of their own. */
export const CHALLENGES = ["auto", "basic", "bearer"] as const;
export type OfferedChallenge = (typeof CHALLENGES)[number];

export const SIGN_ONS = ["authelia", "oauth2-proxy"] as const;
export type SignOnKind = (typeof SIGN_ONS)[number];

/** A single sign-on beside Chatelaine; `sign-on.ts` has what follows from it. */
export interface SignOn {
  readonly kind: SignOnKind;
  /** Where the proxy reaches it. */
  readonly place: Endpoint;
  /** PEM of the authority of its certificate; absent: those that the system trusts. */
  readonly ca?: string | undefined;
  /** Of its sessions: the beginning of the cookie's name. */
  readonly cookie: string;
}

export interface ProxyGuard {
  /** The site as clients see it. */
  readonly site: Endpoint & { readonly path: string };
  /** The guarded service. */
  readonly service: Endpoint;
  /** Where Chatelaine answers. */
  readonly chatelaine: Endpoint;
  readonly scopes: readonly string[];
  /** The one header that carries keys; undefined: Authorization and X-API-Key. */
  readonly header: string | undefined;
  readonly audience: string | undefined;
  readonly cert: string;
  readonly certKey: string;
  /** PEM of the authorities of Chatelaine's certificate and of the service's; absent: those that the system trusts. */
  readonly chatelaineCa?: string | undefined;
  readonly serviceCa?: string | undefined;
  /** Absent: auto. */
  readonly challenge?: OfferedChallenge | undefined;
  /** CORS preflights reach the service without a key. */
  readonly letsPreflights?: boolean | undefined;
  /** The service does not know the site's path: it is taken away, and told in X-Forwarded-Prefix. */
  readonly stripsPath?: boolean | undefined;
  /** Where people sign in; absent: keys alone open the site. */
  readonly signOn?: SignOn | undefined;
}

/** What a recipe writes: the first file is the one that is printed. */
export interface RecipeFile {
  readonly name: string;
  readonly text: string;
}

/** Of `/auth`, with what the guard asks. */
export function authQuery(guard: ProxyGuard, more: Readonly<Record<string, string>> = {}): string {
  const { challenge = "auto" } = guard;
  const pairs = [
    ...guard.scopes.map((scope) => ["scope", scope]),
    ...(guard.header === undefined ? [] : [["header", guard.header]]),
    ...(guard.audience === undefined ? [] : [["assert", guard.audience]]),
    ...(challenge === "auto" ? [] : [["challenge", challenge]]),
    ...Object.entries(more),
  ];
  return pairs.length === 0 ? "/auth" : `/auth?${pairs.map(([name, value]) => `${name}=${value}`).join("&")}`;
}

/** Headers that /auth answers with and the service gets. */
export function passedOn({ audience }: ProxyGuard): readonly string[] {
  return audience === undefined ? IDENTITY : [...IDENTITY, "Remote-Assertion"];
}

/** Headers that carry keys, and so never reach the service. */
export function keyHeaders({ header }: ProxyGuard): readonly string[] {
  return header === undefined ? ["X-API-Key"] : [header];
}

/** Headers of the client that /auth needs: those that carry keys, and those that tell a browser from a program. */
export function askedHeaders({ header }: ProxyGuard): readonly string[] {
  const keys = header === undefined ? ["Authorization", "X-API-Key"] : [header];
  const marks = ["User-Agent", ...BROWSER_MARKS];
  return [...keys, ...marks.filter((name) => name.toLowerCase() !== header?.toLowerCase())];
}

/** A cookie of Chatelaine's own screens tells a browser; what is in it is nobody's business. */
export const OWN_COOKIE_PATTERN = "(^|[; ])(__Host-)?chatelaine[^=;]*=";
export const OWN_COOKIE_MARK = "chatelaine=1";

/**
 * What the check is not given where a proxy can only leave headers out: those that grow large. An application's cookies are
 * often larger than what any server reads. nginx before 1.23 and Caddy cannot give it named headers alone: why stands beside
 * each check, and what becomes of other large headers in `cli/test/proxy-matrix.test.ts`.
 */
export const LARGE_HEADERS = ["Referer", "Baggage", "Tracestate"] as const;

/** Taken from preflights where a proxy can only leave headers out: credentials, and what would make another request of it. */
export function uncheckedHeaders(guard: ProxyGuard): readonly string[] {
  const others = ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"];
  return [...new Set(["Authorization", "Cookie", ...keyHeaders(guard), ...others])];
}

/** Headers of the client that a service is given with a preflight where a proxy can name them. */
export const PREFLIGHT_HEADERS = [
  "Origin",
  "Access-Control-Request-Method",
  "Access-Control-Request-Headers",
  "Access-Control-Request-Private-Network",
  "User-Agent",
] as const;

/**
 * What a header's name may have in it beside letters, digits and hyphens (RFC 9110, 5.6.2). Gateways to CGI, WSGI and their
 * like make one underscore of each, and then take `Remote.User` or `X_API_Key` for the header of a trusted proxy.
 */
export const ODD_CHARACTERS: readonly string[] = [..."!#$%&'*+.^_`|~"];

/** Headers that the service believes, or that carry keys, and the recipe sets or takes away itself. */
function believed(guard: ProxyGuard): readonly string[] {
  const forwarded = ["X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host"];
  return [...IDENTITY, "Remote-Assertion", ...keyHeaders(guard), ...forwarded];
}

/** Other spellings of the headers that the service believes, for proxies that know no pattern: each hyphen as one of these. */
export function twins(guard: ProxyGuard, instead: readonly string[]): readonly string[] {
  return believed(guard).flatMap((name) => {
    const [first = "", ...rest] = name.split("-");
    const spelt = rest.reduce(
      (before, word) => before.flatMap((one) => ["-", ...instead].map((mark) => one + mark + word)),
      [first],
    );
    return spelt.filter((one) => one !== name);
  });
}

const SYSTEM_CA = "/etc/ssl/certs/ca-certificates.crt";

/** Who vouches for a place; undefined where there is nobody between: without TLS, or on this machine. */
export function authorityOf({ tls, host }: Endpoint, ca: string | undefined): string | undefined {
  const isHere = host === "localhost" || host === "127.0.0.1" || host === "[::1]";
  return tls ? (ca ?? (isHere ? undefined : SYSTEM_CA)) : undefined;
}

export function hostPort({ host, port }: Endpoint): string {
  return `${host}:${port}`;
}

/** An address, and no name. */
export function isAddress({ host }: Endpoint): boolean {
  return host.startsWith("[") || /^[\d.]+$/.test(host);
}

/** Where an address leads. */
export function placeOf(url: URL): Endpoint {
  const tls = url.protocol === "https:";
  return { tls, host: url.hostname, port: Number(url.port || (tls ? 443 : 80)) };
}

/** A unix socket; the name stands where a request has to name a host. */
export function socketAt(path: string): Endpoint {
  return { tls: false, host: "chatelaine", port: 80, socket: path };
}
