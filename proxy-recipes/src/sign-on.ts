/**
 * One site that people enter by a single sign-on and programs by key. A request goes one of two ways, by its own headers
 * alone, and is never handed from the one to the other: a refused key becomes no page to sign in at, and who is not signed in
 * is nobody that Chatelaine is asked about. Anyone who passes arrives under the same names (`cli/test/sign-on.test.ts`).
 *
 * To Chatelaine goes what carries a key, and what comes from a program by the rule of `server/src/http/challenge.ts`.
 * Everything else is a person's browser.
 */
import { BROWSER_MARKS, IDENTITY, type ProxyGuard, type SignOn, type SignOnKind } from "./guard.ts";

export const SIGN_ON_COOKIES: Readonly<Record<SignOnKind, string>> = {
  authelia: "authelia_session",
  "oauth2-proxy": "_oauth2_proxy",
};

/** What the sign-on calls the identity that a service gets; the rest of it is empty for people. */
const CALLED: Readonly<Record<SignOnKind, Readonly<Record<string, string>>>> = {
  authelia: {
    "Remote-User": "Remote-User",
    "Remote-Name": "Remote-Name",
    "Remote-Email": "Remote-Email",
    "Remote-Groups": "Remote-Groups",
  },
  "oauth2-proxy": {
    "Remote-User": "X-Auth-Request-User",
    "Remote-Name": "X-Auth-Request-Preferred-Username",
    "Remote-Email": "X-Auth-Request-Email",
    "Remote-Groups": "X-Auth-Request-Groups",
  },
};

/** @returns pairs of a name that the service knows and what the sign-on calls it */
export function calledBySignOn({ kind }: SignOn): readonly (readonly [name: string, called: string])[] {
  return Object.entries(CALLED[kind]);
}

/** Names of the identity that a person does not have. */
export function notOfPeople({ kind }: SignOn): readonly string[] {
  return [...IDENTITY, "Remote-Assertion"].filter((name) => CALLED[kind][name] === undefined);
}

/** Tells oauth2-proxy where a sign-in leads back to. */
export const RETURN_HEADER = "X-Auth-Request-Redirect";
const CLAIMS = ["User", "Email", "Groups", "Preferred-Username", "Access-Token"];

/** Other names under which services know a signed-in person. Nobody sets them here, so clients may not either. */
export const OTHER_IDENTITY: readonly string[] = [
  ...CLAIMS.map((claim) => `X-Auth-Request-${claim}`),
  RETURN_HEADER,
  ...CLAIMS.map((claim) => `X-Forwarded-${claim}`),
  "X-User",
  "X-Email",
];

/** Empty without a sign-on: these names are then the service's own affair. */
export function otherIdentity({ signOn }: ProxyGuard): readonly string[] {
  return signOn === undefined ? [] : OTHER_IDENTITY;
}

/** Credentials that a sign-on could take in the place of its own cookie. */
export const FOREIGN_CREDENTIALS = ["Authorization", "Proxy-Authorization"] as const;

/** Headers that make a request one about a key, whatever else it carries. */
export function keyMarks({ header }: ProxyGuard): readonly string[] {
  return header === undefined ? ["Authorization", "X-API-Key"] : [header];
}

/** Headers whose presence shows a page or a browser; one that carries keys shows a key. */
export function personMarks(guard: ProxyGuard): readonly string[] {
  const keys = keyMarks(guard).map((name) => name.toLowerCase());
  return BROWSER_MARKS.filter((name) => !keys.includes(name.toLowerCase()));
}

export const BROWSER_AGENT_PATTERN = "^Mozilla/";

/** Of cookies that belong to the sign-on: parts of large ones end in a number. */
export function cookiePattern({ cookie }: SignOn): string {
  return `(^|[; ])(__Host-|__Secure-)?${cookie}[^=;]*=`;
}

/** Below it oauth2-proxy itself answers. */
export const OAUTH2_PATH = "/oauth2/";
/** Begins a sign-in. It is given where to come back to in a header, so that no byte of the client's query is lost or obeyed. */
export const OAUTH2_START = "/oauth2/start";
export const OAUTH2_CHECK = "/oauth2/auth";

/** For the reader of a recipe. */
export function signOnRemarks({ kind, cookie }: SignOn): string[] {
  const own =
    kind === "authelia"
      ? [
          "Authelia: session.cookies needs the authelia_url of this domain, or nobody is led to its page; server.buffers.read has to",
          "hold the cookies and the address of a request (4096 bytes unless set).",
        ]
      : [
          "oauth2-proxy: start it with --reverse-proxy --set-xauthrequest, and with the redirect address below /oauth2/ of this site,",
          "which is all its own. Sessions that need more than one cookie are not prolonged; keep them in Redis then.",
        ];
  return [
    `People enter by ${kind === "authelia" ? "Authelia" : kind}, programs by key. A request with a key, or from a program (no Sec-Fetch-Mode, Origin or`,
    `X-Requested-With, no cookie ${cookie}, no User-Agent that begins with Mozilla/), is judged by Chatelaine alone, and every`,
    "other by the sign-on alone. Neither is asked after the other has refused.",
    "Both arrive as Remote-User, Remote-Name, Remote-Email and Remote-Groups, and only keys have Remote-Key-Id: one name has to be",
    "one person at both, and nobody may choose a name at the sign-on that is another's here.",
    ...own,
  ];
}
