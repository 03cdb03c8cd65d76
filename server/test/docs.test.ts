/** The documentation in a real browser that can reach no other host. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { operationList } from "@chatelaine/contract/operations/operations";
import type { Browser, Page } from "playwright-core";
import { launchChromium } from "../../scripts/chromium.ts";
import { operationPath } from "../src/http/docs/operations.ts";
import { openRest, type RestApp } from "./rest-app.ts";

/** No name leads anywhere but here. */
const NOWHERE = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1";
const PAGES = [
  "",
  "/send-a-key",
  "/make-a-key",
  "/rotate-a-key",
  "/why-refused",
  "/expiring-keys",
  "/guard-a-service",
  "/behind-a-reverse-proxy",
  "/scram",
  "/my-key",
  "/roles",
  "/errors",
  "/errors/key_expired",
  "/changes",
  "/methods",
  "/methods/api_key.create",
  "/methods/auth.login_ex",
  "/methods/core.ping",
  "/events",
  "/events/api_key.query",
  "/query-language",
  "/limits",
  "/console",
  "/search?q=expire",
  "/rest",
];

/** What depends on the colours: all that can be another in dark. */
const COLOUR_RULES = ["color-contrast", "link-in-text-block"];

const AXE = `${readFileSync(fileURLToPath(import.meta.resolve("axe-core/axe.min.js")), "utf8")};undefined`;
const NARROW = { width: 360, height: 740 };
const WIDE = { width: 1280, height: 720 };

interface Axe {
  readonly axe: {
    run(options: object): Promise<{ violations: { id: string; nodes: { html: string }[] }[] }>;
  };
}

let rest: RestApp;
let browser: Browser;
const told: string[] = [];
const asked: string[] = [];

beforeAll(async () => {
  rest = await openRest();
  browser = await launchChromium([NOWHERE]);
}, 60_000);
afterAll(async () => {
  await browser?.close();
  await rest[Symbol.asyncDispose]();
});

async function open(path: string, options: Parameters<Browser["newPage"]>[0] = {}): Promise<Page> {
  const page = await browser.newPage(options);
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") told.push(`${path}: ${message.text()}`);
  });
  page.on("pageerror", (error) => told.push(`${path}: ${error.message}`));
  page.on("request", (request) => asked.push(request.url()));
  await page.goto(`${rest.url}/api/docs/current${path}`, { waitUntil: "load" });
  return page;
}

