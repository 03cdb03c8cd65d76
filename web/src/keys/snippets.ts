import type { MadeKey } from "./key.ts";

export interface Snippet {
  readonly id: string;
  readonly title: string;
  readonly text: string;
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
  ];
}
