/** One HTTP/1.1 request exactly as it is written, on a connection of its own, and whatever comes back within a few seconds. */
import { readFileSync } from "node:fs";
import { connect, isIP, type Socket } from "node:net";
import { connect as connectTls, type TLSSocket } from "node:tls";

export interface Site {
  readonly tls: boolean;
  readonly host: string;
  readonly port: number;
  /** As it stands in the address, from the slash on. */
  readonly path: string;
  /** PEM file of an authority of one's own. */
  readonly ca?: string;
  readonly insecure?: boolean;
}

export interface RawRequest {
  readonly method?: string;
  /** What stands in the request line; the site's path unless set. */
  readonly target?: string;
  /** Header lines, beside Host and Connection. */
  readonly lines?: readonly string[];
  readonly body?: string;
}

export interface RawAnswer {
  /** 0: none came. */
  readonly status: number;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: string;
  /** Why none came. */
  readonly fault?: string;
  /** Our own end of the connection. */
  readonly from?: string | undefined;
}

const ANSWER_MS_MAX = 5_000;
const ANSWER_CHARS_MAX = 1024 * 1024;

export function sendRaw(site: Site, request: RawRequest): Promise<RawAnswer> {
  return new Promise((resolve) => {
    let [text, fault] = ["", "no answer"];
    let from: string | undefined;
    const socket = open(site, () => {
      from = socket.localAddress;
      socket.write(format(site, request), "latin1");
    });
    const late = setTimeout(() => {
      fault = `no answer within ${ANSWER_MS_MAX / 1000} s`;
      socket.destroy();
    }, ANSWER_MS_MAX);
    socket.setEncoding("latin1");
    socket.on("data", (chunk: string) => {
      text += chunk;
      if (text.length > ANSWER_CHARS_MAX || isWhole(text)) socket.destroy();
    });
    socket.on("error", (error) => {
      fault = error.message;
    });
    socket.on("close", () => {
      clearTimeout(late);
      resolve({ ...parse(text, fault), from });
    });
  });
}

/** DER of the certificate that clients see. Throws where there is no connection. */
export function peerCertificate(site: Site): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const socket = open(site, () => {
      resolve((socket as TLSSocket).getPeerCertificate().raw);
      socket.destroy();
    });
    socket.on("error", reject);
  });
}

function open({ tls, host, port, ca, insecure }: Site, onConnect: () => void): Socket {
  const bare = host.replace(/^\[|\]$/g, "");
  if (!tls) return connect({ host: bare, port }, onConnect);
  return connectTls(
    {
      host: bare,
      port,
      ...(isIP(bare) === 0 && { servername: bare }),
      ...(ca !== undefined && { ca: readFileSync(ca) }),
      rejectUnauthorized: !insecure,
      ALPNProtocols: ["http/1.1"],
    },
    onConnect,
  );
}

export function hostHeader({ tls, host, port }: Site): string {
  return port === (tls ? 443 : 80) ? host : `${host}:${port}`;
}

function format(site: Site, { method = "GET", target = site.path, lines = [], body }: RawRequest): string {
  const isSet = (name: string) => lines.some((line) => line.toLowerCase().startsWith(`${name}:`));
  const head = [
    `${method} ${target} HTTP/1.1`,
    `Host: ${hostHeader(site)}`,
    ...(isSet("connection") ? [] : ["Connection: close"]),
    ...lines,
    ...(body === undefined ? [] : [`Content-Length: ${body.length}`]),
  ];
  return `${head.join("\r\n")}\r\n\r\n${body ?? ""}`;
}

/** Not every server closes when it is asked to, and what is another protocol from here on goes on. */
function isWhole(text: string): boolean {
  const end = text.indexOf("\r\n\r\n");
  if (end < 0) return false;
  if (text.startsWith("HTTP/1.1 101 ")) return true;
  const length = /^content-length: *(\d+)\r?$/im.exec(text.slice(0, end + 2))?.[1];
  return length !== undefined && text.length >= end + 4 + Number(length);
}

function parse(all: string, fault: string): RawAnswer {
  const text = all.replace(/^HTTP\/1\.1 100 [\s\S]*?\r\n\r\n/, "");
  const end = text.indexOf("\r\n\r\n");
  const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(text)?.[1] ?? 0);
  if (status === 0 || end < 0) return { status: 0, headers: [], body: "", fault };
  const headers = text
    .slice(0, end)
    .split("\r\n")
    .slice(1)
    .map((line): [string, string] => {
      const colon = line.indexOf(":");
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    });
  const isChunked = headers.some(([name, value]) => name === "transfer-encoding" && /chunked/i.test(value));
  const body = text.slice(end + 4);
  return { status, headers, body: isChunked ? joinChunks(body) : body };
}

function joinChunks(body: string): string {
  let [rest, joined] = [body, ""];
  for (;;) {
    const size = /^([0-9a-fA-F]+)[^\r]*\r\n/.exec(rest);
    const length = Number.parseInt(size?.[1] ?? "0", 16);
    if (!size || length === 0) return joined;
    joined += rest.slice(size[0].length, size[0].length + length);
    rest = rest.slice(size[0].length + length + 2);
  }
}
