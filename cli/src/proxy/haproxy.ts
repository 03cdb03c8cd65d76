/** HAProxy 2.6 or newer, with a small client in Lua that asks over HAProxy's own http client. */
import { isIP } from "node:net";
import {
  authQuery,
  type Guard,
  hostPort,
  keyHeaders,
  passedOn,
  type RecipeFile,
} from "@chatelaine/client/proxy-guard";

export function haproxyRecipe(guard: Guard, folder: string): RecipeFile[] {
  const { site, service } = guard;
  const told = passedOn(guard);
  const bind = site.tls ? `bind :${site.port} ssl crt ${guard.cert} alpn h2,http/1.1` : `bind :${site.port}`;
  const value = (name: string): string => `%[var(txn.${variable(name)})]`;
  const authorization =
    guard.header === undefined
      ? [
          "http-request del-header Authorization",
          `http-request set-header Authorization ${value("Authorization")} if { var(txn.${variable("Authorization")}) -m len gt 0 }`,
        ]
      : [];
  const lines = [
    bind,
    ...(site.path === ""
      ? []
      : [`http-request deny deny_status 404 unless { path ${site.path} } || { path_beg ${site.path}/ }`]),
    "# What the client says of itself never counts, by whichever spelling: gateways make an underscore of any odd character.",
    "http-request del-header remote- -m beg",
    "http-request del-header [^A-Za-z0-9-] -m reg",
    "http-request set-header X-Forwarded-For %[src]",
    `http-request set-header X-Forwarded-Proto ${site.tls ? "https" : "http"}`,
    "http-request set-header X-Forwarded-Host %[req.hdr(Host)]",
    "http-request lua.chatelaine_check",
    ...[401, 403, 429, 503].map(
      (status) =>
        `http-request return status ${status} hdr Cache-Control no-store hdr Decision-Id ${value("Decision-Id")} hdr Retry-After ${value("Retry-After")} hdr WWW-Authenticate ${value("WWW-Authenticate")} if { var(txn.chatelaine_status) -m int ${status} }`,
    ),
    "http-request deny deny_status 503 unless { var(txn.chatelaine_status) -m int 200 }",
    "# The key stays here.",
    ...keyHeaders(guard).map((name) => `http-request del-header ${name}`),
    ...authorization,
    ...told.map((name) => `http-request set-header ${name} ${value(name)}`),
    "default_backend service",
  ];
  const config = `# haproxy.cfg: ${site.host}${site.path} opens to keys of Chatelaine alone.
global
${guard.chatelaineCa === undefined ? "" : `  httpclient.ssl.ca-file ${guard.chatelaineCa}\n`}  lua-load ${folder}/chatelaine.lua
defaults
  mode http
  timeout connect 2s
  timeout client 60s
  timeout server 60s
  timeout tunnel 1h
  timeout http-request 15s
frontend site
${lines.map((line) => `  ${line}`).join("\n")}
backend service
  server service ${hostPort(service)}${service.tls ? ` ssl verify required ca-file ${guard.serviceCa ?? "@system-ca"}${isIP(service.host) ? "" : ` sni str(${service.host}) verifyhost ${service.host}`}` : ""}
`;
  return [
    { name: "haproxy.cfg", text: config },
    { name: "chatelaine.lua", text: luaClient(guard) },
  ];
}

function variable(name: string): string {
  return `chatelaine_${name.toLowerCase().replaceAll("-", "_")}`;
}

function luaClient(guard: Guard): string {
  const { chatelaine } = guard;
  const url = `${chatelaine.tls ? "https" : "http"}://${hostPort(chatelaine)}${authQuery(guard)}`;
  // HAProxy's client asks the DNS alone for names, which knows no localhost.
  const place = chatelaine.host === "localhost" ? ` dst = "127.0.0.1:${chatelaine.port}",` : "";
  const asked = [
    ...(guard.header === undefined ? ["authorization", "x-api-key"] : [guard.header.toLowerCase()]),
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-forwarded-host",
    "user-agent",
  ];
  const told = [...passedOn(guard), "Authorization", "Decision-Id", "Retry-After", "WWW-Authenticate"];
  const list = (names: readonly string[]): string =>
    names.map((name) => `"${name.toLowerCase()}"`).join(", ");
  return `-- Asks Chatelaine about the key of a request. Whatever goes wrong here is no.
local url = "${url}"
local asked = { ${list(asked)} }
local told = { ${list(told)} }

core.register_action("chatelaine_check", { "http-req" }, function(txn)
  txn:set_var("txn.chatelaine_status", 503)
  local own = txn.http:req_get_headers()
  local headers = { ["connection"] = { "keep-alive" } }
  for _, name in ipairs(asked) do
    local values = own[name]
    if values ~= nil then
      headers[name] = {}
      local place = 0
      while values[place] ~= nil do
        table.insert(headers[name], values[place])
        place = place + 1
      end
    end
  end
  local answer = core.httpclient():get({ url = url,${place} headers = headers, timeout = 2000 })
  if answer == nil or answer.status == nil or answer.status == 0 then
    return
  end
  for _, name in ipairs(told) do
    local values = answer.headers and answer.headers[name]
    txn:set_var("txn.chatelaine_" .. string.gsub(name, "-", "_"), values ~= nil and values[0] or "")
  end
  txn:set_var("txn.chatelaine_status", answer.status)
end, 0)
`;
}
