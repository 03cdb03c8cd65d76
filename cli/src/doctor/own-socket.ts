/** WebSockets through the proxy: whether one is opened, what becomes of a key on it, and whether a key is bound to its TLS. */
import { type Finding, found, ok, skipped } from "./finding.ts";
import type { OwnExam, OwnFacts, SessionFacts } from "./own-exam.ts";
import { peerCertificate, sendRaw } from "./raw-http.ts";
import { openRpc, signInByScram } from "./rpc.ts";

/** By SCRAM, which passes however it comes. */
export async function openSession({ site, username, make }: OwnExam): Promise<SessionFacts | undefined> {
  try {
    using rpc = await openRpc(site);
    if (!(await signInByScram(rpc, { username, text: await make("session") }))) return undefined;
    const { result } = await rpc.call("auth.sessions", [["current", "=", true]]);
    const [own] = (result ?? []) as readonly { origin: string; secure_transport: boolean }[];
    if (own === undefined) return undefined;
    const [, address = own.origin, port] = /^(\[[^\]]+\]|[\d.]+)(?::(\d+))?$/.exec(own.origin) ?? [];
    const isProxied = port === undefined && own.origin !== UNIX;
    return { address: own.origin === UNIX ? "unix" : address, isProxied, isSecure: own.secure_transport };
  } catch {
    return undefined;
  }
}

/** In the words of auth.sessions. */
const UNIX = "UNIX socket";

const OPENING = [
  "Connection: Upgrade",
  "Upgrade: websocket",
  "Sec-WebSocket-Version: 13",
  "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
];
const CARRY =
  'nginx: proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade, with map $http_upgrade $connection_upgrade { default upgrade; "" close; } in http; Apache: ProxyPass upgrade=websocket';

export async function upgrade(exam: OwnFacts): Promise<Omit<Finding, "check">> {
  const { site, username, make, way } = exam;
  const { status, body, fault } = await sendRaw(site, { target: "/api/current", lines: OPENING });
  if (status === 403 && body.includes('"insecure_transport"')) return inClear("is not opened");
  if (status !== 101)
    return found(
      `a WebSocket is answered ${status || fault} in place of 101: its upgrade is lost on the way`,
      `let the proxy pass Upgrade and Connection on (${CARRY})`,
    );
  try {
    using rpc = await openRpc(site);
    const login = { mechanism: "API_KEY_PLAIN", username, api_key: await make("socket") };
    const { result, error } = await rpc.call("auth.login_ex", login);
    const type = (result as { response_type?: string } | undefined)?.response_type;
    if (type === "SUCCESS") return ok("is opened, and a key signs in on it");
    if (way !== "secure" && way !== undefined)
      return skipped("is opened; a key signs in on it when the connection is known to be secure");
    if (error?.data?.reason.includes("--trusted-proxy"))
      return found(
        "on a WebSocket Chatelaine does not know how its client came, and elsewhere it does",
        `set the same headers in the place of the proxy that passes WebSockets on as in the others: X-Forwarded-Proto, X-Forwarded-For, Host (${CARRY})`,
      );
    return inClear(`refuses a good key: ${error?.data?.reason ?? type ?? "no answer"}`);
  } catch (error) {
    return found(`a WebSocket is opened and does not work: ${(error as Error).message}`, CARRY);
  }
}

function inClear(words: string): Omit<Finding, "check"> {
  return found(
    `a WebSocket ${words}: Chatelaine sees it in clear text`,
    "let the proxy say https or wss in X-Forwarded-Proto for WebSockets too, and give programs the wss address",
  );
}

/** Official clients bind a key to the certificate that they see. */
export async function binding({ site, username, make, session, bindingOf }: OwnFacts) {
  if (!site.tls) return skipped("the address is not https");
  if (session === undefined) return skipped("needs a WebSocket that a key signs in on");
  const shown = await peerCertificate(site);
  let bytes: Uint8Array;
  try {
    bytes = bindingOf(shown);
  } catch {
    return {
      result: "hint" as const,
      words: "the proxy's certificate is signed by an algorithm without a channel binding",
      mend: "use an RSA or ECDSA certificate: official clients cannot sign in by this one",
    };
  }
  using rpc = await openRpc(site);
  if (await signInByScram(rpc, { username, text: await make("binding") }, bytes))
    return ok("SCRAM is bound to the certificate that clients see");
  return found(
    "SCRAM with channel binding fails: clients see another certificate than Chatelaine knows of",
    session.isProxied
      ? "chatelaine settings set client_certificate --file CERTIFICATE, the one that the proxy shows"
      : `name the proxy that ends TLS (--trusted-proxy ${session.address}, or ${session.address}=tls where it sends no headers), and chatelaine settings set client_certificate --file CERTIFICATE, the one that it shows`,
  );
}
