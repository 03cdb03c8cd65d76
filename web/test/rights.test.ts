/** What somebody may not change cannot be ticked or opened for editing, and everybody begins where they may be. */
import { beforeAll, describe, expect, test } from "bun:test";
import type { Page } from "playwright-core";
import { closeAfter } from "./close-after.ts";
import { button, dialog, field, rowOf } from "./page.ts";
import { addKey, addUser, openScreens, PASSWORD, type Screens } from "./screens.ts";

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
  await addUser(screens, "keeper", "AUTH_SESSIONS_WRITE");
  await addUser(screens, "holder", "KEY_HOLDER");
  for (const owner of ["ada", "grace", "holder"]) await addKey(screens, owner, `of ${owner}`);
  const { groups, caller } = screens.local;
  await groups.create(caller, { name: "admins", roles: ["FULL_ADMIN"], scopes: [] });
  await groups.create(caller, { name: "readers", roles: ["ACCOUNT_READ"], scopes: [] });
});

closeAfter(() => screens);

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

interface Offer {
  /** Without the right to call it, or any of several, what follows is not offered. */
  readonly operation: string;
  readonly path: string;
  /** What has to be opened first. */
  readonly open?: (page: Page) => Promise<unknown>;
  readonly role: "button" | "menuitem" | "link" | "checkbox";
  readonly name: RegExp;
}

const row = (name: string) => async (page: Page) => button(page, `Actions for ${name}`).click();
const details = (name: string) => async (page: Page) => dialog(page, name).locator(".details").waitFor();
const selected = async (page: Page) =>
  page.getByRole("checkbox", { name: "Select of holder", exact: true }).click();
const menu = async (page: Page) => button(page, "Settings").click();

const ofRow = (path: string, opener: string, offers: Readonly<Record<string, RegExp>>): Offer[] =>
  Object.entries(offers).map(([operation, name]) => ({
    operation,
    path,
    open: row(opener),
    role: "menuitem",
    name,
  }));
const ofDetails = (path: string, opener: string, offers: Readonly<Record<string, RegExp>>): Offer[] =>
  Object.entries(offers).map(([operation, name]) => ({
    operation,
    path,
    open: details(opener),
    role: "button",
    name,
  }));

const KEY_OFFERS = {
  "keys.update": /^Edit$/,
  "keys.reset": /^Reset$/,
  "keys.pause": /^Pause$/,
  "keys.revoke": /^Revoke$/,
  "keys.remove": /^Delete$/,
};
const USER_OFFERS = { "users.update": /^Edit$/, "users.lock": /^Lock$/, "users.remove": /^Delete$/ };
const GROUP_OFFERS = { "groups.update": /^Edit$/, "groups.remove": /^Delete$/ };

const OFFERS: readonly Offer[] = [
  { operation: "keys.create", path: "/keys", role: "button", name: /^Add$/ },
  ...ofRow("/keys", "of holder", KEY_OFFERS),
  ...ofDetails("/keys?key=KEY", "of holder", KEY_OFFERS),
  { operation: "keys.revoke", path: "/keys", open: selected, role: "button", name: /^Revoke$/ },
  { operation: "keys.remove", path: "/keys", open: selected, role: "button", name: /^Delete$/ },
  {
    operation: "users.list",
    path: "/keys?key=KEY",
    open: details("of holder"),
    role: "link",
    name: /^holder$/,
  },
  {
    operation: "audit.list",
    path: "/keys?key=KEY",
    open: details("of holder"),
    role: "link",
    name: /Audit|All/,
  },
  { operation: "users.create", path: "/users", role: "button", name: /^Add User$/ },
  ...ofRow("/users", "holder", { ...USER_OFFERS, "users.setPassword": /^Set Password$/ }),
  ...ofDetails("/users?user=holder", "holder", USER_OFFERS),
  { operation: "keys.list", path: "/users", role: "link", name: /^1 key of holder$/ },
  {
    operation: "keys.list",
    path: "/users?user=holder",
    open: details("holder"),
    role: "link",
    name: /^1 key of holder$/,
  },
  { operation: "groups.create", path: "/groups", role: "button", name: /^Add Group$/ },
  ...ofRow("/groups", "readers", GROUP_OFFERS),
  ...ofDetails("/groups?group=readers", "readers", GROUP_OFFERS),
  { operation: "audit.export", path: "/audit", role: "button", name: /^Export$/ },
  { operation: "webhook.test", path: "/system", role: "button", name: /^Send Test$/ },
  { operation: "webhook.deliveries", path: "/system", role: "button", name: /^Send Test$/ },
  { operation: "settings.update", path: "/system", role: "button", name: /^Save$/ },
  { operation: "sessions.remove", path: "/system", role: "button", name: /^End session of grace$/ },
  { operation: "alerts.list", path: "/keys", role: "button", name: /^Alerts/ },
  { operation: "keys.list", path: "/guide", role: "link", name: /^User API Keys$/ },
  { operation: "keys.list", path: "/guide", role: "link", name: /^API Keys$/ },
  { operation: "users.list", path: "/keys", role: "link", name: /^Users$/ },
  { operation: "audit.list", path: "/keys", role: "link", name: /^Audit$/ },
  { operation: "settings.get and sessions.list", path: "/keys", role: "link", name: /^System$/ },
  { operation: "keys.list", path: "/guide", open: menu, role: "menuitem", name: /^My API Keys$/ },
  { operation: "users.setPassword", path: "/guide", open: menu, role: "menuitem", name: /^Change Password$/ },
];

