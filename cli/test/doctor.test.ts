import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type CheckApp, openCheck } from "../../server/test/check-app.ts";
import { SYSTEM } from "../../server/test/installation.ts";
import { MAIN, run } from "./chatelaine.ts";
import { makeCertificate } from "./namespace.ts";
import { freePort, PROXIES, runProxy, startProxy, startService } from "./real-proxy.ts";

type Change = (config: string) => string;

const replace =
  (from: string | RegExp, to: string): Change =>
  (text) =>
    text.replace(from, to);
/** More in the block of the server, before its guarded location. */
const beside = (lines: string): Change => replace("location / {", `${lines}\n    location / {`);
/** More in the block of http. */
const above = (lines: string): Change =>
  replace("upstream chatelaine_check", `${lines}\n  upstream chatelaine_check`);
/** A cache that ignores what the answers say of being kept. */
const cache =
  (key: string, also: string): Change =>
  (text) =>
    [
      replace("events {}", "user root;\nevents {}"),
      above("proxy_cache_path cache keys_zone=kept:1m;"),
      replace(
        also,
        `proxy_cache kept; proxy_cache_key ${key}; proxy_cache_valid 200 60s; proxy_ignore_headers Cache-Control;`,
      ),
    ].reduce((before, change) => change(before), text);
/** A request of nginx's own has no query: the client's is kept for it. */
const asksAlso =
  (from: string, to: string): Change =>
  (text) =>
    replace(
      "auth_request /.chatelaine-check;",
      "set $query $args; auth_request /.chatelaine-check;",
    )(replace(from, to)(text));
const OPEN = "proxy_pass http://chatelaine_service;";

