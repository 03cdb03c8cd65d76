/** What screens.md asks beyond the seed: people, keyboards, widths, colours, and everything that goes wrong. */
import { beforeAll, expect, test } from "bun:test";
import type { Locator, Page } from "playwright-core";
import { closeAfter } from "./close-after.ts";
import { button, chooseAction, dialog, rowOf } from "./page.ts";
import { addKey, addUser, openScreens, PASSWORD, type Screens, tryKey } from "./screens.ts";

const HOSTILE = "<img src=x onerror=alert(1)>";
let screens: Screens;

beforeAll(async () => {
  screens = await openScreens();
  await addUser(screens, "ada", "FULL_ADMIN");
  await addUser(screens, "grace", "FULL_ADMIN");
  await addUser(screens, "reader", "READONLY_ADMIN");
  await addUser(screens, "holder", "KEY_HOLDER");
  await addKey(screens, "ada", "alpha");
  await addKey(screens, "holder", "held");
});

closeAfter(() => screens);

test("a key is made and copied with the keyboard alone, from the sign-in on", async () => {
  const page = await screens.open(undefined, "/keys");
  await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
  await page.getByLabel("Username", { exact: true }).waitFor();
  await page.keyboard.type("ada");
  await page.keyboard.press("Tab");
  await page.keyboard.type(PASSWORD);
  await page.keyboard.press("Enter");
  await rowOf(page, "alpha").waitFor();
  await tabTo(page, "Add");
  await page.keyboard.press("Enter");
  await dialog(page, "Add API Key").waitFor();
  await page.waitForFunction(() => document.activeElement?.tagName === "INPUT");
  await page.keyboard.type("by keyboard");
  await page.keyboard.press("Enter");
  await dialog(page, "API Key").waitFor();
  await page.waitForFunction(() => document.activeElement?.textContent === "Copy to Clipboard");
  await page.keyboard.press("Enter");
  await page.getByText("Copied.").waitFor();
  expect(await tryKey(screens, await page.evaluate(() => navigator.clipboard.readText()))).toBe(200);
  await page.keyboard.press("Escape");
  await dialog(page, "API Key").waitFor({ state: "detached" });
  await page.waitForFunction(() => document.activeElement?.textContent === "Add");
  await rowOf(page, "by keyboard").waitFor();
});

test("unsaved input is asked about, however the panel is left", async () => {
  const page = await screens.open("ada");
  await button(page, "Add").click();
  const panel = dialog(page, "Add API Key");
  await panel.getByLabel("Name", { exact: true }).fill("half a name");
  const ask = dialog(page, "Unsaved changes");
  const leaveBy: (() => Promise<void>)[] = [
    () => page.keyboard.press("Escape"),
    () => panel.getByRole("button", { name: "Cancel", exact: true }).click(),
    () => panel.getByRole("button", { name: "Close panel", exact: true }).click(),
    () => page.mouse.click(20, 500),
  ];
  for (const leave of leaveBy) {
    await leave();
    await ask.getByRole("button", { name: "Keep editing", exact: true }).click();
    await ask.waitFor({ state: "detached" });
    expect(await panel.getByLabel("Name", { exact: true }).inputValue()).toBe("half a name");
  }
  await page.keyboard.press("Escape");
  await ask.getByRole("button", { name: "Discard changes", exact: true }).click();
  await panel.waitFor({ state: "detached" });
});

test("errors stand at their fields, and the focus goes to the first", async () => {
  const page = await screens.open("ada");
  await button(page, "Add").click();
  const panel = dialog(page, "Add API Key");
  await panel.getByRole("button", { name: "Save", exact: true }).click();
  await panel.getByText("Give the key a name").waitFor();
  await page.waitForFunction(() => document.activeElement?.getAttribute("aria-invalid") === "true");
  await panel.getByLabel("Name", { exact: true }).fill("alpha");
  await panel.getByRole("button", { name: "Save", exact: true }).click();
  await panel.getByText("This name is taken").waitFor();
  await panel.getByLabel("Name", { exact: true }).fill("dated");
  await panel.getByRole("checkbox", { name: "Non-expiring", exact: true }).click();
  await panel.getByLabel("Expires at", { exact: true }).waitFor();
  await panel.getByRole("button", { name: "Save", exact: true }).click();
  await panel.getByText("Choose when the key expires").waitFor();
});

