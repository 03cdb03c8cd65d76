/**
 * A real server on a free port and a temporary folder, and a real browser in front of it. Whatever a test opens is closed
 * with it. A page that logs an error or a warning, or asks another host, fails its test.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Role } from "@chatelaine/contract/roles";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { launchChromium } from "../../scripts/chromium.ts";
import { type Local, openLocal } from "../../server/src/app.ts";
import { type RawConfig, readConfig } from "../../server/src/config.ts";
import { createLog } from "../../server/src/log.ts";
import { createServer, type Server } from "../../server/src/server.ts";
import { MovableClock } from "../../server/test/installation.ts";

export const PASSWORD = "three words in a row";
const WAIT_MS = 20_000;

let browser: Promise<Browser> | undefined;

/** One for all tests of a file. */
export function theBrowser(): Promise<Browser> {
  browser ??= launchChromium();
  return browser;
}

export async function closeBrowser(): Promise<void> {
  await (await browser)?.close();
  browser = undefined;
}

export interface Screens extends AsyncDisposable {
  readonly url: string;
  readonly folder: string;
  readonly server: Server;
  /** The use cases straight on the folder, as another process has them. */
  readonly local: Local;
  /** A browser of its own, signed in as the user, at the path. */
  open(username: string | undefined, path?: string, options?: OpenOptions): Promise<Page>;
  /** Closes all pages that are open: each goes on asking and drawing as long as it is there. */
  closePages(): Promise<void>;
  /** Of the server: tests move it. Pages have the clock of the machine. */
  readonly clock: MovableClock;
  /** Stops the server. @returns what starts another one on the same folder and port */
  stop(): Promise<() => Promise<void>>;
}

interface OpenOptions {
  readonly width?: number;
  readonly height?: number;
  readonly colorScheme?: "light" | "dark";
  readonly context?: BrowserContext;
  /** Lines of the console that are expected. */
  readonly expected?: RegExp;
  /** The browser itself may ask before the page goes; the test answers. */
  readonly mayAsk?: boolean;
}

type StorageState = Awaited<ReturnType<BrowserContext["storageState"]>>;

const CONSOLE_EXPECTED = /Failed to load resource: the server responded with a status of (4|5)\d\d|net::ERR_/;

/** @param aheadMs of the server's clock, before the machine's where negative */
export async function openScreens(raw: RawConfig = {}, aheadMs = 0): Promise<Screens> {
  const folder = mkdtempSync(join(tmpdir(), "chatelaine-web-"));
  const state = `${folder}.state`;
  const log = createLog("error", "text");
  const clock = new MovableClock();
  clock.move(aheadMs);
  const serve = (http: string): Promise<Server> =>
    createServer(readConfig({ data: folder, state, http, https: "off", anonymousRate: "0", ...raw }, {}), {
      log,
      clock,
    });
  let server = await serve("127.0.0.1:0");
  const local = await openLocal({ data: folder, state }, { log, clock });
  const url = server.urls[0] as string;
  // Builds the screens where they are not built yet.
  await (await fetch(url)).arrayBuffer();
  const contexts: BrowserContext[] = [];
  const complaints: string[] = [];
  const signedIn = new Map<string, StorageState>();
  const closePages = async (): Promise<void> => {
    for (const context of new Set(contexts.splice(0))) await context.close();
  };
  return {
    closePages,
    url,
    folder,
    get server() {
      return server;
    },
    local,
    open: async (username, path = "/keys", options = {}) => {
      const { width = 1440, height = 900, colorScheme = "light" } = options;
      const context =
        options.context ??
        (await (
          await theBrowser()
        ).newContext({
          viewport: { width, height },
          colorScheme,
          locale: "en-US",
          storageState: username === undefined ? undefined : signedIn.get(username),
        }));
      contexts.push(context);
      context.setDefaultTimeout(WAIT_MS);
      const page = await context.newPage();
      watch(page, url, options, complaints);
      if (username !== undefined && options.context === undefined && !signedIn.has(username)) {
        const answer = await context.request.post(`${url}/api/v1/session`, {
          data: { username, password: PASSWORD },
          headers: { Origin: url },
        });
        if (!answer.ok()) throw new Error(`${username} cannot sign in: ${await answer.text()}`);
        signedIn.set(username, await context.storageState());
      }
      await page.goto(url + path);
      return page;
    },
    clock,
    stop: async () => {
      await server.close();
      return async () => {
        server = await serve(new URL(url).host);
      };
    },
    [Symbol.asyncDispose]: async () => {
      await closePages();
      await local.close();
      await server.close();
      for (const made of [folder, state]) rmSync(made, { recursive: true, force: true });
      if (complaints.length > 0) throw new Error(`The page complained:\n${complaints.join("\n")}`);
    },
  };
}

function watch(page: Page, url: string, { expected, mayAsk }: OpenOptions, complaints: string[]): void {
  page.on("console", (message) => {
    if (message.type() !== "error" && message.type() !== "warning") return;
    const text = message.text();
    if (!CONSOLE_EXPECTED.test(text) && !expected?.test(text)) complaints.push(text);
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("dialog", (dialog) => {
    if (mayAsk === true && dialog.type() === "beforeunload") return;
    complaints.push(`A dialog of the browser: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on("request", (request) => {
    const asked = request.url();
    if (!asked.startsWith(url) && !/^(data|blob):/.test(asked)) complaints.push(`Asked ${asked}`);
  });
}

/** Somebody who can sign in with PASSWORD. */
export async function addUser(screens: Screens, username: string, ...roles: Role[]): Promise<void> {
  const { users, caller } = screens.local;
  await users.create(caller, { username, roles, password: PASSWORD });
}

interface KeyToAdd {
  readonly expiresAt?: number | null;
  readonly description?: string;
  readonly tags?: readonly string[];
}

/** @returns the id and the key itself */
export async function addKey(
  screens: Screens,
  username: string,
  name: string,
  more: KeyToAdd = {},
): Promise<{ readonly id: number; readonly text: string }> {
  const { keys, caller } = screens.local;
  const made = await keys.create(caller, { name, username, ...more });
  return { id: made.key.id, text: made.secret.text };
}

/** @returns the status of a call with the key: 200 where it works */
export async function tryKey(screens: Screens, key: string): Promise<number> {
  const answer = await fetch(`${screens.url}/api/v1/keys/self`, {
    headers: { Authorization: `Bearer ${key}` },
  });
  return answer.status;
}
