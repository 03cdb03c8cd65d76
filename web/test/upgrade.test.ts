/** A page of an older version than the server asks for a reload, once, and loses nothing that is open in it. */
import { beforeAll, describe, expect, test } from "bun:test";
import type { Locator, Page } from "playwright-core";
import { closeAfter } from "./close-after.ts";
import { button, dialog, field, rowOf, takeKey } from "./page.ts";
import { addKey, addUser, openScreens, type Screens } from "./screens.ts";

let screens: Screens;

beforeAll(async () => {
  screens = await openScreens();
  await addUser(screens, "ada", "FULL_ADMIN");
  await addKey(screens, "ada", "alpha");
});

closeAfter(() => screens);

/** From now on the server's page names another program; the server itself goes and comes back. */
async function upgrade(page: Page, to: string): Promise<void> {
  await page.unroute(`${screens.url}/`);
  await nameProgram(page, to);
  await restart(page);
}

/** The page has looked for an upgrade then. */
async function restart(page: Page): Promise<void> {
  const start = await screens.stop();
  await page.getByText("Connection lost").waitFor();
  const looked = page.waitForResponse(`${screens.url}/`, { timeout: 60_000 });
  await start();
  await (await looked).finished();
  await page.getByText("Connection lost").waitFor({ state: "detached" });
}

async function nameProgram(page: Page, name: string): Promise<void> {
  const own = await (await fetch(`${screens.url}/`)).text();
  const body = own.replaceAll(/main-[\w-]+\.js/g, `main-${name}.js`);
  await page.route(`${screens.url}/`, (route) => route.fulfill({ contentType: "text/html", body }));
}

const notice = (page: Page): Locator => page.getByText("Chatelaine was upgraded.");

/** Pages that are loaded anew have forgotten it. */
const mark = (page: Page): Promise<void> =>
  page.evaluate(() => {
    (window as { isOld?: boolean }).isOld = true;
  });
const isOld = (page: Page): Promise<boolean> =>
  page.evaluate(() => (window as { isOld?: boolean }).isOld === true);

interface Open {
  readonly path: string;
  /** @returns the field whose words would be lost */
  readonly open?: (page: Page) => Promise<Locator>;
  readonly question?: string;
  readonly stay?: string;
  readonly leave?: string;
}

const UNSAVED = { question: "Unsaved changes", stay: "Keep editing", leave: "Discard changes" };

const OPEN: Readonly<Record<string, Open>> = {
  "a list": { path: "/keys" },
  "a panel with words that are not saved": {
    path: "/keys",
    open: async (page) => {
      await button(page, "Add").click();
      const input = field(dialog(page, "Add API Key"), "Name");
      await input.fill("typed before");
      return input;
    },
    ...UNSAVED,
  },
  "a form on the screen": {
    path: "/system",
    open: async (page) => {
      const input = field(page, "Public address");
      await input.fill("https://keys.example");
      return input;
    },
    ...UNSAVED,
  },
  "a key that is shown once": {
    path: "/keys",
    open: async (page) => {
      await button(page, "Add").click();
      await field(dialog(page, "Add API Key"), "Name").fill("shown once");
      await button(dialog(page, "Add API Key"), "Save").click();
      return field(dialog(page, "API Key"), "Key");
    },
    question: "The key is not copied yet",
    stay: "Back to the key",
    leave: "Leave without the key",
  },
};

describe("an upgrade is asked about once, and nothing is lost, over", () => {
  for (const [name, { path, open, question = "", stay = "", leave = "" }] of Object.entries(OPEN))
    test(name, async () => {
      const page = await screens.open("ada", path, { mayAsk: true });
      const input = await open?.(page);
      const words = await input?.inputValue();
      await mark(page);
      await upgrade(page, "next");
      await notice(page).waitFor();
      expect(await notice(page).count()).toBe(1);
      if (input) {
        expect(await input.inputValue()).toBe(words as string);
        await button(page, "Reload").click();
        await button(dialog(page, question), stay).click();
        expect([await isOld(page), await input.inputValue()]).toEqual([true, words as string]);
      }
      // Whoever says no is not asked again, but for the version after it.
      await button(page, "Close notice").click();
      await notice(page).waitFor({ state: "detached" });
      await upgrade(page, "next");
      expect(await notice(page).count()).toBe(0);
      await upgrade(page, "after");
      await notice(page).waitFor();
      expect([await isOld(page), await input?.inputValue()]).toEqual([true, words]);
      await page.unroute(`${screens.url}/`);
      await button(page, "Reload").click();
      if (input) await button(dialog(page, question), leave).click();
      await page.waitForFunction(() => (window as { isOld?: boolean }).isOld === undefined);
      expect(new URL(page.url()).pathname).toBe(path);
    }, 120_000);
});

test("after a restart of the same version nobody is asked", async () => {
  const page = await screens.open("ada");
  await rowOf(page, "alpha").waitFor();
  await restart(page);
  await addKey(screens, "ada", "made after");
  await rowOf(page, "made after").waitFor();
  expect(await notice(page).count()).toBe(0);
}, 60_000);

test("a part that only the version before has says so beside what was typed, and asks for the reload", async () => {
  const page = await screens.open("ada", "/sign-in", { mayAsk: true });
  await page.route(/\/assets\/expiry-field-/, (route) => route.fulfill({ status: 404, body: "Not found\n" }));
  await page.goto(`${screens.url}/keys`);
  await button(page, "Add").click();
  const panel = dialog(page, "Add API Key");
  await field(panel, "Name").fill("typed");
  await mark(page);
  await nameProgram(page, "next");
  await panel.getByRole("checkbox", { name: "Non-expiring", exact: true }).click();
  await panel.getByText("This part has a newer version").waitFor();
  await notice(page).waitFor();
  expect([await isOld(page), await field(panel, "Name").inputValue()]).toEqual([true, "typed"]);
  // What is open is finished all the same.
  await panel.getByRole("checkbox", { name: "Non-expiring", exact: true }).click();
  await button(panel, "Save").click();
  await takeKey(page);
  await rowOf(page, "typed").waitFor();
});
