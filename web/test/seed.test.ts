/** The statements of the seed, one by one, in a real browser against the real server. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Locator, Page } from "playwright-core";
import { version } from "../../package.json";
import { addKey, addUser, closeBrowser, openScreens, type Screens, theBrowser, tryKey } from "./screens.ts";

let screens: Screens;
let page: Page;

beforeAll(async () => {
  screens = await openScreens();
  await addUser(screens, "ada", "FULL_ADMIN");
  await addUser(screens, "build", "KEY_HOLDER");
  await addUser(screens, "nobody");
  await addKey(screens, "ada", "alpha");
  await addKey(screens, "build", "beta", { expiresAt: Date.now() + 40 * 86_400_000 });
  page = await screens.open("ada");
  await page.getByRole("row", { name: /alpha/ }).waitFor();
});

afterAll(async () => {
  await screens[Symbol.asyncDispose]();
  await closeBrowser();
});

const rowOf = (name: string): Locator =>
  page.getByRole("row").filter({ has: page.getByRole("link", { name, exact: true }) });
const dialog = (name: string): Locator => page.getByRole("dialog", { name, exact: true });
const button = (name: string): Locator => page.getByRole("button", { name, exact: true });

async function chooseAction(name: string, action: string): Promise<void> {
  await button(`Actions for ${name}`).click();
  await page.getByRole("menuitem", { name: action, exact: true }).click();
}

/** Makes a key on the screen. @returns the key as the dialog shows it, with the dialog still open */
async function makeKey(
  name: string,
  fill: (panel: Locator) => Promise<void> = async () => {},
): Promise<string> {
  await button("Add").click();
  const panel = dialog("Add API Key");
  await panel.getByLabel("Name", { exact: true }).fill(name);
  await fill(panel);
  await panel.getByRole("button", { name: "Save", exact: true }).click();
  return await dialog("API Key").getByLabel("Key", { exact: true }).inputValue();
}

async function closeShownKey(): Promise<void> {
  const shown = dialog("API Key");
  await shown.getByRole("button", { name: "Copy to Clipboard", exact: true }).click();
  await shown.getByRole("button", { name: "Close", exact: true }).click();
  await shown.waitFor({ state: "detached" });
}

test("S1 the top bar has a button Settings with a user icon, and it opens a menu", async () => {
  const settings = page.getByRole("banner").getByRole("button", { name: "Settings", exact: true });
  expect(await settings.locator("svg.tabler-icon-user").count()).toBe(1);
  await settings.click();
  await page.getByRole("menu").waitFor();
  const items = await page.getByRole("menuitem").allInnerTexts();
  expect(items).toEqual(["Change Password", "My API Keys", "Guide", "About", "Log Out"]);
});

test("S2 the menu has My API Keys with a laptop icon", async () => {
  const item = page.getByRole("menuitem", { name: "My API Keys", exact: true });
  expect(await item.locator("svg[class*=laptop]").count()).toBe(1);
});

test("S3 it leads to User API Keys, which has its own address and survives a reload", async () => {
  await page.getByRole("menuitem", { name: "My API Keys", exact: true }).click();
  await page.getByRole("heading", { level: 1, name: "User API Keys", exact: true }).waitFor();
  expect(new URL(page.url()).pathname).toBe("/keys");
  await page.reload();
  await page.getByRole("heading", { level: 1, name: "User API Keys", exact: true }).waitFor();
  expect(await page.title()).toBe("User API Keys · Chatelaine");
});

test("S4 the keys of the system stand in a table", async () => {
  await rowOf("alpha").waitFor();
  await rowOf("beta").waitFor();
  expect(await page.getByRole("table", { name: "User API Keys" }).count()).toBe(1);
});

test("S5 a key can be added, edited and deleted from there", async () => {
  expect(await button("Add").count()).toBe(1);
  await button("Actions for alpha").click();
  for (const name of ["Edit", "Delete"]) await page.getByRole("menuitem", { name, exact: true }).waitFor();
  await page.keyboard.press("Escape");
});

test("S6 the table and its column titles are there at first paint", async () => {
  const fresh = await screens.open("ada");
  const seen = Promise.withResolvers<void>();
  await fresh.route("**/api/v1/keys?*", async (route) => {
    await seen.promise;
    await route.continue();
  });
  await fresh.reload();
  await fresh.getByRole("columnheader").first().waitFor();
  const titles = await fresh.getByRole("columnheader").allInnerTexts();
  expect(titles.map((title) => title.trim())).toEqual([
    "Name",
    "Username",
    "Status",
    "Created",
    "Expires",
    "Last used",
  ]);
  seen.resolve();
  await fresh.unrouteAll({ behavior: "wait" });
  await fresh.close();
});

