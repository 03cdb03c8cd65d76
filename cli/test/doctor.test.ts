import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type CheckApp, openCheck } from "../../server/test/check-app.ts";
import { SYSTEM } from "../../server/test/installation.ts";
import { run } from "./chatelaine.ts";
import { freePort, PROXIES, runProxy, startProxy } from "./real-proxy.ts";

/** What people get wrong, each as a change of the right configuration, and what doctor must say. */
const MISTAKES: readonly (readonly [name: string, change: (config: string) => string, finding: RegExp])[] = [
  ["the guard is forgotten", (text) => text.replace("auth_request /.chatelaine-check;", ""), /without a key/],
  [
    "the key is passed on",
    (text) => text.replace(/proxy_set_header Authorization .*;/, ""),
    /reaches the service when it comes as Bearer/,
  ],
  ["X-API-Key is passed on", (text) => text.replace('proxy_set_header X-API-Key "";', ""), /as X-API-Key/],
  [
    "one identity header is forgotten",
    (text) => text.replace(/proxy_set_header Remote-Groups .*;/, ""),
    /claims in headers reaches/,
  ],
  [
    "underscores are let through",
    (text) => text.replace("underscores_in_headers off;", "underscores_in_headers on;"),
    /claims in headers reaches/,
  ],
  [
    "no identity is passed on",
    (text) => text.replaceAll(/proxy_set_header Remote-(?!Assertion).*;/g, 'proxy_set_header Remote-X "";'),
    /not told whose/,
  ],
  [
    "a client's address is believed",
    (text) =>
      text
        .replace("X-Forwarded-For $remote_addr", "X-Forwarded-For $claimed")
        .replace("X-Forwarded-Proto $scheme", "X-Forwarded-Proto https")
        .replace(
          "upstream chatelaine_check",
          'map $http_x_forwarded_for $claimed { "" $remote_addr; default $http_x_forwarded_for; }\n  upstream chatelaine_check',
        ),
    /X-Forwarded-For is believed/,
  ],
  [
    "OPTIONS goes by",
    (text) =>
      text
        .replace("auth_request /.chatelaine-check;", "auth_request $skip;")
        .replace(
          "server {\n    listen",
          "map $request_method $skip { OPTIONS off; default /.chatelaine-check; }\n  server {\n    listen",
        ),
    /OPTIONS|refused/,
  ],
  [
    "a folder is left open",
    (text) =>
      text.replace(
        "location / {",
        "location /public { proxy_pass http://chatelaine_service; }\n    location / {",
      ),
    /\/public/,
  ],
  [
    "/auth can be asked from outside",
    (text) =>
      text.replace(
        "location / {",
        "location /auth { proxy_pass http://chatelaine_check/auth; }\n    location / {",
      ),
    /own \/auth/,
  ],
  ["the scope is not asked for", (text) => text.replace("scope=dns:read&", ""), /without the scope/],
  [
    "answers are kept",
    (text) =>
      text
        .replace("events {}", "user root;\nevents {}")
        .replace(
          "upstream chatelaine_check",
          "proxy_cache_path cache keys_zone=kept:1m;\n  upstream chatelaine_check",
        )
        .replace(
          "proxy_cache off;",
          "proxy_cache kept; proxy_cache_key $http_authorization; proxy_cache_valid 200 60s; proxy_ignore_headers Cache-Control;",
        ),
    /revoked key/,
  ],
];

describe.skipIf(Bun.which("nginx") === null)("doctor", () => {
  let check: CheckApp;
  let service: number;
  const site = async () => `http://127.0.0.1:${await freePort()}`;
  beforeAll(async () => {
    check = await openCheck();
    service = await freePort();
  });
  afterAll(() => check[Symbol.asyncDispose]());
  const doctor = (url: string) => {
    const args = [
      "--proxy",
      url,
      "--user",
      "ada",
      "--scope",
      "dns:read",
      "--stand-in",
      `http://127.0.0.1:${service}`,
    ];
    return run(["doctor", "--data", check.folder.path, ...args]);
  };
  const recipe = async (url: string) => {
    const folder = mkdtempSync(join(tmpdir(), "chatelaine-doctor-"));
    const args = [
      "--for",
      url,
      "--to",
      `http://127.0.0.1:${service}`,
      "--chatelaine",
      check.url,
      "--scope",
      "dns:read",
    ];
    await run(["proxy", "nginx", ...args, "--write", folder]);
    return folder;
  };

  for (const proxy of PROXIES) {
    test.skipIf(Bun.which(proxy) === null)(
      `finds nothing wrong with the recipe for ${proxy}, and leaves no key behind`,
      async () => {
        const url = await site();
        await using guard = await startProxy({
          proxy,
          site: url,
          service: `http://127.0.0.1:${service}`,
          chatelaine: check.url,
          more: ["--scope", "dns:read"],
        });
        expect(await doctor(guard.url)).toMatchObject({
          code: 0,
          stdout: expect.stringContaining("Nothing wrong"),
        });
        expect((await check.app.keys.list(SYSTEM, {})).rows).toEqual([]);
      },
    );
  }

  for (const [name, change, finding] of MISTAKES) {
    test(`finds that ${name}`, async () => {
      const url = await site();
      const folder = await recipe(url);
      const path = join(folder, "nginx.conf");
      const right = readFileSync(path, "utf8");
      const wrong = change(right);
      expect(wrong).not.toBe(right);
      writeFileSync(path, wrong);
      await using guard = await runProxy("nginx", folder, { url });
      const { code, stdout } = await doctor(guard.url);
      expect(stdout).toMatch(finding);
      expect(code).toBe(1);
    });
  }
});