test("closing the key's dialog asks once when nothing was copied", async () => {
  const page = await screens.open("ada");
  await button(page, "Add").click();
  await dialog(page, "Add API Key").getByLabel("Name", { exact: true }).fill("not copied");
  await dialog(page, "Add API Key").getByRole("button", { name: "Save", exact: true }).click();
  const shown = dialog(page, "API Key");
  await shown.getByRole("button", { name: "Close", exact: true }).click();
  await shown.getByText("You have not copied the key yet").waitFor();
  await shown.getByRole("button", { name: "Close", exact: true }).click();
  await shown.waitFor({ state: "detached" });
});

test("a refused clipboard is told, and the key is left selected", async () => {
  const page = await screens.open("ada");
  await page.evaluate(() => {
    navigator.clipboard.writeText = () => Promise.reject(new Error("refused"));
    document.execCommand = () => false;
  });
  await button(page, "Add").click();
  await dialog(page, "Add API Key").getByLabel("Name", { exact: true }).fill("no clipboard");
  await dialog(page, "Add API Key").getByRole("button", { name: "Save", exact: true }).click();
  const shown = dialog(page, "API Key");
  await shown.getByRole("button", { name: "Copy to Clipboard", exact: true }).click();
  await shown.getByText("The browser refused to copy").waitFor();
  const key = await shown.getByLabel("Key", { exact: true }).inputValue();
  expect(
    await page.evaluate(() => {
      const box = document.activeElement as HTMLTextAreaElement;
      return box.value.slice(box.selectionStart, box.selectionEnd);
    }),
  ).toBe(key);
});

test("hostile names stay text wherever they stand", async () => {
  const { keys, caller } = screens.local;
  const { id } = await addKey(screens, "ada", HOSTILE, { description: HOSTILE, tags: [HOSTILE] });
  await keys.revoke(caller, id, HOSTILE);
  const page = await screens.open("ada");
  await rowOf(page, HOSTILE).waitFor();
  await button(page, "Columns").click();
  await page.getByRole("menuitem", { name: "Select All", exact: true }).click();
  await page.keyboard.press("Escape");
  await page.getByRole("link", { name: HOSTILE, exact: true }).click();
  const details = page.getByRole("dialog");
  await details.getByText(`Revoke API key ${HOSTILE}`).waitFor();
  expect(await details.getByText(HOSTILE).count()).toBeGreaterThan(3);
  await page.keyboard.press("Escape");
  await chooseAction(page, HOSTILE, "Edit");
  expect(await dialog(page, "Edit API Key").getByLabel("Name", { exact: true }).inputValue()).toBe(HOSTILE);
  await page.keyboard.press("Escape");
  await chooseAction(page, HOSTILE, "Delete");
  await dialog(page, "Delete API Key").getByText(HOSTILE).waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("searchbox", { name: "Search" }).fill(HOSTILE);
  await page.getByText("1 key", { exact: true }).waitFor();
  await page.goto(`${screens.url}/audit`);
  await page.getByText(`Create API key ${HOSTILE}`).first().waitFor();
  expect(await page.locator("img[src=x]").count()).toBe(0);
  await button(page, "Export").waitFor();
});

test("filter, order, page and open details are in the address and come back by it", async () => {
  const page = await screens.open("ada", "/keys?q=a&status=active&order=name&owner=me");
  await rowOf(page, "alpha").waitFor();
  expect(await page.getByRole("searchbox", { name: "Search" }).inputValue()).toBe("a");
  expect(await rowOf(page, "held").count()).toBe(0);
  await page.getByRole("link", { name: "alpha", exact: true }).click();
  await page.getByRole("dialog", { name: "alpha" }).waitFor();
  await page.reload();
  await page.getByRole("dialog", { name: "alpha" }).waitFor();
  await page.goBack();
  await page.getByRole("dialog", { name: "alpha" }).waitFor({ state: "detached" });
  await page.goForward();
  await page.getByRole("dialog", { name: "alpha" }).waitFor();
});

