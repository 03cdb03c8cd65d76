/** Caddy, by its forward_auth directive. */
import {
  authQuery,
  type Guard,
  hostPort,
  keyHeaders,
  ODD_CHARACTERS,
  passedOn,
  type RecipeFile,
} from "./proxy-guard.ts";

export function caddyRecipe(guard: Guard): RecipeFile[] {
  const { site, service, chatelaine } = guard;
  const scheme = site.tls ? "https" : "http";
  const upstream = (tls: boolean, place: string): string => (tls ? `https://${place}` : place);
  const told = passedOn(guard);
  const isOurs = guard.header === undefined;
  const text = `# Caddyfile: ${site.host}${site.path} opens to keys of Chatelaine alone.
${scheme}://${site.host}:${site.port} {
${site.tls && guard.cert !== "" ? `\ttls ${guard.cert} ${guard.certKey}\n` : ""}${site.path === "" ? "" : `\t@site path ${site.path} ${site.path}/*\n`}	route${site.path === "" ? "" : " @site"} {
		# What the client says of itself never counts, by whichever spelling: gateways make an underscore of each of these.
		request_header -Remote-*
${ODD_CHARACTERS.map((character) => `\t\trequest_header -*${character}*`).join("\n")}
		forward_auth ${upstream(chatelaine.tls, hostPort(chatelaine))} {
			uri ${ownQuery(guard)}
			copy_headers ${[...told, ...(isOurs ? ["Authorization"] : [])].join(" ")}
${trusted(guard.chatelaineCa)}		}
		# The key stays here.
${keyHeaders(guard)
  .map((name) => `\t\trequest_header -${name}`)
  .join("\n")}
${isOurs ? '\t\t@spent header Authorization ""\n\t\trequest_header @spent -Authorization\n' : ""}		reverse_proxy ${upstream(service.tls, hostPort(service))} {
			# Said once more after headers that the client's Connection names are taken away.
${told.map((name) => `\t\t\theader_up ${name} {http.request.header.${name}}`).join("\n")}
${trusted(guard.serviceCa)}		}
	}
}
`;
  return [{ name: "Caddyfile", text }];
}

/** Without it Caddy trusts whom the system trusts. */
function trusted(ca: string | undefined): string {
  return ca === undefined ? "" : `\t\t\ttransport http {\n\t\t\t\ttls_trusted_ca_certs ${ca}\n\t\t\t}\n`;
}

/** Caddy keeps the client's query where the address that is asked has none, so it always has one. */
function ownQuery(guard: Guard): string {
  const asked = authQuery(guard);
  return asked.includes("?") ? asked : `${asked}?`;
}
