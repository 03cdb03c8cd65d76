/** `doctor --chatelaine`: what people get wrong with a proxy before Chatelaine itself, on real proxies, each as a change of what the guide says. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { RawConfig } from "../../server/src/config.ts";
import { AWAY } from "../../server/test/away.ts";
import { openCheck } from "../../server/test/check-app.ts";
import { SYSTEM } from "../../server/test/installation.ts";
import { run } from "./chatelaine.ts";
import { makeCertificate } from "./namespace.ts";
import { freePort, type ProxyName, runProxy } from "./real-proxy.ts";

type Change = (config: string) => string;
const as =
  (from: string | RegExp, to: string): Change =>
  (text) =>
    text.replaceAll(from, to);

const silent = as(/proxy_set_header (X-Forwarded-\w+|Forwarded) .*;/g, "");

interface Told {
  readonly found: number;
  readonly findings: readonly { check: string; result: string; words: string; mend?: string }[];
}

interface SetUp {
  readonly proxy?: ProxyName;
  readonly change?: Change;
  /** In place of a server that names the proxy. */
  readonly config?: RawConfig;
  readonly clear?: true;
  /** The setting client_certificate is not set. */
  readonly unbound?: true;
}

/** A set-up, the check that finds it, and what it says mends it. */
const MISTAKES: readonly (readonly [name: string, setUp: SetUp, check: string, mend: RegExp])[] = [
  [
    "the proxy is not named",
    { config: {} },
    "safety of the connection",
    /--trusted-proxy 127\.0\.0\.1, and let the proxy say/,
  ],
  [
    "Caddy is not named",
    { proxy: "caddy", config: {} },
    "safety of the connection",
    /--trusted-proxy 127\.0\.0\.1, and let the proxy say/,
  ],
  [
    "the proxy does not say how its client came",
    { change: as("X-Forwarded-Proto $scheme", 'X-Forwarded-Proto ""') },
    "safety of the connection",
    /set X-Forwarded-Proto, one word/,
  ],
  [
    "Caddy takes it away",
    { proxy: "caddy", change: as("header_up -Forwarded", "header_up -X-Forwarded-Proto") },
    "safety of the connection",
    /set X-Forwarded-Proto, one word/,
  ],
  [
    "the proxy says two things in one header",
    { change: as("X-Forwarded-Proto $scheme", 'X-Forwarded-Proto "https, http"') },
    "safety of the connection",
    /set X-Forwarded-Proto, one word/,
  ],
  [
    "Forwarded says something else",
    { change: as('Forwarded ""', "Forwarded proto=http") },
    "safety of the connection",
    /no Forwarded beside it/,
  ],
  [
    "the proxy says http of a client that came by https",
    { change: as("X-Forwarded-Proto $scheme", "X-Forwarded-Proto http") },
    "safety of the connection",
    /say https; where another one before it ends TLS/,
  ],
  ["the proxy takes no TLS", { clear: true }, "safety of the connection", /https address.*--secure-from/],
  [
    "the client's word on its connection is passed on",
    {
      change: (text) =>
        text
          .replace(
            "server {",
            'map $http_x_forwarded_proto $said { default $http_x_forwarded_proto; "" $scheme; }\nserver {',
          )
          .replace("X-Forwarded-Proto $scheme", "X-Forwarded-Proto $said"),
    },
    "what a client says of its way",
    /set these headers itself/,
  ],
  [
    "the client's word on its address is passed on",
    { change: as("X-Forwarded-For $remote_addr", "X-Forwarded-For $http_x_forwarded_for") },
    "what a client says of its way",
    /set these headers itself/,
  ],
  [
    "the client's Forwarded is passed on",
    { change: as('proxy_set_header Forwarded "";', "") },
    "what a client says of its way",
    /take away what its client sent/,
  ],
  [
    "Caddy passes Forwarded on",
    { proxy: "caddy", change: as("header_up -Forwarded", "") },
    "what a client says of its way",
    /take away what its client sent/,
  ],
  [
    "Host is another",
    { change: as("Host $http_host", "Host chatelaine.internal") },
    "Host",
    /Host on.*public_url/,
  ],
  ["the port is dropped from Host", { change: as("Host $http_host", "Host $host") }, "Host", /with the port/],
  [
    "Caddy names its upstream in Host",
    {
      proxy: "caddy",
      change: as(
        "header_up -Forwarded",
        "header_up Host {upstream_hostport}\nheader_up -X-Forwarded-Host\nheader_up -Forwarded",
      ),
    },
    "Host",
    /Host on.*public_url/,
  ],
  [
    "Host is one that Chatelaine does not know",
    { config: {}, change: (text) => silent(text).replace("Host $http_host", "Host keys.internal") },
    "Chatelaine answers",
    /Host on.*--allow-host/,
  ],
  [
    "the upgrade of WebSockets is lost",
    { change: as(/proxy_set_header (Upgrade|Connection) .*;/g, "") },
    "WebSocket",
    /Upgrade and Connection/,
  ],
  [
    "Caddy takes the upgrade away",
    { proxy: "caddy", change: as("header_up -Forwarded", "header_up -Upgrade\nheader_up -Forwarded") },
    "WebSocket",
    /Upgrade and Connection/,
  ],
  [
    "WebSockets go on in clear",
    { change: sockets("X-Forwarded-Proto ws") },
    "WebSocket",
    /https or wss.*WebSockets/,
  ],
  [
    "WebSockets go on without a word",
    { change: sockets('X-Forwarded-Proto ""') },
    "WebSocket",
    /the same headers in the place of the proxy that passes WebSockets on/,
  ],
  [
    "client_certificate is not set",
    { unbound: true },
    "channel binding",
    /settings set client_certificate --file/,
  ],
  [
    "Caddy's certificate is not set",
    { proxy: "caddy", unbound: true },
    "channel binding",
    /settings set client_certificate --file/,
  ],
  [
    "a long query is refused",
    { change: as("location / {", "large_client_header_buffers 4 4k;\nlocation / {") },
    "long addresses",
    /large_client_header_buffers/,
  ],
  [
    "a query is cut",
    {
      change: as(
        /proxy_pass (.*);/g,
        'set $cut ""; if ($args ~ "^(.{1,2000})") { set $cut $$1; } proxy_pass $1$uri?$cut;',
      ),
    },
    "long addresses",
    /pass them on as they are/,
  ],
  [
    "queries are dropped",
    { change: as(/proxy_pass (.*);/g, "proxy_pass $1$uri;") },
    "long addresses",
    /whole address/,
  ],
  [
    "a proxy on another machine ends TLS and sends no headers",
    { config: { http: `${AWAY}:0` }, change: silent },
    "safety of the connection",
    /--trusted-proxy ADDRESS=tls/,
  ],
  [
    "a proxy that ends TLS sends no headers, and is not named with =tls",
    { config: {}, change: silent },
    "address of the client",
    /--trusted-proxy 127\.0\.0\.1=tls/,
  ],
];