test("the columns menu keeps one column, and the choice stays with the user", async () => {
  const page = await screens.open("grace");
  await rowOf(page, "alpha").waitFor();
  await button(page, "Columns").click();
  expect(await page.getByRole("menuitem", { name: "Reset to Defaults" }).isDisabled()).toBe(true);
  await page.getByRole("menuitemcheckbox", { name: "Tags", exact: true }).click();
  await page.getByRole("columnheader", { name: "Tags", exact: true }).waitFor();
  await page.getByRole("menuitem", { name: "Select All", exact: true }).click();
  await page.getByRole("menuitem", { name: "Unselect All", exact: true }).click();
  await page.getByRole("menuitemcheckbox", { name: "Name", exact: true, disabled: true }).waitFor();
  const isKept = page.waitForResponse(
    (answer) => answer.request().postDataJSON()?.value?.join() === "name,hint" && answer.ok(),
  );
  await page.getByRole("menuitemcheckbox", { name: "Key hint", exact: true }).click();
  await page.getByRole("columnheader", { name: "Key hint", exact: true }).waitFor();
  await isKept;
  const elsewhere = await screens.open("grace");
  await elsewhere.getByRole("columnheader", { name: "Key hint", exact: true }).waitFor();
  expect((await elsewhere.getByRole("columnheader").allInnerTexts()).map((title) => title.trim())).toEqual([
    "Name",
    "Key hint",
  ]);
  await elsewhere.getByRole("button", { name: "Columns" }).click();
  await elsewhere.getByRole("menuitem", { name: "Reset to Defaults" }).click();
  await elsewhere.getByRole("columnheader", { name: "Last used", exact: true }).waitFor();
});

test("a change made elsewhere shows by itself, in each of eight tabs", async () => {
  const first = await screens.open("ada");
  const context = first.context();
  const tabs = [first];
  for (let at = 0; at < 7; at++) tabs.push(await screens.open("ada", "/keys", { context }));
  for (const tab of tabs) await rowOf(tab, "alpha").waitFor();
  await addKey(screens, "grace", "from elsewhere");
  for (const tab of tabs) await rowOf(tab, "from elsewhere").waitFor();
});

test("a lost connection is shown, and what was missed comes when the server is back", async () => {
  const page = await screens.open("ada");
  await rowOf(page, "alpha").waitFor();
  const start = await screens.stop();
  await page.getByText("Connection lost").waitFor();
  await start();
  await addKey(screens, "ada", "made meanwhile");
  await rowOf(page, "made meanwhile").waitFor({ timeout: 20_000 });
  await page.getByText("Connection lost").waitFor({ state: "detached" });
}, 60_000);

test("two administrators edit the same key: the second learns of it and loses nothing", async () => {
  const { id } = await addKey(screens, "ada", "shared", { description: "before" });
  const [one, two] = [await screens.open("ada"), await screens.open("grace")];
  for (const page of [one, two]) await chooseAction(page, "shared", "Edit");
  const name = (page: Page): Locator => dialog(page, "Edit API Key").getByLabel("Name", { exact: true });
  await name(one).fill("shared one");
  await dialog(one, "Edit API Key").getByRole("button", { name: "Save", exact: true }).click();
  await rowOf(one, "shared one").waitFor();
  const second = dialog(two, "Edit API Key");
  await second.getByLabel("Description", { exact: true }).fill("after");
  await second.getByRole("button", { name: "Save", exact: true }).click();
  await second.getByText("Somebody else changed this key meanwhile").waitFor();
  await second.getByRole("button", { name: "Take their changes, keep mine" }).click();
  expect(await name(two).inputValue()).toBe("shared one");
  await second.getByRole("button", { name: "Save", exact: true }).click();
  await second.waitFor({ state: "detached" });
  const stored = await screens.local.keys.get(screens.local.caller, id);
  expect([stored.name, stored.description]).toEqual(["shared one", "after"]);
});

test("a session that ended leads to the sign-in and back, with what was typed", async () => {
  await addUser(screens, "short", "FULL_ADMIN");
  const page = await screens.open("short");
  await button(page, "Add").click();
  await dialog(page, "Add API Key").getByLabel("Name", { exact: true }).fill("typed before");
  await page.context().clearCookies();
  await dialog(page, "Add API Key").getByRole("button", { name: "Save", exact: true }).click();
  await page.getByRole("heading", { name: "Your session has ended" }).waitFor();
  expect(await dialog(page, "Add API Key").isVisible()).toBe(false);
  await page.locator(".again input[name=password]").fill(PASSWORD);
  await button(page, "Sign In").click();
  await dialog(page, "Add API Key").waitFor();
  expect(await dialog(page, "Add API Key").getByLabel("Name", { exact: true }).inputValue()).toBe(
    "typed before",
  );
  await dialog(page, "Add API Key").getByRole("button", { name: "Save", exact: true }).click();
  await dialog(page, "API Key").waitFor();
});

