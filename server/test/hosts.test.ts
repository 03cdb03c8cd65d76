/**
 * Names in `Host`: a page elsewhere whose name leads to 127.0.0.1 reads nothing here, by whichever door, and every name that
 * is known gets in. Requests without a name are for this server.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { connect } from "node:net";
import { hostname } from "node:os";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import type { Server } from "../src/server.ts";
import { type Folder, makeInstallation, PASSWORD, SYSTEM } from "./installation.ts";
import { withEnd } from "./rpc-client.ts";

let folder: Folder;
const opened: Folder[] = [];
let server: Server;
let socketPath: string;
let key: string;

beforeAll(async () => {
  folder = await makeInstallation();
  server = await folder.serve({
    https: "127.0.0.1:0",
    check: "127.0.0.1:0",
    allowHost: ["Allowed.example", "chatelaine_app"],
  });
  socketPath = join(folder.path, "hosts.sock");
  await folder.serve({ http: `unix:${socketPath}` });
  const { users, keys, settings } = server.app;
  await users.create(SYSTEM, { username: "ada", roles: ["FULL_ADMIN"], password: PASSWORD });
  key = (await keys.create(SYSTEM, { name: "hers", username: "ada" })).secret.text;
  await settings.change(SYSTEM, { publicUrl: "https://public.example:8443" });
  await (await fetch(`${server.urls[0]}/keys`)).text();
});

afterAll(async () => {
  for (const one of [folder, ...opened]) await one[Symbol.asyncDispose]();
});

interface Asked {
  readonly url?: string | undefined;
  readonly host: string | null;
  readonly lines?: readonly string[];
  readonly body?: string;
}

/** @returns the whole answer, of a connection of its own. `host` null: HTTP/1.0 without the header */
function ask(route: string, { url = server.urls[0]!, host, lines = [], body = "" }: Asked): Promise<string> {
  const { hostname, port, protocol } = new URL(url.startsWith("unix:") ? "http://x" : url);
  const place = { host: hostname, port: Number(port) };
  const socket = url.startsWith("unix:")
    ? connect({ path: url.slice("unix:".length) })
    : protocol === "https:"
      ? connectTls({ ...place, rejectUnauthorized: false })
      : connect(place);
  const head = [
    `${route} HTTP/1.${host === null ? 0 : 1}`,
    ...(host === null ? [] : [`Host: ${host}`]),
    "Connection: close",
    ...(body === "" ? [] : ["Content-Type: application/json", `Content-Length: ${body.length}`]),
    ...lines,
  ];
  socket.write(`${head.join("\r\n")}\r\n\r\n${body}`);
  let text = "";
  const end = new Promise<string>((resolve) => {
    socket.on("data", (data: Buffer) => {
      text += data.toString("latin1");
      // A WebSocket and a stream stay open.
      if (/^HTTP\/1\.1 101|text\/event-stream/m.test(text)) socket.destroy();
    });
    socket.on("error", () => undefined);
    socket.on("close", () => resolve(text));
  });
  return withEnd(end, `${route} was not answered`);
}

const statusOf = (answer: string): number => Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1]);
const bearer = (): string => `Authorization: Bearer ${key}`;
const upgrade = [
  "Connection: Upgrade",
  "Upgrade: websocket",
  "Sec-WebSocket-Version: 13",
  "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
];

interface Door {
  readonly route: string;
  /** Where its name is known. */
  readonly status: number;
  readonly lines?: () => readonly string[];
  readonly body?: () => string;
  /** Served by the checking listener too. */
  readonly isCheck?: boolean;
}

const DOORS: readonly Door[] = [
  { route: "GET /", status: 200 },
  { route: "GET /sign-in", status: 200 },
  { route: "GET /favicon.svg", status: 200 },
  { route: "GET /nothing", status: 404 },
  { route: "GET /healthz", status: 200, isCheck: true },
  { route: "GET /readyz", status: 200, isCheck: true },
  { route: "GET /ca.pem", status: 200 },
  { route: "GET /metrics", status: 200 },
  { route: "GET /.well-known/jwks.json", status: 200, isCheck: true },
  { route: "POST /api/v1/verify", status: 200, body: () => JSON.stringify({ key }), isCheck: true },
  {
    route: "POST /api/v1/session",
    status: 200,
    body: () => JSON.stringify({ username: "ada", password: PASSWORD }),
  },
  { route: "GET /api/v1/session", status: 200 },
  { route: "GET /api/v1/keys", status: 200, lines: () => [bearer()] },
  { route: "GET /api/v1/keys/1", status: 200, lines: () => [bearer()] },
  { route: "GET /api/v1/keys/self", status: 200, lines: () => [bearer()] },
  { route: "GET /api/v1/events", status: 200, lines: () => [bearer()] },
  { route: "OPTIONS /api/v1/keys", status: 204 },
  { route: "GET /api/docs/current", status: 200 },
  { route: "GET /api/openapi.json", status: 200 },
  { route: "GET /api/versions", status: 200 },
  { route: "GET /api/current", status: 101, lines: () => upgrade },
  { route: "GET /api/nothing", status: 404 },
];

