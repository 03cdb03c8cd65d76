/**
 * Methods that few know. Chatelaine is asked by GET whatever a client's own is, so that services behind nginx, Caddy and HAProxy may have any;
 * asked by a method that Bun has never heard of, which Envoy passes on, it lets nobody through.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createServer, type Server } from "node:net";
import { askRaw, type CheckApp, openCheck, rawStatus } from "../../server/test/check-app.ts";
import { ask } from "./raw-proxy.ts";
import { freePort, PROXIES, type RunningProxy, startProxy } from "./real-proxy.ts";

/** Of WebDAV and its extensions, of versioning (RFC 3253), and of nobody. */
const KNOWN = ["PROPFIND", "REPORT", "QUERY", "PURGE"];
const UNKNOWN = ["VERSION-CONTROL", "MKWORKSPACE", "BASELINE-CONTROL", "FOO"];

let check: CheckApp;
let key: { readonly id: number; readonly text: string };
let service: Server;
const arrived: string[] = [];

beforeAll(async () => {
  check = await openCheck();
  key = await check.key("methods");
  service = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.once("data", (data: Buffer) => {
      arrived.push(data.toString("latin1").split(" ")[0]!);
      socket.end("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    });
  });
  await new Promise<void>((resolve) => service.listen(0, "127.0.0.1", resolve));
});
afterAll(async () => {
  service?.close();
  await check?.[Symbol.asyncDispose]();
});

const good = () => [`Authorization: Bearer ${key.text}`];
const bad = () => [`Authorization: Bearer ${key.id}-${"x".repeat(64)}`];

for (const proxy of PROXIES)
  describe(`behind ${proxy}`, () => {
    let guard: RunningProxy;
    let port: number;
    beforeAll(async () => {
      port = await freePort();
      const { port: to } = service.address() as { port: number };
      guard = await startProxy({
        proxy,
        site: `http://localhost:${port}`,
        service: `http://127.0.0.1:${to}`,
        chatelaine: check.url,
      });
    });
    afterAll(() => guard?.[Symbol.asyncDispose]());

    for (const method of [...KNOWN, ...UNKNOWN])
      test(`${method} passes with a good key alone`, async () => {
        for (const [lines, status] of [
          [good(), 200],
          [bad(), 401],
          [[], 401],
        ] as const) {
          arrived.length = 0;
          const answer = await ask({ host: "127.0.0.1", port, method, lines });
          expect([answer.status, arrived]).toEqual([status, status === 200 ? [method] : []]);
        }
      });
  });

describe("asked by the client's own method", () => {
  const lines = (method: string, path: string) => [
    `${method} ${path} HTTP/1.1`,
    "Host: localhost",
    ...good(),
    "Content-Length: 0",
  ];
  for (const path of ["/auth", "/auth/envoy/x"]) {
    for (const method of KNOWN)
      test(`${method} ${path} is answered`, async () => {
        expect(await rawStatus(check.url, lines(method, path))).toBe(200);
      });
    for (const method of UNKNOWN)
      test(`${method} ${path} gets no answer, which no proxy takes for a yes, and the server goes on`, async () => {
        expect(await askRaw(check.url, lines(method, path))).toBe("");
        expect(await rawStatus(check.url, lines("GET", path))).toBe(200);
      });
  }
});
