/**
 * What a 401 of a guard offers: programs Basic first and Bearer second, and whatever may be a browser, which would open a box for a
 * password, Bearer alone. The same rules as the server's own at `/auth`.
 */
import type { ReadHeader } from "./presented.ts";

/** `auto`: by who asks. The others: that one alone, to everybody. */
export type Challenge = "auto" | "basic" | "bearer";

const BASIC = 'Basic realm="Chatelaine", charset="UTF-8"';
const OF_BROWSERS = ["sec-fetch-mode", "origin", "x-requested-with"];
const OWN_COOKIE = /(?:^|[;\s])(?:__Host-)?chatelaine[^=;]*=/;

/** @param bearer the challenge of Bearer, with its error. @returns the value of `WWW-Authenticate` */
export function challengeFor(read: ReadHeader, bearer: string, wanted: Challenge = "auto"): string {
  if (wanted === "basic") return BASIC;
  return wanted === "auto" && isProgram(read) ? `${BASIC}, ${bearer}` : bearer;
}

/** An empty field says nothing: some proxies write one for what their client does not send. */
function isProgram(read: ReadHeader): boolean {
  const valuesOf = (name: string): readonly string[] => [read(name) ?? []].flat();
  if (OF_BROWSERS.some((name) => valuesOf(name).some((value) => value !== ""))) return false;
  if (valuesOf("user-agent").some((value) => value.startsWith("Mozilla/"))) return false;
  return !valuesOf("cookie").some((value) => OWN_COOKIE.test(value));
}