test("who is not signed in comes back to the address that they asked for", async () => {
  const page = await screens.open(undefined, "/audit?event=AUTHENTICATION");
  await page.getByLabel("Username", { exact: true }).fill("ada");
  await page.getByLabel("Password", { exact: true }).fill("not my password");
  await button(page, "Sign In").click();
  await page.getByText("That did not match").waitFor();
  await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
  await button(page, "Sign In").click();
  await page.getByRole("heading", { level: 1, name: "Audit" }).waitFor();
  expect(new URL(page.url()).search).toBe("?event=AUTHENTICATION");
});

test("a row's menu opens with Enter, Space, ArrowDown and a click, and Esc gives the focus back", async () => {
  const page = await screens.open("ada");
  const name = "Actions for alpha";
  for (const key of ["Enter", "Space", "ArrowDown", "click"]) {
    await page.reload();
    await rowOf(page, "alpha").waitFor();
    expect(await button(page, name).getAttribute("aria-haspopup")).toBe("menu");
    for (const _time of ["first", "second"]) {
      if (key === "click") await button(page, name).click();
      else await button(page, name).press(key);
      const menu = page.getByRole("menu", { name, exact: true });
      await menu.waitFor();
      expect(await button(page, name).getAttribute("aria-expanded")).toBe("true");
      await page.keyboard.press("ArrowDown");
      await page.locator("[role=menuitem]:focus").waitFor();
      await page.keyboard.press("Escape");
      await menu.waitFor({ state: "detached" });
      await page.locator(`[aria-label="${name}"][aria-expanded=false]:focus`).waitFor();
    }
  }
  await button(page, name).click();
  await page.getByRole("menu").waitFor();
  await button(page, name).click();
  await page.getByRole("menu").waitFor({ state: "detached" });
});

test("the focus stays on the screen when the row that had it is deleted", async () => {
  await addKey(screens, "ada", "to go");
  const page = await screens.open("ada");
  await rowOf(page, "to go").waitFor();
  await button(page, "Actions for to go").press("Enter");
  await page.getByRole("menuitem", { name: "Delete", exact: true }).press("Enter");
  const ask = dialog(page, "Delete API Key");
  await ask.getByLabel("Confirm", { exact: true }).press("Space");
  await button(ask, "Delete").press("Enter");
  await ask.waitFor({ state: "detached" });
  await rowOf(page, "to go").waitFor({ state: "detached" });
  await page.locator("main:focus").waitFor();
});

test("READONLY_ADMIN sees all keys and manages only its own", async () => {
  const page = await screens.open("reader");
  await rowOf(page, "alpha").waitFor();
  await button(page, "Actions for alpha").click();
  expect(await page.getByRole("menuitem").allInnerTexts()).toEqual(["Details"]);
  await page.keyboard.press("Escape");
  await button(page, "Add").click();
  const owner = dialog(page, "Add API Key").getByLabel("Username", { exact: true });
  expect(await owner.inputValue()).toBe("reader");
  expect(await owner.getAttribute("readonly")).not.toBeNull();
  await page.goto(`${screens.url}/users`);
  await page.getByRole("heading", { level: 1, name: "Users" }).waitFor();
  expect(await button(page, "Add User").count()).toBe(0);
});

test("KEY_HOLDER sees its own keys and nothing else", async () => {
  const page = await screens.open("holder");
  await rowOf(page, "held").waitFor();
  expect(await rowOf(page, "alpha").count()).toBe(0);
  expect(await page.getByRole("navigation", { name: "Main" }).getByRole("link").allInnerTexts()).toEqual([
    "API Keys",
  ]);
  await button(page, "Add").click();
  await dialog(page, "Add API Key").getByLabel("Name", { exact: true }).fill("held too");
  await dialog(page, "Add API Key").getByRole("button", { name: "Save", exact: true }).click();
  await dialog(page, "API Key").waitFor();
});