/** A place of their own for WebSockets, which says this in place of what is right. */
function sockets(header: string): Change {
  return (text) => {
    const [place] = /location \/ \{[\s\S]*?\n\}/.exec(text)!;
    const own = place
      .replace("location /", "location = /api/current")
      .replace("X-Forwarded-Proto $scheme", header);
    return text.replace(place, `${own}\n${place}`);
  };
}

describe("doctor --chatelaine", () => {
  const cert = makeCertificate(AWAY);
  let guide: string;
  beforeAll(async () => {
    await using check = await openCheck();
    const page = await (await fetch(`${check.url}/api/docs/current/behind-a-reverse-proxy`)).text();
    guide = page.replaceAll("&quot;", '"').replaceAll("&amp;", "&");
  });
  afterAll(() => cert.remove());

  /** As the guide has it, with the places of this test. */
  const configOf = (proxy: ProxyName, url: string, to: string, clear: boolean): string => {
    const [, text = ""] =
      (proxy === "nginx"
        ? /<pre[^>]*>(?:<code>)?(location \/ \{[\s\S]*?)(?:<\/code>)?<\/pre>/
        : /<pre[^>]*>(?:<code>)?(keys\.example \{[\s\S]*?)(?:<\/code>)?<\/pre>/
      ).exec(guide) ?? [];
    const { host, port } = new URL(url);
    if (proxy === "caddy")
      return text
        .replace("keys.example {", `https://${host} {\ntls ${cert.both} ${cert.key}`)
        .replace("127.0.0.1:5390", new URL(to).host);
    const [place = "", beside = ""] = text.split("# Beside server, in http:");
    const listen = clear
      ? `listen ${AWAY}:${port};`
      : `listen ${AWAY}:${port} ssl; ssl_certificate ${cert.both}; ssl_certificate_key ${cert.key};`;
    return `events {}\nhttp {\naccess_log off;\n${beside}\nserver {\n${listen}\n${place.replaceAll("http://127.0.0.1:5390", to)}\n}\n}\n`;
  };

  const examined = async (setUp: SetUp): Promise<Told & { code: number }> => {
    const { proxy = "nginx", change = (text) => text, config = { trustedProxy: ["127.0.0.1"] } } = setUp;
    await using check = await openCheck(config);
    if (!setUp.unbound) {
      const [clientCertificate = ""] = /-----BEGIN CERT[\s\S]*?END CERTIFICATE-----\n/.exec(
        readFileSync(cert.both, "utf8"),
      )!;
      await check.app.settings.change(SYSTEM, { clientCertificate });
    }
    const url = `${setUp.clear ? "http" : "https"}://${AWAY}:${await freePort()}`;
    const right = configOf(proxy, url, check.url, setUp.clear ?? false);
    const wrong = change(right);
    if (setUp.change) expect(wrong).not.toBe(right);
    const folder = mkdtempSync(join(tmpdir(), "chatelaine-doctor-"));
    writeFileSync(join(folder, proxy === "nginx" ? "nginx.conf" : "Caddyfile"), wrong);
    await using _ = await runProxy(proxy, folder, { url });
    const args = ["doctor", "--data", check.folder.path, "--chatelaine", url, "--insecure", "--json"];
    const { code, stdout, stderr } = await run(args);
    if (stdout === "") throw new Error(stderr);
    expect((await check.app.keys.list(SYSTEM, {})).rows).toEqual([]);
    const { rows } = await check.app.users.list(SYSTEM, {});
    expect(rows.map(({ username }) => username)).toEqual(["ada"]);
    return { code, ...(JSON.parse(stdout) as Told) };
  };

  for (const proxy of ["nginx", "caddy"] as const)
    test(`finds nothing wrong with what the guide says of ${proxy}, and leaves nothing behind`, async () => {
      const { code, found, findings } = await examined({ proxy });
      expect(findings.filter(({ result }) => result !== "ok")).toEqual([]);
      expect([code, found, findings.length]).toEqual([0, 0, 8]);
    });

  test("finds nothing wrong with one that ends TLS, says nothing and is named so", async () => {
    const told = await examined({ config: { trustedProxy: ["127.0.0.1=tls"] }, change: silent });
    const others = told.findings.filter(({ result }) => result !== "ok");
    expect(others).toMatchObject([{ check: "address of the client", result: "hint" }]);
    expect(others[0]!.mend).toContain("named with =tls");
    expect(told.code).toBe(0);
  });

  test("wrong usage is told as such", async () => {
    for (const args of [
      ["--chatelaine", "https://keys.example/path"],
      ["--chatelaine", "keys.example"],
      ["--chatelaine", "https://keys.example", "--proxy", "https://app.example"],
      ["--chatelaine", "https://keys.example", "--key-stdin"],
    ])
      expect((await run(["doctor", ...args])).code).toBe(2);
  });

  for (const [name, setUp, expected, mend] of MISTAKES)
    test(`finds that ${name}`, async () => {
      const { code, findings } = await examined(setUp);
      const bad = findings.filter(({ result }) => result === "FOUND");
      expect(bad.map(({ check }) => check)).toContain(expected);
      expect(bad.find(({ check }) => check === expected)!.mend).toMatch(mend);
      expect(code).toBe(1);
    });
});