/** What people get wrong, each as a change of the right configuration, and the check that must find it. */
const MISTAKES: readonly (readonly [name: string, change: Change, check: string])[] = [
  ["the guard is forgotten", replace("auth_request /.chatelaine-check;", ""), "missing key"],
  [
    "satisfy any lets everybody in",
    replace("auth_request /.chatelaine-check;", "auth_request /.chatelaine-check; satisfy any; allow all;"),
    "missing key",
  ],
  ["the key is passed on", replace(/proxy_set_header Authorization .*;/, ""), "key taken out of the request"],
  ["X-API-Key is passed on", replace('proxy_set_header X-API-Key "";', ""), "key taken out of the request"],
  [
    "one identity header is forgotten",
    replace(/proxy_set_header Remote-Groups .*;/, ""),
    "identity headers of the client",
  ],
  [
    "an identity header is set only where there is something to say",
    replace(
      /proxy_set_header Remote-Email .*;/,
      "set $email $http_remote_email; if ($chatelaine_remote_email) { set $email $chatelaine_remote_email; } proxy_set_header Remote-Email $email;",
    ),
    "identity headers of the client",
  ],
  [
    "underscores are let through",
    replace("underscores_in_headers off;", "underscores_in_headers on;"),
    "identity headers of the client",
  ],
  [
    "no identity is passed on",
    (text) => text.replaceAll(/proxy_set_header Remote-(?!Assertion).*;/g, 'proxy_set_header Remote-X "";'),
    "identity headers of the client",
  ],
  [
    "a client's address is believed",
    (text) =>
      above('map $http_x_forwarded_for $claimed { "" $remote_addr; default $http_x_forwarded_for; }')(
        text
          .replace("X-Forwarded-For $remote_addr", "X-Forwarded-For $claimed")
          .replace("X-Forwarded-Proto $scheme", "X-Forwarded-Proto https"),
      ),
    "address of the client",
  ],
  ["a folder is left open", beside(`location /public { ${OPEN} }`), "paths"],
  ["files by their ending are left open", beside(`location ~* \\.(css|js|png)$ { ${OPEN} }`), "paths"],
  [
    "a key in the query is taken",
    (text) =>
      above(
        'map $request_uri $shown { "~[?&]key=(?<shown_key>[^&]+)" "Bearer $shown_key"; default $http_authorization; }',
      )(
        replace(
          "proxy_pass_request_body off;",
          "proxy_pass_request_body off; proxy_set_header Authorization $shown;",
        )(text),
      ),
    "key in the address or a cookie",
  ],
  [
    "a header of the client opens a way by",
    beside(
      `error_page 418 = @open; location @open { ${OPEN} } if ($http_x_original_url = /public) { return 418; }`,
    ),
    "forwarded headers",
  ],
  [
    "OPTIONS goes by",
    beside(
      `error_page 418 = @open; location @open { ${OPEN} } if ($request_method = OPTIONS) { return 418; }`,
    ),
    "methods",
  ],
  [
    "WebSockets go by",
    beside(`error_page 418 = @open; location @open { ${OPEN} } if ($http_upgrade) { return 418; }`),
    "methods",
  ],
  [
    "refusals are mended into answers",
    (text) =>
      replace(
        "error_page 500 = @chatelaine_away;",
        "error_page 500 = @chatelaine_away; error_page 401 = @open;",
      )(beside(`location @open { ${OPEN} }`)(text)),
    "missing key",
  ],
  // The reason for which the recipe passes all headers to the check: a variable of nginx before 1.23 has the first of two.
  [
    "the check is given the headers that carry keys by name, and so one of two",
    replace(
      "proxy_pass_request_body off;",
      "proxy_pass_request_body off; proxy_pass_request_headers off; proxy_set_header Authorization $http_authorization; proxy_set_header X-API-Key $http_x_api_key;",
    ),
    "doubled key",
  ],
  [
    "/auth can be asked from outside",
    beside("location /auth { proxy_pass http://chatelaine_check/auth; }"),
    "the check itself",
  ],
  ["the client's query goes on into /auth", asksAlso("deny=403;", "deny=403&$query;"), "query of the client"],
  [
    "the client's query is all that /auth is asked",
    asksAlso("/auth?scope=dns:read&deny=403;", "/auth?$query;"),
    "query of the client",
  ],
  ["the scope is not asked for", replace("scope=dns:read&", ""), "scope"],
  ["the scope is the client's to name", replace("scope=dns:read&", "scope=$arg_scope&"), "good key"],
  ["answers to one key are kept", cache("$http_authorization", "proxy_cache off;"), "no cached answer"],
  ["answers to one address are kept", cache("$request_uri", "proxy_cache off;"), "no cached answer"],
  [
    "what the service says is kept",
    cache("$request_uri", "client_max_body_size 0;\n      proxy_request_buffering off;"),
    "no cached answer",
  ],
  [
    "requests with a body end in an error",
    replace("proxy_request_buffering off;", "if ($http_content_length ~ .....) { return 500; }"),
    "bodies",
  ],
];

interface Told {
  readonly found: number;
  readonly findings: readonly { check: string; result: string; words: string; mend?: string }[];
}

