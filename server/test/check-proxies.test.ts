/** Traefik and Envoy by requests shaped as their documentation says: ForwardAuth, and ext_authz over HTTP with a path prefix. */
import { expect, test } from "bun:test";
import type { Log } from "../src/log.ts";
import { openCheck, rawStatus } from "./check-app.ts";
import { movedClock, QUIET } from "./installation.ts";

/** doc.traefik.io, ForwardAuth: GET at the address, the client's headers, and where it wanted to go. */
function traefik(
  key: string | undefined,
  uri: string,
  more: Record<string, string> = {},
): Record<string, string> {
  return {
    "X-Forwarded-Method": "POST",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "app.example",
    "X-Forwarded-Uri": uri,
    "X-Forwarded-For": "192.0.2.7",
    ...(key !== undefined && { Authorization: `Bearer ${key}` }),
    ...more,
  };
}

test("Traefik gets 200 with what it copies to the service, and the client's claims of another request count for nothing", async () => {
  await using check = await openCheck();
  const { id, text } = await check.key("ci", { allowedIps: ["192.0.2.0/24"] });
  const ask = (headers: Record<string, string>) =>
    check.auth(null, { path: "/auth?scope=dns:read", headers });
  const good = await ask(traefik(text, "/a?scope=admin:all"));
  expect([good.status, good.headers.get("remote-key-id"), good.headers.get("authorization")]).toEqual([
    200,
    String(id),
    "",
  ]);
  for (const uri of ["/auth", "/public", "/?scope=dns:read", "/%2e%2e/", `/?key=${text}`])
    expect(
      (await ask(traefik(undefined, uri, { X_Forwarded_Uri: "/public", "X-Original-Url": "/public" })))
        .status,
    ).toBe(401);
  expect((await ask(traefik(text, "/", { "X-Forwarded-For": "192.0.2.7, 198.51.100.1" }))).status).toBe(403);
  const foreign = await ask(traefik(undefined, "/", { Authorization: "Bearer a.b.c", "X-API-Key": text }));
  expect([foreign.status, foreign.headers.get("authorization")]).toEqual([200, "Bearer a.b.c"]);
});

test("Envoy gets exactly 200 below its prefix, whatever path, query and method the client chose", async () => {
  await using check = await openCheck();
  const { text } = await check.key("ci", { scopes: ["dns:read"] });
  const ask = (path: string, method: string, headers: Record<string, string>) =>
    check.auth(text, {
      path: `/auth/envoy${path}`,
      method,
      headers: { "X-Forwarded-For": "192.0.2.7", "X-Forwarded-Proto": "https", ...headers },
    });
  const scope = (name: string) => ({ "X-Auth-Scope": name });
  for (const path of [
    "/",
    "/a/b",
    "/a?scope=dns:read",
    "/?deny=403&header=Cookie",
    "/auth",
    "",
    "?scope=dns:write",
    "/..%2f..",
    "//",
    "/%00",
  ]) {
    for (const method of ["GET", "POST", "DELETE"]) {
      expect((await ask(path, method, scope("dns:read"))).status).toBe(200);
      expect((await ask(path, method, scope("dns:write"))).status).toBe(403);
      expect((await ask(path, method, scope("dns:read,dns:write"))).status).toBe(403);
    }
  }
  const cookie = { path: "/auth/envoy/?header=Cookie", headers: { Cookie: text } };
  expect((await check.auth(null, cookie)).status).toBe(401);
  const carried = (headers: Record<string, string>) => check.auth(null, { path: "/auth/envoy/x", headers });
  for (const name of ["X-Token", "X-Auth-Token"]) {
    expect((await carried({ "X-Auth-Header": name, [name]: text })).status).toBe(200);
    expect((await carried({ "X-Auth-Header": name, "X-API-Key": text })).status).toBe(401);
  }
  // A slip in the configuration is no "whatever".
  for (const name of ["X-Auth-Scopes", "X-Auth-Scop", "X-Auth-", "X-Auth-Token"])
    expect([name, (await ask("/", "GET", { ...scope("dns:read"), [name]: "dns:read" })).status]).toEqual([
      name,
      403,
    ]);
  for (const value of ["", ",", "dns", "dns:read,", "dns:read;dns:write"])
    expect([value, (await ask("/", "GET", scope(value))).status]).toEqual([value, 403]);
});

