/** The screens as files: what may be kept, how they are packed, and what confines them. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { brotliDecompressSync } from "node:zlib";
import type { Server } from "../src/server.ts";
import { type Folder, makeInstallation } from "./installation.ts";

/** First load: sign-in and list, script and style together, as they cross the wire. */
const FIRST_LOAD_BYTES_MAX = 260_000;
let folder: Folder;
let server: Server;

beforeAll(async () => {
  folder = await makeInstallation();
  server = await folder.serve();
});

afterAll(() => folder[Symbol.asyncDispose]());

async function ask(path: string, headers: Record<string, string> = {}, method = "GET"): Promise<Response> {
  return fetch(server.urls[0] + path, { method, headers, decompress: false } as RequestInit);
}

async function pageText(): Promise<string> {
  return (await ask("/", { "Accept-Encoding": "identity" })).text();
}

function assetsOf(page: string): string[] {
  return [...page.matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g)].map((match) => match[1] as string);
}

test("every address of a screen gives the page, which is asked for anew each time", async () => {
  const addresses = [
    "/",
    "/keys",
    "/keys?q=x",
    "/users",
    "/setup",
    "/sign-in",
    "/guide",
    "/certificate",
    "/system",
  ];
  for (const path of [...addresses, "/scale/scaleclireference/auth/cliapikey/"]) {
    const answer = await ask(path);
    expect([path, answer.status, answer.headers.get("content-type")]).toEqual([
      path,
      200,
      "text/html; charset=utf-8",
    ]);
    expect(answer.headers.get("cache-control")).toBe("no-cache");
    await answer.arrayBuffer();
  }
});

test("an address of nothing gives a browser the page, which says so, and a program a line", async () => {
  const html = { Accept: "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8", "Accept-Encoding": "identity" };
  const known = await pageText();
  for (const path of ["/nothing-here", "/settings", "/docs", "/assets/none.js", "/a/b/c?d=e"]) {
    const answer = await ask(path, html);
    const isAsset = path.startsWith("/assets/");
    expect([path, answer.status, (await answer.text()) === known]).toEqual([path, 404, !isAsset]);
    expect(answer.headers.get("content-security-policy")).not.toBeNull();
    expect([path, answer.headers.get("etag")]).toEqual([path, null]);
  }
  expect(await (await ask("/nothing-here")).text()).toBe("Not found\n");
  expect((await ask("/nothing-here", html, "POST")).headers.get("content-type")).not.toContain("html");
  const again = await ask("/", html);
  const tag = { ...html, "If-None-Match": again.headers.get("etag") as string };
  expect((await ask("/nothing-here", tag)).status).toBe(404);
  expect((await ask("/api/nothing", html)).headers.get("content-type")).toContain("application/problem+json");
});

test("files named by their content are kept for ever, and packed as the browser reads them", async () => {
  for (const path of assetsOf(await pageText())) {
    const plain = new Uint8Array(await (await ask(path, { "Accept-Encoding": "identity" })).arrayBuffer());
    const packed = await ask(path, { "Accept-Encoding": "gzip;q=0, br" });
    expect(packed.headers.get("cache-control")).toContain("immutable");
    expect(packed.headers.get("x-content-type-options")).toBe("nosniff");
    if (packed.headers.get("content-encoding") === "br") {
      expect(brotliDecompressSync(await packed.arrayBuffer()).equals(plain)).toBe(true);
    }
  }
});

test("the first load stays below its bound", async () => {
  const found = new Set(assetsOf(await pageText()).filter((path) => /\.(js|css)$/.test(path)));
  for (const path of found) {
    const text = await (await ask(path, { "Accept-Encoding": "identity" })).text();
    for (const [, more] of text.matchAll(/from"(\/assets\/[^"]+\.js)"/g)) found.add(more as string);
  }
  let bytes = 0;
  for (const path of found)
    bytes += (await (await ask(path, { "Accept-Encoding": "br" })).arrayBuffer()).byteLength;
  expect(bytes).toBeLessThan(FIRST_LOAD_BYTES_MAX);
});

test("the page is confined, and has no script in it but by address", async () => {
  const answer = await ask("/keys");
  const policy = answer.headers.get("content-security-policy") ?? "";
  expect(policy).toContain("script-src 'self'");
  expect(policy).not.toContain("unsafe-eval");
  expect(policy).toContain("frame-ancestors 'none'");
  expect(answer.headers.get("referrer-policy")).toBe("no-referrer");
  const scripts = (await pageText()).match(/<script[^>]*>[^<]*/g) ?? [];
  for (const script of scripts) expect(script).toMatch(/^<script[^>]* src="\/assets\/[^"]+"[^>]*>$/);
});

test("an unchanged page is not sent again, and other methods are refused", async () => {
  const etag = (await ask("/")).headers.get("etag") as string;
  expect((await ask("/", { "If-None-Match": etag })).status).toBe(304);
  expect((await ask("/", {}, "POST")).status).toBe(405);
  const head = await ask("/", {}, "HEAD");
  expect([head.status, await head.text()]).toEqual([200, ""]);
});