test("S7 a click on a column title orders by it, a second one turns the order around", async () => {
  const ofColumns = async (choice: string): Promise<void> => {
    await button("Columns").click();
    await page.getByRole("menuitem", { name: choice, exact: true }).click();
    await page.keyboard.press("Escape");
    await page.getByRole("menu").waitFor({ state: "detached" });
  };
  await ofColumns("Select All");
  await page.getByRole("columnheader", { name: "Created by", exact: true }).waitFor();
  const titles = await page.getByRole("columnheader").allInnerTexts();
  expect(titles).toHaveLength(12);
  for (const title of titles) {
    const head = page.getByRole("columnheader", { name: title, exact: true });
    await head.getByRole("button").click();
    await page.waitForFunction(
      (one) => document.querySelector("th[aria-sort=ascending]")?.textContent === one,
      title,
    );
    await head.getByRole("button").click();
    await page.waitForFunction(
      (one) => document.querySelector("th[aria-sort=descending]")?.textContent === one,
      title,
    );
  }
  await ofColumns("Reset to Defaults");
});

test("S8 the order is visible and applies to all rows, not only to the page shown", async () => {
  for (let at = 0; at < 55; at++) await addKey(screens, "build", `many ${String(at).padStart(2, "0")}`);
  await page.goto(`${screens.url}/keys?order=name`);
  await rowOf("alpha").waitFor();
  await page.getByText("1–50 of 57 keys").waitFor();
  await page.getByRole("columnheader", { name: "Name", exact: true }).getByRole("button").click();
  await rowOf("many 54").waitFor();
  expect(await page.locator("tbody tr").first().getByRole("link").first().innerText()).toBe("many 54");
  expect(
    await page.getByRole("columnheader", { name: "Name", exact: true }).locator("svg[data-on=true]").count(),
  ).toBe(1);
  const { keys, caller } = screens.local;
  const all = await keys.list(caller, { limit: 100 });
  for (const key of all.rows) if (key.name.startsWith("many")) await keys.remove(caller, key.id);
  await page.goto(`${screens.url}/keys`);
  await rowOf("alpha").waitFor();
});

test("S9 S10 Add opens a panel Add API Key", async () => {
  await button("Add").click();
  await dialog("Add API Key").waitFor();
});

test("S11 it has a text field Name", async () => {
  expect(await dialog("Add API Key").getByRole("textbox", { name: "Name", exact: true }).count()).toBe(1);
});

test("S12 S13 its drop-down Username offers those who hold a role, and nobody else", async () => {
  const field = dialog("Add API Key").getByLabel("Username", { exact: true });
  expect(await field.first().inputValue()).toBe("ada");
  await field.first().click();
  await page.getByRole("option", { name: "build" }).waitFor();
  expect(await page.getByRole("option").allInnerTexts()).toEqual(["ada", "build"]);
  expect(await page.getByRole("listbox").innerText()).toMatch(/Administrators\s+ada\s+Key holders\s+build/);
  await page.keyboard.press("Escape");
});

test("S15 its checkbox Non-expiring is ticked by default", async () => {
  expect(
    await dialog("Add API Key").getByRole("checkbox", { name: "Non-expiring", exact: true }).isChecked(),
  ).toBe(true);
  await page.keyboard.press("Escape");
  await dialog("Add API Key").waitFor({ state: "detached" });
});

test("S14 S16 S17 a key saved so belongs to the user, acts as him, and never expires", async () => {
  const key = await makeKey("for the builder", async (panel) => {
    await panel.getByLabel("Username", { exact: true }).first().click();
    await page.getByRole("option", { name: "build" }).click();
  });
  await closeShownKey();
  const answer = await fetch(`${screens.url}/api/v1/session`, {
    headers: { Authorization: `Bearer ${key}` },
  });
  expect(((await answer.json()) as { user: { username: string } }).user.username).toBe("build");
  await rowOf("for the builder").waitFor();
  const cells = await rowOf("for the builder").getByRole("cell").allInnerTexts();
  expect(cells).toContain("build");
  expect(cells).toContain("Never");
  const id = Number(key.split("-")[0]);
  await screens.local.keys.revoke(screens.local.caller, id, "Over");
  expect(await tryKey(screens, key)).toBe(401);
});

