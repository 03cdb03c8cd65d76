/** nginx with its auth_request module, as Debian packages it. */
import {
  authorityOf,
  authQuery,
  type Guard,
  hostPort,
  keyHeaders,
  type Place,
  passedOn,
  type RecipeFile,
} from "./proxy-guard.ts";

/** Connections that a worker keeps: more than are busy at once, or it opens new ones all the time; given up before the other side does. */
const KEPT = ["keepalive 256;", "keepalive_requests 100000;", "keepalive_timeout 20s;"];
/** nginx knows 401 and 403 alone. */
const DENY = { deny: "403" } as const;

export function nginxRecipe(guard: Guard): RecipeFile[] {
  const { site } = guard;
  const listen = site.tls
    ? [`listen ${site.port} ssl;`, `ssl_certificate ${guard.cert};`, `ssl_certificate_key ${guard.certKey};`]
    : [`listen ${site.port};`];
  const text = `# nginx.conf: ${site.host}${site.path} opens to keys of Chatelaine alone.
events {}
http {
  # Headers with underscores, dots and their like are dropped: Remote_User would pass for Remote-User behind CGI and WSGI.
  underscores_in_headers off;
  ignore_invalid_headers on;
${indent(upstreams(guard), 2)}
  server {
${indent([...listen, `server_name ${site.host};`].join("\n"), 4)}
${indent(locations(guard, { check: "chatelaine_check", service: "chatelaine_service", isRegex: false }), 4)}
  }
}
`;
  return [{ name: "nginx.conf", text }];
}

/** For a server block that is there: its own locations stay, and stand behind this one. */
export function nginxSnippet(guard: Guard, isWritten: boolean): RecipeFile[] {
  const places = isWritten
    ? { check: "chatelaine_check", service: "chatelaine_service", isRegex: true }
    : { check: hostPort(guard.chatelaine), service: hostPort(guard.service), isRegex: true };
  const head = isWritten
    ? "# Include this in a server block, and chatelaine-upstreams.conf beside it (conf.d)."
    : "# Include this in a server block. With --write DIR there is a second file for conf.d, which keeps connections alive.";
  const snippet = {
    name: "chatelaine-guard.conf",
    text: `${head}\n# Say these two in the http block as well where another server block is the default of this address.\nunderscores_in_headers off;\nignore_invalid_headers on;\n${locations(guard, places)}\n`,
  };
  if (!isWritten) return [snippet];
  return [snippet, { name: "chatelaine-upstreams.conf", text: `${upstreams(guard)}\n` }];
}

function upstreams({ chatelaine, service }: Guard): string {
  const upstream = (name: string, place: string) =>
    `upstream ${name} {\n  server ${place};\n  ${KEPT.join("\n  ")}\n}`;
  return `${upstream("chatelaine_check", hostPort(chatelaine))}\n${upstream("chatelaine_service", hostPort(service))}`;
}

interface Places {
  readonly check: string;
  readonly service: string;
  /** A regular expression stands before the prefix locations that are there. */
  readonly isRegex: boolean;
}

function locations(guard: Guard, { check, service, isRegex }: Places): string {
  const { site } = guard;
  const pattern = site.path.replaceAll(".", "\\.");
  // A prefix ends at a segment: /app is not /apple.
  const where = isRegex || site.path !== "" ? `~ ^${pattern}(/|$)` : "/";
  const variable = (name: string): string => `$chatelaine_${name.toLowerCase().replaceAll("-", "_")}`;
  const upstreamHeader = (name: string): string =>
    `$upstream_http_${name.toLowerCase().replaceAll("-", "_")}`;
  const told = [...passedOn(guard), "Authorization", "Decision-Id", "Retry-After"];
  const scheme = (tls: boolean): string => (tls ? "https" : "http");
  const authorization =
    guard.header === undefined ? [`proxy_set_header Authorization ${variable("Authorization")};`] : [];
  return `location = /.chatelaine-check {
  internal;
  client_max_body_size 0;
  proxy_pass ${scheme(guard.chatelaine.tls)}://${check}${authQuery(guard, DENY)};
  proxy_http_version 1.1;
  proxy_set_header Connection "";
  proxy_pass_request_body off;
  proxy_set_header Content-Length "";
  proxy_set_header Host chatelaine;
  proxy_set_header X-Forwarded-For $remote_addr;
  proxy_set_header X-Forwarded-Proto $scheme;
  proxy_set_header X-Forwarded-Host $host;
${verified(guard.chatelaine, guard.chatelaineCa)}  proxy_buffer_size 32k;
  proxy_buffers 4 32k;
  proxy_busy_buffers_size 32k;
  proxy_cache off;
  proxy_connect_timeout 1s;
  proxy_read_timeout 2s;
}
location ${where} {
  auth_request /.chatelaine-check;
${told.map((name) => `  auth_request_set ${variable(name)} ${upstreamHeader(name)};`).join("\n")}
  add_header Decision-Id ${variable("Decision-Id")} always;
  add_header Retry-After ${variable("Retry-After")} always;
  set $chatelaine_connection "";
  if ($http_upgrade) {
    set $chatelaine_connection upgrade;
  }
  client_max_body_size 0;
  proxy_request_buffering off;
  proxy_pass ${scheme(guard.service.tls)}://${service};
${verified(guard.service, guard.serviceCa)}  proxy_http_version 1.1;
  proxy_set_header Upgrade $http_upgrade;
  proxy_set_header Connection $chatelaine_connection;
  proxy_read_timeout 1h;
  proxy_set_header Host $http_host;
  proxy_set_header X-Forwarded-For $remote_addr;
  proxy_set_header X-Forwarded-Proto $scheme;
  proxy_set_header X-Forwarded-Host $http_host;
${passedOn(guard)
  .map((name) => `  proxy_set_header ${name} ${variable(name)};`)
  .join("\n")}
${guard.audience === undefined ? '  proxy_set_header Remote-Assertion "";\n' : ""}${[...keyHeaders(guard).map((name) => `proxy_set_header ${name} "";`), ...authorization].map((line) => `  ${line}`).join("\n")}
}`;
}

/** nginx takes any certificate unless it is told otherwise, and compares names alone, not addresses. */
function verified(place: Place, ca: string | undefined): string {
  const authority = authorityOf(place, ca);
  const lines = authority
    ? [
        "verify on",
        "verify_depth 3",
        "server_name on",
        `name ${place.host}`,
        `trusted_certificate ${authority}`,
      ]
    : [];
  return lines.map((line) => `  proxy_ssl_${line};\n`).join("");
}

function indent(text: string, spaces: number): string {
  return text.replace(/^(?=.)/gm, " ".repeat(spaces));
}
