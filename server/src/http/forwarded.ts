/**
 * What a proxy's headers say of its client: `X-Forwarded-*` and `Forwarded` (RFC 7239), read alike at every door. Whether
 * their word counts is not judged here. The table of what follows from them is `docs/transport-matrix.txt`.
 */

/** How the client came, in the words of the proxy: all the way by TLS, in clear, or not to be said. */
export type ProtoWord = "secure" | "clear" | "unknown";

export interface ForwardedElement {
  readonly for?: string;
  readonly by?: string;
  readonly host?: string;
  readonly proto?: string;
}

/**
 * Written by proxies and by no client of its own accord, so that one of them says that somebody stands between. What most of
 * them say is not read: a proxy that says it in these words alone is asked for `X-Forwarded-Proto`.
 */
const PROXY_HEADERS: ReadonlySet<string> = new Set([
  "forwarded",
  "via",
  "x-forwarded",
  "x-forwarded-for",
  "x-forwarded-proto",
  "x-forwarded-protocol",
  "x-forwarded-scheme",
  "x-forwarded-ssl",
  "x-forwarded-host",
  "x-forwarded-port",
  "x-forwarded-server",
  "x-forwarded-prefix",
  "x-original-forwarded-for",
  "x-real-ip",
  "x-client-ip",
  "x-cluster-client-ip",
  "true-client-ip",
  "x-scheme",
  "x-url-scheme",
  "x-arr-ssl",
  "front-end-https",
  "cf-connecting-ip",
  "cf-visitor",
  "cloudfront-forwarded-proto",
  "fastly-client-ip",
  "x-envoy-external-address",
]);
/** A value is a token or a quoted string; addresses with a port are taken without quotes too, as some proxies write them. */
const PAIR =
  /([\w!#$%&'*+.^`|~-]+)=(?:([\w!#$%&'*+.^`|~:[\]-]+)|"((?:[\t !\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t -\x7e\x80-\xff])*)")/y;
const BLANKS = /[\t ]*/y;
const NAMES: readonly string[] = ["for", "by", "host", "proto"];

export function hasProxyHeaders(headers: Headers): boolean {
  // A request has fewer headers than there are such names, and every check asks this.
  for (const name of headers.keys()) if (PROXY_HEADERS.has(name)) return true;
  return false;
}

/** undefined: not a word about it. */
export function readProto(headers: Headers): ProtoWord | undefined {
  const proto = headers.get("x-forwarded-proto");
  const forwarded = headers.get("forwarded");
  if (forwarded === null) return proto === null ? undefined : proto === "https" ? "secure" : ofList(proto);
  const elements = parseForwarded(forwarded);
  const standard = elements ? judge(elements.map((element) => element.proto)) : "unknown";
  const usual = proto === null ? undefined : ofList(proto);
  if (standard === undefined || usual === undefined) return standard ?? usual;
  return standard === usual ? standard : "unknown";
}

/** Addresses of client and proxies, outermost first. `Forwarded` counts where its proxy writes no `X-Forwarded-*`. */
export function readHops(headers: Headers): string[] {
  const named = headers.get("x-forwarded-for");
  if (named !== null) return listed(named);
  return alone(headers).flatMap((element) => (element.for === undefined ? [] : [element.for]));
}

/** The hosts that the client and each proxy asked for, outermost first. */
export function readForwardedHosts(headers: Headers): string[] {
  const named = headers.get("x-forwarded-host");
  return named === null ? alone(headers).flatMap(({ host }) => host ?? []) : listed(named);
}

/** @returns undefined where it is not well formed */
export function parseForwarded(text: string): ForwardedElement[] | undefined {
  const elements: Record<string, string>[] = [];
  let element: Record<string, string> = {};
  let at = 0;
  const skip = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    const found = pattern.exec(text);
    at += found?.[0].length ?? 0;
    return found;
  };
  const finish = (): void => {
    if (Object.keys(element).length > 0) elements.push(element);
    element = {};
  };
  while (at < text.length) {
    skip(BLANKS);
    const pair = skip(PAIR);
    if (pair) {
      const name = pair[1]!.toLowerCase();
      if (Object.hasOwn(element, name)) return undefined;
      element[name] = pair[2] ?? pair[3]!.replaceAll(/\\(.)/g, "$1");
    }
    skip(BLANKS);
    const next = text[at++];
    if (next === ",") finish();
    else if (next !== ";" && next !== undefined) return undefined;
  }
  finish();
  return elements.map(pick);
}

function listed(value: string): string[] {
  return value
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
}

function pick(element: Record<string, string>): ForwardedElement {
  return Object.fromEntries(
    NAMES.flatMap((name) => (Object.hasOwn(element, name) ? [[name, element[name]]] : [])),
  );
}

/** Of a proxy that writes `Forwarded` alone: one that writes the others may pass on what its client sent. */
function alone(headers: Headers): ForwardedElement[] {
  const forwarded = headers.get("forwarded");
  if (forwarded === null || headers.has("x-forwarded-for") || headers.has("x-forwarded-proto")) return [];
  return parseForwarded(forwarded) ?? [];
}

function ofList(text: string): ProtoWord | undefined {
  return judge(listed(text));
}

/** The first is the client's own connection. */
function judge(protos: readonly (string | undefined)[]): ProtoWord | undefined {
  const words = protos.map((proto) => proto?.toLowerCase());
  const [first] = words;
  if (words.every((word) => word === undefined)) return undefined;
  if (words.every((word) => word === "https" || word === "wss")) return "secure";
  return first === "http" || first === "ws" ? "clear" : "unknown";
}