async function violationsOf(page: Page, options: object): Promise<string[]> {
  return page.evaluate(async (rules) => {
    const { violations } = await (window as unknown as Axe).axe.run(rules);
    return violations.map(
      ({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 120)).join(" | ")}`,
    );
  }, options);
}

/** Requests that left the host. */
function foreign(): string[] {
  return asked.filter(
    (url) => !url.startsWith(rest.url) && !url.startsWith("data:") && !url.startsWith("blob:"),
  );
}

describe("the documentation in a browser", () => {
  test("every page opens without an error, asks no other host, scrolls sideways at no width, and axe finds nothing in it, light and dark", async () => {
    told.length = 0;
    for (const path of PAGES) {
      const page = await open(path, { viewport: NARROW });
      if (path === "/rest")
        await page.getByText("What a key may do to itself").first().waitFor({ timeout: 30_000 });
      const overflow = await page.evaluate(
        () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
      );
      expect([path, overflow]).toEqual([path, 0]);
      expect(await page.title()).toContain("Chatelaine");
      await page.evaluate(AXE);
      // The reference is not ours, and has another shape where it is narrow.
      const found = path === "/rest" ? await violationsOf(page, {}) : [];
      await page.setViewportSize(WIDE);
      found.push(...(await violationsOf(page, {})));
      await page.emulateMedia({ colorScheme: "dark" });
      found.push(...(await violationsOf(page, { runOnly: COLOUR_RULES })));
      expect([path, found]).toEqual([path, []]);
      await page.close();
    }
    expect(told).toEqual([]);
    expect(foreign()).toEqual([]);
  });

  test("no link of our pages leads nowhere", async () => {
    const seen = new Set<string>();
    for (const path of ["", "/errors", "/methods", "/events", "/changes", "/scram", "/search?q=key"]) {
      const page = await open(path);
      for (const link of await page.locator("a[href]").all()) seen.add((await link.getAttribute("href"))!);
      await page.close();
    }
    for (const href of [...seen].filter((one) => one.startsWith("/"))) {
      expect([href, (await fetch(rest.url + href.split("#")[0]!)).status]).toEqual([href, 200]);
    }
  }, 60_000);

  test("has the colours and the fonts of the screens", async () => {
    const read = (path: string) => Bun.file(new URL(path, import.meta.url)).text();
    const screens = await read("../../web/src/styles/tokens.css");
    const [light = "", dark = ""] = screens.split(":root[data-mantine-color-scheme");
    const valueIn = (css: string, name: string) => new RegExp(`${name}: ([^;]+);`).exec(css)?.[1];
    const ours = await read("../src/http/docs/tokens.css");
    const pairs = [...ours.matchAll(/(--[\w-]+): light-dark\((#\w+), (#\w+)\);/g)];
    expect(pairs.length).toBeGreaterThan(12);
    for (const [, name = "", one, other] of pairs) {
      expect([name, one, other]).toEqual([name, valueIn(light, name), valueIn(dark, name)]);
    }
    expect(ours).toEndWith(await read("../../web/src/styles/fonts.css"));
    const page = await open("");
    const loaded = () => [...document.fonts].filter((font) => font.status === "loaded").length;
    await page.waitForFunction(`document.fonts.status === "loaded"`);
    expect(await page.evaluate(loaded)).toBeGreaterThanOrEqual(2);
    await page.close();
  }, 60_000);

  test("the version drop-down keeps the page, and says where a page is that the version lacks", async () => {
    const page = await open("/methods");
    await page.getByLabel("Version").selectOption("v25.10.0");
    await page.waitForURL("**/api/docs/v25.10.0/methods");
    expect(await page.getByText("api_key.convert_raw_key").count()).toBe(0);
    await page.goto(`${rest.url}/api/docs/current/methods/api_key.create`);
    await page.getByLabel("Version").selectOption("v25.04.0");
    await page.waitForURL("**/api/docs/v25.04.0/methods/api_key.create");
    expect(await page.getByText("client_key").count()).toBe(0);
    await page.goto(`${rest.url}/api/docs/current/methods/api_key.convert_raw_key`);
    await page.getByLabel("Version").selectOption("v25.10.0");
    await page.getByRole("heading", { name: "This version does not have this page" }).waitFor();
    await page.getByRole("link", { name: "v26.0.0" }).click();
    await page.getByRole("heading", { name: "api_key.convert_raw_key" }).waitFor();
    await page.goto(`${rest.url}/api/docs/current/rest`);
    await page.getByLabel("Version").selectOption("v25.10.0");
    await page.waitForURL("**/api/docs/v25.10.0/rest");
    await page.close();
  }, 60_000);

  test("the search finds methods, events, errors, guides and operations by all that they say", async () => {
    const wanted = {
      "api_key.convert_raw_key": "methods/api_key.convert_raw_key",
      collection_update: "events",
      key_revoked: "errors/key_revoked",
      "stored_key vector": "scram",
      "keys/{id}/pause": "rest#tag/keys/POST/keys/{id}/pause",
      "why refused": "why-refused",
      allowed_ips: "rest#tag/keys/POST/keys",
      "gh secret set": "rotate-a-key",
      auth_request: "guard-a-service",
      login_options: "methods/auth.login_ex",
      notify_unsubscribed: "events",
      AUTH_SESSIONS_WRITE: "roles",
      decisions: "rest#tag/checking-keys/GET/decisions/{id}",
    };
    for (const [words, path] of Object.entries(wanted)) {
      const { text } = await rest.send(`GET /api/docs/current/search?q=${encodeURIComponent(words)}`);
      expect([words, text.includes(`/api/docs/current/${path}"`)]).toEqual([words, true]);
    }
    const { text: named } = await rest.send("GET /api/docs/current/search?q=expires");
    const [, found = ""] = /class="found">(.*?)<\/li>/s.exec(named) ?? [];
    expect(found).toContain("List keys that expire");
    const { text: none } = await rest.send("GET /api/docs/current/search?q=");
    expect(none).toContain("0 places");
    const { text } = await rest.send("GET /api/docs/current/search?q=%3Cscript%3Ealert(1)%3C/script%3E");
    expect(text).not.toContain("<script>alert");
  });

  test("whoever asks for a task in his own words finds its guide first", async () => {
    const tasks = {
      "Rotate a key from CI": "rotate-a-key",
      "Why was my key refused?": "why-refused",
      "sign in by SCRAM from Python": "scram",
      "list expiring keys": "expiring-keys",
      "how do I guard a service": "guard-a-service",
      "what may my key call": "my-key",
    };
    for (const [words, path] of Object.entries(tasks)) {
      const { text } = await rest.send(`GET /api/docs/current/search?q=${encodeURIComponent(words)}`);
      const [, first] = /class="found">\s*<li><a href="([^"]+)"/.exec(text) ?? [];
      expect([words, first]).toEqual([words, `/api/docs/current/${path}`]);
    }
  });

  test("the search leads to the very operation in the reference", async () => {
    const page = await open("");
    await page.getByRole("searchbox").fill("lift a lock unlock user");
    await page.getByRole("searchbox").press("Enter");
    await page.getByText("0 places").waitFor();
    await page.getByRole("searchbox").fill("unlock a user");
    await page.getByRole("searchbox").press("Enter");
    await page.getByRole("link", { name: /Unlock a user/ }).click();
    await page.getByRole("heading", { name: "Unlock a user" }).waitFor({ timeout: 30_000 });
    const anchors = page.locator('a[href^="#tag/"]');
    const known = await anchors.evaluateAll((links) => links.map((link) => link.getAttribute("href")));
    const tags = operationList.map((operation) =>
      operationPath(operation).replace(/^rest/, "").split("/", 2).join("/"),
    );
    for (const tag of new Set(tags)) expect(known).toContain(tag);
    await page.close();
  }, 60_000);

  test("a key is told what it may call, by REST and by JSON-RPC, and where to read of it", async () => {
    await rest.user("reader", ["API_KEY_READ"]);
    const key = await rest.key("reader", "asks");
    const page = await open("/my-key");
    expect(await page.getByRole("link", { name: "List keys", exact: true }).count()).toBe(0);
    await page.getByRole("textbox", { name: "Key" }).fill(key);
    await page.getByRole("button", { name: "Ask" }).click();
    await page.getByText('The key "asks" of reader.').waitFor();
    const isShown = (name: string | RegExp) =>
      page.getByRole("row", { name }).first().isVisible({ timeout: 1_000 });
    expect(await isShown(/List keys keys\.list GET \/keys/)).toBe(true);
    expect(await isShown(/keys\.create/)).toBe(false);
    expect(await isShown(/List keys api_key\.query/)).toBe(true);
    expect(await isShown(/user\.create/)).toBe(false);
    const link = page.getByRole("link", { name: "List keys", exact: true });
    expect(await link.getAttribute("href")).toBe("/api/docs/current/rest#tag/keys/GET/keys");
    await page.getByRole("textbox", { name: "Key" }).fill(`1-${"A".repeat(64)}`);
    await page.getByRole("button", { name: "Ask" }).click();
    await page.getByRole("link", { name: /Not signed in/ }).waitFor();
    expect(await isShown(/keys\.list/)).toBe(false);
    await page.close();
  });

  test("who is signed in in this browser is told what he may call at once, without a key", async () => {
    await rest.user("holder", ["KEY_HOLDER"]);
    const { Cookie = "" } = await rest.browser("holder");
    const [name = "", value = ""] = Cookie.split("=");
    const context = await browser.newContext();
    await context.addCookies([{ name, value, url: rest.url, sameSite: "Strict", httpOnly: true }]);
    const page = await context.newPage();
    await page.goto(`${rest.url}/api/docs/current/my-key`);
    await page.getByText("holder, signed in in this browser.").waitFor();
    expect(await page.getByRole("row", { name: /keys\.mine/ }).isVisible()).toBe(true);
    expect(await page.getByRole("row", { name: /users\.create/ }).isVisible()).toBe(false);
    await context.close();
  });

  test("the console signs in, calls, and shows no key", async () => {
    const key = await rest.key("ada", "console");
    const page = await open("/console");
    await page.getByLabel("User name").fill("ada");
    await page.getByRole("textbox", { name: "Key" }).fill(key);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByText('"response_type":"SUCCESS"').waitFor();
    await page.getByLabel("Method").selectOption("core.ping");
    await page.getByRole("button", { name: "Call" }).click();
    await page.getByText('"result":"pong"').waitFor();
    expect(await page.locator("#frames").textContent()).not.toContain(key);
    await page.close();
  });

  test("an operation is tried out against this server from the reference, and no key is kept", async () => {
    const key = await rest.key("ada", "tried out");
    asked.length = 0;
    const page = await open("/rest#tag/the-key-that-asks/GET/keys/self");
    await page.getByText("What a key may do to itself").first().waitFor({ timeout: 30_000 });
    await page.getByPlaceholder("Token").first().fill(key);
    await page
      .getByRole("button", { name: /Test Request.*keys\/self/ })
      .first()
      .click();
    const dialog = page.getByRole("dialog");
    const answer = page.waitForResponse(`${rest.url}/api/v1/keys/self`);
    await dialog.getByRole("button", { name: /^Send/ }).first().click();
    const response = await answer;
    expect([response.status(), ((await response.json()) as { name: string }).name]).toEqual([
      200,
      "tried out",
    ]);
    await dialog.getByText("tried out").first().waitFor();
    const kept = await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }]));
    expect(kept).not.toContain(key.slice(-20));
    expect(foreign()).toEqual([]);
    await page.close();
  }, 60_000);
});

test("the guide for proxies shows the very table that is tried on real listeners", async () => {
  const { text } = await rest.send("GET /api/docs/current/behind-a-reverse-proxy");
  const file = new URL("../src/http/docs/transport-matrix.txt", import.meta.url).pathname;
  const lines = (await Bun.file(file).text())
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"));
  const shown = [...text.matchAll(/<tr>((?:<td>[^<]*<\/td>){9})<\/tr>/g)].flatMap(([, row = ""]) => {
    const cells = [...row.matchAll(/<td>([^<]*)<\/td>/g)].map(([, cell = ""]) => cell);
    return cells[3]!.split("; ").map((said) => cells.with(3, said).join(" | "));
  });
  expect(lines.length).toBeGreaterThan(100);
  expect(shown.toSorted()).toEqual(lines.toSorted());
});
