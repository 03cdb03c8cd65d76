/** What `chatelaine proxy` can be told beside site and service, with the packaged proxies where there is one. */
import { expect, test } from "bun:test";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { verifyAssertion } from "@chatelaine/client/assertion";
import { IDENTITY } from "@chatelaine/proxy-recipes/guard";
import { openCheck } from "../../server/test/check-app.ts";
import { run } from "./chatelaine.ts";
import { makeCertificate } from "./namespace.ts";
import { freePort, PROXIES, sendRaw, startProxy, startService } from "./real-proxy.ts";

for (const proxy of PROXIES) {
  test(`${proxy} asks over TLS, and believes nobody whom the authority of --chatelaine-ca and --to-ca does not vouch for`, async () => {
    await using check = await openCheck({ https: "127.0.0.1:0" });
    const { text } = await check.key("ci");
    const folder = mkdtempSync(join(tmpdir(), "chatelaine-ca-"));
    const own = join(folder, "ca.pem");
    writeFileSync(own, check.server.caPem!);
    const stranger = makeCertificate();
    const { key: keyFile, both } = stranger;
    const chatelaine = check.server.urls[1]!.replace("127.0.0.1", "localhost");
    const pem = readFileSync(both, "utf8");
    let arrived = 0;
    using service = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      tls: { cert: pem.slice(0, pem.indexOf("-----BEGIN PRIVATE")), key: readFileSync(keyFile, "utf8") },
      fetch: () => {
        arrived++;
        return new Response("hello");
      },
    });
    const ask = async (chatelaineCa: string, to: string, more: readonly string[] = []) => {
      const site = `http://127.0.0.1:${await freePort()}`;
      const args = ["--chatelaine-ca", chatelaineCa, ...more];
      await using _guard = await startProxy({ proxy, site, service: to, chatelaine, more: args });
      return (await fetch(site, { headers: { Authorization: `Bearer ${text}` } })).status;
    };
    await using plain = startService();
    const plainUrl = `http://127.0.0.1:${plain.port}`;
    expect(await ask(own, plainUrl)).toBe(200);
    expect(plain.arrived.length).toBe(1);
    expect(await ask(both, plainUrl)).toBeGreaterThanOrEqual(500);
    expect(plain.arrived.length).toBe(1);
    const secureUrl = `https://localhost:${service.port}`;
    expect(await ask(own, secureUrl, ["--to-ca", own])).toBeGreaterThanOrEqual(500);
    expect(arrived).toBe(0);
    expect(await ask(own, secureUrl, ["--to-ca", both])).toBe(200);
    expect(arrived).toBe(1);
    stranger.remove();
  });

  test(`${proxy} takes the key from the one header that is named, and passes a signed identity on`, async () => {
    await using check = await openCheck();
    await using service = startService();
    const { id, text } = await check.key("ci");
    await using guard = await startProxy({
      proxy,
      site: `http://127.0.0.1:${await freePort()}/app`,
      service: `http://127.0.0.1:${service.port}`,
      chatelaine: check.url,
      more: ["--header", "X-Subscription-Key", "--assert", "app.example", "--scope", "dns:read"],
    });
    const ask = (headers: Record<string, string>, path = "/x") => fetch(guard.url + path, { headers });
    const forged = { "Remote-Assertion": "a.b.c", remote_assertion: "a.b.c" };
    const good = await ask({ ...forged, "X-Subscription-Key": text, Authorization: "Basic Zm9yZWlnbg==" });
    expect(good.status).toBe(200);
    const { headers } = (await good.json()) as { headers: Record<string, string> };
    expect(headers).toMatchObject({ "remote-key-id": String(id), authorization: "Basic Zm9yZWlnbg==" });
    expect(JSON.stringify(headers)).not.toContain(text);
    expect(JSON.stringify(headers)).not.toContain("a.b.c");
    const wanted = {
      issuer: "chatelaine",
      audience: "app.example",
      jwks: `${check.url}/.well-known/jwks.json`,
    };
    expect(await verifyAssertion(headers["remote-assertion"], wanted)).toMatchObject({ ok: true });
    const before = service.arrived.length;
    const others: Record<string, string>[] = [
      { Authorization: `Bearer ${text}` },
      { "X-API-Key": text },
      { Cookie: `a=${text}` },
    ];
    for (const one of others) expect((await ask(one)).status).toBe(401);
    // A prefix ends at a segment, with a good key too.
    for (const path of ["/apple", "/app.html", "/app;x", "/app-x", "/application/x", "/other", "/"])
      await fetch(new URL(guard.url).origin + path, { headers: { "X-Subscription-Key": text } });
    expect(service.arrived.length).toBe(before);
    for (const path of ["", "/", "?x", "/x"])
      expect((await ask({ "X-Subscription-Key": text }, path)).status).toBe(200);
    service.arrived.length = before;
    const { host, origin } = new URL(guard.url);
    const paths = ["/app", "/app/", "/apple", "/APP/x", "//app/x", "/%61pp/x", "/x/../app/x", "/other", "/"];
    for (const path of [...paths, "/app/../other", "/app/%2e%2e/other", "/app/..%2fother", "/app;/x"])
      await sendRaw(origin, [`GET ${path} HTTP/1.1`, `Host: ${host}`, "Connection: close"]);
    expect(service.arrived.length).toBe(before);
  });
}

