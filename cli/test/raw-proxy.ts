/** Requests written byte by byte, and a service that takes more headers than Bun's own server does. */
import { createHash } from "node:crypto";
import { createServer, type IncomingMessage } from "node:http";
import { connect, type Socket } from "node:net";

export interface Sent {
  readonly host?: string;
  /** Path of a unix socket, in the place of host and port. */
  readonly socket?: string;
  readonly method?: string;
  readonly target?: string;
  readonly version?: "1.0" | "1.1";
  /** Without Host, which HTTP/1.0 does not ask for. */
  readonly isNameless?: true;
  readonly lines?: readonly string[];
  readonly bodyBytes?: number;
  /** Said in the tunnel that a 101 opens. */
  readonly echo?: string;
}

export interface Answered {
  /** 0: none came. */
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
  /** What came back in the tunnel. */
  readonly echoed: string;
}

const ANSWER_MS_MAX = 20_000;
const CHUNK = Buffer.alloc(256 * 1024, "u");

/** To a site that is called localhost there. */
export function ask({
  port,
  host = "127.0.0.1",
  socket: path,
  ...sent
}: Sent & { readonly port: number }): Promise<Answered> {
  const { method = "GET", target = "/x", version = "1.1", lines = [], bodyBytes = 0, echo } = sent;
  const head = [
    `${method} ${target} HTTP/${version}`,
    ...(sent.isNameless ? [] : [`Host: localhost:${port}`]),
    ...(echo === undefined ? ["Connection: close"] : []),
    ...lines,
    ...(bodyBytes > 0 ? [`Content-Length: ${bodyBytes}`] : []),
  ];
  return new Promise((resolve) => {
    let text = "";
    let isTunnel = false;
    const socket = connect(path === undefined ? { host, port } : { path }, () => {
      socket.write(`${head.join("\r\n")}\r\n\r\n`);
      upload(socket, bodyBytes);
    });
    socket.setTimeout(ANSWER_MS_MAX, () => socket.destroy());
    socket.on("data", (chunk) => {
      text += chunk.toString("latin1");
      const end = text.indexOf("\r\n\r\n");
      if (end < 0) return;
      if (!isTunnel && text.startsWith("HTTP/1.1 101 ") && echo !== undefined) {
        isTunnel = true;
        socket.write(echo);
      }
      if (isTunnel ? text.length >= end + 4 + echo!.length : isWhole(text, end)) socket.destroy();
    });
    // A refusal may come while the body is still on its way.
    socket.on("error", () => undefined);
    socket.on("close", () => resolve(parse(text, isTunnel)));
  });
}

function upload(socket: Socket, bytes: number): void {
  let left = bytes;
  const more = (): void => {
    while (left > 0) {
      const part = CHUNK.subarray(0, Math.min(left, CHUNK.length));
      left -= part.length;
      if (!socket.write(part)) return;
    }
  };
  socket.on("drain", more);
  more();
}

function isWhole(text: string, end: number): boolean {
  const length = /^content-length: *(\d+)\r?$/im.exec(text.slice(0, end + 2))?.[1];
  return length !== undefined && text.length >= end + 4 + Number(length);
}

function parse(text: string, isTunnel: boolean): Answered {
  const end = text.indexOf("\r\n\r\n");
  const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(text)?.[1] ?? 0);
  const rest = end < 0 ? "" : text.slice(end + 4);
  const headers = new Headers(
    text
      .slice(0, Math.max(end, 0))
      .split("\r\n")
      .slice(1)
      .map((line): [string, string] => {
        const colon = line.indexOf(":");
        return [line.slice(0, colon), line.slice(colon + 1).trim()];
      }),
  );
  return { status, headers, body: isTunnel ? "" : rest, echoed: isTunnel ? rest : "" };
}

/** HAProxy looks at it (RFC 6455, 4.2.2). */
function acceptOf(key: string): string {
  return createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
}

/** What such a service saw. */
interface Seen {
  readonly target: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly bytes: number;
}

export interface LargeHeaderSink extends AsyncDisposable {
  readonly port: number;
  readonly arrived: Seen[];
}

const HEADER_BYTES_MAX = 256 * 1024;

/** Answers 200 to everything when the body has come, and repeats what is said in a tunnel. */
export async function startLargeHeaderSink(): Promise<LargeHeaderSink> {
  const arrived: Seen[] = [];
  const sockets = new Set<Socket>();
  const note = ({ url = "", method = "", headers }: IncomingMessage, bytes: number): void => {
    const flat = Object.entries(headers).map(([name, value]) => [name, [value].flat().join(", ")]);
    arrived.push({ target: url, method, headers: Object.fromEntries(flat), bytes });
  };
  const server = createServer({ maxHeaderSize: HEADER_BYTES_MAX }, (req, res) => {
    let bytes = 0;
    req.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
    });
    req.on("end", () => {
      note(req, bytes);
      res.end("arrived");
    });
  });
  server.on("upgrade", (req, socket: Socket) => {
    note(req, 0);
    sockets.add(socket);
    socket.on("error", () => undefined);
    const accept = acceptOf(String(req.headers["sec-websocket-key"]));
    const head = ["HTTP/1.1 101 Switching Protocols", "Connection: Upgrade", "Upgrade: websocket"];
    socket.write(`${[...head, `Sec-WebSocket-Accept: ${accept}`].join("\r\n")}\r\n\r\n`);
    socket.pipe(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as { port: number }).port,
    arrived,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