describe("doctor", () => {
  let check: CheckApp;
  let service: number;
  const site = async () => `http://127.0.0.1:${await freePort()}`;
  beforeAll(async () => {
    check = await openCheck();
    service = await freePort();
  });
  afterAll(() => check[Symbol.asyncDispose]());
  const doctor = async (url: string, more: readonly string[] = []): Promise<Told & { code: number }> => {
    const args = ["--proxy", url, "--scope", "dns:read", "--echo", `127.0.0.1:${service}`, ...more];
    const { code, stdout, stderr } = await run(["doctor", "--data", check.folder.path, "--json", ...args]);
    if (stdout === "") throw new Error(stderr);
    return { code, ...(JSON.parse(stdout) as Told) };
  };
  const foundBy = ({ findings }: Told) =>
    findings.filter(({ result }) => result === "FOUND").map((finding) => finding.check);
  const expectNothingLeft = async () => {
    expect((await check.app.keys.list(SYSTEM, {})).rows).toEqual([]);
    const { rows } = await check.app.users.list(SYSTEM, {});
    expect(rows.map(({ username }) => username)).toEqual(["ada"]);
  };
  const guardArgs = (url: string) => [
    ...["--for", url, "--to", `http://127.0.0.1:${service}`],
    ...["--chatelaine", check.url, "--scope", "dns:read"],
  ];
  const recipe = async (url: string) => {
    const folder = mkdtempSync(join(tmpdir(), "chatelaine-doctor-"));
    await run(["proxy", "nginx", ...guardArgs(url), "--write", folder]);
    return folder;
  };

  for (const proxy of PROXIES) {
    test(`finds nothing wrong with the recipe for ${proxy}, and leaves nothing behind`, async () => {
      const url = await site();
      await using guard = await startProxy({
        proxy,
        site: url,
        service: `http://127.0.0.1:${service}`,
        chatelaine: check.url,
        more: ["--scope", "dns:read"],
      });
      for (const more of [[], ["--user", "ada"]]) {
        const told = await doctor(guard.url, more);
        const others = told.findings.filter(({ result }) => result !== "ok");
        expect(others).toMatchObject([{ check: "Chatelaine away", result: "hint" }]);
        expect([told.code, told.found]).toEqual([0, 0]);
      }
      await expectNothingLeft();
    });
  }

  for (const [name, change, expected] of MISTAKES) {
    test(`finds that ${name}`, async () => {
      const url = await site();
      const folder = await recipe(url);
      const path = join(folder, "nginx.conf");
      const right = readFileSync(path, "utf8");
      const wrong = change(right);
      expect(wrong).not.toBe(right);
      writeFileSync(path, wrong);
      await using guard = await runProxy("nginx", folder, { url });
      const told = await doctor(guard.url);
      expect(foundBy(told)).toContain(expected);
      for (const { result, mend } of told.findings) if (result === "FOUND") expect(mend).toBeString();
      expect(told.code).toBe(1);
      await expectNothingLeft();
    });
  }

  /** Caddy by its recipe, but for the line that says how the check is asked. */
  const caddyThatAsks = async (instead: string) => {
    const url = await site();
    const folder = mkdtempSync(join(tmpdir(), "chatelaine-doctor-"));
    const place = ["--for", url, "--to", `http://127.0.0.1:${service}`, "--chatelaine", check.url];
    await run(["proxy", "caddy", ...place, "--write", folder]);
    const path = join(folder, "Caddyfile");
    const right = readFileSync(path, "utf8");
    const wrong = right.replace("uri /auth?\n", instead);
    expect(wrong).not.toBe(right);
    writeFileSync(path, wrong);
    return runProxy("caddy", folder, { url });
  };

  test("finds that Caddy is told an address without a question mark, and so keeps its client's query", async () => {
    await using guard = await caddyThatAsks("uri /auth\n");
    expect(foundBy(await doctor(guard.url))).toContain("query of the client");
    await expectNothingLeft();
  });

  // The reason for which the recipe only leaves headers out that it names.
  test("finds that Caddy takes away every header of the check, after it has set those that it needs", async () => {
    const all = [..."abcdefghijklmnopqrstuvwxyz"].map((letter) => `header_up -*${letter}*`).join("\n");
    const named = `header_up Authorization {http.request.header.Authorization}\n${all}\nuri /auth?\n`;
    await using guard = await caddyThatAsks(named);
    expect(foundBy(await doctor(guard.url))).toEqual(["good key"]);
    await expectNothingLeft();
  });

  for (const [name, trustedProxy, proto, words, mend] of [
    ["is not told", [], "http", "not known", /X-Forwarded-Proto.*--trusted-proxy/],
    ["is told two ways", ["127.0.0.1"], '"https, http"', "not known", /https or wss alone.*--trusted-proxy/],
    ["is told in clear", ["127.0.0.1"], "http", "without TLS", /by https.*--secure-from/],
  ] as const)
    test(`names what mends a refusal where Chatelaine ${name} how its client came`, async () => {
      await using own = await openCheck({ trustedProxy });
      const url = await site();
      const folder = mkdtempSync(join(tmpdir(), "chatelaine-doctor-"));
      const place = ["--for", url, "--to", `http://127.0.0.1:${service}`, "--chatelaine", own.url];
      await run(["proxy", "nginx", ...place, "--write", folder]);
      const path = join(folder, "nginx.conf");
      const right = readFileSync(path, "utf8");
      // The first of them is the one of the check.
      const wrong = right
        .replace("X-Forwarded-For $remote_addr;", 'X-Forwarded-For "";')
        .replace("X-Forwarded-Proto $scheme;", `X-Forwarded-Proto ${proto};`);
      expect(wrong.indexOf("chatelaine_check/auth")).toBeLessThan(wrong.indexOf('X-Forwarded-For "";'));
      writeFileSync(path, wrong);
      await using guard = await runProxy("nginx", folder, { url });
      const args = ["--proxy", guard.url, "--echo", `127.0.0.1:${service}`, "--json"];
      const { code, stdout } = await run(["doctor", "--data", own.folder.path, ...args]);
      const told = JSON.parse(stdout) as Told;
      expect([code, foundBy(told)]).toEqual([1, ["good key"]]);
      expect(told.findings[0]!.words).toContain(words);
      expect(told.findings[0]!.mend).toMatch(mend);
    });

  test("a body that is announced to Chatelaine and not sent spoils nothing: it ends its connection", async () => {
    const url = await site();
    const folder = await recipe(url);
    const path = join(folder, "nginx.conf");
    const wrong = readFileSync(path, "utf8")
      .replace("proxy_pass_request_body off;", "")
      .replace('proxy_set_header Content-Length "";', "");
    writeFileSync(path, wrong);
    await using guard = await runProxy("nginx", folder, { url });
    expect(foundBy(await doctor(guard.url))).toEqual([]);
    await expectNothingLeft();
  });

  test("finds each way around a location that guards one folder of an open site", async () => {
    const url = await site();
    const folder = await recipe(url);
    const path = join(folder, "nginx.conf");
    const text = readFileSync(path, "utf8");
    const open = `merge_slashes off;\n    location / { ${OPEN} }\n    location /admin/ {`;
    writeFileSync(path, text.replace("location / {", open));
    await using guard = await runProxy("nginx", folder, { url });
    const told = await doctor(`${guard.url}/admin/users`);
    expect(foundBy(told)).toEqual(["paths"]);
    const { words } = told.findings.find(({ check: name }) => name === "paths")!;
    expect(words).toContain("//admin/users");
    expect(words).toMatch(/and \d+ more$/);
  });

  test("with a key from standard input it makes nothing, and says what it did not try", async () => {
    const url = await site();
    await using service = startService();
    await using guard = await startProxy({
      proxy: "nginx",
      site: url,
      service: `http://127.0.0.1:${service.port}`,
      chatelaine: check.url,
      more: ["--scope", "dns:read"],
    });
    const { id, text } = await check.key("mine");
    const args = ["doctor", "--proxy", `${guard.url}/`, "--key-stdin"];
    const asked = await run(args, { stdin: `${text}\n` });
    expect({ code: asked.code, stderr: asked.stderr }).toEqual({ code: 0, stderr: "" });
    expect(asked.stdout).toMatch(/^skipped {2}scope: /m);
    expect(asked.stdout).toMatch(/^ok {7}identity headers of the client: /m);
    expect(asked.stdout).toEndWith("Nothing found.\n");
    expect(asked.stdout).not.toContain(text);
    expect((await check.auth(text)).status).toBe(200);
    await check.app.keys.remove(SYSTEM, id);
  });

  test("without a witness it judges by the status, over TLS too, and skips what it cannot see", async () => {
    const url = (await site()).replace("http:", "https:");
    const cert = makeCertificate();
    // Reads alone, at one address, and hangs up on whoever sends more.
    using plain = Bun.listen({
      hostname: "127.0.0.1",
      port: 0,
      socket: {
        data: (socket, data) => {
          const [method, path] = data.toString("latin1").split(" ");
          const status = method !== "GET" ? "501 No" : path === "/page" ? "200 OK" : "404 No";
          socket.write(`HTTP/1.0 ${status}\r\nContent-Length: 5\r\n\r\nhello`);
          socket.terminate();
        },
      },
    });
    await using guard = await startProxy({
      proxy: "nginx",
      site: url,
      service: `http://127.0.0.1:${plain.port}`,
      chatelaine: check.url,
      more: ["--scope", "dns:read", "--cert", cert.both, "--cert-key", cert.key],
    });
    const page = `${guard.url}/page`;
    const args = ["doctor", "--data", check.folder.path, "--proxy", page, "--scope", "dns:read"];
    const refused = await run(args);
    expect(refused.stdout).toMatch(/^FOUND {4}good key: the proxy does not answer: .*certificate/m);
    expect(refused.code).toBe(1);
    const { code, stdout } = await run([...args, "--insecure"]);
    expect(stdout).toMatch(/^skipped {2}identity headers of the client: /m);
    expect(stdout).toMatch(/^ok {7}no cached answer: /m);
    expect(stdout).toMatch(/^ok {7}bodies: /m);
    expect(code).toBe(0);
    const nowhere = await run([...args, "--insecure", "--proxy", guard.url]);
    expect(nowhere.stdout).toMatch(/^FOUND {4}good key: a good key is answered 404/m);
    expect(nowhere.stdout).toContain("name an address that the service answers with 200");
    cert.remove();
    await expectNothingLeft();
  });

  test("a proxy that lets no good key in is told so at once, with what to look at", async () => {
    const url = await site();
    const nobody = await doctor(url);
    expect(foundBy(nobody)).toEqual(["good key"]);
    await using guard = await startProxy({
      proxy: "nginx",
      site: url,
      service: `http://127.0.0.1:${service}`,
      chatelaine: `http://127.0.0.1:${await freePort()}`,
    });
    const away = await doctor(guard.url);
    expect(away.findings[0]).toMatchObject({ check: "good key", result: "FOUND" });
    expect(away.findings[0]!.mend).toContain("reaches Chatelaine");
    await expectNothingLeft();
  });

  test("when it is interrupted it removes what it made before it ends", async () => {
    const url = await site();
    using slow = Bun.listen({ hostname: "127.0.0.1", port: service, socket: { data: () => undefined } });
    await using guard = await startProxy({
      proxy: "nginx",
      site: url,
      service: `http://127.0.0.1:${slow.port}`,
      chatelaine: check.url,
    });
    const args = [MAIN, "doctor", "--data", check.folder.path, "--proxy", guard.url];
    const child = Bun.spawn([process.execPath, ...args], {
      stdout: "ignore",
      stderr: "pipe",
      timeout: 30_000,
    });
    const users = async () => (await check.app.users.list(SYSTEM, {})).rows.length;
    for (let tries = 0; tries < 1_000 && (await users()) < 2; tries++) await Bun.sleep(10);
    await Bun.sleep(100);
    child.kill("SIGINT");
    expect([await child.exited, await new Response(child.stderr).text()]).toEqual([
      1,
      "chatelaine: Interrupted.\n",
    ]);
    await expectNothingLeft();
  });

  test("wrong usage is told as such", async () => {
    for (const args of [
      [],
      ["--proxy", "app.example"],
      ["--proxy", "http://a.example/?x"],
      ["--proxy", "http://a.example", "--echo", "3000"],
      ["--proxy", "http://a.example", "--scope", "x"],
    ])
      expect((await run(["doctor", "--data", check.folder.path, ...args])).code).toBe(2);
  });
});
