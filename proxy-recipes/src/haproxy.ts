/** HAProxy 2.6 or newer, with a small client in Lua that asks over HAProxy's own http client. */
import {
  askedHeaders,
  authQuery,
  type Endpoint,
  hostPort,
  isAddress,
  keyHeaders,
  OWN_COOKIE_MARK,
  PREFLIGHT_HEADERS,
  type ProxyGuard,
  passedOn,
  type RecipeFile,
} from "./guard.ts";
import { remarks } from "./remarks.ts";

/** Of HAProxy itself, whose buffer has to hold all headers of a request: an application's cookies too. */
const BUFFER_BYTES = 65_536;

export function haproxyRecipe(guard: ProxyGuard, folder: string): RecipeFile[] {
  const { service } = guard;
  const config = `${remarks(guard, { file: "haproxy.cfg", group: "haproxy", away: 503 })}
global
${guard.chatelaineCa === undefined ? "" : `  httpclient.ssl.ca-file ${guard.chatelaineCa}\n`}  lua-load ${folder}/chatelaine.lua
  # Holds all headers of a request, cookies too.
  tune.bufsize ${BUFFER_BYTES}
defaults
  mode http
  timeout connect 2s
  timeout client 60s
  timeout server 60s
  timeout tunnel 1h
  timeout http-request 15s
frontend site
${frontend(guard)
  .map((line) => `  ${line}`)
  .join("\n")}
backend service
  server service ${hostPort(service)}${service.tls ? ` ssl verify required ca-file ${guard.serviceCa ?? "@system-ca"}${isAddress(service) ? "" : ` sni str(${service.host}) verifyhost ${service.host}`}` : ""}
`;
  return [
    { name: "haproxy.cfg", text: config },
    { name: "chatelaine.lua", text: luaClient(guard) },
  ];
}

function frontend(guard: ProxyGuard): string[] {
  const { site } = guard;
  const told = passedOn(guard);
  const ssl = site.tls ? ` ssl crt ${guard.cert} alpn h2,http/1.1` : "";
  const authorization =
    guard.header === undefined
      ? [
          "http-request del-header Authorization",
          `http-request set-header Authorization ${value("Authorization")} if { var(txn.${variable("Authorization")}) -m len gt 0 }`,
        ]
      : [];
  const isStripped = Boolean(guard.stripsPath) && site.path !== "";
  // Of a preflight nothing was checked.
  const unless = guard.letsPreflights ? " !{ var(txn.chatelaine_preflight) -m bool }" : "";
  return [
    `bind 0.0.0.0:${site.port}${ssl}`,
    `bind [::]:${site.port} v6only${ssl}`,
    ...(site.path === ""
      ? []
      : [`http-request deny deny_status 404 unless { path ${site.path} } || { path_beg ${site.path}/ }`]),
    "# What the client says of itself never counts, by whichever spelling: gateways make an underscore of any odd character.",
    "http-request del-header remote- -m beg",
    "http-request del-header [^A-Za-z0-9-] -m reg",
    "http-request del-header Forwarded",
    "http-request set-header X-Forwarded-For %[src]",
    `http-request set-header X-Forwarded-Proto ${site.tls ? "https" : "http"}`,
    "http-request set-header X-Forwarded-Host %[req.hdr(Host)]",
    ...(isStripped ? [`http-request set-header X-Forwarded-Prefix ${site.path}`] : []),
    ...(guard.letsPreflights ? preflight() : []),
    `http-request lua.chatelaine_check${unless === "" ? "" : ` if${unless}`}`,
    ...[401, 403, 429, 503].map(
      (status) =>
        `http-request return status ${status} hdr Cache-Control no-store hdr Decision-Id ${value("Decision-Id")} hdr Retry-After ${value("Retry-After")} hdr WWW-Authenticate ${value("WWW-Authenticate")} if { var(txn.chatelaine_status) -m int ${status} }`,
    ),
    `http-request deny deny_status 503 if !{ var(txn.chatelaine_status) -m int 200 }${unless}`,
    "# The key stays here.",
    ...keyHeaders(guard).map((name) => `http-request del-header ${name}`),
    ...authorization,
    ...told.map(
      (name) => `http-request set-header ${name} ${value(name)}${unless === "" ? "" : ` if${unless}`}`,
    ),
    ...(isStripped ? [`http-request set-path %[path,regsub(^${site.path.replaceAll(".", "\\.")}/*,/)]`] : []),
    "default_backend service",
  ];
}