const through = async (door: Door, host: string | null, url?: string): Promise<number> =>
  statusOf(await ask(door.route, { url, host, lines: door.lines?.() ?? [], body: door.body?.() ?? "" }));

const STRANGE = [
  "evil.example",
  "evil.example:5390",
  "localhost.evil.example",
  "127.0.0.1.evil.example",
  "1.evil",
  "[evil]",
  "public.example.evil",
  "xallowed.example",
  "sub.allowed.example",
];
const KNOWN = [
  "localhost",
  "LOCALHOST:1",
  "localhost.",
  "app.localhost:80",
  "127.0.0.1",
  "127.0.0.1:5390",
  "192.0.2.9",
  "[::1]",
  "[::1]:5390",
  "allowed.example",
  "ALLOWED.example:99",
  "chatelaine_app",
  "public.example",
  "public.example:1",
  "",
];

describe.each(["http", "https", "check"] as const)("on the listener %s", (name) => {
  const url = (): string => server.urls[["http", "https", "check"].indexOf(name)]!;
  const doors = DOORS.filter(({ isCheck }) => name !== "check" || isCheck);

  test("a name that is not known is answered 421 at every door", async () => {
    for (const door of doors)
      for (const host of STRANGE.slice(0, 3))
        expect([door.route, host, await through(door, host, url())]).toEqual([door.route, host, 421]);
    for (const host of STRANGE)
      expect([host, await through(doors.at(-1)!, host, url())]).toEqual([host, 421]);
  });

  test("every name that is known, none and an empty one get in at every door", async () => {
    for (const door of doors)
      for (const host of ["localhost", "", ...(door.status === 101 ? [] : [null])])
        expect([door.route, host, await through(door, host, url())]).toEqual([door.route, host, door.status]);
    for (const host of KNOWN)
      expect([host, await through(doors.at(-1)!, host, url())]).toEqual([host, doors.at(-1)!.status]);
  });

  test("proxies ask /auth under any name, and two names are no request", async () => {
    for (const path of ["/auth", "/auth?scop=a:b", "/auth/envoy", "/auth/envoy/x?y"])
      for (const host of [...STRANGE.slice(0, 3), "localhost", "", null]) {
        const answer = await ask(`GET ${path}`, { url: url(), host, lines: [bearer()] });
        expect([path, host, statusOf(answer)]).toEqual([path, host, path.includes("?s") ? 403 : 200]);
      }
    for (const lines of [["Host: localhost"], ["Host: evil.example"]]) {
      const answer = await ask("GET /healthz", { url: url(), host: "localhost", lines });
      expect(statusOf(answer)).toBe(400);
    }
  });
});

test("the refusal says what to do, repeats nothing, and confines its page", async () => {
  const page = await ask("GET /keys", { host: "evil.example" });
  expect(page).toContain("--allow-host");
  const problem = await ask("GET /api/v1/keys", { host: "evil.example" });
  expect(problem).toContain('"code":"unknown_host"');
  for (const answer of [page, problem]) {
    expect(answer).not.toContain("evil.example");
    expect(answer).toMatch(/content-security-policy: default-src 'none'/i);
    expect(answer).toMatch(/cache-control: no-store/i);
  }
});

test("the names of the certificate are known, and those of one that was brought, stars too", async () => {
  expect(statusOf(await ask("GET /healthz", { host: hostname() }))).toBe(200);
  const [cert, keyFile] = ["cert.pem", "key.pem"].map((name) => join(folder.path, name)) as [string, string];
  const names = "subjectAltName=DNS:own.example,DNS:*.star.example";
  const made = Bun.spawnSync([
    ...["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"],
    ...["-days", "9", "-subj", "/CN=own.example", "-addext", names, "-keyout", keyFile, "-out", cert],
  ]);
  expect(made.exitCode).toBe(0);
  const brought = await folder.serve({ https: "127.0.0.1:0", cert, key: keyFile });
  const rows: readonly (readonly [string, number])[] = [
    ["own.example", 200],
    ["a.star.example:7", 200],
    ["a.b.star.example", 421],
    ["star.example", 421],
    ["x.own.example", 421],
    [hostname(), 421],
  ];
  for (const url of brought.urls)
    for (const [host, status] of rows)
      expect([host, statusOf(await ask("GET /healthz", { url, host }))]).toEqual([host, status]);
});

