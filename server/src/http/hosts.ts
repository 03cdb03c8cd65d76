/**
 * Names that a server on loopback answers to. A page elsewhere can have its own name lead to 127.0.0.1 and would then read,
 * as its own, what is open on this machine; but its name stands in `Host`. A name that is not known is refused (421) at
 * every door that a browser can reach, and makes nobody near anywhere. No name, or an empty one, is no browser's.
 * Held by `server/test/hosts.test.ts`.
 */
import { parseAddress } from "../domain/address.ts";
import type { Clock } from "../domain/clock.ts";
import { AppError } from "../domain/errors.ts";
import { maskForeign } from "../domain/masking.ts";
import type { Log } from "../log.ts";
import { createWarnOncePerMinute } from "./check/warn-once.ts";
import { isTrustedConnection, type ProxyTrust } from "./peer.ts";
import { problemResponse } from "./rest/problem.ts";

export interface HostsDeps {
  /** `--allow-host` */
  readonly allowHosts: readonly string[];
  /** Of the certificate that is served now, which may begin with `*.`. */
  readonly certificateNames: () => readonly string[];
  /** The server's address as clients see it. */
  readonly publicUrl: () => string | null;
  readonly trust: ProxyTrust;
  readonly clock: Clock;
  readonly log: Log;
}

export interface Hosts {
  /** @param address of the connection; null: a unix socket, which no browser reaches */
  isKnown(headers: Headers, address: string | null): boolean;
  /**
   * For what proxies ask under any name there is no refusal.
   * @param address of a listener on loopback; null for any other, where every name passes
   * @returns 400 for two names, 421 for one that is not known
   */
  refuse(req: Request, address: string | null): Response | undefined;
}

const REMEMBERED_MAX = 1_000;
const HOST_CHARS_MAX = 300;
const NAME = /^(\[[^\]]*\]|[^:]*)(?::\d{0,5})?$/;
const ANY_NAME = "/auth";
const REFUSED_HOST =
  "This server does not answer to the name that the request has in Host. Ask for localhost, an address or a name of its certificate; `--allow-host NAME` lets it answer to another, and so does the setting public_url.";

export function createHosts(deps: HostsDeps): Hosts {
  const warn = createWarnOncePerMinute(deps);
  /** What does not change while the server runs. */
  const remembered = new Map<string, boolean>();
  const isFixed = (host: string): boolean => {
    const known = remembered.get(host);
    if (known !== undefined) return known;
    const name = nameOf(host);
    const is = name !== undefined && (isOfMachine(name) || deps.allowHosts.includes(name));
    if (remembered.size >= REMEMBERED_MAX) remembered.clear();
    if (host.length <= HOST_CHARS_MAX) remembered.set(host, is);
    return is;
  };
  const isNamed = (host: string): boolean => {
    const name = nameOf(host);
    if (name === undefined) return false;
    const publicUrl = deps.publicUrl();
    if (publicUrl !== null && nameOf(new URL(publicUrl).host) === name) return true;
    return deps.certificateNames().some((one) => covers(one.toLowerCase(), name));
  };
  const isKnown = (headers: Headers, address: string | null): boolean => {
    const host = headers.get("host");
    if (address === null || host === null || host === "" || isFixed(host) || isNamed(host)) return true;
    // A proxy that is trusted says under which name it was asked.
    return isTrustedConnection(headers, address, deps.trust);
  };
  return {
    isKnown,
    refuse: (req, address) => {
      const { url } = req;
      const pathAt = url.indexOf("/", 8);
      if (url.startsWith(ANY_NAME, pathAt)) return undefined;
      if (req.headers.get("host")?.includes(",")) return new Response("Bad request\n", { status: 400 });
      if (isKnown(req.headers, address)) return undefined;
      const host = maskForeign((req.headers.get("host") ?? "").slice(0, HOST_CHARS_MAX));
      warn("A request names a host that is not known, and is refused; --allow-host NAME lets it", { host });
      if (!url.startsWith("/api/", pathAt)) return new Response(`${REFUSED_HOST}\n`, { status: 421 });
      return problemResponse(new AppError("unknown_host", REFUSED_HOST), crypto.randomUUID(), deps.log);
    },
  };
}

/** In small letters, without port and final dot. undefined: no name. */
function nameOf(host: string): string | undefined {
  const name = NAME.exec(host)?.[1]?.toLowerCase().replace(/\.$/, "");
  return name === "" ? undefined : name;
}

/** No page of elsewhere has one of these for its own name. */
function isOfMachine(name: string): boolean {
  return (
    name === "localhost" ||
    name.endsWith(".localhost") ||
    parseAddress(name.replace(/^\[|\]$/g, "")) !== undefined
  );
}

/** As in certificates: a star stands for one label. */
function covers(pattern: string, name: string): boolean {
  if (!pattern.startsWith("*.")) return pattern === name;
  return name.slice(name.indexOf(".") + 1) === pattern.slice(2) && name.includes(".");
}