test("behind Envoy dot segments of the client's path lead to no other address, and to no other question", async () => {
  await using check = await openCheck({ check: "127.0.0.1:0" });
  const { text } = await check.key("ci", { scopes: ["dns:read"] });
  const paths = [
    "/../healthz",
    "/%2e%2e/readyz",
    "/.%2e/.well-known/jwks.json",
    "/x/../../metrics",
    "/\\..\\..\\healthz",
    "/../api/v1/keys",
    "/../api/versions",
    "/../",
    "/..",
    "/../auth",
    "/../auth?scope=dns:read",
    "/../auth?deny=403",
    "/../../auth",
    "/../../auth?scope=dns:read",
    "/../../metrics",
    "/%2e%2e/%2e%2e/healthz",
    "/../../",
  ];
  for (const url of check.server.urls) {
    for (const path of paths) {
      for (const method of ["GET", "POST", "HEAD", "OPTIONS"]) {
        const ask = (...lines: string[]) =>
          rawStatus(url, [`${method} /auth/envoy${path} HTTP/1.1`, "Host: app.example", ...lines]);
        const key = `Authorization: Bearer ${text}`;
        const statuses = [
          await ask("X-Auth-Scope: dns:read"),
          await ask("X-Auth-Scope: dns:write", key),
          await ask("X-Auth-Scope: dns:read", key),
        ];
        expect([path, method, statuses]).toEqual([path, method, [401, 403, 200]]);
      }
    }
  }
});

test("only /auth itself reads a query, only /auth/envoy reads headers, and every other path that begins so is 403 with a line in the log", async () => {
  const warned: string[] = [];
  const log: Log = {
    ...QUIET,
    warn: (message, fields) => warned.push(`${message} ${JSON.stringify(fields)}`),
  };
  const elsewhere = [
    "/auth/",
    "/auth/?scope=dns:read",
    "/auth\\?scope=dns:read",
    "/auth\\envoy",
    "/auth\\envoy\\x",
    "/auth/x",
    "/auth/x/../envoy",
    "/auth/./envoy/x",
    "/auth//envoy/x",
    "/auth/envoyx",
    "/auth/envoy%2fx",
    "/auth/envoy;x",
    "/auth/ENVOY/x",
    "/auth/envoy#/x",
    "/auth#x",
    "/auth;x",
    "/auth%3fscope=dns:read",
    "/auth%2fenvoy/x",
    "/auth%00",
    "/auth&scope=dns:read",
    "/authentic",
    "/auth.html",
    "/auth/../auth?scope=dns:read",
    "/auth/../healthz",
    "/auth/../keys",
  ];
  const clock = movedClock();
  await using check = await openCheck({ check: "127.0.0.1:0" }, { log, clock });
  const { text } = await check.key("ci");
  for (const path of elsewhere) {
    for (const url of check.server.urls) {
      const ask = (method: string) =>
        rawStatus(url, [
          `${method} ${path} HTTP/1.1`,
          "Host: localhost",
          `Authorization: Bearer ${text}`,
          "X-Auth-Scope: dns:read",
        ]);
      expect([path, await ask("GET"), await ask("POST")]).toEqual([path, 403, 403]);
    }
    const told = warned.splice(0).filter((line) => line.includes("begins with /auth"));
    expect([path, told]).toEqual([path, [expect.any(String)]]);
    // The log has a line a minute.
    clock.advance(60_000);
  }
  // Other spellings are other addresses, which nobody has.
  for (const path of [
    "/%61uth?scope=dns:read",
    "/%61uth/envoy/x",
    "//auth?scope=dns:read",
    "/AUTH?scope=dns:read",
  ]) {
    const lines = [`GET ${path} HTTP/1.1`, "Host: localhost", `Authorization: Bearer ${text}`];
    expect([path, await rawStatus(check.url, lines)]).toEqual([path, 404]);
  }
  // What leads to /auth before it is asked is /auth, query and all.
  for (const path of ["/x/../auth?scope=dns:write", "/authx/../auth?scope=dns:write"]) {
    const { text: narrow } = await check.key(path, { scopes: ["dns:read"] });
    const lines = [`GET ${path} HTTP/1.1`, "Host: localhost", `Authorization: Bearer ${narrow}`];
    expect([path, await rawStatus(check.url, lines)]).toEqual([path, 403]);
  }
});
