/**
 * A service that tells what reached it, byte for byte, for a proxy to be pointed at: frameworks fold what is looked for
 * here, header names and doubled headers.
 */
import { createServer, type Socket } from "node:net";

export interface Echo extends AsyncDisposable {
  /** Heads of requests as they arrived. */
  readonly heads: readonly string[];
}

const HEAD_CHARS_MAX = 256 * 1024;

/** @param mark stands in every answer. Throws where the address is taken. */
export async function startEcho(host: string, port: number, mark: string): Promise<Echo> {
  const heads: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.setEncoding("latin1");
    let head = "";
    const onData = (chunk: string): void => {
      head += chunk;
      const end = head.indexOf("\r\n\r\n");
      if (end < 0 && head.length < HEAD_CHARS_MAX) return;
      // The body is read, so that the proxy can send it, and forgotten.
      socket.off("data", onData).resume();
      heads.push(head.slice(0, end));
      const body = `${mark}\n${head.slice(0, end)}\n`;
      socket.end(
        `HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
        "latin1",
      );
    };
    socket.on("data", onData);
    socket.on("error", () => undefined);
    socket.on("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, resolve);
  });
  return {
    heads,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}