describe("what one may not call is not offered, and what one may call is:", () => {
  /** As if the server granted one operation less: some are granted by the same role, and may be parted at any time. */
  async function without(page: Page, operation: string): Promise<void> {
    const taken = operation.split(" and ");
    await page.route("**/api/v1/session", async (route) => {
      const answer = await route.fetch();
      const me = await answer.json();
      const may = me.may.filter((one: string) => !taken.includes(one));
      await route.fulfill({ response: answer, json: { ...me, may } });
    });
  }

  for (const { operation, path, open, role, name } of OFFERS)
    test(`${operation}: ${name.source} at ${path}`, async () => {
      const { rows } = await screens.local.keys.list(screens.local.caller, {});
      const id = rows.find((key) => key.name === "of holder")?.id ?? 0;
      const address = path.replace("KEY", String(id));
      const page = await screens.open("ada", address);
      const offered = page.getByRole(role, { name });
      await open?.(page);
      await offered.first().waitFor();
      await without(page, operation);
      await page.goto("about:blank");
      await page.goto(screens.url + address);
      await page.getByRole("heading", { level: 1 }).waitFor();
      await page.getByRole("button", { name: "Settings", exact: true }).waitFor();
      if (open !== selected) await open?.(page);
      if (path.startsWith("/system")) await page.getByRole("group", { name: "Session limits" }).waitFor();
      if (!path.startsWith("/guide")) await page.getByRole("row").nth(1).waitFor();
      expect(await offered.count()).toBe(0);
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

/** What is asked for by the address, and who may be there. */
const WANTED: Readonly<Record<string, { place: readonly [string, string]; of: readonly string[] }>> = {
  "/sign-in?to=%2Fsystem": { place: ["/system", "System"], of: ["ada", "keeper"] },
  "/sign-in?to=%2Fgroups": { place: ["/groups", "Groups"], of: ["ada", "people"] },
};

describe("after signing in, and at the start page, is what one may see:", () => {
  for (const [user, path, heading] of [
    ["ada", "/keys", "User API Keys"],
    ["holder", "/keys", "User API Keys"],
    ["people", "/users", "Users"],
    ["auditor", "/audit", "Audit"],
    ["keeper", "/system", "System"],
    ["checker", "/guide", "Managing API Keys"],
  ] as const)
    for (const from of ["/", "/keys", "/sign-in", "/sign-in?to=%2Fsystem", "/sign-in?to=%2Fgroups"])
      test(`${user} from ${from}`, async () => {
        const page = await screens.open(undefined, from);
        await field(page, "Username").fill(user);
        await field(page, "Password").fill(PASSWORD);
        await button(page, "Sign In").click();
        const wanted = WANTED[from]?.of.includes(user) ? WANTED[from]?.place : [path, heading];
        await page.getByRole("heading", { level: 1, name: wanted?.[1] as string, exact: true }).waitFor();
        expect(new URL(page.url()).pathname).toBe(wanted?.[0] as string);
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
