/** What the reader of a recipe has to know, as comments at its top: the same words for every proxy. */
import type { ProxyGuard } from "./guard.ts";
import { signOnRemarks } from "./sign-on.ts";

export interface Of {
  readonly file: string;
  /** The group that the proxy runs as, where Debian's package is used. */
  readonly group: string;
  /** What this proxy answers while Chatelaine does not. */
  readonly away: number;
}

export function remarks(guard: ProxyGuard, { file, group, away }: Of): string {
  const { site, chatelaine, challenge = "auto" } = guard;
  const lines = [
    `${file}: ${site.host}${site.path} opens to keys of Chatelaine${guard.signOn === undefined ? " alone" : ", and to people who have signed in"}.`,
    ...(guard.signOn === undefined ? [] : signOnRemarks(guard.signOn)),
    `While Chatelaine restarts or is away, requests are answered ${away} and none reaches the service. It is no 401: a key is`,
    "never called wrong by it, and programs may try again.",
    ...(challenge === "basic"
      ? ["Who comes without a key is offered Basic: browsers open their own box for a name and password."]
      : [
          "A browser that comes without a key is answered 401 and an empty page; no box for a password opens.",
        ]),
    ...(chatelaine.socket === undefined ? [] : socketRemarks(chatelaine.socket, group)),
    ...(guard.letsPreflights
      ? [
          "CORS preflights (OPTIONS with Origin and Access-Control-Request-Method) reach the service without a key; cookies and",
          "keys on them are taken away. The service has to answer them, and the requests after them.",
        ]
      : []),
    ...(guard.stripsPath
      ? [
          `The service is not told ${site.path} in its addresses; X-Forwarded-Prefix has it, for its links and redirects.`,
        ]
      : []),
  ];
  return lines.map((line) => `# ${line}`).join("\n");
}

/** How Chatelaine is started for it. */
function socketRemarks(socket: string, group: string): string[] {
  return [
    `Chatelaine listens there with: chatelaine serve --check unix:${socket} --socket-group ${group}`,
    `(${group} is the group that the proxy runs as; its mode 0660 keeps everybody else out.)`,
  ];
}
