/**
 * nginx before a site with a sign-on. The location of the site belongs to people; requests about keys turn aside before
 * anybody is asked, into a location that asks Chatelaine alone. Neither has an error page that leads into the other.
 */
import { IDENTITY, keyHeaders, type ProxyGuard, type SignOn } from "./guard.ts";
import { scheme, sent, toService, upstreamHeader, variable, verified } from "./nginx-text.ts";
import {
  BROWSER_AGENT_PATTERN,
  calledBySignOn,
  cookiePattern,
  FOREIGN_CREDENTIALS,
  keyMarks,
  notOfPeople,
  OAUTH2_CHECK,
  OAUTH2_PATH,
  OAUTH2_START,
  OTHER_IDENTITY,
  personMarks,
  RETURN_HEADER,
} from "./sign-on.ts";

const AUTHELIA_CHECK = "/api/authz/auth-request";

/** Turns a request about a key aside: one that carries a key, or that no browser sends. */
export function keyTurn(guard: ProxyGuard, signOn: SignOn): string {
  const isPerson = [
    ...personMarks(guard).map((name) => `${sent(name)} != ""`),
    `$http_user_agent ~ "${BROWSER_AGENT_PATTERN}"`,
    `$http_cookie ~ "${cookiePattern(signOn)}"`,
  ];
  const turn = (test: string, way: string) => `  if (${test}) {\n    set $chatelaine_way ${way};\n  }\n`;
  return `  # Who asks is told by the request itself: a key, or a program, goes to Chatelaine alone; everybody else to the sign-on alone.
  set $chatelaine_way keys;
${isPerson.map((test) => turn(test, "people")).join("")}${keyMarks(guard)
  .map((name) => turn(`${sent(name)} != ""`, "keys"))
  .join("")}  recursive_error_pages on;
  error_page 419 = @chatelaine_keys;
  if ($chatelaine_way = keys) {
    return 419;
  }
`;
}

/** The sign-on is asked, and nobody else. */
export function peopleWay(guard: ProxyGuard, signOn: SignOn, service: string): string {
  const told = calledBySignOn(signOn);
  const who = [
    ...told.map(([name]) => `proxy_set_header ${name} ${variable(name)};`),
    ...notOfPeople(signOn).map((name) => `proxy_set_header ${name} "";`),
    // A second one would come along: the first alone was looked at.
    ...(guard.header === undefined ? ['proxy_set_header Authorization "";'] : []),
  ];
  return `  auth_request /.chatelaine-sign-on;
${told.map(([name, called]) => `  auth_request_set ${variable(name)} ${upstreamHeader(called)};`).join("\n")}
${signOn.kind === "authelia" ? "  auth_request_set $chatelaine_location $upstream_http_location;\n" : ""}  # A session that is prolonged has a new cookie.
  auth_request_set $chatelaine_set_cookie $upstream_http_set_cookie;
  add_header Set-Cookie $chatelaine_set_cookie always;
  error_page 401 = @chatelaine_sign_in;
  # nginx answers 500 where nobody can be asked. Pages of the server block for other errors have to be said here again.
  error_page 500 = @chatelaine_away;
${toService(guard, service, who)}`;
}

/** @param place where it is reached in a proxy_pass */
export function signOnLocations(guard: ProxyGuard, signOn: SignOn, place: string): string {
  const url = `${scheme(signOn.place)}://${place}`;
  return signOn.kind === "authelia" ? authelia(guard, signOn, url) : oauth2Proxy(guard, signOn, url);
}

function authelia(guard: ProxyGuard, signOn: SignOn, url: string): string {
  return `location = /.chatelaine-sign-on {
  internal;
  proxy_pass ${url}${AUTHELIA_CHECK};
${asked(guard, signOn)}
  proxy_set_header X-Original-Method $request_method;
  proxy_set_header X-Original-URL $scheme://$http_host$request_uri;
}
location @chatelaine_sign_in {
${OWN_CALLS}  if ($chatelaine_location = "") {
    return 401;
  }
  add_header Cache-Control no-store always;
  add_header Set-Cookie $chatelaine_set_cookie always;
  return 302 $chatelaine_location;
}`;
}

function oauth2Proxy(guard: ProxyGuard, signOn: SignOn, url: string): string {
  return `location = /.chatelaine-sign-on {
  internal;
  proxy_pass ${url}${OAUTH2_CHECK};
${asked(guard, signOn)}
  proxy_set_header X-Forwarded-Uri $request_uri;
}
location @chatelaine_sign_in {
${OWN_CALLS}  # Where to come back to is told in a header: in the address, all after the first & of the client's query would be lost.
  rewrite ^ ${OAUTH2_START}? break;
  proxy_pass ${url};
  proxy_method GET;
${asked(guard, signOn, "$request_uri")}
}
location ^~ ${OAUTH2_PATH} {
  proxy_pass ${url};
${reached(guard, signOn)}
}`;
}

/** A page that calls in the background cannot follow to another page; it is answered 401, without a box for a password. */
const OWN_CALLS = `  if ($http_sec_fetch_mode !~ "^(navigate)?$") {
    return 401;
  }
  if ($http_x_requested_with != "") {
    return 401;
  }
`;

/** A request of the proxy's own, without a body. */
function asked(guard: ProxyGuard, signOn: SignOn, backTo?: string): string {
  return `  client_max_body_size 0;
  proxy_pass_request_body off;
  proxy_set_header Content-Length "";
${reached(guard, signOn, backTo)}`;
}

/** The sign-on hears nothing of keys, and nothing that a client says in the name of a proxy. */
function reached(guard: ProxyGuard, { place, ca }: SignOn, backTo = '""'): string {
  const taken = [
    ...new Set([
      ...FOREIGN_CREDENTIALS,
      ...keyHeaders(guard),
      ...IDENTITY,
      "Remote-Assertion",
      ...OTHER_IDENTITY.filter((name) => name !== RETURN_HEADER),
      "Forwarded",
    ]),
  ];
  const lines = [
    "proxy_http_version 1.1;",
    'proxy_set_header Connection "";',
    "proxy_set_header Host $http_host;",
    "proxy_set_header X-Real-IP $remote_addr;",
    "proxy_set_header X-Forwarded-For $remote_addr;",
    "proxy_set_header X-Forwarded-Proto $scheme;",
    "proxy_set_header X-Forwarded-Host $http_host;",
    `proxy_set_header ${RETURN_HEADER} ${backTo};`,
    ...taken.map((name) => `proxy_set_header ${name} "";`),
    "proxy_buffer_size 32k;",
    "proxy_buffers 4 32k;",
    "proxy_busy_buffers_size 32k;",
    "proxy_cache off;",
    "proxy_connect_timeout 1s;",
    "proxy_read_timeout 10s;",
  ];
  return `${lines.map((line) => `  ${line}`).join("\n")}\n${verified(place, ca)}`.trimEnd();
}
