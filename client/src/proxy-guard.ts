/** What every configuration of a reverse proxy is made of: which site, which service, what is asked of a key. */

export const IDENTITY = [
  "Remote-User",
  "Remote-Name",
  "Remote-Email",
  "Remote-Groups",
  "Remote-Roles",
  "Remote-Key-Id",
  "Remote-Key-Scopes",
] as const;

export interface Place {
  readonly tls: boolean;
  readonly host: string;
  readonly port: number;
}

export interface Guard {
  /** The site as clients see it. */
  readonly site: Place & { readonly path: string };
  /** The guarded service. */
  readonly service: Place;
  /** Where Chatelaine answers. */
  readonly chatelaine: Place;
  readonly scopes: readonly string[];
  /** The one header that carries keys; undefined: Authorization and X-API-Key. */
  readonly header: string | undefined;
  readonly audience: string | undefined;
  readonly cert: string;
  readonly certKey: string;
  /** PEM of the authorities of Chatelaine's certificate and of the service's; absent: those that the system trusts. */
  readonly chatelaineCa?: string | undefined;
  readonly serviceCa?: string | undefined;
}

/** What a recipe writes: the first file is the one that is printed. */
export interface RecipeFile {
  readonly name: string;
  readonly text: string;
}

/** Of `/auth`, with what the guard asks. */
export function authQuery(guard: Guard, more: Readonly<Record<string, string>> = {}): string {
  const pairs = [
    ...guard.scopes.map((scope) => ["scope", scope]),
    ...(guard.header === undefined ? [] : [["header", guard.header]]),
    ...(guard.audience === undefined ? [] : [["assert", guard.audience]]),
    ...Object.entries(more),
  ];
  return pairs.length === 0 ? "/auth" : `/auth?${pairs.map(([name, value]) => `${name}=${value}`).join("&")}`;
}

/** Headers that /auth answers with and the service gets. */
export function passedOn({ audience }: Guard): readonly string[] {
  return audience === undefined ? IDENTITY : [...IDENTITY, "Remote-Assertion"];
}

/** Headers that carry keys, and so never reach the service. */
export function keyHeaders({ header }: Guard): readonly string[] {
  return header === undefined ? ["X-API-Key"] : [header];
}

/**
 * What a header's name may have in it beside letters, digits and hyphens (RFC 9110, 5.6.2). Gateways to CGI, WSGI and their
 * like make one underscore of each, and then take `Remote.User` or `X_API_Key` for the header of a trusted proxy.
 */
export const ODD_CHARACTERS: readonly string[] = [..."!#$%&'*+.^_`|~"];

/** Headers that the service believes, or that carry keys, and the recipe sets or takes away itself. */
function believed(guard: Guard): readonly string[] {
  const forwarded = ["X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host"];
  return [...IDENTITY, "Remote-Assertion", ...keyHeaders(guard), ...forwarded];
}

/** Other spellings of the headers that the service believes, for proxies that know no pattern: each hyphen as one of these. */
export function twins(guard: Guard, instead: readonly string[]): readonly string[] {
  return believed(guard).flatMap((name) => {
    const [first = "", ...rest] = name.split("-");
    const spelt = rest.reduce(
      (before, word) => before.flatMap((one) => ["-", ...instead].map((mark) => one + mark + word)),
      [first],
    );
    return spelt.filter((one) => one !== name);
  });
}

export const SYSTEM_CA = "/etc/ssl/certs/ca-certificates.crt";

/** Who vouches for a place; undefined where there is nobody between: without TLS, or on this machine. */
export function authorityOf({ tls, host }: Place, ca: string | undefined): string | undefined {
  const isHere = host === "localhost" || host === "127.0.0.1" || host === "[::1]";
  return tls ? (ca ?? (isHere ? undefined : SYSTEM_CA)) : undefined;
}

export function hostPort({ host, port }: Place): string {
  return `${host}:${port}`;
}

/** Where an address leads. */
export function placeOf(url: URL): Place {
  const tls = url.protocol === "https:";
  return { tls, host: url.hostname, port: Number(url.port || (tls ? 443 : 80)) };
}
