import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { IDENTITY, ODD_CHARACTERS } from "@chatelaine/proxy-recipes/guard";
import { type CheckApp, openCheck } from "../../server/test/check-app.ts";
import { SYSTEM } from "../../server/test/installation.ts";
import { run } from "./chatelaine.ts";
import { makeCertificate, makeNamespace } from "./namespace.ts";
import {
  freePort,
  PROXIES,
  type RunningProxy,
  runProxy,
  type Service,
  sendRaw,
  startProxy,
  startRelay,
  startService,
} from "./real-proxy.ts";

/** HAProxy takes a hundred and one. */
const HEADERS_AT_ONCE = 60;

const bearer = (text: string) => ({ Authorization: `Bearer ${text}` });

/** What the service says back to a word; undefined where the socket does not open. */
function echoOf(url: string, headers: Record<string, string>): Promise<unknown> {
  const socket = new WebSocket(url.replace("http", "ws"), { headers } as never);
  return new Promise((resolve) => {
    socket.onmessage = ({ data }) => {
      resolve(data);
      socket.close();
    };
    socket.onerror = () => resolve(undefined);
    socket.onopen = () => socket.send("hello");
  });
}

for (const proxy of PROXIES) {
  describe(`behind ${proxy}`, () => {
    let check: CheckApp;
    let service: Service;
    let guard: RunningProxy;
    beforeAll(async () => {
      check = await openCheck();
      service = startService();
      guard = await startProxy({
        proxy,
        site: `http://127.0.0.1:${await freePort()}`,
        service: `http://127.0.0.1:${service.port}`,
        chatelaine: check.url,
        more: ["--scope", "dns:read"],
      });
    });
    afterAll(async () => {
      await guard?.[Symbol.asyncDispose]();
      await service?.[Symbol.asyncDispose]();
      await check?.[Symbol.asyncDispose]();
    });
    const ask = (headers: Record<string, string>, path = "/", init: RequestInit = {}) =>
      fetch(guard.url + path, { ...init, headers, redirect: "manual" });

    test("a good key reaches the service, with its identity, and without itself", async () => {
      const { id, text } = await check.key(`${proxy}-good`);
      for (const headers of [
        bearer(text),
        { "X-API-Key": text },
        { Authorization: `Basic ${btoa(`x:${text}`)}` },
      ] as Record<string, string>[]) {
        const answer = await ask(headers, "/some/path?a=b&scope=admin:all");
        expect(answer.status).toBe(200);
        const arrived = (await answer.json()) as { headers: Record<string, string>; path: string };
        expect(arrived.path).toEndWith("/some/path?a=b&scope=admin:all");
        expect(arrived.headers).toMatchObject({
          "remote-user": "ada",
          "remote-name": "Ada L%C3%B6velace",
          "remote-groups": "ops",
          "remote-key-id": String(id),
          "remote-key-scopes": "dns:*,web:read",
        });
        expect(JSON.stringify(arrived.headers)).not.toContain(text.slice(text.indexOf("-") + 1));
        expect(arrived.headers.authorization ?? "").toBe("");
        expect(arrived.headers["x-api-key"] ?? "").toBe("");
      }
    });

    test("an identity of many rights and a long foreign name arrives whole", async () => {
      const { users } = check.app;
      const scopes = Array.from({ length: 60 }, (_, at) => `${"r".repeat(55)}${at}:${"a".repeat(60)}`);
      const name = "\u{1f511} 100 % \u9375 ".repeat(6).trim();
      const username = `many-${proxy}`;
      await users.create(SYSTEM, {
        username,
        fullName: name,
        roles: ["KEY_HOLDER"],
        scopes: ["dns:read", ...scopes],
      });
      const { secret } = await check.app.keys.create(SYSTEM, { name: username, username });
      const answer = await ask(bearer(secret.text));
      expect(answer.status).toBe(200);
      const { headers } = (await answer.json()) as { headers: Record<string, string> };
      expect(headers["remote-key-scopes"]?.split(",").sort()).toEqual(["dns:read", ...scopes].sort());
      expect(headers["remote-name"]).toMatch(/^[\x21-\x7e ]+$/);
      expect(decodeURIComponent(headers["remote-name"] ?? "")).toBe(name);
    });

    test("a foreign Authorization beside the key goes on to the service", async () => {
      const { text } = await check.key(`${proxy}-foreign`);
      const answer = await ask({ "X-API-Key": text, Authorization: "Bearer a.b.c" });
      const arrived = (await answer.json()) as { headers: Record<string, string> };
      expect(arrived.headers.authorization).toBe("Bearer a.b.c");
    });

    test("bad, expired, revoked, wrong-scope, wrong-address and over-limit keys do not reach it", async () => {
      const { keys } = check.app;
      const narrow = await check.key(`${proxy}-narrow`, { scopes: ["web:read"] });
      const away = await check.key(`${proxy}-away`, { allowedIps: ["192.0.2.0/24"] });
      const near = await check.key(`${proxy}-near`, { allowedIps: ["127.0.0.0/8"] });
      const spent = await check.key(`${proxy}-spent`, { rateLimit: { limit: 1, windowSeconds: 3_600 } });
      const revoked = await check.key(`${proxy}-revoked`);
      const short = await check.key(`${proxy}-short`, {
        expiresAt: Math.ceil(Date.now() / 1000) * 1000 + 2_000,
      });
      const status = async (headers: Record<string, string>) => (await ask(headers)).status;
      expect(await status(bearer(near.text))).toBe(200);
      expect(await status(bearer(spent.text))).toBe(200);
      expect(await status(bearer(revoked.text))).toBe(200);
      expect(await status(bearer(short.text))).toBe(200);
      await keys.revoke(SYSTEM, revoked.id, "test");
      const before = service.arrived.length;
      expect(await status({})).toBe(401);
      expect(await status(bearer("nonsense"))).toBe(401);
      expect(await status(bearer(`7-${"a".repeat(64)}`))).toBe(401);
      expect(await status({ Cookie: `chatelaine=${near.text}` })).toBe(401);
      expect(await status(bearer(revoked.text))).toBe(401);
      expect(await status(bearer(narrow.text))).toBe(403);
      expect(await status(bearer(away.text))).toBe(403);
      expect(
        await status({ ...bearer(away.text), "X-Forwarded-For": "192.0.2.7", "X-Real-IP": "192.0.2.7" }),
      ).toBe(403);
      const over = await ask(bearer(spent.text));
      expect(over.status).toBe(proxy === "nginx" ? 403 : 429);
      expect(Number(over.headers.get("retry-after"))).toBeGreaterThan(0);
      expect(over.headers.get("decision-id")).toMatch(/^[0-9a-f-]{36}$/);
      while (Date.now() < Math.ceil((await keys.get(SYSTEM, short.id)).expiresAt!)) await Bun.sleep(50);
      expect(await status(bearer(short.text))).toBe(401);
      expect(service.arrived.length).toBe(before);
    });

    test("identity that the client claims, by whichever spelling and however often, never arrives", async () => {
      const { id, text } = await check.key(`${proxy}-spoof`);
      const { host } = new URL(guard.url);
      const claims = [...IDENTITY, "Remote-Assertion"].flatMap((name) =>
        [
          name,
          name.toLowerCase(),
          name.toUpperCase(),
          name.replace("-", "_"),
          ...ODD_CHARACTERS.map((odd) => name.replaceAll("-", odd)),
        ].map((one) => `${one}: root`),
      );
      // Of what else the service believes: where its client is, and keys.
      const others = ["X-API-Key", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto"].flatMap(
        (name) =>
          ODD_CHARACTERS.flatMap((odd) => [name.replaceAll("-", odd), name.replace("-", odd)]).map(
            (one) => `${one}: root`,
          ),
      );
      const before = service.arrived.length;
      const all = [...claims, ...others];
      let asked = 0;
      for (let from = 0; from < all.length; from += HEADERS_AT_ONCE, asked++) {
        const { status } = await sendRaw(guard.url, [
          "GET /spoof HTTP/1.1",
          `Host: ${host}`,
          "Connection: close",
          `Authorization: Bearer ${text}`,
          ...all.slice(from, from + HEADERS_AT_ONCE),
        ]);
        expect(status).toBe(200);
      }
      const arrived = service.arrived.slice(before);
      expect(arrived.length).toBe(asked);
      for (const { headers } of arrived) {
        expect(JSON.stringify(headers)).not.toMatch(/"root|root,|root"/);
        expect(Object.keys(headers).filter((name) => /[^a-z0-9-]/.test(name))).toEqual([]);
        expect(headers["remote-key-id"]).toBe(String(id));
      }
    });

    test("without a key no path, method or doubled header leads around the guard", async () => {
      const { host } = new URL(guard.url);
      const { text } = await check.key(`${proxy}-tricks`);
      const before = service.arrived.length;
      const targets = [
        "/.chatelaine-check",
        "/auth",
        "/auth?scope=x",
        "//",
        "//auth",
        "/%2e%2e/",
        "/x/../",
        "/x/%2e%2e/%2e%2e/",
        "/..;/x",
        "/;x",
        "/%00",
        "/a%0d%0aRemote-User:%20root",
        "/?x=/auth",
        `http://${host}/`,
        "http://other.example/auth",
      ];
      for (const target of targets) {
        for (const method of ["GET", "POST", "OPTIONS", "TRACE", "HEAD", "PROPFIND"]) {
          const lines = [
            `${method} ${target} HTTP/1.1`,
            `Host: ${host}`,
            "Connection: close",
            "Content-Length: 0",
          ];
          await sendRaw(guard.url, lines);
        }
      }
      expect(service.arrived.length).toBe(before);
      const doubled = [
        [`Authorization: Bearer ${text}`, "Authorization: Bearer x"],
        ["Authorization: Bearer x", `Authorization: Bearer ${text}`],
        [`X-API-Key: ${text}`, "X-API-Key: x"],
        [`X_API_Key: ${text}`],
        [`X-Forwarded-Uri: /public`, `X-Original-URL: /public`, "X-Forwarded-Method: OPTIONS"],
        ["X-Auth-Scope: ", "X-Auth-Header: Cookie", `Cookie: ${text}`],
      ];
      for (const headers of doubled) {
        const lines = ["GET / HTTP/1.1", `Host: ${host}`, "Connection: close", ...headers];
        expect((await sendRaw(guard.url, lines)).status).not.toBe(200);
      }
      expect(service.arrived.length).toBe(before);
    });

    test("a WebSocket opens with a key and speaks, and without one does not", async () => {
      const { text } = await check.key(`${proxy}-socket`);
      expect(await echoOf(guard.url, bearer(text))).toBe("hello");
      expect(await echoOf(guard.url, {})).toBeUndefined();
      expect(await echoOf(guard.url, bearer("nonsense"))).toBeUndefined();
    });

    test("asks over connections that are kept alive, and without the body", async () => {
      const { text } = await check.key(`${proxy}-alive`);
      await using relay = await startRelay(check.url);
      await using other = await startProxy({
        proxy,
        site: `http://127.0.0.1:${await freePort()}`,
        service: `http://127.0.0.1:${service.port}`,
        chatelaine: relay.url,
      });
      const body = "the body of a request ".repeat(1_000);
      for (let time = 0; time < 20; time++) {
        const answer = await fetch(other.url, { method: "POST", body, headers: bearer(text) });
        expect([answer.status, ((await answer.json()) as { bytes: number }).bytes]).toEqual([
          200,
          body.length,
        ]);
      }
      expect(relay.sent().match(/^[A-Z]+ \/auth/gm)).toHaveLength(20);
      expect(relay.sent()).not.toContain("the body of a request");
      expect(relay.connections()).toBeLessThan(5);
    });

    test("when Chatelaine is gone nothing passes, and the key is not called wrong", async () => {
      const { text } = await check.key(`${proxy}-gone`);
      await check.server.close();
      const before = service.arrived.length;
      const { status } = await ask(bearer(text));
      expect([500, 502, 503]).toContain(status);
      expect(service.arrived.length).toBe(before);
    });
  });
}

