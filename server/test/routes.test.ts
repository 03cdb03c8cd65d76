/** The one table of all addresses: every row is asked for on a real listener, and what is beside it. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { operationList } from "@chatelaine/contract/operations/operations";
import { findOperation, methodsAt } from "../src/http/rest/operations.ts";
import { type Answerers, allRows, checkRows } from "../src/http/routes.ts";
import { rawStatus } from "./check-app.ts";
import { bearer, openRest, type RestApp } from "./rest-app.ts";

let rest: RestApp;
let key: string;

beforeAll(async () => {
  rest = await openRest();
  key = await rest.key("ada", "asks");
});
afterAll(() => rest[Symbol.asyncDispose]());

const nobody = () => undefined;
const screens = () => undefined;
const parts = {
  check: { auth: nobody, envoy: nobody, elsewhere: nobody, verify: nobody, jwks: nobody, metrics: nobody },
  health: nobody,
  readKey: nobody,
  rest: nobody,
  docs: nobody,
  rpc: nobody,
  shown: nobody,
  nothingOfApi: nobody,
  screens,
  nothing: nobody,
} satisfies Answerers;

/** An address for each row, and the status of a GET by a key that may read its own. */
const ASKED: Readonly<Record<string, readonly [path: string, status: number]>> = {
  "/auth/envoy": ["/auth/envoy", 200],
  "/auth/envoy/*": ["/auth/envoy/some/path?scope=x:y", 200],
  "/auth/*": ["/auth/other", 403],
  "/auth": ["/auth", 200],
  "/auth*": ["/authx", 403],
  "/.well-known/jwks.json": ["/.well-known/jwks.json", 200],
  "/metrics": ["/metrics", 200],
  "/healthz": ["/healthz", 200],
  "/readyz": ["/readyz", 200],
  // Without https there is no authority to trust.
  "/ca.pem": ["/ca.pem", 404],
  "/api/docs/**": ["/api/docs", 302],
  "/api/openapi.json": ["/api/openapi.json", 200],
  "/api/openrpc.json": ["/api/openrpc.json", 200],
  "/api/v1/keys/*": ["/api/v1/keys/1", 200],
  "/api/v1/**": ["/api/v1/keys/self", 200],
  "/api/current": ["/api/current", 426],
  "/api/v*": ["/api/v25.10.0", 426],
  "/api/versions": ["/api/versions", 200],
  "/api/boot_id": ["/api/boot_id", 200],
  "/websocket": ["/websocket", 410],
  "/api/**": ["/api/nothing", 404],
  "/": ["/", 200],
  "/assets/*": ["/assets/nothing.js", 404],
  "/pictures/*": ["/pictures/nothing.svg", 404],
  "/favicon.svg": ["/favicon.svg", 200],
  "/index.html": ["/index.html", 200],
};

/** Asked for by another method, or by every address that nobody else has. */
const ELSEWHERE = ["/api/v1/verify", "*"];

const get = (path: string) =>
  fetch(`${rest.url}${path}`, { headers: { Authorization: `Bearer ${key}` }, redirect: "manual" });

test("every row is asked for", () => {
  const left = allRows(parts).filter(({ path }) => !(path in ASKED) && !ELSEWHERE.includes(path));
  expect(left.every(({ path, answer }) => answer === screens && path.endsWith("/**"))).toBe(true);
  expect(Object.keys(ASKED).filter((path) => !allRows(parts).some((row) => row.path === path))).toEqual([]);
});

test.each(Object.entries(ASKED))("%s answers at %p", async (_row, [path, status]) => {
  expect((await get(path)).status).toBe(status);
});

test("screens are at their addresses and below them, and nowhere beside", async () => {
  for (const { path } of allRows(parts).filter((row) => row.answer === screens && row.path.endsWith("**"))) {
    const at = path.slice(0, -3);
    for (const screen of [at, `${at}/7`]) expect([screen, (await get(screen)).status]).toEqual([screen, 200]);
    expect([`${at}x`, (await get(`${at}x`)).status]).toEqual([`${at}x`, 404]);
  }
});

test("a fragment is no part of the address, but where a check is asked for", async () => {
  for (const [path, status] of [
    ["/healthz#x", 200],
    ["/keys#x?y", 200],
    ["/api/openapi.json#x", 200],
    ["/api/v1/keys/1#x", 200],
    ["/api/v1/keys/1?limit=#x", 422],
    ["/auth#x", 403],
    ["/metrics#x", 404],
  ] as const) {
    const lines = [`GET ${path} HTTP/1.1`, `Host: ${new URL(rest.url).host}`, `Authorization: Bearer ${key}`];
    expect([path, await rawStatus(rest.url, lines)]).toEqual([path, status]);
  }
});

test("a Host that makes no address is never a fault of the server", async () => {
  for (const path of [
    "/",
    "/auth",
    "/auth/other",
    "/auth/envoy",
    "/api/docs",
    "/api/current",
    "/keys",
    "/healthz",
  ])
    for (const host of ["127.0.0.1:99999", "256.256.256.256", "localhost:x", "[::1"]) {
      const status = await rawStatus(rest.url, [`GET ${path} HTTP/1.1`, `Host: ${host}`]);
      expect([path, host, status < 500]).toEqual([path, host, true]);
    }
});

test("a check with a query is refused, whatever the query ends with", async () => {
  const headers = { "Content-Type": "application/json", ...bearer(key) };
  for (const [query, status] of [
    ["?a=b", 422],
    ["?/api/v1/verify", 422],
    ["?key=x&y=/api/v1/verify", 400],
  ] as const) {
    const init = { method: "POST", headers, body: JSON.stringify({ key }) };
    expect([query, (await fetch(`${rest.url}/api/v1/verify${query}`, init)).status]).toEqual([query, status]);
  }
});

test("a listener for checks has rows of the table alone", () => {
  const all = allRows(parts).map(({ path }) => path);
  expect(checkRows(parts.check).every(({ path }) => all.includes(path))).toBe(true);
});

test("every operation of the contract is found at its path, with its parameters decoded, and no other", () => {
  for (const operation of operationList) {
    const path = `/api/v1${operation.path.replaceAll(/\{\w+\}/g, "a%20b")}`;
    const found = findOperation(operation.method, path);
    expect(found?.operation.name).toBe(operation.name);
    for (const value of Object.values(found?.params ?? {})) expect(value).toBe("a b");
    expect(methodsAt(path)).toContain(operation.method);
    expect(findOperation(operation.method, `${path}/`)).toBeUndefined();
    expect(findOperation("TRACE", path)).toBeUndefined();
    if (operation.method === "GET") expect(findOperation("HEAD", path)?.operation.name).toBe(operation.name);
  }
  expect(findOperation("GET", "/api/v1/keys/%E0%A4%A")?.params).toEqual({ id: "%E0%A4%A" });
  expect(findOperation("GET", "/api/v1/keys/")).toBeUndefined();
});

test("the composition names no address of its own", () => {
  const source = readFileSync(join(import.meta.dir, "../src/server.ts"), "utf8");
  expect(source).not.toMatch(/"\/(api|auth|keys|healthz|metrics)/);
});