for (const proxy of PROXIES)
  test(`${proxy} takes the path of the site away before a service that does not know it, preflights too, and offers what it is told to`, async () => {
    await using check = await openCheck();
    await using service = startService();
    const { text } = await check.key("ci");
    await using guard = await startProxy({
      proxy,
      site: `http://localhost:${await freePort()}/my.app`,
      service: `http://127.0.0.1:${service.port}`,
      chatelaine: check.url,
      more: ["--strip-path", "--preflight", "--challenge", "basic"],
    });
    const headers = { Authorization: `Bearer ${text}`, "X-Forwarded-Prefix": "/forged" };
    const preflight = { Origin: "https://other.example", "Access-Control-Request-Method": "PUT" };
    const place = new URL(guard.url).origin;
    for (const [path, arrives] of [
      ["/my.app", "/"],
      ["/my.app/", "/"],
      ["/my.app/x/y?z=%2F&a=/my.app", "/x/y?z=%2F&a=/my.app"],
      ["/my.app/my.app/x", "/my.app/x"],
    ] as const)
      for (const init of [{ headers }, { method: "OPTIONS", headers: { ...headers, ...preflight } }]) {
        const answer = await fetch(place + path, init);
        expect([path, answer.status]).toEqual([path, 200]);
        const arrived = (await answer.json()) as { path: string; headers: Record<string, string> };
        const { pathname, search } = new URL(arrived.path);
        expect([path, pathname + search]).toEqual([path, arrives]);
        expect(arrived.headers["x-forwarded-prefix"]).toBe("/my.app");
        expect(arrived.headers.authorization ?? "").toBe("");
      }
    const before = service.arrived.length;
    // The dot of a path is a dot.
    for (const path of ["/myxapp/x", "/my.appx", "/x"]) await fetch(place + path, { headers });
    const browser = await fetch(`${guard.url}/x`, { headers: { "User-Agent": "Mozilla/5.0" } });
    expect([browser.status, browser.headers.get("www-authenticate")?.includes("Basic ")]).toEqual([
      401,
      true,
    ]);
    expect(service.arrived.length).toBe(before);
  });

for (const proxy of PROXIES)
  test(`${proxy} lets Chatelaine know a browser, which is never offered Basic, and programs are`, async () => {
    await using check = await openCheck();
    await using guard = await startProxy({
      proxy,
      site: `http://localhost:${await freePort()}`,
      service: `http://127.0.0.1:${await freePort()}`,
      chatelaine: check.url,
    });
    for (const [headers, isOffered] of [
      [{}, true],
      [{ Cookie: "theme=dark" }, true],
      [{ Cookie: "theme=dark; chatelaine=secret" }, false],
      [{ Cookie: "__Host-chatelaine_7=secret" }, false],
      [{ "User-Agent": "Mozilla/5.0 (X11)" }, false],
      [{ "Sec-Fetch-Mode": "cors" }, false],
      [{ Origin: "https://other.example" }, false],
      [{ "X-Requested-With": "XMLHttpRequest" }, false],
    ] as const) {
      const { status, headers: told } = await fetch(guard.url, {
        headers: { "User-Agent": "tool", ...headers },
      });
      const offered = told.get("www-authenticate") ?? "";
      expect([headers, status, offered.includes("Basic "), offered.includes("Bearer ")]).toEqual([
        headers,
        401,
        isOffered,
        true,
      ]);
    }
  });

