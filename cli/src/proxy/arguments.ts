/** Options that become a guard. All of them are checked here, because they end up in configurations. */
import {
  CHALLENGES,
  type Endpoint,
  type OfferedChallenge,
  type ProxyGuard,
  placeOf,
  SIGN_ONS,
  type SignOnKind,
  socketAt,
} from "@chatelaine/proxy-recipes/guard";
import { InvalidArgumentError } from "commander";

export function parseSite(text: string): ProxyGuard["site"] {
  const url = readUrl("--for", text);
  const path = url.pathname.replace(/\/+$/, "");
  if (!/^[A-Za-z0-9._~/-]*$/.test(path))
    throw new InvalidArgumentError("--for: the path has characters that mean something else to a proxy.");
  return { ...placeOf(url), path };
}

export function parsePlace(flag: string): (text: string) => Endpoint {
  return (text) => {
    const url = readUrl(flag, text);
    if (url.pathname !== "/") throw new InvalidArgumentError(`${flag} takes no path.`);
    return placeOf(url);
  };
}

/** Where the proxy reaches Chatelaine: an address, or a unix socket. */
export function parseChatelaine(text: string): Endpoint {
  return text.startsWith("unix:")
    ? socketAt(parseFile(text.slice("unix:".length)))
    : parsePlace("--chatelaine")(text);
}

export function parseChallenge(text: string): OfferedChallenge {
  const found = CHALLENGES.find((one) => one === text);
  if (!found) throw new InvalidArgumentError(`Expected one of ${CHALLENGES.join(", ")}.`);
  return found;
}

export function parseSignOn(text: string): SignOnKind {
  const found = SIGN_ONS.find((one) => one === text);
  if (!found) throw new InvalidArgumentError(`Expected one of ${SIGN_ONS.join(", ")}.`);
  return found;
}

export function parseCookie(text: string): string {
  if (!/^[A-Za-z0-9_-]{1,64}$/.test(text)) throw new InvalidArgumentError("That is no name of a cookie.");
  return text;
}

export function parseScope(text: string, before: readonly string[] = []): string[] {
  if (!/^(?:[A-Za-z0-9_.-]+|\*):(?:[A-Za-z0-9_.-]+|\*)$/.test(text) || text.length > 128)
    throw new InvalidArgumentError("A scope is resource:action.");
  return [...before, text];
}

export function parseHeader(text: string): string {
  if (!/^[A-Za-z][A-Za-z0-9-]{0,63}$/.test(text))
    throw new InvalidArgumentError("That is no name of a header.");
  if (/^cookie$/i.test(text))
    throw new InvalidArgumentError("Cookies count for nothing: other sites' pages make browsers send them.");
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
