/**
 * Traefik and Envoy in the matrix of kinds of requests, keys and transports. Neither is packaged for Debian: Chatelaine gets
 * the very request that each sends by its documentation (Traefik: ForwardAuth; Envoy: ext_authz over HTTP), made of the
 * client's request and of the lists in the recipe's own configuration.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type CheckApp, openCheck } from "../../server/test/check-app.ts";
import { run } from "./chatelaine.ts";
import { ROWS } from "./matrix-rows.ts";
import { type Answered, ask, type Sent } from "./raw-proxy.ts";

const SITE = "app.example";
const SCOPE = "dns:read";
/** What Chatelaine reads of a client's request: keys, and what tells a browser. */
const NEEDED = ["authorization", "origin", "sec-fetch-mode", "user-agent", "x-api-key", "x-requested-with"];
const TOLD = [
  "authorization",
  "remote-email",
  "remote-groups",
  "remote-key-id",
  "remote-key-scopes",
  "remote-name",
  "remote-roles",
  "remote-user",
];

/** A configuration, read by path. */
// biome-ignore lint/suspicious/noExplicitAny: what a test expects of it is said by the test
type Config = any;
interface ClientRequest extends Sent {
  readonly lines: readonly string[];
}

interface Documented {
  readonly transports: readonly ("loopback" | "unix socket")[];
  /** What it asks about a client's request, by its configuration. */
  asked(config: Config, client: ClientRequest): Sent;
  /** Names of the answer's headers that go onwards to the service. */
  told(config: Config): readonly string[];
  /** What of the client's headers is listed to be asked with. */
  listed(config: Config): readonly string[];
}

const lower = (names: readonly string[]) => names.map((name) => name.toLowerCase()).sort();
const named = (lines: readonly string[], names: readonly string[]) =>
  lines.filter((line) => names.includes(line.slice(0, line.indexOf(":")).toLowerCase()));
const isUpgrade = ({ lines }: ClientRequest) => lines.some((line) => /^upgrade: websocket/i.test(line));
const clientAddress = ({ host }: ClientRequest) => host ?? "192.0.2.7";

const forwardAuth = (config: Config) => config.http.middlewares["chatelaine-check"].forwardAuth;
const extAuthz = (config: Config) =>
  config.static_resources.listeners[0].filter_chains[0].filters[0].typed_config.http_filters[0].typed_config;
const exact = ({ patterns }: Config): string[] => patterns.map((one: { exact: string }) => one.exact);

const PROXIES: Readonly<Record<"traefik" | "envoy", Documented>> = {
  // GET at the address, without a body; ws and wss are the schemes of WebSockets.
  traefik: {
    transports: ["loopback"],
    listed: (config) => lower(forwardAuth(config).authRequestHeaders),
    told: (config) => lower(forwardAuth(config).authResponseHeaders),
    asked: (config, client) => {
      const { pathname, search } = new URL(forwardAuth(config).address);
      return {
        method: "GET",
        target: pathname + search,
        lines: [
          ...named(client.lines, lower(forwardAuth(config).authRequestHeaders)),
          `X-Forwarded-For: ${clientAddress(client)}`,
          `X-Forwarded-Host: ${SITE}`,
          `X-Forwarded-Method: ${client.method ?? "GET"}`,
          `X-Forwarded-Proto: ${isUpgrade(client) ? "wss" : "https"}`,
          `X-Forwarded-Uri: ${client.target ?? "/x"}`,
          "X-Forwarded-Port: 443",
          "X-Forwarded-Server: traefik",
        ],
      };
    },
  },
  // The client's method and path, below the prefix. Host, method, path, length and Authorization are always there.
  envoy: {
    transports: ["loopback", "unix socket"],
    listed: (config) => lower(exact(extAuthz(config).allowed_headers)),
    told: (config) =>
      lower(exact(extAuthz(config).http_service.authorization_response.allowed_upstream_headers)),
    asked: (config, client) => {
      const { http_service: service, allowed_headers: allowed } = extAuthz(config);
      const hop = [`X-Forwarded-For: ${clientAddress(client)}`, "X-Forwarded-Proto: https"];
      const added = service.authorization_request?.headers_to_add ?? [];
      return {
        method: client.method ?? "GET",
        target: service.path_prefix + (client.target ?? "/x"),
        lines: [
          ...named([...client.lines, ...hop], lower([...exact(allowed), "Authorization"])),
          ...added.map(({ key, value }: { key: string; value: string }) => `${key}: ${value}`),
          "Content-Length: 0",
        ],
      };
    },
  },
};

