/** Traefik 3, by its ForwardAuth middleware and the file provider. */
import {
  authQuery,
  type Guard,
  hostPort,
  IDENTITY,
  keyHeaders,
  passedOn,
  type RecipeFile,
  twins,
} from "@chatelaine/client/proxy-guard";

export function traefikRecipe(guard: Guard, folder: string): RecipeFile[] {
  const { site, service, chatelaine } = guard;
  const url = (tls: boolean, place: string): string => `${tls ? "https" : "http"}://${place}`;
  const told = [...passedOn(guard), ...(guard.header === undefined ? ["Authorization"] : [])];
  const stripped = [...new Set([...IDENTITY, "Remote-Assertion", ...twins(guard, ["_", "."])])];
  const below = ` && (Path(\`${site.path}\`) || PathPrefix(\`${site.path}/\`))`;
  const rule = `Host(\`${site.host}\`)${site.path === "" ? "" : below}`;
  const dynamic = `# ${site.host}${site.path} opens to keys of Chatelaine alone.
http:
  routers:
    site:
      rule: "${rule}"
      entryPoints: [site]
      middlewares: [chatelaine-strip, chatelaine-check, chatelaine-spent]
      service: service
${site.tls ? "      tls: {}\n" : ""}  middlewares:
    # What the client says of itself never counts, by these spellings. Traefik knows no pattern: a service behind a gateway that
    # makes an underscore of any other character (CGI, WSGI) needs one that drops such names.
    chatelaine-strip:
      headers:
        customRequestHeaders:
${stripped.map((name) => `          ${name}: ""`).join("\n")}
    chatelaine-check:
      forwardAuth:
        address: "${url(chatelaine.tls, hostPort(chatelaine))}${authQuery(guard)}"
        trustForwardHeader: false
${guard.chatelaineCa === undefined ? "" : `        tls: { ca: ${guard.chatelaineCa} }\n`}        authResponseHeaders:
${told.map((name) => `          - ${name}`).join("\n")}
    # The key stays here.
    chatelaine-spent:
      headers:
        customRequestHeaders:
${keyHeaders(guard)
  .map((name) => `          ${name}: ""`)
  .join("\n")}
  services:
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
