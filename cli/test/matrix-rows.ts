/** What clients really send, for every proxy that guards a service. */
import type { Sent } from "./raw-proxy.ts";
import type { ProxyName } from "./real-proxy.ts";

export const KIB = 1024;
const COOKIES = `a=${"c".repeat(32 * KIB - 2)}`;
const UPGRADE = [
  "Connection: Upgrade",
  "Upgrade: websocket",
  "Sec-WebSocket-Version: 13",
  "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
];
const PREFLIGHT = ["Origin: https://other.example", "Access-Control-Request-Method: PUT"];
const HOSTILE = [
  "scope=",
  "scope=admin:all",
  "header=X-Own",
  "deny=403",
  "assert=x",
  "challenge=basic",
  "x=/auth&scope=",
  `long=${"q".repeat(7 * KIB)}`,
];

export interface MatrixRow {
  readonly name: string;
  /** All of them have the same outcome. */
  readonly requests: readonly Sent[];
  /** Passes without a key too, and is given nothing of what it carries. */
  readonly isOpen?: true;
  /** What a proxy answers, whatever the key, that cannot leave out of the check what it is not told by name. */
  readonly tooLarge?: Partial<Record<ProxyName, number>>;
  /** What one answers by itself that knows its sites by their names alone, whatever the key. */
  readonly isNoSite?: Partial<Record<ProxyName, number>>;
}

const another = (kib: number) => `X-Application-State: ${"s".repeat(kib * KIB)}`;

export const ROWS: readonly MatrixRow[] = [
  { name: "plain", requests: [{}] },
  { name: "query", requests: [{ target: "/x?y=1&z=%2F" }] },
  { name: "hostile query", requests: HOSTILE.map((query) => ({ target: `/x?${query}` })) },
  { name: "32 kB of cookies", requests: [{ lines: [`Cookie: ${COOKIES}`] }] },
  { name: "12 kB of another header", requests: [{ lines: [another(12)] }] },
  {
    name: "32 kB of another header",
    requests: [{ lines: [another(32)] }],
    tooLarge: { nginx: 503, caddy: 431 },
  },
  { name: "IPv6", requests: [{ host: "::1" }] },
  { name: "WebSocket", requests: [{ lines: UPGRADE, echo: "spoken through the tunnel" }] },
  {
    name: "preflight",
    requests: [{ method: "OPTIONS", lines: [...PREFLIGHT, "Cookie: a=b", "X-HTTP-Method-Override: DELETE"] }],
    isOpen: true,
  },
  {
    name: "what is no preflight",
    requests: [
      { method: "OPTIONS" },
      { method: "OPTIONS", lines: [PREFLIGHT[0]!] },
      { method: "OPTIONS", lines: [PREFLIGHT[1]!] },
      { method: "OPTIONS", lines: ["Origin:", "Access-Control-Request-Method:"] },
      { lines: PREFLIGHT },
      { method: "PUT", lines: [...PREFLIGHT, "X-HTTP-Method-Override: OPTIONS"] },
    ],
  },
  { name: "HTTP/1.0", requests: [{ version: "1.0" }] },
  {
    name: "HTTP/1.0 without Host",
    requests: [{ version: "1.0", isNameless: true }],
    isNoSite: { caddy: 200 },
  },
  { name: "large upload", requests: [{ method: "POST", bodyBytes: 16 * KIB * KIB }] },
];
