/** Traefik 3, by its ForwardAuth middleware and the file provider. It asks over TCP alone. */
import {
  askedHeaders,
  authQuery,
  hostPort,
  IDENTITY,
  keyHeaders,
  type ProxyGuard,
  passedOn,
  type RecipeFile,
  twins,
  uncheckedHeaders,
} from "./guard.ts";
import { remarks } from "./remarks.ts";

export function traefikRecipe(guard: ProxyGuard, folder: string): RecipeFile[] {
  const { site, service, chatelaine } = guard;
  const url = (tls: boolean, place: string): string => `${tls ? "https" : "http"}://${place}`;
  const told = [...passedOn(guard), ...(guard.header === undefined ? ["Authorization"] : [])];
  const stripped = [...new Set([...IDENTITY, "Remote-Assertion", "Forwarded", ...twins(guard, ["_", "."])])];
  const isStripped = Boolean(guard.stripsPath) && site.path !== "";
  const prefix = isStripped ? ["chatelaine-prefix"] : [];
  const chain = ["chatelaine-strip", "chatelaine-check", "chatelaine-spent", ...prefix];
  const dynamic = `${remarks(guard, { file: "chatelaine.yml", group: "traefik", away: 500 })}
http:
  routers:
    site:
      rule: "${ruleOf(guard)}"
      entryPoints: [site]
      middlewares: [${chain.join(", ")}]
      service: service
${site.tls ? "      tls: {}\n" : ""}${guard.letsPreflights ? preflightRouter(guard, prefix) : ""}  middlewares:
    # What the client says of itself never counts, by these spellings. Traefik knows no pattern: a service behind a gateway that
    # makes an underscore of any other character (CGI, WSGI) needs one that drops such names.
    chatelaine-strip:
      headers:
        customRequestHeaders:
${blank(stripped)}
    chatelaine-check:
      forwardAuth:
        address: "${url(chatelaine.tls, hostPort(chatelaine))}${authQuery(guard)}"
        trustForwardHeader: false
${guard.chatelaineCa === undefined ? "" : `        tls: { ca: ${guard.chatelaineCa} }\n`}        # What it needs of the client's headers, and no others: an application's cookies can be larger than what it reads.
        authRequestHeaders:
${askedHeaders(guard)
  .map((name) => `          - ${name}`)
  .join("\n")}
        authResponseHeaders:
${told.map((name) => `          - ${name}`).join("\n")}
    # The key stays here.
    chatelaine-spent:
      headers:
        customRequestHeaders:
${blank(keyHeaders(guard))}
${guard.letsPreflights ? `    chatelaine-preflight:\n      headers:\n        customRequestHeaders:\n${blank(uncheckedHeaders(guard))}\n` : ""}${isStripped ? `    chatelaine-prefix:\n      stripPrefix:\n        prefixes: ["${site.path}"]\n` : ""}  services:
    service:
      loadBalancer:
${guard.serviceCa === undefined ? "" : "        serversTransport: service\n"}        servers:
          - url: "${url(service.tls, hostPort(service))}"
${guard.serviceCa === undefined ? "" : `  serversTransports:\n    service:\n      rootCAs: [${guard.serviceCa}]\n`}${site.tls ? `tls:\n  certificates:\n    - certFile: ${guard.cert}\n      keyFile: ${guard.certKey}\n` : ""}`;
  const fixed = `entryPoints:
  site:
    address: ":${site.port}"
providers:
  file:
    filename: ${folder}/chatelaine.yml
`;
  return [
    { name: "chatelaine.yml", text: dynamic },
    { name: "traefik.yml", text: fixed },
  ];
}

function ruleOf({ site }: ProxyGuard): string {
  const below = ` && (Path(\`${site.path}\`) || PathPrefix(\`${site.path}/\`))`;
  return `Host(\`${site.host}\`)${site.path === "" ? "" : below}`;
}

/** The longer rule is tried first. */
function preflightRouter(guard: ProxyGuard, prefix: readonly string[]): string {
  const isPreflight = [
    "Method(`OPTIONS`)",
    "HeaderRegexp(`Origin`, `.`)",
    "HeaderRegexp(`Access-Control-Request-Method`, `.`)",
  ];
  return `    preflight:
      rule: "${[ruleOf(guard), ...isPreflight].join(" && ")}"
      entryPoints: [site]
      middlewares: [${["chatelaine-strip", "chatelaine-preflight", ...prefix].join(", ")}]
      service: service
${guard.site.tls ? "      tls: {}\n" : ""}`;
}

function blank(names: readonly string[]): string {
  return names.map((name) => `          ${name}: ""`).join("\n");
}
