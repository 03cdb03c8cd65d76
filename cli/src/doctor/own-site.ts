/**
 * Chatelaine itself behind a proxy of its own: what reaches it of its clients, seen by asking it as they do, with keys that
 * end within minutes. Each mistake that the guide "Behind a reverse proxy" names is one check.
 */
import { ELSEWHERE } from "./canary.ts";
import { type Finding, found, ok, skipped, some } from "./finding.ts";
import type { OwnExam, OwnFacts, SessionFacts, Way } from "./own-exam.ts";
import { binding, openSession, upgrade } from "./own-socket.ts";
import { hostHeader, type RawAnswer, type RawRequest, sendRaw } from "./raw-http.ts";

type OwnCheck = readonly [name: string, run: (exam: OwnFacts) => Promise<Omit<Finding, "check">>];

const CHECKS: readonly OwnCheck[] = [
  ["safety of the connection", async (exam) => connection(exam)],
  ["address of the client", address],
  ["what a client says of its way", claims],
  ["Host", host],
  ["WebSocket", upgrade],
  ["channel binding", binding],
  ["long addresses", longQuery],
];

const SELF = "/api/v1/keys/self";

export async function* examineOwnSite(exam: OwnExam): AsyncGenerator<Finding> {
  const { answer, reply } = await askWithKey(exam, {});
  const fault = faultOf(answer, reply, hostHeader(exam.site));
  yield { check: "Chatelaine answers", ...(fault ?? ok(`as ${hostHeader(exam.site)}`)) };
  if (fault) return;
  const session = await openSession(exam);
  const way = exam.allowsAll ? wayOfSession(session) : wayOf(reply);
  const seen = { ...exam, way, session, from: bare(answer.from ?? "") };
  for (const [check, run] of CHECKS) yield { check, ...(await run(seen)) };
}

interface Reply {
  readonly username?: string;
  readonly code?: string;
  readonly detail?: string;
  readonly errors?: readonly { readonly path: string }[];
}

/** With a key of its own, which may not live on. */
async function askWithKey(
  { site, make }: OwnExam,
  { target = SELF, lines = [], allowedIps }: RawRequest & { readonly allowedIps?: readonly string[] },
): Promise<{ readonly answer: RawAnswer; readonly reply: Reply }> {
  const key = await make(crypto.randomUUID(), allowedIps && { allowedIps });
  const answer = await sendRaw(site, { target, lines: [`Authorization: Bearer ${key}`, ...lines] });
  return { answer, reply: read(answer) };
}

function read({ body }: RawAnswer): Reply {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === "object" && value !== null ? value : {};
  } catch {
    return {};
  }
}

/** Where every key passes, only what is known to be secure is told. */
function wayOfSession(session: SessionFacts | undefined): Way | undefined {
  return session?.isSecure ? "secure" : undefined;
}

function wayOf({ username, code, detail = "" }: Reply): Way | undefined {
  if (username !== undefined) return "secure";
  if (code === "key_revoked") return "clear";
  if (code !== "insecure_transport") return undefined;
  return detail.includes("--trusted-proxy") ? "unknown" : "clear";
}

function faultOf(
  { status, fault }: RawAnswer,
  reply: Reply,
  name: string,
): Omit<Finding, "check"> | undefined {
  if (status === 0) return found(`the proxy does not answer: ${fault}`, "look whether it runs there");
  if (status === 421)
    return found(
      `Chatelaine does not know the host name that the proxy sends (${reply.code ?? status})`,
      `let the proxy pass its client's Host on (nginx: proxy_set_header Host $host), and start Chatelaine with --allow-host ${name.replace(/:\d+$/, "")}, or name the proxy with --trusted-proxy`,
    );
  if (wayOf(reply) !== undefined) return undefined;
  if (reply.code !== undefined)
    return found(
      `a good key is answered ${status}, ${reply.code}`,
      "let the proxy pass Authorization on, and take no path away; look whether it reaches the server of this data folder",
    );
  return found(
    `answered ${status}, but not by Chatelaine`,
    "point the proxy at the address of --http or --https, and look whether it reaches it",
  );
}

const HEADERS =
  'nginx: proxy_set_header X-Forwarded-For $remote_addr; proxy_set_header X-Forwarded-Proto $scheme; proxy_set_header Forwarded ""; Caddy and Traefik do by themselves; HAProxy: option forwardfor, http-request set-header X-Forwarded-Proto https';

function connection({ site, way, session }: OwnFacts): Omit<Finding, "check"> {
  const isNamed = session?.isProxied;
  const proxy = isNamed === false ? session!.address : "ADDRESS";
  const naming = `start Chatelaine with --trusted-proxy ${proxy}`;
  const whose = proxy === "ADDRESS" ? " (ADDRESS is the proxy's own)" : "";
  const saying = `let the proxy say how its client came (${HEADERS})`;
  if (way === undefined)
    return {
      result: "hint",
      words: "Chatelaine does not know it to be secure, and insecure_transport lets every key pass",
      mend: `${naming}${whose}, ${saying}, and set insecure_transport to refuse`,
    };
  if (way === "secure") return ok("known to be secure");
  if (way === "unknown")
    return isNamed
      ? found(
          "Chatelaine does not know how its client came: the proxy is named, and says nothing of it, or two things",
          `let it set X-Forwarded-Proto, one word, https or http, and no Forwarded beside it (${HEADERS})`,
        )
      : found(
          `Chatelaine does not know how its client came: ${isNamed === false ? `nobody named the proxy at ${proxy}` : "the proxy is not named, or says nothing of it"}`,
          `${naming}${whose}, and ${saying}`,
        );
  if (site.tls)
    return found(
      "clients come by https, and Chatelaine sees them in clear text: the proxy says http of them, or ends TLS and sends no headers",
      `let the proxy say https; where another one before it ends TLS, let it pass on what that one says in X-Forwarded-Proto; where it sends no headers at all, ${naming}=tls${whose}`,
    );
  return found(
    "clients come in clear text, where everybody on the way can read their keys",
    "give them an https address; where only a network that is private by itself lies between, name it with --secure-from",
  );
}

