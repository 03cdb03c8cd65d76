/** What every recipe is made of: which site, which service, what is asked of a key. All of it is checked here, because it ends up in configurations. */
import { InvalidArgumentError } from "commander";

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
}

/** What a recipe writes: the first file is the one that is printed. */
export interface RecipeFile {
  readonly name: string;
  readonly text: string;
}

export function parseSite(text: string): Guard["site"] {
  const url = readUrl("--for", text);
  const path = url.pathname.replace(/\/+$/, "");
  if (!/^[A-Za-z0-9._~/-]*$/.test(path))
    throw new InvalidArgumentError("--for: the path has characters that mean something else to a proxy.");
  return { ...placeOf(url), path };
}

export function parsePlace(flag: string): (text: string) => Place {
  return (text) => {
    const url = readUrl(flag, text);
    if (url.pathname !== "/") throw new InvalidArgumentError(`${flag} takes no path.`);
    return placeOf(url);
  };
}

export function parseScope(text: string, before: readonly string[] = []): string[] {
  if (!/^(?:[A-Za-z0-9_.-]+|\*):(?:[A-Za-z0-9_.-]+|\*)$/.test(text) || text.length > 128)
    throw new InvalidArgumentError("A scope is resource:action.");
  return [...before, text];
}

export function parseHeader(text: string): string {
  if (!/^[A-Za-z][A-Za-z0-9-]{0,63}$/.test(text))
    throw new InvalidArgumentError("That is no name of a header.");
  return text;
}

export function parseAudience(text: string): string {
  if (!/^[A-Za-z0-9._:/-]{1,256}$/.test(text))
    throw new InvalidArgumentError("An audience is a plain word or address.");
  return text;
}

export function parseFile(text: string): string {
  if (!/^\/[A-Za-z0-9._/-]+$/.test(text))
    throw new InvalidArgumentError("An absolute path of plain characters.");
  return text;
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

export function hostPort({ host, port }: Place): string {
  return `${host}:${port}`;
}

function readUrl(flag: string, text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isPlain =
    url !== undefined &&
    /^https?:$/.test(url.protocol) &&
    /^(?:[a-z0-9.-]+|\[[0-9a-f:]+\])$/.test(url.hostname) &&
    url.username === "" &&
    url.search === "" &&
    url.hash === "";
  if (!isPlain)
    throw new InvalidArgumentError(
      `${flag}: expected an address such as https://app.example, not "${text}".`,
    );
  return url;
}

function placeOf(url: URL): Place {
  const tls = url.protocol === "https:";
  return { tls, host: url.hostname, port: Number(url.port || (tls ? 443 : 80)) };
}