for (const proxy of PROXIES) {
  test(`behind ${proxy}, a guard without scopes: the client's query is the service's alone`, async () => {
    await using check = await openCheck();
    await using service = startService();
    await using guard = await startProxy({
      proxy,
      site: `http://127.0.0.1:${await freePort()}`,
      service: `http://127.0.0.1:${service.port}`,
      chatelaine: check.url,
    });
    const { text } = await check.key(`${proxy}-query`);
    const QUERIES = [
      "y=1",
      "scope=admin:all",
      "header=Foo",
      "deny=404",
      "assert=x",
      `long=${"q".repeat(2_000)}`,
    ];
    for (const query of QUERIES) {
      const path = `/x?${query}`;
      const answer = await fetch(guard.url + path, { headers: bearer(text) });
      expect([query, answer.status]).toEqual([query, 200]);
      const arrived = (await answer.json()) as { path: string; headers: Record<string, string> };
      expect(arrived.path).toEndWith(path);
      expect(arrived.headers.authorization ?? "").toBe("");
      const before = service.arrived.length;
      const without = await fetch(guard.url + path, { headers: { Foo: text }, redirect: "manual" });
      expect([query, without.status]).toEqual([query, 401]);
      expect(service.arrived.length).toBe(before);
    }
  });
}

describe("the snippet in Debian's default site", () => {
  test("guards it with a WebSocket and an upload of 100 MB, and with connections kept alive", async () => {
    await using check = await openCheck();
    await using service = startService();
    const folder = mkdtempSync(join(tmpdir(), "chatelaine-site-"));
    const port = await freePort();
    const place = ["--for", `http://127.0.0.1:${port}`, "--to", `http://127.0.0.1:${service.port}`];
    const args = ["proxy", "nginx", "--snippet", ...place, "--chatelaine", check.url];
    expect((await run([...args, "--write", folder])).code).toBe(0);
    const site = readFileSync("/etc/nginx/sites-available/default", "utf8")
      .replaceAll(/listen (\[::\]:)?80 default_server;/g, (_, v6) =>
        v6 ? "" : `listen 127.0.0.1:${port} default_server;`,
      )
      .replace("server_name _;", `server_name _;\n\tinclude ${folder}/chatelaine-guard.conf;`);
    expect(site).toContain("chatelaine-guard.conf");
    writeFileSync(join(folder, "site.conf"), site);
    writeFileSync(
      join(folder, "nginx.conf"),
      `events {}\nhttp {\n  access_log off;\n  include ${folder}/chatelaine-upstreams.conf;\n  include ${folder}/site.conf;\n}\n`,
    );
    await using guard = await runProxy("nginx", folder, { url: `http://127.0.0.1:${port}` });
    const { text } = await check.key("ci");
    const headers = { Authorization: `Bearer ${text}` };
    expect((await fetch(guard.url)).status).toBe(401);
    const body = new Uint8Array(100 * 1024 * 1024);
    const upload = await fetch(`${guard.url}/upload`, { method: "POST", headers, body });
    expect(upload.status).toBe(200);
    expect(await upload.json()).toMatchObject({ bytes: body.length });
    expect(await echoOf(guard.url, headers)).toBe("hello");
    const alone = await run(args);
    expect(alone.stdout).not.toContain("upstream ");
    writeFileSync(join(folder, "chatelaine-guard.conf"), alone.stdout);
    const tested = Bun.spawnSync([
      "nginx",
      "-t",
      "-p",
      folder,
      "-c",
      `${folder}/nginx.conf`,
      "-g",
      `pid ${folder}/t.pid;`,
    ]);
    expect(tested.exitCode).toBe(0);
  });
});