test("S18 S19 S20 without the tick a calendar gives a date and a time, with the zone shown", async () => {
  await button("Add").click();
  const panel = dialog("Add API Key");
  await panel.getByLabel("Name", { exact: true }).fill("today only");
  await panel.getByRole("checkbox", { name: "Non-expiring", exact: true }).click();
  const field = panel.getByLabel("Expires at", { exact: true });
  await field.click();
  const today = new Date();
  await page.locator("[data-today] button, button[data-today]").first().click();
  await page.keyboard.press("Escape");
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  expect(await panel.innerText()).toContain(
    await page.evaluate(() => Intl.DateTimeFormat().resolvedOptions().timeZone),
  );
  expect(zone.length).toBeGreaterThan(0);
  expect(await field.innerText()).toMatch(/11:59|23:59/);
  await field.press("Enter");
  await page.getByRole("button", { name: "Done", exact: true }).click();
  await page.getByRole("button", { name: "Done", exact: true }).waitFor({ state: "detached" });
  expect(await field.evaluate((one) => one === document.activeElement)).toBe(true);
  await panel.getByRole("button", { name: "Save", exact: true }).click();
  const key = await dialog("API Key").getByLabel("Key", { exact: true }).inputValue();
  await closeShownKey();
  const stored = await screens.local.keys.get(screens.local.caller, Number(key.split("-")[0]));
  const expected = new Date(today.getFullYear(), today.getMonth(), today.getDate(), 23, 59).getTime();
  expect(stored.expiresAt).toBe(expected);
  expect(await tryKey(screens, key)).toBe(200);
});

test("S21 from that moment the key is refused, and the list says so", async () => {
  const expiresAt = screens.clock.now() + 10 * 60_000;
  const { id, text } = await addKey(screens, "ada", "soon over", { expiresAt });
  await rowOf("soon over").waitFor();
  expect(await tryKey(screens, text)).toBe(200);
  screens.clock.move(10 * 60_000);
  await rowOf("soon over").getByText("Expired").waitFor();
  expect(await tryKey(screens, text)).toBe(401);
  await screens.local.keys.remove(screens.local.caller, id);
});

test("S22 S23 Save makes the key, and a dialog API Key shows it", async () => {
  const key = await makeKey("copied");
  expect(key).toMatch(/^\d+-CK1[0-9A-Za-z]{61}$/);
  expect(await tryKey(screens, key)).toBe(200);
});

test("S24 Copy to Clipboard puts exactly the key on the clipboard", async () => {
  await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
  const shown = dialog("API Key");
  const key = await shown.getByLabel("Key", { exact: true }).inputValue();
  await shown.getByRole("button", { name: "Copy to Clipboard", exact: true }).click();
  await shown.getByText("Copied.").waitFor();
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(key);
});

test("S25 the dialog warns that the key is shown this once", async () => {
  expect(await dialog("API Key").innerText()).toMatch(/safe.*back.*up[\s\S]*this once/i);
});

test("S26 S27 after Close the key is in the list and nowhere in the page any more", async () => {
  const shown = dialog("API Key");
  const key = await shown.getByLabel("Key", { exact: true }).inputValue();
  await shown.getByRole("button", { name: "Close", exact: true }).click();
  await shown.waitFor({ state: "detached" });
  await rowOf("copied").waitFor();
  const body = key.split("-")[1] as string;
  expect((await page.content()).includes(body)).toBe(false);
  expect((await heapOf(page)).includes(body)).toBe(false);
  await chooseAction("copied", "Edit");
  await dialog("Edit API Key").waitFor();
  expect((await page.content()).includes(body)).toBe(false);
  await page.keyboard.press("Escape");
  const stored = await page.evaluate(async () => {
    const answers = await Promise.all(
      ["/api/v1/keys", "/api/v1/session"].map(async (path) => (await fetch(path)).text()),
    );
    return answers.join() + JSON.stringify({ ...localStorage, ...sessionStorage });
  });
  expect(stored.includes(body)).toBe(false);
  await page.reload();
  await rowOf("copied").waitFor();
  expect((await page.content()).includes(body)).toBe(false);
});

test("S28 S29 each row has Actions for NAME, with its items in order", async () => {
  await button("Actions for copied").click();
  expect(await button("Actions for copied").locator("svg[class*=dots-vertical]").count()).toBe(1);
  const items = await page.getByRole("menuitem").allInnerTexts();
  expect(items).toEqual(["Details", "Edit", "Reset", "Pause", "Revoke", "Delete"]);
  const last = page.getByRole("menuitem", { name: "Delete", exact: true });
  expect(await last.evaluate((item) => item.previousElementSibling?.getAttribute("role") ?? "")).toMatch(
    /separator|/,
  );
  await page.keyboard.press("Escape");
});

test("S30 Edit opens a panel Edit API Key with the row's values", async () => {
  await chooseAction("copied", "Edit");
  const panel = dialog("Edit API Key");
  expect(await panel.getByLabel("Name", { exact: true }).inputValue()).toBe("copied");
  expect(await panel.getByLabel("Username", { exact: true }).inputValue()).toBe("ada");
  expect(await panel.getByRole("checkbox", { name: "Non-expiring", exact: true }).isChecked()).toBe(true);
});