test("a unix socket is asked by the recipes that can, which say how Chatelaine is started for it", async () => {
  const place = ["--for", "http://a.example", "--to", "http://127.0.0.1:1", "--chatelaine", "unix:/run/c/s"];
  for (const [proxy, group] of [
    ["nginx", "www-data"],
    ["caddy", "caddy"],
    ["haproxy", "haproxy"],
    ["envoy", "envoy"],
  ] as const)
    expect((await run(["proxy", proxy, ...place])).stdout).toContain(
      `chatelaine serve --check unix:/run/c/s --socket-group ${group}\n`,
    );
  const { code, stderr } = await run(["proxy", "traefik", ...place]);
  expect([code, stderr.includes("asks over TCP alone")]).toEqual([2, true]);
});

test("recipes of a Chatelaine elsewhere let no proxy believe any certificate", async () => {
  const place = [
    "--for",
    "https://a.example",
    "--to",
    "https://b.example",
    "--chatelaine",
    "https://c.example",
  ];
  const textOf = async (proxy: string, ...more: string[]) =>
    (await run(["proxy", proxy, ...place, ...more])).stdout;
  const count = (text: string, part: string) => text.split(part).length - 1;
  for (const proxy of ["nginx", "haproxy"]) {
    const { code, stderr } = await run(["proxy", proxy, ...place, "--chatelaine", "https://192.0.2.1"]);
    expect([code, stderr.includes("names alone")]).toEqual([2, true]);
  }
  for (const snippet of [[], ["--snippet"]]) {
    const nginx = await textOf("nginx", ...snippet);
    expect([count(nginx, "proxy_ssl_verify on;"), count(nginx, "ca-certificates.crt;")]).toEqual([2, 2]);
  }
  const envoy = await textOf("envoy", "--chatelaine-ca", "/a/ca.pem");
  expect(count(envoy, "trusted_ca: { filename: /a/ca.pem }")).toBe(1);
  expect(count(envoy, 'matcher: { exact: "b.example" }')).toBe(1);
  expect(Bun.YAML.parse(envoy)).toBeObject();
  const traefik = await textOf("traefik", "--chatelaine-ca", "/a/ca.pem", "--to-ca", "/b/ca.pem");
  const { http } = Bun.YAML.parse(traefik) as {
    http: Record<string, Record<string, Record<string, object>>>;
  };
  expect(http.middlewares?.["chatelaine-check"]?.forwardAuth).toMatchObject({ tls: { ca: "/a/ca.pem" } });
  expect(http.serversTransports?.service).toEqual({ rootCAs: ["/b/ca.pem"] });
});

test("recipes take nothing that means something else in a configuration", async () => {
  const attempts = [
    ["--for", "http://a.example/$x"],
    ["--for", "ftp://a.example"],
    ["--for", "http://a.example", "--scope", "a:b;c"],
    ["--for", "http://a.example", "--header", "a b"],
    ["--for", "http://a.example", "--header", "cookie"],
    ["--for", "http://a.example", "--cert", "/etc/x; evil"],
  ];
  for (const args of attempts) {
    const { code, stdout } = await run(["proxy", "nginx", "--to", "http://127.0.0.1:1", ...args]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  }
  expect(
    (await run(["proxy", "apache", "--for", "http://a.example", "--to", "http://127.0.0.1:1"])).code,
  ).toBe(2);
});

test("recipes of Traefik and Envoy are YAML that asks, strips and passes on what the others do", async () => {
  for (const proxy of ["traefik", "envoy"]) {
    const { code, stdout } = await run([
      "proxy",
      proxy,
      "--for",
      "https://a.example",
      "--to",
      "http://127.0.0.1:1",
      "--scope",
      "dns:read",
    ]);
    expect(code).toBe(0);
    expect(Bun.YAML.parse(stdout)).toBeObject();
    for (const name of IDENTITY) expect(stdout.toLowerCase()).toContain(name.toLowerCase());
    if (proxy === "traefik")
      for (const name of [
        "Remote-Key-Id",
        "Remote_Key_Id",
        "Remote-Key_Id",
        "Remote_Key-Id",
        "Remote_Assertion",
        "Remote.User",
        "Remote.Key.Id",
        "X_API_Key",
        "X.API-Key",
        "X_Forwarded_For",
      ])
        expect(stdout).toContain(`          ${name}: ""\n`);
    if (proxy === "envoy")
      for (const name of ["remote.user", "remote.key-id", "x.api.key", "x.forwarded.for", "x-auth-scope"])
        expect(stdout).toContain(`              - remove: ${name}\n`);
    expect(stdout).not.toMatch(/remove: x-api-key$|X-Forwarded-For: ""|remove: x-forwarded-for$/m);
    expect(stdout).toContain("dns:read");
  }
});