/** Namespaces and links are for root alone. */
const isRoot = process.getuid?.() === 0;
for (const proxy of PROXIES) {
  test.skipIf(!isRoot)(
    `${proxy} in a network namespace of its own, as a container is, asks over the network that --check-from names`,
    async () => {
      await using net = makeNamespace();
      await using check = await openCheck({ http: `${net.host}:0`, checkFrom: [net.guest] });
      await using service = startService(net.host);
      const cert = makeCertificate();
      await using guard = await startProxy({
        proxy,
        site: `https://${net.guest}:8443`,
        service: `http://${net.host}:${service.port}`,
        chatelaine: check.url,
        more: ["--scope", "dns:read", "--cert", cert.both, "--cert-key", cert.key],
        within: ["ip", "netns", "exec", net.name],
      });
      const ask = async (text: string) =>
        (
          await fetch(guard.url, {
            headers: { Authorization: `Bearer ${text}` },
            tls: { rejectUnauthorized: false },
          })
        ).status;
      const good = await check.key("good", { allowedIps: [net.host] });
      const expiresAt = Math.ceil(Date.now() / 1000) * 1000 + 2_000;
      const short = await check.key("short", { expiresAt });
      const spent = await check.key("spent", { rateLimit: { limit: 1, windowSeconds: 3_600 } });
      for (const { text } of [good, short, spent]) expect(await ask(text)).toBe(200);
      const before = service.arrived.length;
      expect(await ask((await check.key("far", { allowedIps: [net.guest] })).text)).toBe(403);
      expect(await ask((await check.key("narrow", { scopes: [] })).text)).toBe(403);
      expect(await ask("bad")).toBe(401);
      expect(await ask(`${good.id}-${"a".repeat(64)}`)).toBe(401);
      expect(await ask(spent.text)).toBe(proxy === "nginx" ? 403 : 429);
      await check.app.keys.revoke(SYSTEM, good.id, "test");
      expect(await ask(good.text)).toBe(401);
      while (Date.now() < expiresAt) await Bun.sleep(50);
      expect(await ask(short.text)).toBe(401);
      expect(service.arrived.length).toBe(before);
      cert.remove();
    },
  );
}
