/** Envoy, by its ext_authz filter. It appends its client's path and query to `/auth/envoy`, so rights are asked by headers that it sets. */
import {
  askedHeaders,
  authorityOf,
  type Endpoint,
  hostPort,
  IDENTITY,
  isAddress,
  keyHeaders,
  type ProxyGuard,
  passedOn,
  type RecipeFile,
  twins,
  uncheckedHeaders,
} from "./guard.ts";
import { remarks } from "./remarks.ts";

export function envoyRecipe(guard: ProxyGuard): RecipeFile[] {
  const { site, service, chatelaine, challenge = "auto" } = guard;
  const asked = [
    "X-Auth-Scope",
    "X-Auth-Role",
    "X-Auth-Group",
    "X-Auth-Header",
    "X-Auth-Deny",
    "X-Auth-Assert",
    "X-Auth-Challenge",
  ];
  const wants: Readonly<Record<string, string>> = {
    "X-Auth-Scope": guard.scopes.join(","),
    "X-Auth-Header": guard.header ?? "",
    "X-Auth-Assert": guard.audience ?? "",
    "X-Auth-Challenge": challenge === "auto" ? "" : challenge,
  };
  const set = asked.filter((name) => wants[name]);
  const told = [...passedOn(guard), ...(guard.header === undefined ? ["Authorization"] : [])];
  const removed = [
    ...new Set([...IDENTITY, "Remote-Assertion", "Forwarded", ...asked, ...twins(guard, ["."])]),
  ];
  const exact = (names: readonly string[], spaces: number): string =>
    names.map((name) => `${" ".repeat(spaces)}- exact: ${name.toLowerCase()}`).join("\n");
  const text = `${remarks(guard, { file: "envoy.yaml", group: "envoy", away: 503 })}
static_resources:
  listeners:
  # Both families.
  - address: { socket_address: { address: "::", ipv4_compat: true, port_value: ${site.port} } }
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: site
          use_remote_address: true
          normalize_path: true
          upgrade_configs: [{ upgrade_type: websocket }]
          common_http_protocol_options: { headers_with_underscores_action: REJECT_REQUEST }
          # What the client says of itself never counts, and a dot is no hyphen.
          early_header_mutation_extensions:
          - name: envoy.http.early_header_mutation.header_mutation
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation
              mutations:
${removed.map((name) => `              - remove: ${name.toLowerCase()}`).join("\n")}
          route_config:
            virtual_hosts:
            - name: site
              domains: ["${site.host}", "${site.host}:*"]
              # The key stays here.
              request_headers_to_remove: [${keyHeaders(guard)
                .map((name) => name.toLowerCase())
                .join(", ")}]
              routes:
${guard.letsPreflights ? preflightRoute(guard) : ""}              - match: { ${matchOf(guard)} }
                route: { ${routeOf(guard)} }
${prefixed(guard)}          http_filters:
          - name: envoy.filters.http.ext_authz
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthz
              failure_mode_allow: false
              # Away is never the key's fault.
              status_on_error: { code: ServiceUnavailable }
              # What it needs of the client's headers, and no others: cookies are not for Chatelaine.
              allowed_headers:
                patterns:
${exact([...askedHeaders(guard), "X-Forwarded-For", "X-Forwarded-Proto"], 16)}
              http_service:
                server_uri: { uri: "http://${chatelaine.socket === undefined ? hostPort(chatelaine) : chatelaine.host}", cluster: chatelaine, timeout: 0.2s }
                path_prefix: /auth/envoy
${set.length === 0 ? "" : `                authorization_request:\n                  headers_to_add:\n${set.map((name) => `                  - { key: ${name.toLowerCase()}, value: "${wants[name]}" }`).join("\n")}\n`}                authorization_response:
                  allowed_upstream_headers:
                    patterns:
${exact(told, 20)}
                  allowed_client_headers:
                    patterns:
${exact(["WWW-Authenticate", "Retry-After", "Decision-Id"], 20)}
          - name: envoy.filters.http.router
            typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router }
${site.tls ? tlsOf(guard) : ""}  clusters:
${cluster("chatelaine", chatelaine, guard.chatelaineCa)}
${cluster("service", service, guard.serviceCa)}
`;
  return [{ name: "envoy.yaml", text }];
}

function matchOf({ site }: ProxyGuard): string {
  return site.path === "" ? 'prefix: "/"' : `path_separated_prefix: "${site.path}"`;
}

function routeOf(guard: ProxyGuard): string {
  const { site } = guard;
  const regex = `^${site.path.replaceAll(".", "[.]")}/*`;
  const rewritten = `, regex_rewrite: { pattern: { regex: "${regex}" }, substitution: "/" }`;
  return `cluster: service, timeout: 0s${isStripped(guard) ? rewritten : ""}`;
}

function isStripped({ site, stripsPath }: ProxyGuard): boolean {
  return Boolean(stripsPath) && site.path !== "";
}

function prefixed(guard: ProxyGuard): string {
  if (!isStripped(guard)) return "";
  const header = `{ key: x-forwarded-prefix, value: "${guard.site.path}" }`;
  return `                request_headers_to_add:
                - { header: ${header}, append_action: OVERWRITE_IF_EXISTS_OR_ADD }
`;
}

function preflightRoute(guard: ProxyGuard): string {
  const unchecked = uncheckedHeaders(guard).map((name) => name.toLowerCase());
  return `              - match:
                  ${matchOf(guard)}
                  headers:
                  - { name: ":method", string_match: { exact: OPTIONS } }
                  - { name: origin, string_match: { safe_regex: { regex: ".+" } } }
                  - { name: access-control-request-method, string_match: { safe_regex: { regex: ".+" } } }
                route: { ${routeOf(guard)} }
                request_headers_to_remove: [${unchecked.join(", ")}]
${prefixed(guard)}                typed_per_filter_config:
                  envoy.filters.http.ext_authz:
                    "@type": type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute
                    disabled: true
`;
}

function tlsOf({ cert, certKey }: ProxyGuard): string {
  return `      transport_socket:
        name: envoy.transport_sockets.tls
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext
          common_tls_context:
            tls_certificates:
            - certificate_chain: { filename: ${cert} }
              private_key: { filename: ${certKey} }
`;
}

/** Names of both families; where there are two addresses the one of IPv4, where local services listen more often. */
function cluster(name: string, place: Endpoint, ca: string | undefined): string {
  const { host, port, tls, socket } = place;
  const bare = host.replace(/^\[|\]$/g, "");
  const authority = authorityOf(place, ca);
  const san = `san_type: ${isAddress(place) ? "IP_ADDRESS" : "DNS"}, matcher: { exact: "${bare}" }`;
  const vouched = authority
    ? `, common_tls_context: { validation_context: { trusted_ca: { filename: ${authority} }, match_typed_subject_alt_names: [{ ${san} }] } }`
    : "";
  const secure = tls
    ? `
    transport_socket:
      name: envoy.transport_sockets.tls
      typed_config: { "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext, sni: "${bare}"${vouched} }`
    : "";
  const found = "type: STRICT_DNS\n    dns_lookup_family: V4_PREFERRED";
  const address =
    socket === undefined
      ? `socket_address: { address: "${bare}", port_value: ${port} }`
      : `pipe: { path: "${socket}" }`;
  return `  - name: ${name}
    ${socket === undefined ? found : "type: STATIC"}
    connect_timeout: 1s
    load_assignment:
      cluster_name: ${name}
      endpoints:
      - lb_endpoints:
        - endpoint: { address: { ${address} } }${secure}`;
}
