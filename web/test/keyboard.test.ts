/** A day's work by the keyboard alone: every step is reached by Tab, arrows and Enter, and the focus is seen at each of them. */
import { beforeAll, expect, test } from "bun:test";
import type { Page } from "playwright-core";
import { closeAfter } from "./close-after.ts";
import { button, dialog, field, rowOf } from "./page.ts";
import { addUser, openScreens, PASSWORD, type Screens } from "./screens.ts";

/** More presses than that, and nobody finds it. */
const TABS_MAX = 40;
let screens: Screens;

beforeAll(async () => {
  screens = await openScreens();
  await addUser(screens, "ada", "FULL_ADMIN");
});

closeAfter(() => screens);

interface Focused {
  readonly name: string;
  readonly isSeen: boolean;
}

/** What has the focus, by its name, and whether one sees that: drawn around it, and in view. */
function focused(page: Page): Promise<Focused> {
  return page.evaluate(() => {
    const one = document.activeElement;
    if (!(one instanceof HTMLElement)) return { name: "", isSeen: false };
    const { labels } = one as HTMLInputElement;
    const name = one.getAttribute("aria-label") ?? labels?.[0]?.textContent ?? one.textContent ?? "";
    // Hidden inputs of a group of choices are drawn by their label.
    const drawn = [one, labels?.[0], one.closest("[class*=wrapper]"), one.nextElementSibling];
    const isDrawn = drawn.some((part) => {
      if (!part) return false;
      const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(part);
      // A field has its own ring, just inside its border.
      const isRinged = one.matches("input, textarea, select") && boxShadow !== "none";
      return isRinged || (outlineStyle !== "none" && Number.parseFloat(outlineWidth) >= 2);
    });
    const { top, bottom, left, right } = one.getBoundingClientRect();
    const isInView = bottom > 0 && top < innerHeight && right > 0 && left < innerWidth;
    return { name: name.trim(), isSeen: isDrawn && isInView };
  });
}

/** Tabs on to what has the name. */
async function tabTo(page: Page, name: string | RegExp, key = "Tab"): Promise<void> {
  const passed: string[] = [];
  for (let presses = 0; presses < TABS_MAX; presses++) {
    const is = await focused(page);
    const isIt = typeof name === "string" ? is.name === name : name.test(is.name);
    if (isIt) {
      expect([is.name, is.isSeen]).toEqual([is.name, true]);
      return;
    }
    passed.push(is.name.slice(0, 40));
    await page.keyboard.press(key);
  }
  throw new Error(`Tab does not lead to ${name}; it passes ${passed.join(" | ")}`);
}

async function has(page: Page, name: string | RegExp): Promise<void> {
  let is: Focused = { name: "", isSeen: false };
  for (let tries = 0; tries < 100; tries++) {
    is = await focused(page);
    if (typeof name === "string" ? is.name === name : name.test(is.name)) return;
    await page.waitForTimeout(50);
  }
  throw new Error(`The focus is at ${JSON.stringify(is.name)}, not at ${name}`);
}

async function hasAnother(page: Page, name: string): Promise<void> {
  for (let tries = 0; tries < 100 && (await focused(page)).name === name; tries++) {
    await page.waitForTimeout(20);
  }
}

/** By the menu of a row, as arrows walk it. */
async function choose(page: Page, row: string, action: string): Promise<void> {
  await tabTo(page, `Actions for ${row}`);
  await page.keyboard.press("Enter");
  await page.getByRole("menuitem", { name: action, exact: true }).waitFor();
  for (let presses = 0; presses < 12; presses++) {
    const { name } = await focused(page);
    if (name === action) break;
    await page.keyboard.press("ArrowDown");
    await hasAnother(page, name);
  }
  expect((await focused(page)).name).toBe(action);
  await page.keyboard.press("Enter");
}

async function confirm(page: Page, title: string, verb: string): Promise<void> {
  await dialog(page, title).waitFor();
  await tabTo(page, "Confirm");
  await page.keyboard.press("Space");
  await tabTo(page, verb);
  // Until the server has said what will stop, a press does nothing.
  await page.locator("button:focus:not([aria-busy])").waitFor();
  await page.keyboard.press("Enter");
  await dialog(page, title).waitFor({ state: "detached" });
}

test("a sign-in that nobody answers keeps what was typed, and Back does not lead to one that is done", async () => {
  const page = await screens.open(undefined, "/guide");
  await has(page, "Username");
  await page.keyboard.type("ada");
  await tabTo(page, "Password");
  await page.keyboard.type(PASSWORD);
  await page.context().setOffline(true);
  await page.keyboard.press("Enter");
  await page.getByText("The server does not answer").waitFor();
  await page.context().setOffline(false);
  await has(page, "Password");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { level: 1, name: "Managing API Keys" }).waitFor();
  await tabTo(page, "Audit", "Shift+Tab");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { level: 1, name: "Audit" }).waitFor();
  await page.evaluate(() => history.back());
  await page.getByRole("heading", { level: 1, name: "Managing API Keys" }).waitFor();
  expect(await page.evaluate(() => history.state?.__TSR_index)).toBe(0);
});

test("it is seen that the alerts have it, also where there are none, and Esc gives it back", async () => {
  const page = await screens.open("ada");
  await tabTo(page, "Alerts");
  await page.keyboard.press("Enter");
  await page.getByRole("dialog", { name: "Alerts" }).waitFor();
  await page.waitForFunction(() => document.activeElement?.closest("[role=dialog]"));
  expect((await focused(page)).isSeen).toBe(true);
  await page.keyboard.press("Escape");
  await page.getByRole("dialog", { name: "Alerts" }).waitFor({ state: "detached" });
  await has(page, "Alerts");
});

