/** Input that is not saved is asked about, by every way out of every form. */
import { beforeAll, describe, expect, test } from "bun:test";
import type { Locator, Page } from "playwright-core";
import { closeAfter } from "./close-after.ts";
import { button, chooseAction, dialog, field, waitFor, watchAsking } from "./page.ts";
import { addKey, addUser, openScreens, type Screens } from "./screens.ts";

let screens: Screens;

beforeAll(async () => {
  screens = await openScreens();
  await addUser(screens, "ada", "FULL_ADMIN");
  await addUser(screens, "builder", "KEY_HOLDER");
});

closeAfter(() => screens);

describe("input that is not saved is asked about:", () => {
  interface Typed {
    readonly path: string;
    readonly type: (page: Page) => Promise<Locator>;
    /** It stands over the screen, and is left by Esc. */
    readonly over: boolean;
  }
  const FORMS: Readonly<Record<string, Typed>> = {
    "a card of settings": {
      path: "/system",
      over: false,
      type: async (page) => {
        const input = field(page, "Public address");
        await input.fill("https://keys.example");
        return input;
      },
    },
    "Add API Key": {
      path: "/keys",
      over: true,
      type: async (page) => {
        await button(page, "Add").click();
        const input = field(dialog(page, "Add API Key"), "Name");
        await input.fill("typed");
        return input;
      },
    },
    "Add User": {
      path: "/users",
      over: true,
      type: async (page) => {
        await button(page, "Add User").click();
        const input = field(dialog(page, "Add User"), "Full name");
        await input.fill("typed");
        return input;
      },
    },
    "Add Group": {
      path: "/groups",
      over: true,
      type: async (page) => {
        await button(page, "Add Group").click();
        const input = field(dialog(page, "Add Group"), "Name");
        await input.fill("typed");
        return input;
      },
    },
    "Set Password": {
      path: "/users",
      over: true,
      type: async (page) => {
        await chooseAction(page, "builder", "Set Password");
        const input = field(dialog(page, "Set Password"), "New password");
        await input.fill("typed");
        return input;
      },
    },
    "Change Password": {
      path: "/keys",
      over: true,
      type: async (page) => {
        await button(page, "Settings").click();
        await page.getByRole("menuitem", { name: "Change Password" }).click();
        const input = field(dialog(page, "Change Password"), "New password");
        await input.fill("typed");
        return input;
      },
    },
    "a reason to revoke": {
      path: "/keys",
      over: true,
      type: async (page) => {
        await addKey(screens, "ada", "revocable");
        await chooseAction(page, "revocable", "Revoke");
        const input = field(dialog(page, "Revoke API Key"), "Reason");
        await input.fill("typed");
        return input;
      },
    },
  };
  for (const [name, { path, type, over }] of Object.entries(FORMS))
    test(`${name}, by Back, a reload${over ? " and Esc" : ", a link and signing out"}`, async () => {
      const page = await screens.open("ada", "/audit", { mayAsk: true });
      await page.getByRole("heading", { level: 1, name: "Audit" }).waitFor();
      const place = { "/keys": "API Keys", "/users": "Users", "/system": "System" }[path];
      await page.getByRole("link", { name: place ?? "Users", exact: true }).click();
      if (path === "/groups") await page.getByRole("link", { name: "Groups", exact: true }).click();
      const input = await type(page);
      const typed = await input.inputValue();
      const question = dialog(page, "Unsaved changes");
      const asked = watchAsking(page);
      const stay = async (): Promise<void> => {
        await button(question, "Keep editing").click();
        await question.waitFor({ state: "detached" });
        expect(await input.inputValue()).toBe(typed);
      };
      await page.evaluate(() => history.back());
      await stay();
      await page.evaluate(() => location.reload());
      await waitFor(() => asked.length === 1);
      if (over) {
        await page.keyboard.press("Escape");
        await stay();
      } else {
        await page.getByRole("link", { name: "Users", exact: true }).click();
        await stay();
        await button(page, "Settings").click();
        await page.getByRole("menuitem", { name: "Log Out", exact: true }).click();
        await stay();
      }
      await page.evaluate(() => history.back());
      await button(question, "Discard changes").click();
      await input.waitFor({ state: "detached" });
      expect(asked).toHaveLength(1);
    });
});

describe("a word that is typed and no chip yet is input too, asked about by", () => {
  const WAYS: Readonly<Record<string, (page: Page) => Promise<unknown>>> = {
    "the Back button": (page) => page.evaluate(() => history.back()),
    // The first one is the field's own, which closes its list.
    "Esc twice": async (page) => {
      await page.keyboard.press("Escape");
      await page.keyboard.press("Escape");
    },
  };
  for (const [way, leave] of Object.entries(WAYS))
    test(way, async () => {
      const page = await screens.open("ada", "/audit", { mayAsk: true });
      await page.getByRole("heading", { level: 1, name: "Audit" }).waitFor();
      await page.getByRole("link", { name: "API Keys", exact: true }).click();
      await button(page, "Add").click();
      const panel = dialog(page, "Add API Key");
      await button(panel, "Description, rights and limits").click();
      const tags = field(panel, "Tags");
      await tags.pressSequentially("half");
      await leave(page);
      const question = dialog(page, "Unsaved changes");
      await button(question, "Keep editing").click();
      await question.waitFor({ state: "detached" });
      await panel.getByText("half", { exact: true }).waitFor();
    });
});
