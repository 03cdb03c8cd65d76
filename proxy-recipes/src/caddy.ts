/** Caddy, by its forward_auth directive. */
import {
  authQuery,
  type Endpoint,
  hostPort,
  keyHeaders,
  LARGE_HEADERS,
  ODD_CHARACTERS,
  OWN_COOKIE_MARK,
  OWN_COOKIE_PATTERN,
  type ProxyGuard,
  passedOn,
  type RecipeFile,
  type SignOn,
  uncheckedHeaders,
} from "./guard.ts";
import { remarks } from "./remarks.ts";
import {
  BROWSER_AGENT_PATTERN,
  calledBySignOn,
  cookiePattern,
  FOREIGN_CREDENTIALS,
  keyMarks,
  OAUTH2_CHECK,
  OAUTH2_PATH,
  OAUTH2_START,
  OTHER_IDENTITY,
  otherIdentity,
  personMarks,
  RETURN_HEADER,
} from "./sign-on.ts";

export function caddyRecipe(guard: ProxyGuard): RecipeFile[] {
  const { site, service, chatelaine } = guard;
  const scheme = site.tls ? "https" : "http";
  const told = passedOn(guard);
  const isOurs = guard.header === undefined;
  const isStripped = Boolean(guard.stripsPath) && site.path !== "";
  const text = `${remarks(guard, { file: "Caddyfile", group: "caddy", away: 502 })}
${scheme}://${site.host}:${site.port} {
${site.tls && guard.cert !== "" ? `\ttls ${guard.cert} ${guard.certKey}\n` : ""}${signOnPages(guard)}${site.path === "" ? "" : `\t@site path ${site.path} ${site.path}/*\n`}	route${site.path === "" ? "" : " @site"} {
		# What the client says of itself never counts, by whichever spelling: gateways make an underscore of each of these.
		request_header -Remote-*
		request_header -Forwarded
${otherIdentity(guard)
  .map((name) => `\t\trequest_header -${name}\n`)
  .join("")}${ODD_CHARACTERS.map((character) => `\t\trequest_header -*${character}*`).join("\n")}
${isStripped ? `\t\trequest_header X-Forwarded-Prefix ${site.path}\n` : ""}${guard.letsPreflights ? preflight(guard, isStripped) : ""}${peopleWay(guard, isStripped)}		# A cookie of Chatelaine's own tells it a browser.
		map {http.request.header.Cookie} {chatelaine_cookie} {
			"~${OWN_COOKIE_PATTERN}" "${OWN_COOKIE_MARK}"
			default ""
		}
		forward_auth ${upstream(chatelaine)} {
			uri ${ownQuery(guard)}
			# Cookies and other headers that grow large are not for Chatelaine.
			header_up Cookie {chatelaine_cookie}
${UNASKED.map((name) => `\t\t\theader_up -${name}`).join("\n")}
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

/**
 * What the check is not given, beside cookies. Caddy takes headers away after it has set others, by name or part of a name: to
 * leave all out but some would take those as well (held by `cli/test/doctor.test.ts`). Long values could be replaced by a
 * pattern over all headers, which takes up to half of Caddy's requests a second.
 */
const UNASKED = [...LARGE_HEADERS, "X-Forwarded-Uri", "X-Forwarded-Method"];

/** What Chatelaine left of it, which newer versions of Caddy copy only where something is left. */
const SPENT = `		request_header Authorization {http.reverse_proxy.header.Authorization}
		@spent header Authorization ""
		request_header @spent -Authorization
`;

/** Before the rest: what the sign-on itself answers. */
function signOnPages(guard: ProxyGuard): string {
  const { signOn } = guard;
  if (signOn?.kind !== "oauth2-proxy") return "";
  return `	handle ${OAUTH2_PATH}* {
		reverse_proxy ${upstream(signOn.place)} {
${spared(guard, 3)}${trusted(signOn.ca)}		}
	}
`;
}

/**
 * People are asked about at the sign-on alone: who is sent on from here never comes to what stands below. Anyone who carries a
 * key, or is a program, is no person.
 */
function peopleWay(guard: ProxyGuard, isStripped: boolean): string {
  const { signOn } = guard;
  if (signOn === undefined) return "";
  const told = calledBySignOn(signOn);
  const copied = told.map(([name, called]) => (name === called ? name : `${called}>${name}`));
  return `		# Who asks is told by the request itself: a key, or a program, goes to Chatelaine alone; everybody else to the sign-on alone.
		@people {
${keyMarks(guard)
  .map((name) => `\t\t\tnot header_regexp ${name} .`)
  .join("\n")}
			not {
${personMarks(guard)
  .map((name) => `\t\t\t\tnot header_regexp ${name} .`)
  .join("\n")}
				not header_regexp User-Agent ${BROWSER_AGENT_PATTERN}
				not header_regexp Cookie "${cookiePattern(signOn)}"
			}
		}
		# In this very order, which handle would not keep.
		route @people {
			forward_auth ${upstream(signOn.place)} {
				uri ${signOn.kind === "authelia" ? AUTHELIA_CHECK : OAUTH2_CHECK}?
${spared(guard, 4)}				copy_headers ${copied.join(" ")}
${signOn.kind === "authelia" ? "" : startSignIn(guard, signOn)}${trusted(signOn.ca, 1)}			}
${keyHeaders(guard)
  .map((name) => `\t\t\trequest_header -${name}`)
  .join("\n")}
${isStripped ? `\t\t\turi strip_prefix ${guard.site.path}\n` : ""}			reverse_proxy ${upstream(guard.service)} {
				# Said once more after headers that the client's Connection names are taken away.
${told.map(([name]) => `\t\t\t\theader_up ${name} {http.request.header.${name}}`).join("\n")}
${trusted(guard.serviceCa, 1)}			}
		}
`;
}

const AUTHELIA_CHECK = "/api/authz/forward-auth";

/**
 * What the sign-on does not hear of: keys, and what a client says in the name of a proxy.
 * @param set here: Caddy takes headers away after it has set others
 */
function spared(guard: ProxyGuard, deep: number, set: readonly string[] = []): string {
  const names = [
    ...new Set([...FOREIGN_CREDENTIALS, ...keyHeaders(guard), ...OTHER_IDENTITY, "Remote-*", "Forwarded"]),
  ];
  return names
    .filter((name) => !set.includes(name))
    .map((name) => `${"\t".repeat(deep)}header_up -${name}\n`)
    .join("");
}

/** A page that calls in the background cannot follow to another page; it is answered 401, without a box for a password. */
function startSignIn(guard: ProxyGuard, signOn: SignOn): string {
  return `				@refused status 401
				handle_response @refused {
					@own_call {
						header_regexp Sec-Fetch-Mode .
						not header Sec-Fetch-Mode navigate
					}
					respond @own_call 401
					@own_script header_regexp X-Requested-With .
					respond @own_script 401
					# Where to come back to is told in a header: in the address, all after the first & of the client's query would be lost.
					reverse_proxy ${upstream(signOn.place)} {
						method GET
						rewrite ${OAUTH2_START}?
${spared(guard, 6, [RETURN_HEADER])}						header_up ${RETURN_HEADER} {http.request.orig_uri}
${trusted(signOn.ca, 3)}					}
				}
`;
}

function preflight(guard: ProxyGuard, isStripped: boolean): string {
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

function upstream(place: Endpoint): string {
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
function ownQuery(guard: ProxyGuard): string {
  const asked = authQuery(guard);
  return asked.includes("?") ? asked : `${asked}?`;
}
