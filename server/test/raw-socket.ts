/** A WebSocket client of a few lines over a plain socket, for tests that must write what no client writes or not read. */
import { connect, type Socket } from "node:net";
import { withEnd } from "./rpc-client.ts";

export class RawSocket {
  readonly socket: Socket;
  readonly gone: Promise<void>;
  #received: Buffer = Buffer.alloc(0);

  constructor(socket: Socket) {
    this.socket = socket;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.gone = promise;
    socket.on("close", () => resolve());
    socket.on("error", () => resolve());
    socket.on("data", (data: Buffer) => {
      this.#received = Buffer.concat([this.#received, data]);
    });
  }

  /** @param url `http://127.0.0.1:1` or `unix:/path` */
  static async open(url: string): Promise<RawSocket> {
    const place = url.startsWith("unix:")
      ? { path: url.slice("unix:".length) }
      : { host: new URL(url).hostname, port: Number(new URL(url).port) };
    const raw = new RawSocket(connect(place));
    raw.socket.write(
      "GET /api/current HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
    );
    const head = await raw.until((text) => text.includes("\r\n\r\n"));
    if (!head.startsWith("HTTP/1.1 101")) throw new Error(head.slice(0, 200));
    return raw;
  }

  /** Waits until what was received is enough, and takes it all. */
  async until(isEnough: (text: string) => boolean): Promise<string> {
    const wait = async (): Promise<string> => {
      for (;;) {
        const text = this.#received.toString("latin1");
        if (isEnough(text)) {
          this.#received = Buffer.alloc(0);
          return text;
        }
        await Bun.sleep(2);
      }
    };
    return withEnd(wait(), "not enough was received");
  }

  call(id: number, method: string, ...params: readonly unknown[]): void {
    this.socket.write(frameOf(JSON.stringify({ jsonrpc: "2.0", id, method, params })));
  }
}

/** A masked frame with the mask 0 (RFC 6455, section 5.2). @param opcode text, unless it is said otherwise: 9 is a ping */
export function frameOf(text: string, opcode = 1): Buffer {
  const first = 0x80 | opcode;
  const data = Buffer.from(text);
  const length = data.length;
  const head =
    length < 126
      ? Buffer.from([first, 0x80 | length])
      : length < 65_536
        ? Buffer.from([first, 0x80 | 126, length >> 8, length & 255])
        : Buffer.concat([Buffer.from([first, 0x80 | 127, 0, 0, 0, 0]), uint32(length)]);
  return Buffer.concat([head, Buffer.alloc(4), data]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
