/** A sign-on that answers as Authelia's and oauth2-proxy's documentation says they do, and keeps what it was asked. */
import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http";
import type { SignOnKind } from "@chatelaine/proxy-recipes/guard";

interface AskedSignOn {
  readonly method: string;
  readonly target: string;
  readonly headers: IncomingHttpHeaders;
}

export interface StandInSignOn extends AsyncDisposable {
  readonly url: string;
  readonly asked: AskedSignOn[];
}

export const PERSON = {
  user: "grace",
  name: "Grace Hopper",
  email: "grace@example.org",
  groups: "staff,navy",
};
export const LOGIN = "https://login.example";
/** What a session's cookie says here: one who is in, and one who may not enter. */
export const SESSIONS = { in: "good-session", barred: "barred-session" };

const HEADER_BYTES_MAX = 128 * 1024;

export async function startSignOn(kind: SignOnKind, cookie: string): Promise<StandInSignOn> {
  const asked: AskedSignOn[] = [];
  const server = createServer({ maxHeaderSize: HEADER_BYTES_MAX }, (req, res) => {
    const { method = "", url: target = "", headers } = req;
    const one = { method, target, headers };
    asked.push(one);
    const session = new RegExp(`(?:^|[; ])${cookie}=([^;]*)`).exec(headers.cookie ?? "")?.[1];
    if (kind === "authelia") authelia(one, session, res);
    else oauth2Proxy(one, session, res);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as { port: number }).port}`,
    asked,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** www.authelia.com, reference guide of proxy authorization: AuthRequest, and ForwardAuth. */
function authelia({ target, headers }: AskedSignOn, session: string | undefined, res: ServerResponse): void {
  const places: Readonly<Record<string, () => readonly [url: string, method: string]>> = {
    "/api/authz/auth-request": () => [head(headers, "x-original-url"), head(headers, "x-original-method")],
    "/api/authz/forward-auth": () => [
      `${head(headers, "x-forwarded-proto")}://${head(headers, "x-forwarded-host")}${head(headers, "x-forwarded-uri")}`,
      head(headers, "x-forwarded-method"),
    ],
  };
  const [url, method] = places[target]?.() ?? ["", ""];
  if (!URL.canParse(url) || method === "") return void res.writeHead(400).end();
  if (session === SESSIONS.barred) return void res.writeHead(403).end();
  if (session === SESSIONS.in)
    return void res
      .writeHead(200, {
        "Remote-User": PERSON.user,
        "Remote-Name": PERSON.name,
        "Remote-Email": PERSON.email,
        "Remote-Groups": PERSON.groups,
      })
      .end();
  const isPage = headers["x-requested-with"] === undefined && /^\*\/\*|text\/html/.test(headers.accept ?? "");
  const status = target.endsWith("/forward-auth") && isPage ? 302 : 401;
  const location = `${LOGIN}/?rd=${encodeURIComponent(url)}&rm=${method}`;
  res.writeHead(status, { Location: location, "Set-Cookie": "authelia_session=anonymous" }).end();
}

/** oauth2-proxy.github.io, endpoints, and the integration with nginx. */
function oauth2Proxy(
  { target, headers }: AskedSignOn,
  session: string | undefined,
  res: ServerResponse,
): void {
  const { pathname, searchParams } = new URL(target, "http://sign-on");
  if (pathname === "/oauth2/start") {
    const back = searchParams.get("rd") ?? head(headers, "x-auth-request-redirect");
    return void res
      .writeHead(302, {
        Location: `${LOGIN}/authorize?rd=${encodeURIComponent(back)}`,
        "Set-Cookie": "_oauth2_proxy_csrf=x",
      })
      .end();
  }
  if (pathname !== "/oauth2/auth") return void res.writeHead(200).end("a page of the sign-on");
  // Its query would say which groups are let in.
  if (target !== "/oauth2/auth" || head(headers, "x-forwarded-uri") === "")
    return void res.writeHead(400).end();
  if (session === SESSIONS.barred) return void res.writeHead(403).end();
  if (session !== SESSIONS.in) return void res.writeHead(401).end();
  res
    .writeHead(202, {
      "X-Auth-Request-User": PERSON.user,
      "X-Auth-Request-Preferred-Username": PERSON.name,
      "X-Auth-Request-Email": PERSON.email,
      "X-Auth-Request-Groups": PERSON.groups,
    })
    .end();
}

function head(headers: IncomingHttpHeaders, name: string): string {
  return [headers[name]].flat().join(", ");
}
