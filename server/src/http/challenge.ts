/**
 * What a 401 offers (RFC 9110, 11.6.1). Programs such as git and wget send a name and password only where Basic is offered,
 * so they are offered it first, and Bearer second. A browser would open its own box for a password: whatever may be one is
 * offered Bearer alone. `client/src/challenge.ts` has the same rules for services (held by `challenge.test.ts`).
 */
export const CHALLENGES = ["auto", "basic", "bearer"] as const;
/** `auto`: by who asks. The others: that one alone, to everybody. */
export type ChallengeChoice = (typeof CHALLENGES)[number];

const BASIC = 'Basic realm="Chatelaine", charset="UTF-8"';
/** What browsers send and pages set. */
const OF_BROWSERS = ["sec-fetch-mode", "origin", "x-requested-with"];
const OWN_COOKIE = /(?:^|[;\s])(?:__Host-)?chatelaine[^=;]*=/;

/** @param bearer the challenge of Bearer, with its error. @returns the value of `WWW-Authenticate` */
export function challengeFor(headers: Headers, bearer: string, wanted: ChallengeChoice = "auto"): string {
  if (wanted === "basic") return BASIC;
  return wanted === "auto" && isProgram(headers) ? `${BASIC}, ${bearer}` : bearer;
}

/** An empty field says nothing: some proxies write one for what their client does not send. */
function isProgram(headers: Headers): boolean {
  if (OF_BROWSERS.some((name) => headers.get(name))) return false;
  if (headers.get("user-agent")?.startsWith("Mozilla/")) return false;
  return !OWN_COOKIE.test(headers.get("cookie") ?? "");
}
