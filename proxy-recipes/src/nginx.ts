/** nginx with its auth_request module, as Debian packages it. */
import {
  authQuery,
  hostPort,
  LARGE_HEADERS,
  OWN_COOKIE_MARK,
  OWN_COOKIE_PATTERN,
  PREFLIGHT_HEADERS,
  type ProxyGuard,
  passedOn,
  type RecipeFile,
} from "./guard.ts";
import { keyTurn, peopleWay, signOnLocations } from "./nginx-sign-on.ts";
import {
  direct,
  forwarded,
  indent,
  patternOf,
  scheme,
  sent,
  stripped,
  toService,
  upstreamHeader,
  variable,
  verified,
  WITH_HOST,
} from "./nginx-text.ts";
import { remarks } from "./remarks.ts";

/** Connections that a worker keeps: more than are busy at once, or it opens new ones all the time; given up before the other side does. */
const KEPT = ["keepalive 256;", "keepalive_requests 100000;", "keepalive_timeout 20s;"];
/** nginx knows 401 and 403 alone. */
const DENY = { deny: "403" } as const;
/** Upstreams of their own, which keep connections alive. */
const NAMED = {
  check: "chatelaine_check",
  service: "chatelaine_service",
  signOn: "chatelaine_sign_on",
} as const;
const OF = { group: "www-data", away: 503 } as const;

export function nginxRecipe(guard: ProxyGuard): RecipeFile[] {
  const { site } = guard;
  const ssl = site.tls ? " ssl" : "";
  const listen = [
    `listen ${site.port}${ssl};`,
    `listen [::]:${site.port}${ssl};`,
    ...(site.tls ? [`ssl_certificate ${guard.cert};`, `ssl_certificate_key ${guard.certKey};`] : []),
  ];
  const places = { ...NAMED, isRegex: false };
  const text = `${remarks(guard, { ...OF, file: "nginx.conf" })}
${guard.chatelaine.socket === undefined ? "" : `user ${OF.group};\n`}events {}
http {
  # Headers with underscores, dots and their like are dropped: Remote_User would pass for Remote-User behind CGI and WSGI.
  underscores_in_headers off;
  ignore_invalid_headers on;
  # For applications with many cookies. They go to the service, and not to Chatelaine.
  large_client_header_buffers 4 64k;
${indent(upstreams(guard), 2)}
  server {
${indent([...listen, `server_name ${site.host};`].join("\n"), 4)}
${indent(locations(guard, places), 4)}
  }
}
`;
  return [{ name: "nginx.conf", text }];
}

/** For a server block that is there: its own locations stay, and stand behind this one. */
export function nginxSnippet(guard: ProxyGuard, isWritten: boolean): RecipeFile[] {
  const { chatelaine, service, signOn } = guard;
  const places = isWritten
    ? { ...NAMED, isRegex: true }
    : {
        check: direct(chatelaine),
        service: hostPort(service),
        signOn: signOn === undefined ? "" : hostPort(signOn.place),
        isRegex: true,
      };
  const file = "chatelaine-guard.conf";
  const head = isWritten
    ? "# Include this in a server block, and chatelaine-upstreams.conf beside it (conf.d)."
    : "# Include this in a server block. With --write DIR there is a second file for conf.d, which keeps connections alive.";
  const text = `${remarks(guard, { ...OF, file })}
${head}
# Say these two in the http block as well where another server block is the default of this address.
underscores_in_headers off;
ignore_invalid_headers on;
${locations(guard, places)}
`;
  const snippet = { name: file, text };
  if (!isWritten) return [snippet];
  return [snippet, { name: "chatelaine-upstreams.conf", text: `${upstreams(guard)}\n` }];
}

function upstreams({ chatelaine, service, signOn }: ProxyGuard): string {
  const upstream = (name: string, place: string) =>
    `upstream ${name} {\n  server ${place};\n  ${KEPT.join("\n  ")}\n}`;
  const check = chatelaine.socket === undefined ? hostPort(chatelaine) : `unix:${chatelaine.socket}`;
  return [
    upstream(NAMED.check, check),
    upstream(NAMED.service, hostPort(service)),
    ...(signOn === undefined ? [] : [upstream(NAMED.signOn, hostPort(signOn.place))]),
  ].join("\n");
}

interface Places {
  readonly check: string;
  readonly service: string;
  readonly signOn: string;
  /** A regular expression stands before the prefix locations that are there. */
  readonly isRegex: boolean;
}