test("S34 without Reset the string stays valid, and no dialog comes", async () => {
  const { text } = await addKey(screens, "ada", "kept");
  await page.keyboard.press("Escape");
  await chooseAction("kept", "Edit");
  const panel = dialog("Edit API Key");
  await panel.getByLabel("Name", { exact: true }).fill("kept on");
  await panel.getByRole("button", { name: "Save", exact: true }).click();
  await panel.waitFor({ state: "detached" });
  await rowOf("kept on").waitFor();
  expect(await dialog("API Key").count()).toBe(0);
  expect(await tryKey(screens, text)).toBe(200);
});

test("S31 S32 S33 Reset shows a new key; the old one is dead; id, name and user stay", async () => {
  const { id, text } = await addKey(screens, "build", "turned");
  await chooseAction("turned", "Edit");
  const panel = dialog("Edit API Key");
  await panel.getByRole("checkbox", { name: "Reset", exact: true }).click();
  await panel.getByRole("button", { name: "Save", exact: true }).click();
  const shown = dialog("API Key");
  const next = await shown.getByLabel("Key", { exact: true }).inputValue();
  expect(await shown.innerText()).toMatch(/this once/);
  expect(next).not.toBe(text);
  expect(await tryKey(screens, text)).toBe(401);
  expect(await tryKey(screens, next)).toBe(200);
  await closeShownKey();
  const stored = await screens.local.keys.get(screens.local.caller, id);
  expect([stored.name, stored.username, next.split("-")[0]]).toEqual(["turned", "build", String(id)]);
});

test("S35 S36 Delete wants the tick Confirm, and again when it is taken away", async () => {
  await chooseAction("turned", "Delete");
  const ask = dialog("Delete API Key");
  const del = ask.getByRole("button", { name: "Delete", exact: true });
  const confirm = ask.getByRole("checkbox", { name: "Confirm", exact: true });
  expect(await del.isDisabled()).toBe(true);
  await confirm.click();
  expect(await del.isDisabled()).toBe(false);
  await confirm.click();
  expect(await del.isDisabled()).toBe(true);
});

test("S38 Cancel, Esc and a click outside leave the key alone", async () => {
  const ask = dialog("Delete API Key");
  await ask.getByRole("button", { name: "Cancel", exact: true }).click();
  await ask.waitFor({ state: "detached" });
  await chooseAction("turned", "Delete");
  await ask.waitFor();
  await page.keyboard.press("Escape");
  await ask.waitFor({ state: "detached" });
  await chooseAction("turned", "Delete");
  await ask.waitFor();
  await page.mouse.click(5, 400);
  await ask.waitFor({ state: "detached" });
  expect(await rowOf("turned").count()).toBe(1);
});

test("S37 Delete removes the key: the row goes, the string stops working", async () => {
  const { text } = await addKey(screens, "build", "gone");
  await chooseAction("gone", "Delete");
  const ask = dialog("Delete API Key");
  await ask.getByRole("checkbox", { name: "Confirm", exact: true }).click();
  await ask.getByRole("button", { name: "Delete", exact: true }).click();
  await rowOf("gone").waitFor({ state: "detached" });
  expect(await tryKey(screens, text)).toBe(401);
});

test("S39 S40 API Docs opens documentation on the same host in a new tab", async () => {
  const link = page.getByRole("link", { name: "API Docs", exact: true });
  expect(await link.getAttribute("target")).toBe("_blank");
  const address = new URL((await link.getAttribute("href")) as string, page.url());
  expect(address.origin).toBe(screens.url);
  expect(address.pathname).toBe("/api/docs");
  const [docs] = await Promise.all([page.context().waitForEvent("page"), link.click()]);
  await docs.getByRole("heading", { level: 1 }).first().waitFor();
  const asked = await docs.evaluate(() =>
    performance.getEntriesByType("resource").map(({ name }) => new URL(name).origin),
  );
  expect([...new Set(asked)]).toEqual([screens.url]);
  const { info } = (await (await fetch(`${screens.url}/api/openapi.json`)).json()) as {
    info: { version: string };
  };
  expect(info.version).toBe(version);
  await docs.close();
});

/** Every string that the page's memory holds, after a collection. */
async function heapOf(target: Page): Promise<string> {
  await theBrowser();
  const session = await target.context().newCDPSession(target);
  const chunks: string[] = [];
  session.on("HeapProfiler.addHeapSnapshotChunk", ({ chunk }) => chunks.push(chunk));
  await session.send("HeapProfiler.enable");
  await session.send("HeapProfiler.collectGarbage");
  await session.send("HeapProfiler.takeHeapSnapshot", { reportProgress: false });
  await session.detach();
  return chunks.join("");
}
