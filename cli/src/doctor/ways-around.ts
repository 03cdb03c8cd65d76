/** Ways around the guard: other spellings of the address, other methods, headers that claim to be the proxy's. */
import { type DoctorCheck, type Exam, found, ok, some } from "./finding.ts";
import { hostHeader } from "./raw-http.ts";

export const wayChecks: readonly DoctorCheck[] = [
  ["paths", pathTricks],
  ["methods", methodTricks],
  ["forwarded headers", forwardedTricks],
  ["the check itself", exposedCheck],
];

async function pathTricks({ probe }: Exam) {
  const { site } = probe;
  const host = hostHeader(site);
  const origin = `${site.tls ? "https" : "http"}://${host}`;
  const targets = [...new Set([...spellings(site.path), ...neighbours(site.path)])];
  const whole = [`${origin}${site.path}`, `http://other.example${site.path}`, "*", ""];
  const passed: string[] = [];
  for (const target of [...targets, ...whole])
    if ((await probe.ask({ target })).reached) passed.push(target || "an empty path");
  if (passed.length === 0) return ok(`${targets.length + whole.length} spellings of the address`);
  return found(
    `without a key the service is reached as ${some(passed)}`,
    "guard the whole site (location /) and open by exact paths what is public, not the other way round; proxy and service read paths differently",
  );
}

/** The same place, written so that a proxy and a service may read it differently. */
function spellings(path: string): string[] {
  const name = path.replace(/\/+$/, "");
  const leaf = name.slice(name.lastIndexOf("/") + 1);
  const before = [
    "//",
    "/./",
    "/x/../",
    "/%2e/",
    "/%2e%2e/",
    "/x/%2e%2e/",
    "/x/..%2f",
    "/.;/",
    "/x/..;/",
    "/\\",
    "/%5c",
    "/%2f",
  ];
  const rest = path.slice(1);
  return [
    ...before.map((start) => start + rest),
    ...(leaf === ""
      ? []
      : [
          ...[
            "/",
            "//",
            "/.",
            "/..;/",
            "/x/..",
            ".",
            "..",
            ";",
            ";x",
            ";/x",
            "%2f",
            "%20",
            "%00",
            "%3f",
            "%23",
            "%3b",
            "\\",
          ].map((end) => name + end),
          name.toUpperCase(),
          `${name.slice(0, -leaf.length)}${leaf[0]!.toUpperCase()}${leaf.slice(1)}`,
          `${name.slice(0, -leaf.length)}%${leaf.charCodeAt(0).toString(16)}${leaf.slice(1)}`,
          `${name.slice(0, -leaf.length)}%25${leaf.charCodeAt(0).toString(16)}${leaf.slice(1)}`,
          `/${name}`.replaceAll("/", "//"),
        ]),
  ];
}

/** Places below it that configurations like to leave open. */
function neighbours(path: string): string[] {
  const folder = path.endsWith("/") ? path : `${path}/`;
  const below = [
    "favicon.ico",
    "robots.txt",
    "style.css",
    "app.js",
    "logo.png",
    "static/x",
    "assets/x",
    "public/x",
    ".well-known/x",
    "health",
    "healthz",
    "metrics",
    "status",
    "login",
    "api/",
    "api/x",
    "index.php/x",
    "x.json",
    "..%2fx",
    "%2e%2e/x",
    "auth",
    "auth/x",
    ".chatelaine-check",
    "?x=/auth",
    "?x=.css",
    "#x",
  ];
  return below.map((name) => folder + name);
}

const METHODS = ["HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "get", "X"];

async function methodTricks({ probe }: Exam) {
  const upgrade = [
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
  ];
  const preflight = ["Origin: https://other.example", "Access-Control-Request-Method: PUT"];
  const attempts = [
    ...METHODS.map((method) => ({ method, body: "" })),
    { method: "OPTIONS", lines: preflight },
    { lines: upgrade },
    { lines: ["Connection: close, Authorization"] },
    { lines: ["X-HTTP-Method-Override: OPTIONS"] },
    { method: "POST", body: "x=1", lines: ["Expect: 100-continue"] },
  ];
  const passed: string[] = [];
  for (const asked of attempts) {
    const { method = "GET", lines = [] } = asked as { method?: string; lines?: string[] };
    if ((await probe.ask(asked)).reached) passed.push(lines.includes(upgrade[1]!) ? "a WebSocket" : method);
  }
  if (passed.length === 0) return ok(`${attempts.length} of them, a WebSocket too`);
  return found(`without a key the service is reached by ${some(passed)}`, "ask /auth for every method");
}

async function forwardedTricks({ probe }: Exam) {
  const { host } = probe.site;
  const lines = [
    "X-Forwarded-Uri: /public",
    "X_Forwarded_Uri: /public",
    "X-Forwarded-Method: OPTIONS",
    "X_Forwarded_Method: OPTIONS",
    "X-Forwarded-For: 127.0.0.1",
    "X-Forwarded-Host: localhost",
    "X-Forwarded-Proto: https",
    "X-Forwarded-Prefix: /public",
    "X-Original-URL: /public",
    "X-Original-URI: /public",
    "X-Original-Method: OPTIONS",
    "X-Rewrite-URL: /public",
    "X-Real-IP: 127.0.0.1",
    `Forwarded: for=127.0.0.1;host=${host};proto=https`,
    "X-Auth-Header: X-Doctor",
    "Remote-User: root",
    "Remote-Key-Id: 1",
    "X-Accel-Redirect: /",
  ];
  const passed: string[] = [];
  for (const line of lines)
    if ((await probe.ask({ lines: [line] })).reached) passed.push(line.slice(0, line.indexOf(":")));
  if ((await probe.ask({ lines })).reached && passed.length === 0) passed.push("all of them together");
  if (passed.length === 0) return ok(`${lines.length} of them open nothing`);
  return found(
    `without a key the service is reached with ${some(passed)}`,
    "let the proxy overwrite what it decides by; nothing of it may come from the client",
  );
}

/** Runs last: it also tells what came back to the client in all requests before. */
async function exposedCheck({ probe, canary }: Exam) {
  for (const target of ["/.chatelaine-check", "/auth", "/_auth", "/auth-check", "/oauth2/auth"])
    await probe.ask({ target, key: canary.good });
  const { leaks } = probe;
  if (leaks.size === 0) return ok("no identity header comes back to the client");
  return found(
    `the client gets identity headers back, at ${some([...leaks])}`,
    "keep the location that asks /auth internal, and pass its headers to the service alone",
  );
}