let check: CheckApp;
let folder: string;
let keys: Record<"good" | "bad" | "no", readonly string[]>;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "chatelaine-documented-"));
  check = await openCheck({ check: `unix:${join(folder, "check.sock")}` });
  const { id, text } = await check.key("documented", { allowedIps: ["192.0.2.0/24", "::1/128"] });
  keys = {
    good: [`Authorization: Bearer ${text}`],
    bad: [`X-API-Key: ${id}-${"x".repeat(64)}`],
    no: [],
  };
});
afterAll(async () => {
  await check?.[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

async function configOf(proxy: string, ...more: string[]): Promise<Config> {
  const place = ["--for", `https://${SITE}`, "--to", "http://127.0.0.1:3000", "--chatelaine", check.url];
  const { code, stdout, stderr } = await run(["proxy", proxy, ...place, "--preflight", ...more]);
  expect([code, stderr.includes("error")]).toEqual([0, false]);
  return Bun.YAML.parse(stdout);
}

for (const [proxy, { transports, asked, told, listed }] of Object.entries(PROXIES))
  for (const transport of transports)
    describe(`${proxy} asks over ${transport}:`, () => {
      let config: Config;
      let narrow: Config;
      beforeAll(async () => {
        config = await configOf(proxy);
        narrow = await configOf(proxy, "--scope", SCOPE);
      });
      const send = (one: Sent): Promise<Answered> => {
        const socket = transport === "unix socket" ? { socket: join(folder, "check.sock") } : {};
        return ask({ ...one, ...socket, port: Number(new URL(check.url).port) });
      };

      // Of a preflight nobody is asked: that is the route's, below.
      for (const { name, requests } of ROWS.filter(({ isOpen }) => !isOpen))
        for (const key of ["good", "bad", "no"] as const)
          test(`${name}, ${key} key`, async () => {
            for (const request of requests) {
              const lines = [...(request.lines ?? []), ...keys[key], "X-Own: any", "Remote-User: root"];
              for (const [kind, one] of [
                ["any", config],
                ["scope", narrow],
              ] as const) {
                const { status, headers } = await send(asked(one, { ...request, lines }));
                const said = [request.target, kind, status];
                expect(said).toEqual([request.target, kind, key === "good" ? 200 : 401]);
                if (key !== "good") continue;
                const arrives = told(one).map((header) => [header, headers.get(header)]);
                expect(Object.fromEntries(arrives)).toMatchObject({
                  "remote-user": "ada",
                  authorization: "",
                });
              }
            }
          });

      test("a good key without the scope, or from elsewhere, is refused, whatever the client's query says", async () => {
        const wanting = await configOf(proxy, "--scope", "admin:all");
        const lines = keys.good;
        for (const target of ["/x", "/x?scope=dns:read", "/x?scope=", "/auth?deny=403"]) {
          expect((await send(asked(wanting, { target, lines }))).status).toBe(403);
          expect((await send(asked(config, { target, lines, host: "198.51.100.1" }))).status).toBe(403);
        }
      });

      test("the configuration names exactly the headers that are needed", () => {
        const hop = proxy === "envoy" ? ["x-forwarded-for", "x-forwarded-proto"] : [];
        expect(listed(config)).toEqual([...NEEDED, ...hop].sort());
        expect(told(config)).toEqual(TOLD);
      });
    });

test("preflights go by the check, and nothing else does", async () => {
  const traefik = await configOf("traefik");
  const { preflight, site } = traefik.http.routers;
  expect(site.middlewares).toContain("chatelaine-check");
  expect(preflight.middlewares).toEqual(["chatelaine-strip", "chatelaine-preflight"]);
  for (const part of ["Method(`OPTIONS`)", "`Origin`, `.`", "`Access-Control-Request-Method`, `.`"])
    expect(preflight.rule).toContain(part);
  const envoy = await configOf("envoy");
  const { routes } =
    envoy.static_resources.listeners[0].filter_chains[0].filters[0].typed_config.route_config
      .virtual_hosts[0];
  const isOpen = routes.map((one: Config) => one.typed_per_filter_config !== undefined);
  expect(isOpen).toEqual([true, false]);
  expect(routes[0].match.headers.map(({ name }: { name: string }) => name)).toEqual([
    ":method",
    "origin",
    "access-control-request-method",
  ]);
});