test("who loses a role while the page is open is led to the sign-in", async () => {
  await addUser(screens, "fading", "FULL_ADMIN");
  const page = await screens.open("fading");
  await rowOf(page, "alpha").waitFor();
  const { users, caller } = screens.local;
  const { id } = await users.get(caller, { username: "fading" });
  await users.update(caller, id, { roles: ["KEY_HOLDER"] });
  await page.getByRole("heading", { name: "Your session has ended" }).waitFor();
  await page.locator(".again input[name=password]").fill(PASSWORD);
  await button(page, "Sign In").click();
  await page.getByText("No keys yet").waitFor();
});

test("bulk actions ask for the tick and say what will stop", async () => {
  const made = [await addKey(screens, "ada", "bulk one"), await addKey(screens, "ada", "bulk two")];
  const page = await screens.open("ada");
  for (const name of ["bulk one", "bulk two"])
    await page.getByRole("checkbox", { name: `Select ${name}` }).click();
  await page.getByRole("group", { name: "Selected keys" }).getByRole("button", { name: "Revoke" }).click();
  const ask = dialog(page, "Revoke API Keys");
  await ask.getByText("bulk one").waitFor();
  expect(await ask.getByRole("button", { name: "Revoke", exact: true }).isDisabled()).toBe(true);
  await ask.getByRole("checkbox", { name: "Confirm", exact: true }).click();
  await ask.getByRole("button", { name: "Revoke", exact: true }).click();
  await rowOf(page, "bulk two").getByText("Revoked").waitFor();
  for (const { text } of made) expect(await tryKey(screens, text)).toBe(401);
  await chooseAction(page, "bulk one", "Reset");
  await dialog(page, "Edit API Key").getByRole("button", { name: "Save", exact: true }).click();
  const next = await dialog(page, "API Key").getByLabel("Key", { exact: true }).inputValue();
  expect(await tryKey(screens, next)).toBe(200);
});

test("an alert leads to its cause and goes when it is mended", async () => {
  await using fresh = await openScreens();
  await addUser(fresh, "ada", "FULL_ADMIN");
  const { id } = await addKey(fresh, "ada", "lost");
  await fresh.local.keys.revoke(fresh.local.caller, id, "Lost on a train");
  const page = await fresh.open("ada");
  await button(page, "Alerts: 1").click();
  await page.getByText("1 key revoked").click();
  await rowOf(page, "lost").waitFor();
  expect(new URL(page.url()).search).toBe("?status=revoked");
  await fresh.local.keys.remove(fresh.local.caller, id);
  await button(page, "Alerts").waitFor();
});

test("the one-time link makes the first administrator, then a key holder for services", async () => {
  await using fresh = await openScreens();
  const token = await fresh.server.makeSetupToken();
  const page = await fresh.open(undefined, `/setup#token=${token}`);
  await page.getByLabel("Username", { exact: true }).fill("first");
  expect(page.url()).not.toContain("token");
  await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
  await page.getByLabel("Password again", { exact: true }).fill(PASSWORD);
  await button(page, "Make administrator").click();
  await button(page, "Make key holder").click();
  await page.getByText("No keys yet").waitFor();
  const users = await fresh.local.users.list(fresh.local.caller, {});
  expect(users.rows.map(({ username, roles }) => [username, roles[0]])).toEqual([
    ["first", "FULL_ADMIN"],
    ["services", "KEY_HOLDER"],
  ]);
});

test("a password is changed by whoever knows the one before", async () => {
  await addUser(screens, "turner", "KEY_HOLDER");
  const page = await screens.open("turner");
  await button(page, "Settings").click();
  await page.getByRole("menuitem", { name: "Change Password", exact: true }).click();
  const ask = dialog(page, "Change Password");
  await ask.getByLabel("Current password", { exact: true }).fill("something else");
  await ask.getByLabel("New password", { exact: true }).fill("four other words now");
  await ask.getByLabel("New password again", { exact: true }).fill("four other words now");
  await ask.getByRole("button", { name: "Save", exact: true }).click();
  await ask.getByText("That is not your password").waitFor();
  await ask.getByLabel("Current password", { exact: true }).fill(PASSWORD);
  await ask.getByRole("button", { name: "Save", exact: true }).click();
  await ask.waitFor({ state: "detached" });
  await button(page, "Settings").click();
  await page.getByRole("menuitem", { name: "Log Out", exact: true }).click();
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
});