test("signing in, a user, a key and its life, a lock, and signing out", async () => {
  const page = await screens.open(undefined, "/sign-in");
  await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
  await has(page, "Username");
  await page.keyboard.type("ada");
  await tabTo(page, "Password");
  await page.keyboard.type(PASSWORD);
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { level: 1, name: "User API Keys" }).waitFor();

  // A user.
  await tabTo(page, "Users");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { level: 1, name: "Users" }).waitFor();
  await tabTo(page, "Add User");
  await page.keyboard.press("Enter");
  await dialog(page, "Add User").waitFor();
  await has(page, "Username");
  await page.keyboard.type("deploy");
  await tabTo(page, /^Key holder/);
  expect(await page.getByRole("checkbox", { name: /^Key holder/ }).isChecked()).toBe(true);
  await tabTo(page, "Save");
  await page.keyboard.press("Enter");
  await rowOfUser(page, "deploy").waitFor();
  await has(page, "Add User");

  // A key of theirs.
  await tabTo(page, "API Keys", "Shift+Tab");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { level: 1, name: "User API Keys" }).waitFor();
  await tabTo(page, "Add");
  await page.keyboard.press("Enter");
  await has(page, "Name");
  await page.keyboard.type("ci");
  await tabTo(page, "Username");
  await page.keyboard.press("ControlOrMeta+A");
  await page.keyboard.type("dep");
  // What is offered follows what is typed.
  await page.getByRole("option", { name: "ada" }).waitFor({ state: "detached" });
  await page.getByRole("option", { name: "deploy" }).waitFor();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  expect(await field(dialog(page, "Add API Key"), "Username").inputValue()).toBe("deploy");
  await tabTo(page, "Save");
  await page.keyboard.press("Enter");
  const shown = dialog(page, "API Key");
  await shown.waitFor();
  await has(page, "Copy to Clipboard");
  await page.keyboard.press("Enter");
  await shown.getByText("Copied.").waitFor();
  await page.keyboard.press("Escape");
  await shown.waitFor({ state: "detached" });
  await has(page, "Add");

  // Its life.
  await choose(page, "ci", "Edit");
  await has(page, "Name");
  await page.keyboard.press("ControlOrMeta+A");
  await page.keyboard.type("ci deploy");
  await page.keyboard.press("Enter");
  await rowOf(page, "ci deploy").waitFor();
  await has(page, "Actions for ci deploy");
  for (const [action, word] of [
    ["Pause", "Paused"],
    ["Resume", "Active"],
  ] as const) {
    await choose(page, "ci deploy", action);
    await rowOf(page, "ci deploy").getByText(word, { exact: true }).waitFor();
    await has(page, "Actions for ci deploy");
  }
  await choose(page, "ci deploy", "Reset");
  await dialog(page, "Edit API Key").waitFor();
  await tabTo(page, "Save");
  await page.keyboard.press("Enter");
  await has(page, "Copy to Clipboard");
  await page.keyboard.press("Enter");
  await shown.getByText("Copied.").waitFor();
  await page.keyboard.press("Escape");
  await has(page, "Actions for ci deploy");
  await choose(page, "ci deploy", "Revoke");
  await has(page, "Reason");
  await page.keyboard.type("no longer wanted");
  await confirm(page, "Revoke API Key", "Revoke");
  await rowOf(page, "ci deploy").getByText("Revoked", { exact: true }).waitFor();
  await has(page, "Actions for ci deploy");
  await choose(page, "ci deploy", "Delete");
  await confirm(page, "Delete API Key", "Delete");
  await rowOf(page, "ci deploy").waitFor({ state: "detached" });

  // The user is locked, and unlocked by the notice.
  await tabTo(page, "Users", "Shift+Tab");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { level: 1, name: "Users" }).waitFor();
  await choose(page, "deploy", "Lock");
  await confirm(page, "Lock User", "Lock");
  await rowOfUser(page, "deploy").getByText("Locked", { exact: true }).waitFor();
  await has(page, "Actions for deploy");
  await tabTo(page, "Undo", "Shift+Tab");
  await page.keyboard.press("Enter");
  await rowOfUser(page, "deploy").getByText("Active", { exact: true }).waitFor();

  // And out.
  await tabTo(page, "Settings", "Shift+Tab");
  await page.keyboard.press("Enter");
  await page.getByRole("menuitem", { name: "Log Out" }).waitFor();
  for (let presses = 0; presses < 12 && (await focused(page)).name !== "Log Out"; presses++)
    await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await button(page, "Sign In").waitFor();
  await has(page, "Username");
});

const rowOfUser = (page: Page, name: string) =>
  page
    .getByRole("row")
    .filter({ has: page.getByRole("button", { name: `Actions for ${name}`, exact: true }) });

test("the owner of a key is chosen by the arrows as fast as somebody types", async () => {
  await addUser(screens, "builder", "KEY_HOLDER");
  await addUser(screens, "bulk", "KEY_HOLDER");
  const page = await screens.open("ada");
  await button(page, "Add").click();
  const owner = field(dialog(page, "Add API Key"), "Username").first();
  await owner.click();
  await page.getByRole("option", { name: "builder" }).waitFor();
  await page.keyboard.press("ControlOrMeta+a");
  await page.keyboard.type("buil");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await page.getByRole("option").first().waitFor({ state: "detached" });
  expect(await owner.inputValue()).toBe("builder");
});
