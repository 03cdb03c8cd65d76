import { caddyRecipe } from "@chatelaine/proxy-recipes/caddy";
import { type ProxyGuard, placeOf, type RecipeFile } from "@chatelaine/proxy-recipes/guard";
import { nginxSnippet } from "@chatelaine/proxy-recipes/nginx";
import type { MadeKey } from "./key.ts";

export interface Snippet {
  readonly id: string;
  readonly title: string;
  readonly text: string;
  /** What to know before it is pasted. */
  readonly words?: string;
  /** A second thing to paste: a request that shows that it works. */
  readonly trial?: string;
}

/** Ready to paste, with the key and this server's address in it. */
export function snippetsFor(
  { key, username }: Pick<MadeKey, "key" | "username">,
  { origin, host, protocol }: Pick<Location, "origin" | "host" | "protocol">,
  hasCa: boolean,
): readonly Snippet[] {
  const isTls = protocol === "https:";
  const socket = `${isTls ? "wss" : "ws"}://${host}/api/current`;
  const trust = isTls && hasCa;
  const guard = guardOf(origin);
  const trial = `curl -H 'Authorization: Bearer ${key}' \\\n  https://${guard.site.host}/`;
  return [
    {
      id: "curl",
      title: "curl",
      text: `curl ${trust ? "--cacert ca.pem " : ""}-H 'Authorization: Bearer ${key}' \\\n  ${origin}/api/v1/keys/self`,
    },
    {
      id: "typescript",
      title: "TypeScript",
      text: `import { createClient } from "@chatelaine/client/client";

const chatelaine = createClient({
  url: "${origin}",
  key: "${key}",
});
console.log(await chatelaine.self.get());`,
    },
    {
      id: "python",
      title: "Python",
      text: `from truenas_api_client import Client

with Client("${socket}") as client:
    client.login_with_api_key("${username}", "${key}")
    print(client.call("auth.me"))`,
    },
    {
      id: "midclt",
      title: "midclt",
      text: `midclt -u ${socket} \\\n  -U ${username} -K ${key} \\\n  call auth.me`,
    },
    {
      id: "nginx",
      title: "nginx",
      text: textOf(nginxSnippet(guard, false)),
      words: `nginx lets only keys of this server through to a service. Put this into the server block of ${guard.site.host}, ${CHANGE}`,
      trial,
    },
    {
      id: "caddy",
      title: "Caddy",
      text: textOf(caddyRecipe(guard)),
      words: `Caddy lets only keys of this server through to a service. A Caddyfile for ${guard.site.host}, ${CHANGE}`,
      trial,
    },
  ];
}

const CHANGE =
  "with 127.0.0.1:3000 changed to your service. On another machine, start this server with --check-from and that machine's address.";

/** As `chatelaine proxy` prints it. */
function guardOf(origin: string): ProxyGuard {
  return {
    site: { tls: true, host: "app.example", port: 443, path: "" },
    service: { tls: false, host: "127.0.0.1", port: 3000 },
    chatelaine: placeOf(new URL(origin)),
    scopes: [],
    header: undefined,
    audience: undefined,
    cert: "",
    certKey: "",
  };
}

function textOf([file]: readonly RecipeFile[]): string {
  return (file?.text ?? "").trimEnd();
}
