/**
 * Each kind of request through each packaged proxy, with a good key, a bad one and none, where Chatelaine is asked over
 * loopback and over a unix socket. One start of a proxy serves all rows of its column.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { IDENTITY } from "@chatelaine/proxy-recipes/guard";
import { type CheckApp, openCheck } from "../../server/test/check-app.ts";
import { KIB, ROWS } from "./matrix-rows.ts";
import { ask, type LargeHeaderSink, type Sent, startLargeHeaderSink } from "./raw-proxy.ts";
import { freePort, PROXIES, type Relay, type RunningProxy, startProxy, startRelay } from "./real-proxy.ts";

const isRoot = process.getuid?.() === 0;
let check: CheckApp;
let relay: Relay;
let service: LargeHeaderSink;
let folder: string;
let keys: Record<"good" | "bad" | "no", readonly string[]>;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "chatelaine-matrix-"));
  // Workers of nginx are not root.
  chmodSync(folder, 0o755);
  check = await openCheck({
    check: `unix:${join(folder, "check.sock")}`,
    ...(isRoot && { socketGroup: "www-data" }),
  });
  relay = await startRelay(check.url);
  service = await startLargeHeaderSink();
  const { id, text } = await check.key("matrix");
  keys = {
    good: [`Authorization: Bearer ${text}`],
    bad: [`Authorization: Bearer ${id}-${"x".repeat(64)}`],
    no: [],
  };
});
afterAll(async () => {
  await service?.[Symbol.asyncDispose]();
  await relay?.[Symbol.asyncDispose]();
  await check?.[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

const TRANSPORTS = ["loopback", "unix socket"] as const;

for (const proxy of PROXIES)
  for (const transport of TRANSPORTS)
    describe(`${proxy} asks over ${transport}:`, () => {
      let guard: RunningProxy;
      let port: number;
      beforeAll(async () => {
        port = await freePort();
        guard = await startProxy({
          proxy,
          site: `http://localhost:${port}`,
          service: `http://127.0.0.1:${service.port}`,
          chatelaine: transport === "loopback" ? relay.url : `unix:${join(folder, "check.sock")}`,
          more: ["--preflight"],
        });
      });
      afterAll(() => guard?.[Symbol.asyncDispose]());

      for (const { name, requests, isOpen, tooLarge = {}, isNoSite = {} } of ROWS)
        for (const key of ["good", "bad", "no"] as const)
          test(`${name}, ${key} key`, async () => {
            const refused = tooLarge[proxy] ?? isNoSite[proxy];
            const passes = refused === undefined && (key === "good" || isOpen === true);
            for (const request of requests) {
              const before = service.arrived.length;
              const lines = [...keys[key], "X-Own: any", "Remote-User: root", ...(request.lines ?? [])];
              const answer = await ask({ host: "127.0.0.1", ...request, port, lines });
              const arrived = service.arrived.slice(before);
              const said = [request.target, answer.status, arrived.length];
              expect(said).toEqual([request.target, refused ?? statusOf(request, passes), passes ? 1 : 0]);
              if (!passes) continue;
              const [one] = arrived;
              expect(one?.target).toBe(request.target ?? "/x");
              expect(one?.bytes).toBe(request.bodyBytes ?? 0);
              expect(answer.echoed).toBe(request.echo ?? "");
              const headers = one?.headers ?? {};
              expect(headers["remote-user"]).toBe(isOpen ? undefined : "ada");
              expect(headers.authorization ?? "").toBe("");
              const cookie = request.lines?.find((line) => line.startsWith("Cookie: "))?.slice(8);
              expect(headers.cookie ?? "").toBe(isOpen ? "" : (cookie ?? ""));
              if (isOpen)
                for (const other of [...IDENTITY, "X-API-Key", "X-HTTP-Method-Override"])
                  expect([other, headers[other.toLowerCase()]]).toEqual([other, undefined]);
            }
          });

      if (transport === "loopback")
        test("Chatelaine was asked one thing, and saw no cookie", () => {
          const sent = relay.sent();
          relay.forget();
          const asked = new Set(
            [...sent.matchAll(/^[A-Z]+ (\S+) HTTP\/1\.1\r$/gm)].map(([, target]) => target),
          );
          expect([...asked]).toEqual([proxy === "nginx" ? "/auth?deny=403" : "/auth"]);
          expect(sent).not.toMatch(/^cookie: (?!\r)/im);
          expect(sent.length).toBeGreaterThan(10 * KIB);
        });
    });

function statusOf({ echo }: Sent, passes: boolean): number {
  if (!passes) return 401;
  return echo === undefined ? 200 : 101;
}
