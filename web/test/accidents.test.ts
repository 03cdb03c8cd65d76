/** Nothing is done, and nothing lost, by a key pressed once too often, a slip, or the browser's own buttons. */
import { beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import type { Locator, Page } from "playwright-core";
import { closeAfter } from "./close-after.ts";
import { button, chooseAction, dialog, field, rowOf, takeKey, waitFor, watchAsking } from "./page.ts";
import { addKey, addUser, openScreens, type Screens, tryKey } from "./screens.ts";

let screens: Screens;

beforeAll(async () => {
  screens = await openScreens();
  await addUser(screens, "ada", "FULL_ADMIN");
  await addUser(screens, "grace", "FULL_ADMIN");
  await addUser(screens, "builder", "KEY_HOLDER");
  await addKey(screens, "ada", "alpha", { tags: ["one"] });
  await screens.local.groups.create(screens.local.caller, { name: "ops", roles: [], scopes: [] });
});

closeAfter(() => screens);

interface Chips {
  readonly where: string;
  readonly path: string;
  readonly user?: string;
  /** @returns what the fields are in */
  readonly open: (page: Page) => Promise<Locator>;
  readonly fields: readonly string[];
}

async function unfold(panel: Locator): Promise<Locator> {
  const fold = button(panel, "Description, rights and limits");
  if ((await fold.getAttribute("aria-expanded")) === "false") await fold.click();
  const all = panel.getByRole("checkbox", { name: /^All scopes of/ });
  if (await all.isChecked()) await all.click();
  return panel;
}

const openBy = (opener: string, name: string) => async (page: Page) => {
  await button(page, opener).click();
  return dialog(page, name);
};

const CHIPS: readonly Chips[] = [
  {
    where: "Add API Key",
    path: "/keys",
    open: async (page) => {
      const panel = await openBy("Add", "Add API Key")(page);
      await field(panel, "Name").fill("half made");
      return unfold(panel);
    },
    fields: ["Tags", "Scopes", "Allowed addresses", "Username"],
  },
  {
    where: "Edit API Key",
    path: "/keys",
    open: async (page) => {
      await chooseAction(page, "alpha", "Edit");
      return unfold(dialog(page, "Edit API Key"));
    },
    fields: ["Tags", "Scopes", "Allowed addresses"],
  },
  {
    where: "Add User",
    path: "/users",
    open: async (page) => {
      const panel = await openBy("Add User", "Add User")(page);
      await field(panel, "Username").fill("halfmade");
      return panel;
    },
    fields: ["Scopes", "Groups"],
  },
  {
    where: "Edit User",
    path: "/users",
    open: async (page) => {
      await chooseAction(page, "builder", "Edit");
      return dialog(page, "Edit User");
    },
    fields: ["Scopes", "Groups", "Allowed addresses"],
  },
  {
    where: "Add Group",
    path: "/groups",
    open: async (page) => {
      const panel = await openBy("Add Group", "Add Group")(page);
      await field(panel, "Name").fill("halfmade");
      return panel;
    },
    fields: ["Members", "Scopes"],
  },
  {
    where: "Edit Group",
    path: "/groups",
    open: async (page) => {
      await chooseAction(page, "ops", "Edit");
      return dialog(page, "Edit Group");
    },
    fields: ["Members", "Scopes"],
  },
  {
    where: "Key policy",
    path: "/system",
    open: async (page) => page.getByRole("group", { name: "Key policy" }),
    fields: ["Who may make them"],
  },
];

describe("Enter submits nothing in a field of words:", () => {
  for (const { where, path, open, fields } of CHIPS)
    test(`${where}: ${fields.join(", ")}`, async () => {
      const page = await screens.open("ada", path);
      const form = await open(page);
      const asked: string[] = [];
      page.on("request", (request) => {
        if (request.method() !== "GET" && !request.url().includes("/me/")) asked.push(request.url());
      });
      for (const label of fields) {
        const input = field(form, label).first();
        await input.focus();
        // Empty, with a word, empty again, with blanks, with a word that the comma takes, and one that is not in any list.
        for (const typed of ["", "", "zz:a", "", "  ", "zz:b,", "", "nosuchword", "", ""]) {
          if (typed !== "") await page.keyboard.type(typed);
          await page.keyboard.press("Enter");
        }
        await page.keyboard.press("NumpadEnter");
        await page.keyboard.press("Escape");
        if (await dialog(page, "Unsaved changes").count()) await button(page, "Keep editing").click();
        await form.waitFor();
      }
      // Nor in a box or a choice, which Space ticks.
      for (const box of await form.locator("input[type=checkbox], input[type=radio]").all()) {
        await box.focus();
        await page.keyboard.press("Enter");
      }
      expect(asked).toEqual([]);
      expect(await dialog(page, "API Key").count()).toBe(0);
    });
});

test("a panel and a dialog over a list that is scrolled leave everything behind them where it is", async () => {
  for (let at = 0; at < 30; at++) await addKey(screens, "builder", `deep ${String(at).padStart(2, "0")}`);
  for (const [width, height] of [
    [1440, 700],
    [360, 740],
  ] as const) {
    const page = await screens.open("ada", "/keys?q=deep&order=name", { width, height });
    await rowOf(page, "deep 29").scrollIntoViewIfNeeded();
    const places = () =>
      page.evaluate(() =>
        [...document.querySelectorAll("header.top, .side-bar, main tbody tr, .foot")].map((one) =>
          Math.round(one.getBoundingClientRect().top),
        ),
      );
    const before = await places();
    expect(before[0]).toBe(0);
    for (const action of ["Details", "Edit", "Delete"]) {
      await chooseAction(page, "deep 29", action);
      await page.getByRole("dialog").waitFor();
      expect([width, action, await places()]).toEqual([width, action, before]);
      await page.keyboard.press("Escape");
      await page.getByRole("dialog").waitFor({ state: "detached" });
    }
  }
});

describe("choosing rows moves nothing", () => {
  for (const [width, height] of [
    [1440, 900],
    [360, 740],
  ] as const)
    test(`at ${width} px, from the first to the last row, and back`, async () => {
      for (let at = 0; at < 30; at++)
        await addKey(screens, "builder", `row ${width} ${String(at).padStart(2, "0")}`);
      const page = await screens.open("ada", `/keys?q=row+${width}&order=name`, { width, height });
      const boxes = page.getByRole("checkbox", { name: /^Select row/ });
      await boxes.nth(29).waitFor();
      const tops = () =>
        page.evaluate(() =>
          [...document.querySelectorAll("main h1, main tbody tr, .foot")].map((one) => {
            const { top, height: high } = one.getBoundingClientRect();
            return [Math.round(top), Math.round(high)];
          }),
        );
      for (const at of [0, 1, 15, 29]) {
        await boxes.nth(at).scrollIntoViewIfNeeded();
        const before = await tops();
        const box = (await boxes.nth(at).boundingBox()) as {
          x: number;
          y: number;
          width: number;
          height: number;
        };
        await page.mouse.click(box.x + box.width / 2, box.y + box.height / 2);
        await page.getByRole("group", { name: "Selected keys" }).waitFor();
        expect(await tops()).toEqual(before);
        // A second press at the same place meets the same box.
        await page.mouse.click(box.x + box.width / 2, box.y + box.height / 2);
        await page.getByRole("group", { name: "Selected keys" }).waitFor({ state: "detached" });
        expect(await tops()).toEqual(before);
      }
    });
});

async function showKey(page: Page, name: string): Promise<Locator> {
  await button(page, "Add").click();
  const panel = dialog(page, "Add API Key");
  await field(panel, "Name").fill(name);
  await button(panel, "Save").click();
  const shown = dialog(page, "API Key");
  await shown.waitFor();
  return shown;
}

async function hold(page: Page, key: string, times = 8): Promise<void> {
  for (let presses = 0; presses < times; presses++) {
    await page.keyboard.down(key);
    // As a keyboard repeats it, which leaves time for what comes of a press.
    await page.waitForTimeout(30);
  }
  await page.keyboard.up(key);
}

test("a key that is held down presses once", async () => {
  const page = await screens.open("ada");
  await button(page, "Add").focus();
  await hold(page, "Enter");
  const panel = dialog(page, "Add API Key");
  expect(await panel.locator("[aria-invalid=true]").count()).toBe(0);
  await field(panel, "Name").fill("held down");
  await button(panel, "Save").focus();
  await hold(page, "Enter", 30);
  const shown = dialog(page, "API Key");
  await page.waitForFunction(() => document.activeElement?.textContent === "Copy to Clipboard");
  expect(await shown.getByText("Copied.").count()).toBe(0);
  await takeKey(page);
  await page.getByRole("link", { name: "held down", exact: true }).click();
  await button(dialog(page, "held down"), "Revoke").click();
  await dialog(page, "Revoke API Key").waitFor();
  await hold(page, "Escape", 30);
  await dialog(page, "Revoke API Key").waitFor({ state: "detached" });
  expect(await dialog(page, "held down").count()).toBe(1);
});

describe("a key that is shown once", () => {
  test("is not lost by Back, by a filter that changes, by a reload or by Esc", async () => {
    const page = await screens.open("ada", "/users", { mayAsk: true });
    await page.getByRole("link", { name: "API Keys", exact: true }).click();
    const shown = await showKey(page, "precious");
    const key = await field(shown, "Key").inputValue();
    const question = dialog(page, "The key is not copied yet");
    await page.evaluate(() => history.back());
    await button(question, "Back to the key").click();
    await question.waitFor({ state: "detached" });
    expect(await field(shown, "Key").inputValue()).toBe(key);
    expect(new URL(page.url()).pathname).toBe("/keys");
    const asked = watchAsking(page);
    await page.evaluate(() => location.reload());
    await waitFor(() => asked.length === 1);
    expect(asked[0]?.type()).toBe("beforeunload");
    for (let times = 0; times < 3; times++) {
      await page.keyboard.press("Escape");
      await shown.getByText("You have not copied the key yet").waitFor();
    }
    expect(await field(shown, "Key").inputValue()).toBe(key);
    await takeKey(page);
    // What is taken is asked about no more.
    await page.evaluate(() => history.back());
    await page.waitForURL(/\/users/);
    expect(asked).toHaveLength(1);
  });

  test("is not lost by a press that is made twice, or held, on Close", async () => {
    const page = await screens.open("ada", "/keys", { mayAsk: true });
    await page.clock.install();
    await page.reload();
    const shown = await showKey(page, "closed twice");
    await button(shown, "Close").dblclick();
    await shown.getByText("You have not copied the key yet").waitFor();
    await takeKey(page);
    await showKey(page, "closed twice by the keyboard");
    await button(shown, "Close").focus();
    for (let times = 0; times < 2; times++) await page.keyboard.press("Enter");
    await shown.getByText("You have not copied the key yet").waitFor();
    await takeKey(page);
    await showKey(page, "closed long");
    await button(shown, "Close").focus();
    for (let times = 0; times < 5; times++) await page.keyboard.down("Enter");
    await page.keyboard.up("Enter");
    await shown.getByText("You have not copied the key yet").waitFor();
    // Said a second time, it goes.
    await page.clock.fastForward(1_000);
    await page.keyboard.press("Enter");
    await shown.waitFor({ state: "detached" });
  });

  test("may be left behind by somebody who says so", async () => {
    const page = await screens.open("ada", "/users", { mayAsk: true });
    await page.getByRole("link", { name: "API Keys", exact: true }).click();
    await showKey(page, "left behind");
    await page.evaluate(() => history.back());
    await button(dialog(page, "The key is not copied yet"), "Leave without the key").click();
    await page.waitForURL(/\/users/);
    await dialog(page, "API Key").waitFor({ state: "detached" });
  });

  test("is not taken by a Tab through the dialog, a press into the box or a part of it that is selected", async () => {
    const page = await screens.open("ada", "/keys", { mayAsk: true });
    const shown = await showKey(page, "tabbed");
    await page.waitForFunction(() => document.activeElement?.textContent === "Copy to Clipboard");
    await page.keyboard.press("Shift+Tab");
    expect(await field(shown, "Key").evaluate((one) => one === document.activeElement)).toBe(true);
    await page.keyboard.press("Shift+ArrowRight");
    await field(shown, "Key").click();
    await field(shown, "Key").evaluate((box) => (box as HTMLTextAreaElement).setSelectionRange(3, 9));
    for (let steps = 0; steps < 20; steps++) await page.keyboard.press("Tab");
    await page.keyboard.press("Escape");
    await shown.getByText("You have not copied the key yet").waitFor();
    await shown.waitFor();
    // All of it, selected by hand.
    await field(shown, "Key").focus();
    await page.keyboard.press("ControlOrMeta+a");
    await button(shown, "Close").click();
    await shown.waitFor({ state: "detached" });
  });

  test("is not taken by what is selected for somebody, where the browser refuses to copy", async () => {
    const page = await screens.open("ada", "/keys", { mayAsk: true });
    await page.addInitScript(() => {
      navigator.clipboard.writeText = () => Promise.reject(new DOMException("No", "NotAllowedError"));
      document.execCommand = () => false;
    });
    await page.reload();
    const shown = await showKey(page, "refused");
    const box = field(shown, "Key");
    const isSelected = () =>
      box.evaluate((one) => {
        const { selectionStart, selectionEnd, value } = one as HTMLTextAreaElement;
        return selectionStart === 0 && selectionEnd === value.length;
      });
    const isKept = async (): Promise<void> => {
      await page.keyboard.press("Escape");
      await shown.getByText("You have not copied the key yet").waitFor();
      expect(await isSelected()).toBe(true);
    };
    await button(shown, "Copy to Clipboard").click();
    await shown.getByText("The browser refused to copy").waitFor();
    await isKept();
    for (const key of ["Tab", "Shift+Tab", "Shift", "Control", "F2"]) await page.keyboard.press(key);
    await isKept();
    await box.click({ button: "right" });
    await page.keyboard.press("Escape");
    await isKept();
    await page.keyboard.press("ControlOrMeta+a");
    await button(shown, "Close").click();
    await shown.waitFor({ state: "detached" });
  });

  test("is downloaded as text and as .env; the SCRAM file is named as what it is, and takes nothing", async () => {
    const page = await screens.open("ada", "/keys", { mayAsk: true });
    const shown = await showKey(page, "copy me!");
    const key = await field(shown, "Key").inputValue();
    const download = async (item: RegExp) => {
      await button(shown, "Download").click();
      const [file] = await Promise.all([
        page.waitForEvent("download"),
        page.getByRole("menuitem", { name: item }).click(),
      ]);
      return { name: file.suggestedFilename(), text: readFileSync(await file.path(), "utf8") };
    };
    const scram = await download(/^SCRAM file.*The key itself is not in it/);
    expect(scram.name).toBe("copy-me-scram.json");
    expect(scram.text).not.toContain(key);
    expect(JSON.parse(scram.text)).toMatchObject({ username: "ada", api_key_id: Number(key.split("-")[0]) });
    await button(shown, "Close").click();
    await shown.getByText("You have not copied the key yet").waitFor();
    expect(await download(/^Key as text$/)).toEqual({ name: "copy-me.txt", text: `${key}\n` });
    expect(await download(/^Key as \.env file$/)).toEqual({
      name: "copy-me.env",
      text: `CHATELAINE_URL=${screens.url}\nCHATELAINE_KEY=${key}\n`,
    });
    await button(shown, "Close").click();
    await shown.waitFor({ state: "detached" });
  });

  test("is asked about after a reset as after an addition", async () => {
    await addKey(screens, "ada", "to reset");
    const page = await screens.open("ada", "/users", { mayAsk: true });
    await page.getByRole("link", { name: "API Keys", exact: true }).click();
    await chooseAction(page, "to reset", "Reset");
    await button(dialog(page, "Edit API Key"), "Save").click();
    await dialog(page, "API Key").waitFor();
    await page.evaluate(() => history.back());
    await button(dialog(page, "The key is not copied yet"), "Back to the key").click();
    await takeKey(page);
  });
});

describe("what a press in a menu does is undone by a press:", () => {
  test("Pause and Resume", async () => {
    const { text } = await addKey(screens, "ada", "undone");
    const page = await screens.open("ada");
    await chooseAction(page, "undone", "Pause");
    await rowOf(page, "undone").getByText("Paused").waitFor();
    await button(page, "Undo").click();
    await rowOf(page, "undone").getByText("Active").waitFor();
    expect(await tryKey(screens, text)).toBe(200);
    await chooseAction(page, "undone", "Pause");
    await rowOf(page, "undone").getByText("Paused").waitFor();
    await chooseAction(page, "undone", "Resume");
    await rowOf(page, "undone").getByText("Active").waitFor();
    await page.getByText("undone resumed.").waitFor();
    await button(page, "Undo").click();
    await rowOf(page, "undone").getByText("Paused").waitFor();
    expect(await tryKey(screens, text)).toBe(403);
  });

  test("and not by the second press of a double click, nor does the focus leave it: in details", async () => {
    const { id, text } = await addKey(screens, "ada", "held twice");
    const page = await screens.open("ada", `/keys?key=${id}`);
    const details = dialog(page, "held twice");
    await button(details, "Pause").dblclick({ delay: 50 });
    await button(details, "Resume").waitFor();
    await button(details, "Undo").waitFor();
    expect(await tryKey(screens, text)).toBe(403);
    await button(details, "Resume").press("Enter");
    await button(details, "Pause").waitFor();
    expect(await button(details, "Pause").evaluate((one) => one === document.activeElement)).toBe(true);
    expect(await tryKey(screens, text)).toBe(200);
  });

  test("Lock", async () => {
    await addUser(screens, "undolock", "KEY_HOLDER");
    const page = await screens.open("ada", "/users");
    await chooseAction(page, "undolock", "Lock");
    const question = dialog(page, "Lock User");
    await question.getByRole("checkbox", { name: "Confirm", exact: true }).click();
    await button(question, "Lock").click();
    const row = page.getByRole("row").filter({ hasText: "undolock" });
    await row.getByText("Locked").waitFor();
    await button(page, "Undo").click();
    await row.getByText("Active").waitFor();
  });
});