/** The doctor knows from where it came; what Chatelaine takes for its address is told by its own session. */
async function address({ session, from, way, site }: OwnFacts) {
  if (session === undefined) return skipped("needs a WebSocket that a key signs in on");
  if (isLoopback(from))
    return {
      result: "hint" as const,
      words: "this machine's own requests are secure whatever the proxy says of them, and come from loopback",
      mend: "name the address that other machines reach the proxy by",
    };
  const seen = bare(session.address);
  if (seen === from) return ok(`${seen}, as it is`);
  if (session.isProxied)
    return {
      result: "hint" as const,
      words: `Chatelaine takes ${seen} for the client's, which is ${from}`,
      mend: "right where addresses are translated on the way, or the proxy is named with =tls; else let it send the client's address in X-Forwarded-For",
    };
  if (way !== "secure") return skipped("first name the proxy: until then its address counts for all clients");
  const also = site.tls ? `; or with --trusted-proxy ${seen}=tls where it ends TLS and sends no headers` : "";
  return found(
    `Chatelaine takes every client for the proxy, ${seen}: allowed addresses, limits and the audit are about it alone`,
    `start Chatelaine with --trusted-proxy ${seen}, and let the proxy say who came, and how (${HEADERS})${also}`,
  );
}

/** What its client sends may not arrive as the proxy's own word. */
async function claims(exam: OwnFacts) {
  const { way, site } = exam;
  if (way !== "secure") return skipped("first the connection itself has to be known to be secure");
  const lie = site.tls ? "http" : "https";
  const lies = [
    [`X-Forwarded-Proto: ${lie}`],
    [`Forwarded: for=${ELSEWHERE};proto=${lie}`],
    [`X-Forwarded-Proto: ${lie}`, `Forwarded: proto=${lie}`],
    [`X-Forwarded-For: ${ELSEWHERE}`],
  ];
  const believed: string[] = [];
  for (const lines of lies) {
    const names = lines.map((line) => line.slice(0, line.indexOf(":"))).join(" and ");
    const { reply } = await askWithKey(exam, { lines });
    if (wayOf(reply) !== "secure") believed.push(`${names} changes whether it is secure`);
    const elsewhere = await askWithKey(exam, { lines, allowedIps: [ELSEWHERE] });
    if (wayOf(elsewhere.reply) === "secure") believed.push(`${names} changes its address`);
  }
  if (believed.length === 0) return ok(`${lies.length} claims count for nothing`);
  return found(
    `what a client says of itself is believed: ${some(believed)}`,
    `let the proxy set these headers itself, and take away what its client sent (${HEADERS})`,
  );
}

/** As a page of this very site asks. */
async function host({ site, username }: OwnExam) {
  const origin = `${site.tls ? "https" : "http"}://${hostHeader(site)}`;
  const answer = await sendRaw(site, {
    method: "POST",
    target: "/api/v1/session",
    lines: [`Origin: ${origin}`, "Sec-Fetch-Site: same-origin", "Content-Type: application/json"],
    body: JSON.stringify({ username, password: "doctor" }),
  });
  if (read(answer).code !== "forbidden") return ok(`pages of ${origin} may sign in`);
  return found(
    `Chatelaine takes its own pages at ${origin} for those of another site: nobody can sign in there`,
    `let the proxy pass its client's Host on, with the port where there is one (nginx: proxy_set_header Host $http_host), or chatelaine settings set public_url ${origin}`,
  );
}

const LONG_CHARS = 7 * 1024;
const END = "doctor_end";

/** Chatelaine names every member that it does not know: the last one too, where it arrives. */
async function longQuery(exam: OwnFacts) {
  if (exam.way !== "secure") return skipped("first the connection itself has to be known to be secure");
  const ask = async (chars: number) =>
    askWithKey(exam, { target: `${SELF}?doctor_long=${"q".repeat(chars)}&${END}=1` });
  const isWhole = ({ reply }: Awaited<ReturnType<typeof ask>>): boolean =>
    reply.errors?.some(({ path }) => path === END) ?? false;
  if (!isWhole(await ask(1)))
    return found(
      "the query does not arrive",
      "let the proxy pass the whole address on (nginx: no path and no variable in proxy_pass)",
    );
  const long = await ask(LONG_CHARS);
  if (isWhole(long)) return ok(`a query of ${LONG_CHARS / 1024} kB arrives whole`);
  const words =
    long.reply.errors || long.reply.username
      ? "is cut on its way"
      : `is answered ${long.answer.status || long.answer.fault} by the proxy`;
  return found(
    `a query of ${LONG_CHARS / 1024} kB ${words}`,
    "let the proxy take request lines of 8 kB at least, and pass them on as they are (nginx: large_client_header_buffers 4 16k; HAProxy: tune.bufsize)",
  );
}

function bare(address: string): string {
  return address.replace(/^\[|\]$/g, "").replace(/^::ffff:(?=\d+\.)/i, "");
}

function isLoopback(address: string): boolean {
  return address === "::1" || address.startsWith("127.");
}
