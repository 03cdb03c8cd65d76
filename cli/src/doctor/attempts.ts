/** What doctor does to a proxy, each attempt with what it would mean if it got through. Requests are written by hand, because no client sends such ones. */
import { connect as connectPlain, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";

export interface Keys {
  readonly good: string;
  /** Good from 192.0.2.1 alone. */
  readonly away: string;
  /** Without any scope. */
  readonly narrow: string;
}

export interface Attempt {
  readonly name: string;
  readonly method?: string;
  readonly target?: string;
  readonly headers: readonly string[];
  /** What is wrong with the proxy when the service is reached. */
  readonly finding: string;
}

export const SPOOFED = "chatelaine-doctor-spoof";
const SPOOFS = ["User", "Name", "Email", "Groups", "Roles", "Key-Id", "Key-Scopes", "Assertion"];
const TARGETS = [
  "//",
  "/%2e%2e/",
  "/x/../",
  "/x/%2e%2e/%2e%2e/",
  "/..;/",
  "/%2f",
  "/.chatelaine-check",
  "/static/x.css",
  "/favicon.ico",
  "/public",
  "/health",
  "/api",
];
const METHODS = ["OPTIONS", "HEAD", "POST", "PROPFIND", "TRACE"];

export function bearer(key: string): string {
  return `Authorization: Bearer ${key}`;
}

/** None of these may reach the service. */
export function attemptsWithoutRight(keys: Keys, isScoped: boolean): Attempt[] {
  const open = "Requests without a key get through";
  const wrongKey = `${keys.good.slice(0, keys.good.indexOf("-"))}-${"a".repeat(64)}`;
  return [
    { name: "no key", headers: [], finding: open },
    { name: "a wrong key", headers: [bearer(wrongKey)], finding: "A wrong key gets through" },
    ...METHODS.map((method) => ({
      name: `${method} without a key`,
      method,
      headers: [],
      finding: `${method} gets through without a key`,
    })),
    ...TARGETS.map((target) => ({
      name: `${target} without a key`,
      target,
      headers: [],
      finding: `The path ${target} gets through without a key`,
    })),
    {
      name: "headers that claim another request",
      headers: [
        "X-Forwarded-Uri: /public",
        "X-Forwarded-Method: OPTIONS",
        "X-Original-URL: /public",
        "X-Rewrite-URL: /public",
      ],
      finding: "Headers that claim another path or method lead around the guard",
    },
    {
      name: "identity without a key",
      headers: SPOOFS.map((name) => `Remote-${name}: ${SPOOFED}`),
      finding: "Whoever claims an identity in headers gets through without a key",
    },
    {
      name: "the key in a cookie",
      headers: [`Cookie: chatelaine=${keys.good}; key=${keys.good}`],
      finding: "A key in a cookie is taken",
    },
    {
      name: "two Authorization headers",
      headers: ["Authorization: Bearer x", bearer(keys.good)],
      finding: "Of two Authorization headers one is picked",
    },
    {
      name: "a claimed address",
      headers: [
        bearer(keys.away),
        "X-Forwarded-For: 192.0.2.1",
        "X-Real-IP: 192.0.2.1",
        "Forwarded: for=192.0.2.1",
      ],
      finding: "The address that a client claims in X-Forwarded-For is believed",
    },
    ...(isScoped
      ? [
          {
            name: "a key without the scope",
            headers: [bearer(keys.narrow)],
            finding: "A key without the scope gets through",
          },
        ]
      : []),
  ];
}

/** A good key with claims of identity beside it, by every spelling. */
export function spoofingHeaders(key: string): string[] {
  const spellings = (name: string): string[] => [
    `Remote-${name}`,
    `remote_${name.toLowerCase().replaceAll("-", "_")}`,
    `REMOTE-${name.toUpperCase()}`,
  ];
  return [bearer(key), ...SPOOFS.flatMap(spellings).map((name) => `${name}: ${SPOOFED}`)];
}

export interface RawAnswer {
  /** 0: none. */
  readonly status: number;
  readonly text: string;
}

const ANSWER_MS_MAX = 5_000;
const ANSWER_CHARS_MAX = 256 * 1024;

export function send(
  proxy: URL,
  { method = "GET", target = "/", headers }: Omit<Attempt, "name" | "finding">,
): Promise<RawAnswer> {
  const path = target === "/" ? proxy.pathname : proxy.pathname.replace(/\/$/, "") + target;
  const lines = [
    `${method} ${path} HTTP/1.1`,
    `Host: ${proxy.host}`,
    "Connection: close",
    "Content-Length: 0",
    ...headers,
  ];
  return new Promise((resolve) => {
    let text = "";
    const end = (): void => resolve({ status: Number(/^HTTP\/1\.\d (\d+)/.exec(text)?.[1] ?? 0), text });
    const socket = open(proxy, () => socket.write(`${lines.join("\r\n")}\r\n\r\n`));
    socket.setTimeout(ANSWER_MS_MAX, () => socket.destroy());
    socket.on("data", (chunk) => {
      text += chunk.toString("latin1");
      if (text.length > ANSWER_CHARS_MAX) socket.destroy();
    });
    socket.on("error", end);
    socket.on("close", end);
  });
}

/** Certificates are not judged: what is asked is what the proxy lets through. */
function open(proxy: URL, ready: () => void): Socket {
  const host = proxy.hostname.replace(/^\[|\]$/g, "");
  const isTls = proxy.protocol === "https:";
  const port = Number(proxy.port || (isTls ? 443 : 80));
  return isTls
    ? connectTls({ host, port, servername: host, rejectUnauthorized: false }, ready)
    : connectPlain({ host, port }, ready);
}
