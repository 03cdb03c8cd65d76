/** Traefik and Envoy by requests shaped as their documentation says: ForwardAuth, and ext_authz over HTTP with a path prefix. */
import { expect, test } from "bun:test";
import { openCheck, rawStatus } from "./check-app.ts";

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
      path: `/auth${path}`,
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
  expect((await check.auth(null, { path: "/auth/?header=Cookie", headers: { Cookie: text } })).status).toBe(
    401,
  );
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
  ];
  for (const url of check.server.urls) {
    for (const path of paths) {
      for (const method of ["GET", "POST", "HEAD", "OPTIONS"]) {
        const ask = (...lines: string[]) =>
          rawStatus(url, [`${method} /auth${path} HTTP/1.1`, "Host: app.example", ...lines]);
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
