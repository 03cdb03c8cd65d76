/** What somebody may not change cannot be ticked or opened for editing, and everybody begins where they may be. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import type { Page } from "playwright-core";
import { button, dialog, field, rowOf } from "./page.ts";
import { addKey, addUser, closeBrowser, openScreens, PASSWORD, type Screens } from "./screens.ts";

let screens: Screens;

beforeAll(async () => {
  screens = await openScreens();
  await addUser(screens, "ada", "FULL_ADMIN");
  await addUser(screens, "grace", "READONLY_ADMIN");
  await addUser(screens, "manager", "API_KEY_WRITE");
  await addUser(screens, "accounts", "ACCOUNT_WRITE");
  await addUser(screens, "auditor", "SYSTEM_AUDIT_READ");
  await addUser(screens, "people", "ACCOUNT_READ");
  await addUser(screens, "checker", "KEY_VERIFY");
  await addUser(screens, "holder", "KEY_HOLDER");
  for (const owner of ["ada", "grace", "holder"]) await addKey(screens, owner, `of ${owner}`);
  const { accounts, caller } = screens.local;
  await accounts.groups.create(caller, { name: "admins", roles: ["FULL_ADMIN"], scopes: [] });
  await accounts.groups.create(caller, { name: "readers", roles: ["ACCOUNT_READ"], scopes: [] });
});

afterEach(() => screens.closePages());

afterAll(async () => {
  await screens[Symbol.asyncDispose]();
  await closeBrowser();
});

async function itemsOf(page: Page, name: string): Promise<string[]> {
  await button(page, `Actions for ${name}`).click();
  const items = await page.getByRole("menuitem").allInnerTexts();
  await page.keyboard.press("Escape");
  await page.getByRole("menu").waitFor({ state: "detached" });
  return items;
}

test("a read-only administrator ticks their own keys alone, one by one and all at once", async () => {
  const page = await screens.open("grace");
  await rowOf(page, "of ada").waitFor();
  const boxes = page.getByRole("checkbox", { name: /^Select of/ });
  expect(await boxes.evaluateAll((all) => all.map((one) => one.getAttribute("aria-label")))).toEqual([
    "Select of grace",
  ]);
  await page.getByRole("checkbox", { name: "Select all on this page" }).click();
  await page.getByText("1 key selected").waitFor();
  expect(await itemsOf(page, "of ada")).toEqual(["Details"]);
  expect(await itemsOf(page, "of grace")).toEqual(["Details", "Edit", "Reset", "Pause", "Revoke", "Delete"]);
  await page.getByRole("link", { name: "of ada", exact: true }).click();
  const details = dialog(page, "of ada");
  await details.getByText("Restrictions").waitFor();
  for (const name of ["Edit", "Reset", "Pause", "Revoke", "Delete"])
    expect([name, await button(details, name).count()]).toEqual([name, 0]);
});

test("a key manager ends everybody's keys, and edits those alone that may no more than they", async () => {
  const page = await screens.open("manager");
  await rowOf(page, "of ada").waitFor();
  expect(await itemsOf(page, "of ada")).toEqual(["Details", "Pause", "Revoke", "Delete"]);
  expect(await itemsOf(page, "of holder")).toEqual(["Details", "Edit", "Reset", "Pause", "Revoke", "Delete"]);
  await page.getByRole("link", { name: "of ada", exact: true }).click();
  await button(dialog(page, "of ada"), "Revoke").waitFor();
  expect(await button(dialog(page, "of ada"), "Edit").count()).toBe(0);
});

describe("users and groups with rights that one lacks are looked at, not edited:", () => {
  test("by an account manager", async () => {
    const page = await screens.open("accounts", "/users");
    await button(page, "Actions for holder").waitFor();
    expect(await itemsOf(page, "ada")).toEqual(["Details"]);
    expect(await itemsOf(page, "people")).toEqual(["Details", "Edit", "Set Password", "Lock", "Delete"]);
    await button(page, "ada").click();
    await dialog(page, "ada").getByText("Full administrator").waitFor();
    expect(await button(dialog(page, "ada"), "Edit").count()).toBe(0);
    await page.goto(`${screens.url}/groups`);
    await button(page, "Actions for admins").waitFor();
    expect(await itemsOf(page, "admins")).toEqual(["Details"]);
    expect(await itemsOf(page, "readers")).toEqual(["Details", "Edit", "Delete"]);
  });

  test("by somebody who only reads, for whom a press on a group's name opens no form", async () => {
    const page = await screens.open("grace", "/groups");
    await button(page, "readers").click();
    const details = dialog(page, "readers");
    await details.getByText("Account reader").waitFor();
    expect(await details.getByRole("textbox").count()).toBe(0);
    expect(await button(details, "Edit").count()).toBe(0);
    expect(await itemsOfRow(page)).toEqual(["Close details"]);
  });
});

async function itemsOfRow(page: Page): Promise<(string | null)[]> {
  return page
    .getByRole("dialog")
    .getByRole("button")
    .evaluateAll((all) => all.map((one) => one.getAttribute("aria-label") ?? one.textContent));
}

test("one's own password is changed with the one before, from the row of oneself too", async () => {
  const page = await screens.open("ada", "/users");
  await button(page, "Actions for ada").click();
  await page.getByRole("menuitem", { name: "Change Password", exact: true }).click();
  await field(dialog(page, "Change Password"), "Current password").waitFor();
});

describe("after signing in, and at the start page, is what one may see:", () => {
  for (const [user, path, heading] of [
    ["ada", "/keys", "User API Keys"],
    ["holder", "/keys", "User API Keys"],
    ["people", "/users", "Users"],
    ["auditor", "/audit", "Audit"],
    ["checker", "/guide", "Managing API Keys"],
  ] as const)
    for (const from of ["/", "/keys", "/sign-in", "/sign-in?to=%2Fsystem"])
      test(`${user} from ${from}`, async () => {
        const page = await screens.open(undefined, from);
        await field(page, "Username").fill(user);
        await field(page, "Password").fill(PASSWORD);
        await button(page, "Sign In").click();
        const wanted = user === "ada" && from.includes("system") ? ["/system", "System"] : [path, heading];
        await page.getByRole("heading", { level: 1, name: wanted[1] as string, exact: true }).waitFor();
        expect(new URL(page.url()).pathname).toBe(wanted[0] as string);
        expect(await page.getByRole("alert").count()).toBe(0);
      });

  test("and the menu offers no more than that", async () => {
    const page = await screens.open("auditor", "/");
    await page.getByRole("heading", { level: 1, name: "Audit" }).waitFor();
    await button(page, "Settings").click();
    expect(await page.getByRole("menuitem", { name: "My API Keys" }).count()).toBe(0);
    await page.keyboard.press("Escape");
    await page.getByRole("link", { name: "Chatelaine", exact: true }).click();
    await page.getByRole("heading", { level: 1, name: "Audit" }).waitFor();
    // What may not be seen says so, and offers no other try that could only fail again.
    await page.goto(`${screens.url}/keys`);
    await page.getByRole("heading", { name: "A role is missing" }).waitFor();
    expect(await button(page, "Try again").count()).toBe(0);
  });
});
