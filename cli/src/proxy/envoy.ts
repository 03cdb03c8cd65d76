/** Envoy, by its ext_authz filter. It appends its client's path and query to `/auth/envoy`, so rights are asked by headers that it sets. */
import { isIP } from "node:net";
import {
  authorityOf,
  type Guard,
  hostPort,
  IDENTITY,
  keyHeaders,
  type Place,
  passedOn,
  type RecipeFile,
  twins,
} from "@chatelaine/client/proxy-guard";

export function envoyRecipe(guard: Guard): RecipeFile[] {
  const { site, service, chatelaine } = guard;
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
  };
  const set = asked.filter((name) => wants[name]);
  const keyIn = guard.header === undefined ? ["authorization", "x-api-key"] : [guard.header.toLowerCase()];
  const told = [...passedOn(guard), ...(guard.header === undefined ? ["Authorization"] : [])];
  const removed = [...new Set([...IDENTITY, "Remote-Assertion", ...asked, ...twins(guard, ["."])])];
  const exact = (names: readonly string[], spaces: number): string =>
    names.map((name) => `${" ".repeat(spaces)}- exact: ${name.toLowerCase()}`).join("\n");
  const text = `# envoy.yaml: ${site.host}${site.path} opens to keys of Chatelaine alone.
static_resources:
  listeners:
  - address: { socket_address: { address: 0.0.0.0, port_value: ${site.port} } }
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
              - match: { ${site.path === "" ? 'prefix: "/"' : `path_separated_prefix: "${site.path}"`} }
                route: { cluster: service, timeout: 0s }
          http_filters:
          - name: envoy.filters.http.ext_authz
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthz
              failure_mode_allow: false
              # Away is never the key's fault.
              status_on_error: { code: ServiceUnavailable }
              allowed_headers:
                patterns:
${exact([...keyIn, "x-forwarded-for", "x-forwarded-proto", "user-agent"], 16)}
              http_service:
                server_uri: { uri: "http://${hostPort(chatelaine)}", cluster: chatelaine, timeout: 0.2s }
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

function tlsOf({ cert, certKey }: Guard): string {
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

function cluster(name: string, place: Place, ca: string | undefined): string {
  const { host, port, tls } = place;
  const bare = host.replace(/^\[|\]$/g, "");
  const authority = authorityOf(place, ca);
  const san = `san_type: ${isIP(bare) ? "IP_ADDRESS" : "DNS"}, matcher: { exact: "${bare}" }`;
  const vouched = authority
    ? `, common_tls_context: { validation_context: { trusted_ca: { filename: ${authority} }, match_typed_subject_alt_names: [{ ${san} }] } }`
    : "";
  const secure = tls
    ? `
    transport_socket:
      name: envoy.transport_sockets.tls
      typed_config: { "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext, sni: "${bare}"${vouched} }`
    : "";
  return `  - name: ${name}
    type: STRICT_DNS
    connect_timeout: 1s
    load_assignment:
      cluster_name: ${name}
      endpoints:
      - lb_endpoints:
        - endpoint: { address: { socket_address: { address: "${bare}", port_value: ${port} } } }${secure}`;
}