/** Headers without which a message has no body, or no end. */
const FRAMING = ["host", "connection", "content-length", "transfer-encoding"];

function preflight(): string[] {
  const kept = [...PREFLIGHT_HEADERS.map((name) => name.toLowerCase()), ...FRAMING, "x-forwarded-[a-z]+"];
  return [
    "http-request set-var(txn.chatelaine_preflight) bool(true) if METH_OPTIONS { req.hdr(Origin) -m len gt 0 } { req.hdr(Access-Control-Request-Method) -m len gt 0 }",
    `http-request del-header ^(?!(${kept.join("|")})$) -m reg if { var(txn.chatelaine_preflight) -m bool }`,
  ];
}

function variable(name: string): string {
  return `chatelaine_${name.toLowerCase().replaceAll("-", "_")}`;
}

function value(name: string): string {
  return `%[var(txn.${variable(name)})]`;
}

/** HAProxy's client asks the DNS alone for names, which knows no localhost, and reads no address in brackets. */
function destination(place: Endpoint): string {
  if (place.socket !== undefined) return ` dst = "unix@${place.socket}",`;
  if (place.host === "localhost") return ` dst = "127.0.0.1:${place.port}",`;
  return place.host.startsWith("[") ? ` dst = "ipv6@${place.host}:${place.port}",` : "";
}

function luaClient(guard: ProxyGuard): string {
  const { chatelaine } = guard;
  const host = chatelaine.host.startsWith("[") ? `localhost:${chatelaine.port}` : hostPort(chatelaine);
  const url = `${chatelaine.tls ? "https" : "http"}://${host}${authQuery(guard)}`;
  const asked = [...askedHeaders(guard), "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host"];
  const told = [...passedOn(guard), "Authorization", "Decision-Id", "Retry-After", "WWW-Authenticate"];
  const list = (names: readonly string[]): string =>
    names.map((name) => `"${name.toLowerCase()}"`).join(", ");
  return `-- Asks Chatelaine about the key of a request. Whatever goes wrong here is no.
local url = "${url}"
local asked = { ${list(asked)} }
local told = { ${list(told)} }

-- HAProxy counts from 0.
local function values_of(headers, name)
  local found = {}
  local place = 0
  while headers[name] ~= nil and headers[name][place] ~= nil do
    table.insert(found, headers[name][place])
    place = place + 1
  end
  return found
end

core.register_action("chatelaine_check", { "http-req" }, function(txn)
  txn:set_var("txn.chatelaine_status", 503)
  local own = txn.http:req_get_headers()
  local headers = { ["connection"] = { "keep-alive" } }
  for _, name in ipairs(asked) do
    local values = values_of(own, name)
    if #values > 0 then
      headers[name] = values
    end
  end
  -- A cookie of Chatelaine's own tells it a browser. What is in cookies stays here.
  for _, cookies in ipairs(values_of(own, "cookie")) do
    if string.find(" " .. cookies, "[; ]chatelaine[^=;]*=") or string.find(" " .. cookies, "[; ]__Host%-chatelaine[^=;]*=") then
      headers["cookie"] = { "${OWN_COOKIE_MARK}" }
    end
  end
  local answer = core.httpclient():get({ url = url,${destination(chatelaine)} headers = headers, timeout = 2000 })
  if answer == nil or answer.status == nil or answer.status == 0 then
    return
  end
  for _, name in ipairs(told) do
    local values = answer.headers and values_of(answer.headers, name) or {}
    txn:set_var("txn.chatelaine_" .. string.gsub(name, "-", "_"), table.concat(values, ", "))
  end
  txn:set_var("txn.chatelaine_status", answer.status)
end, 0)
`;
}
