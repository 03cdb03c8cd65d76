/** Caddy, by its forward_auth directive. */
import {
  authQuery,
  type Guard,
  hostPort,
  keyHeaders,
  LARGE_HEADERS,
  ODD_CHARACTERS,
  OWN_COOKIE_MARK,
  OWN_COOKIE_PATTERN,
  type Place,
  passedOn,
  type RecipeFile,
  uncheckedHeaders,
} from "./guard.ts";
import { remarks } from "./remarks.ts";

export function caddyRecipe(guard: Guard): RecipeFile[] {
  const { site, service, chatelaine } = guard;
  const scheme = site.tls ? "https" : "http";
  const told = passedOn(guard);
  const isOurs = guard.header === undefined;
  const isStripped = Boolean(guard.stripsPath) && site.path !== "";
  const text = `${remarks(guard, { file: "Caddyfile", group: "caddy", away: 502 })}
${scheme}://${site.host}:${site.port} {
${site.tls && guard.cert !== "" ? `\ttls ${guard.cert} ${guard.certKey}\n` : ""}${site.path === "" ? "" : `\t@site path ${site.path} ${site.path}/*\n`}	route${site.path === "" ? "" : " @site"} {
		# What the client says of itself never counts, by whichever spelling: gateways make an underscore of each of these.
		request_header -Remote-*
		request_header -Forwarded
${ODD_CHARACTERS.map((character) => `\t\trequest_header -*${character}*`).join("\n")}
${isStripped ? `\t\trequest_header X-Forwarded-Prefix ${site.path}\n` : ""}${guard.letsPreflights ? preflight(guard, isStripped) : ""}		# A cookie of Chatelaine's own tells it a browser.
		map {http.request.header.Cookie} {chatelaine_cookie} {
			"~${OWN_COOKIE_PATTERN}" "${OWN_COOKIE_MARK}"
			default ""
		}
		forward_auth ${upstream(chatelaine)} {
			uri ${ownQuery(guard)}
			# Cookies and other headers that grow large are not for Chatelaine.
			header_up Cookie {chatelaine_cookie}
${[...LARGE_HEADERS, "X-Forwarded-Uri", "X-Forwarded-Method"].map((name) => `\t\t\theader_up -${name}`).join("\n")}
			copy_headers ${[...told, ...(isOurs ? ["Authorization"] : [])].join(" ")}
${trusted(guard.chatelaineCa)}		}
		# The key stays here.
${keyHeaders(guard)
  .map((name) => `\t\trequest_header -${name}`)
  .join("\n")}
${isOurs ? SPENT : ""}${isStripped ? `\t\turi strip_prefix ${site.path}\n` : ""}		reverse_proxy ${upstream(service)} {
			# Said once more after headers that the client's Connection names are taken away.
${told.map((name) => `\t\t\theader_up ${name} {http.request.header.${name}}`).join("\n")}
${trusted(guard.serviceCa)}		}
	}
}
`;
  return [{ name: "Caddyfile", text }];
}

/** What Chatelaine left of it, which newer versions of Caddy copy only where something is left. */
const SPENT = `		request_header Authorization {http.reverse_proxy.header.Authorization}
		@spent header Authorization ""
		request_header @spent -Authorization
`;

function preflight(guard: Guard, isStripped: boolean): string {
  return `		@preflight {
			method OPTIONS
			header_regexp Origin .
			header_regexp Access-Control-Request-Method .
		}
		handle @preflight {
${isStripped ? `\t\t\turi strip_prefix ${guard.site.path}\n` : ""}			reverse_proxy ${upstream(guard.service)} {
${uncheckedHeaders(guard)
  .map((name) => `\t\t\t\theader_up -${name}`)
  .join("\n")}
${trusted(guard.serviceCa, 1)}			}
		}
`;
}

function upstream(place: Place): string {
  if (place.socket !== undefined) return `unix/${place.socket}`;
  return place.tls ? `https://${hostPort(place)}` : hostPort(place);
}

/** Without it Caddy trusts whom the system trusts. */
function trusted(ca: string | undefined, deeper = 0): string {
  if (ca === undefined) return "";
  const lines = ["transport http {", `\ttls_trusted_ca_certs ${ca}`, "}"];
  return lines.map((line) => `${"\t".repeat(3 + deeper)}${line}\n`).join("");
}

/** Caddy keeps the client's query where the address that is asked has none, so it always has one. */
function ownQuery(guard: Guard): string {
  const asked = authQuery(guard);
  return asked.includes("?") ? asked : `${asked}?`;
}