test("users and groups are added, edited, locked and deleted on the screen", async () => {
  const page = await screens.open("ada", "/users");
  await button(page, "Add User").click();
  const panel = dialog(page, "Add User");
  await panel.getByLabel("Username", { exact: true }).fill("newcomer");
  await panel.getByRole("button", { name: "Save", exact: true }).click();
  await button(page, "newcomer").waitFor();
  const { text } = await addKey(screens, "newcomer", "of the newcomer");
  await chooseAction(page, "newcomer", "Lock");
  const lock = dialog(page, "Lock User");
  await lock.getByText("of the newcomer").waitFor();
  await lock.getByRole("checkbox", { name: "Confirm", exact: true }).click();
  await lock.getByRole("button", { name: "Lock", exact: true }).click();
  await page.getByRole("row").filter({ hasText: "newcomer" }).getByText("Locked").waitFor();
  expect(await tryKey(screens, text)).toBe(403);
  await chooseAction(page, "newcomer", "Unlock");
  await page.getByRole("row").filter({ hasText: "newcomer" }).getByText("Active").waitFor();
  await chooseAction(page, "newcomer", "Delete");
  const ask = dialog(page, "Delete User");
  await ask.getByText("of the newcomer").waitFor();
  await ask.getByRole("checkbox", { name: "Confirm", exact: true }).click();
  await ask.getByRole("button", { name: "Delete", exact: true }).click();
  await button(page, "newcomer").waitFor({ state: "detached" });
  await page.getByRole("link", { name: "Groups", exact: true }).click();
  await button(page, "Add Group").click();
  await dialog(page, "Add Group").getByLabel("Name", { exact: true }).fill("dns");
  await dialog(page, "Add Group").getByRole("button", { name: "Save", exact: true }).click();
  await button(page, "dns").waitFor();
});

test("settings are changed by full administrators and hold at once", async () => {
  const page = await screens.open("ada", "/system");
  await page.getByLabel("REST API and checks", { exact: true }).selectOption("revoke");
  await page
    .getByRole("group", { name: "Keys over plain http" })
    .getByRole("button", { name: "Save", exact: true })
    .click();
  await page.getByText("Settings saved.").waitFor();
  expect((await screens.local.settings.show(screens.local.caller)).insecureTransport).toBe("revoke");
  const reader = await screens.open("reader", "/system");
  expect(await reader.getByLabel("REST API and checks", { exact: true }).isDisabled()).toBe(true);
});

test("who may read the documentation is set on the screen, and holds at once", async () => {
  const page = await screens.open("ada", "/system");
  const docs = (): Promise<Response> => fetch(`${screens.url}/api/openapi.json`);
  expect((await docs()).status).toBe(200);
  await page.getByLabel("Who may read it", { exact: true }).selectOption("Whoever is signed in");
  await page.getByRole("group", { name: "Documentation" }).getByRole("button", { name: "Save" }).click();
  await page.getByText("Settings saved.").waitFor();
  expect((await docs()).status).toBe(401);
  await screens.local.settings.change(screens.local.caller, { docs: "open" });
});

test("the guide is behind the menu and at the seed's old address, with its pictures", async () => {
  const page = await screens.open("ada", "/scale/scaleclireference/auth/cliapikey/");
  await page.getByRole("heading", { level: 1, name: "Managing API Keys" }).waitFor();
  for (const picture of await page.locator("article img").all()) {
    const answer = await page.request.get(
      new URL((await picture.getAttribute("src")) as string, screens.url).href,
    );
    expect([answer.status(), answer.headers()["content-type"]]).toEqual([200, "image/png"]);
  }
});

/** Tabs on until the element of that text has the focus. */
async function tabTo(page: Page, text: string): Promise<void> {
  for (let steps = 0; steps < 60; steps++) {
    await page.keyboard.press("Tab");
    if ((await page.evaluate(() => document.activeElement?.textContent)) === text) return;
  }
  throw new Error(`No ${text} within reach of the Tab key`);
}