test("a unix socket is reached by no browser, and any other listener is asked under any name, but is near to none that it does not know", async () => {
  const unix = `unix:${socketPath}`;
  expect(statusOf(await ask("GET /metrics", { url: unix, host: "evil.example" }))).toBe(200);
  const open = await folder.serve({ http: "0.0.0.0:0" });
  const url = open.urls[0]!.replace("0.0.0.0", "127.0.0.1");
  const body = JSON.stringify({ key });
  for (const [host, status] of [
    ["evil.example", 403],
    ["localhost", 200],
  ] as const) {
    expect(statusOf(await ask("GET /healthz", { url, host }))).toBe(200);
    expect(statusOf(await ask("GET /api/v1/keys", { url, host, lines: [bearer()] }))).toBe(200);
    expect([host, statusOf(await ask("GET /metrics", { url, host }))]).toEqual([host, status]);
    expect([host, statusOf(await ask("POST /api/v1/verify", { url, host, body }))]).toEqual([host, status]);
  }
});

test("a trusted proxy asks under the names of its clients; what says so and is none does not", async () => {
  const behind = await folder.serve({ trustedProxy: ["127.0.0.1"] });
  const url = behind.urls[0]!;
  const proxied = ["X-Forwarded-For: 192.0.2.7", "X-Forwarded-Proto: https"];
  const named = [...proxied, "X-Forwarded-Host: app.example"];
  for (const lines of [proxied, named])
    expect(statusOf(await ask("GET /sign-in", { url, host: "app.example", lines }))).toBe(200);
  expect(statusOf(await ask("GET /sign-in", { url, host: "app.example" }))).toBe(421);
  expect(statusOf(await ask("GET /sign-in", { host: "app.example", lines: named }))).toBe(421);
  // As near as the proxy's client, whatever the page sets.
  expect(statusOf(await ask("GET /metrics", { url, host: "app.example", lines: proxied }))).toBe(403);
});

describe("a page signs in from every spelling of the server's own name", () => {
  const HTTPS = "X-Forwarded-Proto: https";
  const HTTP = "X-Forwarded-Proto: http";
  const FOR = "X-Forwarded-For: 192.0.2.7";
  const NAMED = ["X-Forwarded-Host: keys.example"];
  /** What the proxy sends, the page's origin, and whether it is the server's own. */
  const ROWS: readonly (readonly [host: string, lines: readonly string[], origin: string, isOwn: boolean])[] =
    [
      ["keys.example:443", [HTTPS], "https://keys.example", true],
      ["keys.example", [HTTPS], "https://keys.example:443", true],
      ["KEYS.example:443", [HTTPS], "https://keys.example", true],
      ["keys.example:80", [HTTP], "http://keys.example", true],
      ["keys.example:80", [HTTPS], "https://keys.example", false],
      ["keys.example:443", [HTTP], "http://keys.example", false],
      ["inner", [HTTPS, ...NAMED], "https://keys.example", true],
      ["inner", [HTTPS, "X-Forwarded-Host: keys.example:443"], "https://keys.example", true],
      ["inner", [HTTP, "X-Forwarded-Host: keys.example:80"], "http://keys.example", true],
      ["inner", [HTTPS, "X-Forwarded-Host: keys.example, keys.example"], "https://keys.example", true],
      ["inner", [HTTPS, ...NAMED, ...NAMED], "https://keys.example", true],
      ["inner", [HTTPS, ...NAMED, "X-Forwarded-Host: Keys.Example:443"], "https://keys.example", true],
      ["inner", [HTTPS, ...NAMED, "X-Forwarded-Host: other.example"], "https://keys.example", false],
      ["inner", [HTTPS, ...NAMED], "https://inner", false],
      ["keys.example:443", [HTTPS], "https://keys.example:8443", false],
    ];
  const body = JSON.stringify({ username: "ada", password: PASSWORD });
  let behind: Server;
  beforeAll(async () => {
    const own = await makeInstallation();
    opened.push(own);
    behind = await own.serve({ trustedProxy: ["127.0.0.1"] });
    const { users, settings } = behind.app;
    await users.create(SYSTEM, { username: "ada", roles: ["FULL_ADMIN"], password: PASSWORD });
    await settings.change(SYSTEM, { insecureTransport: "allow" });
  });

  for (const [host, lines, origin, isOwn] of ROWS)
    test(`${origin}, asked as ${host} with ${lines.join(", ")}`, async () => {
      const all = [FOR, ...lines, `Origin: ${origin}`];
      const answer = await ask("POST /api/v1/session", { url: behind.urls[0], host, lines: all, body });
      expect(statusOf(answer)).toBe(isOwn ? 200 : 403);
    });

  test("without a proxy, by http and by https", async () => {
    const [http, https] = server.urls as [string, string];
    for (const [url, host, origin] of [
      [http, "localhost:80", "http://localhost"],
      [https, "localhost:443", "https://localhost"],
      [https, "localhost", "https://localhost:443"],
    ] as const) {
      const answer = await ask("POST /api/v1/session", { url, host, lines: [`Origin: ${origin}`], body });
      expect([host, statusOf(answer)]).toEqual([host, 200]);
    }
  });
});
