/** Words of nginx's configuration that all of its locations are made of. */
import { authorityOf, type Endpoint, hostPort, keyHeaders, type ProxyGuard } from "./guard.ts";
import { otherIdentity } from "./sign-on.ts";

/** What every location that passes a request on to the service has. @param who lines that say who asks */
export function toService(guard: ProxyGuard, service: string, who: readonly string[]): string {
  const taken = [...keyHeaders(guard), ...otherIdentity(guard)];
  return `  set $chatelaine_connection "";
  if ($http_upgrade) {
    set $chatelaine_connection upgrade;
  }
${WITH_HOST}${stripped(guard)}  client_max_body_size 0;
  proxy_request_buffering off;
  proxy_pass ${scheme(guard.service)}://${service};
${verified(guard.service, guard.serviceCa)}  proxy_http_version 1.1;
  proxy_set_header Upgrade $http_upgrade;
  proxy_set_header Connection $chatelaine_connection;
  proxy_read_timeout 1h;
${forwarded(guard)}
${[...taken.map((name) => `proxy_set_header ${name} "";`), ...who].map((line) => `  ${line}`).join("\n")}`;
}

/** HTTP/1.0 may name no host, and a service behind HTTP/1.1 then refuses the request. Stands before a rewrite that breaks off. */
export const WITH_HOST = `  set $chatelaine_host $http_host;
  if ($http_host = "") {
    set $chatelaine_host $host:$server_port;
  }
`;

/** Where an address stands in a proxy_pass, before its path. */
export function direct(place: Endpoint): string {
  return place.socket === undefined ? hostPort(place) : `unix:${place.socket}:`;
}

/** What the client sent. */
export function sent(name: string): string {
  return `$http_${name.toLowerCase().replaceAll("-", "_")}`;
}

/** The path that nginx compares is the one that it passes on then, with its dots and escapes resolved. */
export function stripped({ site, stripsPath }: ProxyGuard): string {
  return stripsPath && site.path !== "" ? `  rewrite "(?s)^${patternOf(site.path)}/?(.*)$" /$1 break;\n` : "";
}

export function forwarded({ site, stripsPath }: ProxyGuard): string {
  const lines = [
    "Host $chatelaine_host",
    "X-Forwarded-For $remote_addr",
    "X-Forwarded-Proto $scheme",
    "X-Forwarded-Host $chatelaine_host",
    ...(stripsPath ? [`X-Forwarded-Prefix ${site.path}`] : []),
    'Forwarded ""',
  ];
  return lines.map((line) => `  proxy_set_header ${line};`).join("\n");
}

export function patternOf(path: string): string {
  return path.replaceAll(".", "\\.");
}

export function scheme({ tls }: Endpoint): string {
  return tls ? "https" : "http";
}

export function variable(name: string): string {
  return `$chatelaine_${name.toLowerCase().replaceAll("-", "_")}`;
}

export function upstreamHeader(name: string): string {
  return `$upstream_http_${name.toLowerCase().replaceAll("-", "_")}`;
}

/** nginx takes any certificate unless it is told otherwise, and compares names alone, not addresses. */
export function verified(place: Endpoint, ca: string | undefined): string {
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

export function indent(text: string, spaces: number): string {
  return text.replace(/^(?=.)/gm, " ".repeat(spaces));
}