function locations(guard: ProxyGuard, { check, service, signOn: signOnAt, isRegex }: Places): string {
  const pattern = patternOf(guard.site.path);
  // A prefix ends at a segment: /app is not /apple.
  const where = isRegex || guard.site.path !== "" ? `~ ^${pattern}(/|$)` : "/";
  const { signOn } = guard;
  const preflight = guard.letsPreflights ?? false;
  const turns = preflight ? PREFLIGHT_TURN : "";
  const site =
    signOn === undefined
      ? `location ${where} {
${turns}${keyWay(guard, service)}
}`
      : `${signOnLocations(guard, signOn, signOnAt)}
location ${where} {
${turns}${keyTurn(guard, signOn)}${peopleWay(guard, signOn, service)}
}
location @chatelaine_keys {
  recursive_error_pages on;
${keyWay(guard, service)}
}`;
  return `${checkLocation(guard, check)}
${site}
location @chatelaine_away {
  add_header Retry-After 2 always;
  add_header Cache-Control no-store always;
  return 503;
}${preflight ? `\n${preflightLocation(guard, service)}` : ""}`;
}

/** Chatelaine is asked, and nobody else. */
function keyWay(guard: ProxyGuard, service: string): string {
  const told = [...passedOn(guard), "Authorization", "Decision-Id", "Retry-After"];
  const who = [
    ...passedOn(guard).map((name) => `proxy_set_header ${name} ${variable(name)};`),
    ...(guard.audience === undefined ? ['proxy_set_header Remote-Assertion "";'] : []),
    ...(guard.header === undefined ? [`proxy_set_header Authorization ${variable("Authorization")};`] : []),
  ];
  return `  auth_request /.chatelaine-check;
${told.map((name) => `  auth_request_set ${variable(name)} ${upstreamHeader(name)};`).join("\n")}
  add_header Decision-Id ${variable("Decision-Id")} always;
  add_header Retry-After ${variable("Retry-After")} always;
  # nginx answers 500 where nobody can be asked. Pages of the server block for other errors have to be said here again.
  error_page 500 = @chatelaine_away;
${toService(guard, service, who)}`;
}

/**
 * All headers go to the check but those that grow large. Named ones alone (`proxy_pass_request_headers off`) would be fewer,
 * but before nginx 1.23 a variable has the first of two headers, and of two keys that differ one would be taken (held by
 * `cli/test/doctor.test.ts`).
 */
function checkLocation(guard: ProxyGuard, check: string): string {
  return `location = /.chatelaine-check {
  internal;
  client_max_body_size 0;
  set $chatelaine_cookie "";
  if ($http_cookie ~ "${OWN_COOKIE_PATTERN}") {
    set $chatelaine_cookie "${OWN_COOKIE_MARK}";
  }
  proxy_pass ${scheme(guard.chatelaine)}://${check}${authQuery(guard, DENY)};
  proxy_http_version 1.1;
  proxy_set_header Connection "";
  proxy_pass_request_body off;
  proxy_set_header Content-Length "";
  # Cookies and other headers that grow large are not for Chatelaine; a cookie of its own tells it a browser.
  proxy_set_header Cookie $chatelaine_cookie;
${LARGE_HEADERS.map((name) => `  proxy_set_header ${name} "";`).join("\n")}
  proxy_set_header Host chatelaine;
  proxy_set_header X-Forwarded-For $remote_addr;
  proxy_set_header X-Forwarded-Proto $scheme;
  proxy_set_header X-Forwarded-Host $host;
  proxy_set_header Forwarded "";
${verified(guard.chatelaine, guard.chatelaineCa)}  proxy_buffer_size 32k;
  proxy_buffers 4 32k;
  proxy_busy_buffers_size 32k;
  proxy_cache off;
  proxy_connect_timeout 1s;
  proxy_read_timeout 2s;
}`;
}

const PREFLIGHT_TURN = `  set $chatelaine_preflight $request_method;
  if ($http_origin) {
    set $chatelaine_preflight "$chatelaine_preflight origin";
  }
  if ($http_access_control_request_method) {
    set $chatelaine_preflight "$chatelaine_preflight method";
  }
  error_page 418 = @chatelaine_preflight;
  if ($chatelaine_preflight = "OPTIONS origin method") {
    return 418;
  }
`;

function preflightLocation(guard: ProxyGuard, service: string): string {
  return `location @chatelaine_preflight {
${WITH_HOST}${stripped(guard)}  proxy_pass ${scheme(guard.service)}://${service};
${verified(guard.service, guard.serviceCa)}  proxy_http_version 1.1;
  proxy_pass_request_headers off;
  proxy_pass_request_body off;
  proxy_set_header Connection "";
  proxy_set_header Content-Length "";
${forwarded(guard)}
${PREFLIGHT_HEADERS.map((name) => `  proxy_set_header ${name} ${sent(name)};`).join("\n")}
}`;
}
