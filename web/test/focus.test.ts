/** The keyboard stays in what stands over the screen, and returns to where it was, whatever comes of it. */
import { beforeAll, describe, expect, test } from "bun:test";
import type { Locator, Page } from "playwright-core";
import { closeAfter } from "./close-after.ts";
import { button, dialog, field, rowOf, takeKey } from "./page.ts";
import { addKey, addUser, openScreens, PASSWORD, type Screens } from "./screens.ts";

const TABS = 45;
let screens: Screens;

beforeAll(async () => {
  screens = await openScreens();
  await addUser(screens, "ada", "FULL_ADMIN");
  await addUser(screens, "builder", "KEY_HOLDER");
  const { groups, caller } = screens.local;
  await groups.create(caller, { name: "ops", roles: [], scopes: ["dns:read"] });
  await addKey(screens, "ada", "alpha");
  await addKey(screens, "builder", "beta");
});

closeAfter(() => screens);

/** Where the focus is: in which dialog, on the screen, or nowhere. */
function whereFocusIs(page: Page): Promise<string> {
  return page.evaluate(() => {
    const active = document.activeElement;
    if (active === null || active === document.body) return "nowhere";
    const over = active.closest("[role=dialog]");
    if (over === null) return active.closest(".again") ? "sign-in" : "screen";
    const { textContent = "dialog" } =
      document.getElementById(over.getAttribute("aria-labelledby") ?? "") ?? {};
    // What stays in view at the foot has nothing behind it that has the focus.
    const foot = over.querySelector(".panel-foot, .dialog-foot, .notices-panel");
    const isBehind =
      foot?.contains(active) === false &&
      active.getBoundingClientRect().bottom > foot.getBoundingClientRect().top;
    return isBehind ? `${textContent}, behind its foot` : textContent;
  });
}

const named = (page: Page): Promise<string> =>
  page.evaluate(() => {
    const { activeElement: one } = document;
    return one?.getAttribute("aria-label") ?? one?.textContent ?? "";
  });

/** The focus comes to be in what has that title, and stays there through many Tabs, both ways. */
async function holdsFocus(page: Page, title: string): Promise<void> {
  await page.waitForFunction((wanted) => {
    const over = document.activeElement?.closest("[role=dialog]");
    return document.getElementById(over?.getAttribute("aria-labelledby") ?? "")?.textContent === wanted;
  }, title);
  for (const key of ["Tab", "Shift+Tab"])
    for (let steps = 0; steps < TABS; steps++) {
      await page.keyboard.press(key);
      expect([title, key, steps, await whereFocusIs(page)]).toEqual([title, key, steps, title]);
    }
}

const returnsTo = (page: Page, name: string): Promise<unknown> =>
  page.waitForFunction((wanted) => {
    const { activeElement: one } = document;
    return (one?.getAttribute("aria-label") ?? one?.textContent) === wanted;
  }, name);

interface Over {
  readonly path: string;
  readonly title: string;
  /** What opens it by the keyboard, and has the focus again afterwards. */
  readonly opener: string;
  /** An item of the menu that the opener opens. */
  readonly item?: string;
  /** A field to type into, so that leaving is asked about. */
  readonly field?: string;
  /** The button that saves or ends; with `refusal` for the request that it makes. */
  readonly submit?: string;
  readonly needsTick?: boolean;
}

const OVERS: readonly Over[] = [
  { path: "/keys", title: "Add API Key", opener: "Add", field: "Name", submit: "Save" },
  {
    path: "/keys",
    title: "Edit API Key",
    opener: "Actions for alpha",
    item: "Edit",
    field: "Name",
    submit: "Save",
  },
  {
    path: "/keys",
    title: "Edit API Key",
    opener: "Actions for alpha",
    item: "Reset",
    field: "Name",
    submit: "Save",
  },
  {
    path: "/keys",
    title: "Revoke API Key",
    opener: "Actions for alpha",
    item: "Revoke",
    field: "Reason",
    submit: "Revoke",
    needsTick: true,
  },
  {
    path: "/keys",
    title: "Delete API Key",
    opener: "Actions for alpha",
    item: "Delete",
    submit: "Delete",
    needsTick: true,
  },
  { path: "/keys", title: "alpha", opener: "Actions for alpha", item: "Details" },
  { path: "/users", title: "Add User", opener: "Add User", field: "Username", submit: "Save" },
  {
    path: "/users",
    title: "Edit User",
    opener: "Actions for builder",
    item: "Edit",
    field: "Full name",
    submit: "Save",
  },
  {
    path: "/users",
    title: "Set Password",
    opener: "Actions for builder",
    item: "Set Password",
    field: "New password",
    submit: "Save",
  },
  {
    path: "/users",
    title: "Lock User",
    opener: "Actions for builder",
    item: "Lock",
    submit: "Lock",
    needsTick: true,
  },
  {
    path: "/users",
    title: "Delete User",
    opener: "Actions for builder",
    item: "Delete",
    submit: "Delete",
    needsTick: true,
  },
  { path: "/users", title: "builder", opener: "Actions for builder", item: "Details" },
  { path: "/groups", title: "Add Group", opener: "Add Group", field: "Name", submit: "Save" },
  {
    path: "/groups",
    title: "Edit Group",
    opener: "Actions for ops",
    item: "Edit",
    field: "Name",
    submit: "Save",
  },
  {
    path: "/groups",
    title: "Delete Group",
    opener: "Actions for ops",
    item: "Delete",
    submit: "Delete",
    needsTick: true,
  },
  { path: "/groups", title: "ops", opener: "Actions for ops", item: "Details" },
  {
    path: "/keys",
    title: "Change Password",
    opener: "Settings",
    item: "Change Password",
    field: "Current password",
    submit: "Save",
  },
  { path: "/keys", title: "About Chatelaine", opener: "Settings", item: "About" },
];

async function open(page: Page, { opener, item, title }: Over): Promise<Locator> {
  await button(page, opener).press("Enter");
  if (item !== undefined) await page.getByRole("menuitem", { name: item, exact: true }).press("Enter");
  const over = dialog(page, title);
  await over.waitFor();
  return over;
}

describe("the focus is in it, comes back to it after each outcome, and returns when it goes:", () => {
  for (const one of OVERS)
    test(`${one.title}${one.item === "Reset" ? " by Reset" : ""}`, async () => {
      const page = await screens.open("ada", one.path);
      await button(page, one.opener).waitFor();
      let over = await open(page, one);
      await holdsFocus(page, one.title);
      if (one.field !== undefined) {
        // Keep editing, by Esc, the cross and Cancel.
        await field(over, one.field).fill("typed");
        await page.keyboard.press("Escape");
        await button(dialog(page, "Unsaved changes"), "Keep editing").press("Enter");
        await dialog(page, "Unsaved changes").waitFor({ state: "detached" });
        await returnsTo(page, await labelOf(field(over, one.field)));
        await page.keyboard.press("Escape");
        await holdsFocus(page, "Unsaved changes");
        await page.keyboard.press("Escape");
        await holdsFocus(page, one.title);
      }
      if (one.submit !== undefined) {
        // A refusal by the server.
        await fillWell(over, one);
        await page.route("**/api/v1/**", (route) =>
          route.request().method() === "GET"
            ? route.fallback()
            : route.fulfill({ status: 403, json: PROBLEM }),
        );
        await button(over, one.submit).press("Enter");
        await over.getByText(/Not for you|That is not the password you have now/).waitFor();
        await holdsFocus(page, one.title);
        await page.unroute("**/api/v1/**");
        // Signing in again, over it.
        await signInAgain(page, button(over, one.submit));
        await over.waitFor();
        await holdsFocus(page, one.title);
      }
      await page.keyboard.press("Escape");
      if (one.field !== undefined) await button(page, "Discard changes").press("Enter");
      await over.waitFor({ state: "detached" });
      await returnsTo(page, one.opener);
      over = await open(page, one);
      await holdsFocus(page, one.title);
      await page.keyboard.press("Escape");
      await over.waitFor({ state: "detached" });
      await returnsTo(page, one.opener);
    }, 240_000);
});

const PROBLEM = {
  type: "about:blank",
  title: "Forbidden",
  status: 403,
  code: "forbidden",
  detail: "Not for you",
  request_id: "0",
};

/** So that the form itself finds nothing wrong. */
async function fillWell(over: Locator, { field: label, needsTick, title }: Over): Promise<void> {
  if (needsTick) await over.getByRole("checkbox", { name: "Confirm", exact: true }).check();
  if (title === "Set Password") await field(over, "New password").fill(PASSWORD);
  else if (title === "Change Password")
    for (const name of ["Current password", "New password", "New password again"])
      await field(over, name).fill(PASSWORD);
  else if (label !== undefined) await field(over, label).fill("typed");
}

async function labelOf(input: Locator): Promise<string> {
  return input.evaluate((one) => one.getAttribute("aria-label") ?? one.textContent ?? "");
}

/** The session is over when somebody presses. */
async function signInAgain(page: Page, press: Locator): Promise<void> {
  await page.context().clearCookies();
  await press.press("Enter");
  await page.getByRole("heading", { name: "Your session has ended" }).waitFor();
  await page.waitForFunction(() => document.activeElement?.closest(".again") !== null);
  for (let steps = 0; steps < 10; steps++) {
    await page.keyboard.press("Tab");
    expect(["sign-in", "nowhere"]).toContain(await whereFocusIs(page));
  }
  await page.locator(".again input[name=password]").fill(PASSWORD);
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Your session has ended" }).waitFor({ state: "detached" });
}

test("what has it is not behind the foot of a list", async () => {
  for (let at = 0; at < 20; at++) await addKey(screens, "builder", `long ${String(at).padStart(2, "0")}`);
  const page = await screens.open("ada", "/keys", { width: 360, height: 740 });
  for (const path of ["/keys?q=long&order=name", "/audit"]) {
    await page.goto(screens.url + path);
    await page.getByText("long 19").first().waitFor();
    await field(page, "Search").focus();
    for (let steps = 0; steps < 50; steps++) {
      await page.keyboard.press("Tab");
      const behind = await page.evaluate(() => {
        const { activeElement: one } = document;
        const foot = document.querySelector(".foot");
        if (!one?.closest("tbody") || foot === null) return "";
        const isBehind = one.getBoundingClientRect().bottom > foot.getBoundingClientRect().top;
        return isBehind ? (one.getAttribute("aria-label") ?? one.textContent) : "";
      });
      expect([path, steps, behind]).toEqual([path, steps, ""]);
    }
  }
});

test("a calendar keeps it, whatever it turns to, and is in view as a whole", async () => {
  const page = await screens.open("ada", "/keys", { width: 360, height: 740 });
  await page.clock.install();
  await button(page, "Add").press("Enter");
  const panel = dialog(page, "Add API Key");
  await panel.getByRole("checkbox", { name: "Non-expiring", exact: true }).press("Space");
  const input = button(panel, "Expires at");
  await input.press("Enter");
  const calendar = page.locator("[data-dates-dropdown]");
  const done = button(calendar, "Done");
  await done.waitFor();
  await page.waitForFunction(() => document.activeElement?.closest("[data-dates-dropdown]"));
  const box = (await done.boundingBox()) as { y: number; height: number };
  expect(box.y + box.height).toBeLessThanOrEqual(740);
  const turn = async (name: string | RegExp): Promise<void> => {
    await calendar.getByRole("button", { name }).first().press("Enter");
    // After what follows from it has followed.
    await page.clock.runFor(100);
    const isIn = () => document.activeElement?.closest("[data-dates-dropdown]") != null;
    expect([name, await page.evaluate(isIn)]).toEqual([name, true]);
  };
  const year = new Date().getFullYear();
  const months = /^[A-Z]\w+ 20\d\d$/;
  for (const step of ["Next month", "Previous month", months, `${year}`, `${year + 1}`, "Dec", /^24 Dec/])
    await turn(step);
  await page.keyboard.press("Escape");
  await calendar.waitFor({ state: "detached" });
  expect(await input.evaluate((one) => one === document.activeElement)).toBe(true);
});

test("Esc over details closes what stands over them, and the focus is on what opened it", async () => {
  const page = await screens.open("ada");
  await page.getByRole("link", { name: "alpha", exact: true }).press("Enter");
  const details = dialog(page, "alpha");
  for (const [name, title] of [
    ["Edit", "Edit API Key"],
    ["Reset", "Edit API Key"],
    ["Revoke", "Revoke API Key"],
    ["Delete", "Delete API Key"],
  ] as const) {
    await button(details, name).press("Enter");
    await dialog(page, title).waitFor();
    await page.waitForFunction((wanted) => {
      const over = document.activeElement?.closest("[role=dialog]");
      return document.getElementById(over?.getAttribute("aria-labelledby") ?? "")?.textContent === wanted;
    }, title);
    await page.keyboard.press("Escape");
    if (await dialog(page, "Unsaved changes").count()) await button(page, "Discard changes").press("Enter");
    await dialog(page, title).waitFor({ state: "detached" });
    await returnsTo(page, name);
  }
  await holdsFocus(page, "alpha");
  await page.keyboard.press("Escape");
  await details.waitFor({ state: "detached" });
  await returnsTo(page, "alpha");
});

test("a conflict, what is deleted meanwhile and a key that is shown keep it", async () => {
  const { keys, caller } = screens.local;
  const { id } = await addKey(screens, "ada", "shared");
  const page = await screens.open("ada");
  await button(page, "Actions for shared").press("Enter");
  await page.getByRole("menuitem", { name: "Edit", exact: true }).press("Enter");
  const panel = dialog(page, "Edit API Key");
  await field(panel, "Name").fill("mine");
  await keys.update(caller, id, { name: "theirs" });
  await field(panel, "Name").press("Enter");
  await panel.getByText("Somebody else changed this key meanwhile").waitFor();
  await holdsFocus(page, "Edit API Key");
  await button(panel, "Take their changes, keep mine").press("Enter");
  await holdsFocus(page, "Edit API Key");
  await panel.getByRole("checkbox", { name: "Reset", exact: true }).press("Space");
  await button(panel, "Save").press("Enter");
  await dialog(page, "API Key").waitFor();
  await holdsFocus(page, "API Key");
  await takeKey(page);
  await returnsTo(page, "Actions for mine");
  await page.keyboard.press("Enter");
  await page.getByRole("menuitem", { name: "Edit", exact: true }).press("Enter");
  await panel.waitFor();
  await keys.remove(caller, id);
  await panel.getByText("This key no longer exists").waitFor();
  await holdsFocus(page, "Edit API Key");
  await page.keyboard.press("Escape");
  await panel.waitFor({ state: "detached" });
  await page.locator("main:focus").waitFor();
});

test("what has it may go or be disabled: by a deletion, by somebody else, at the last page, after a save", async () => {
  const { keys, caller } = screens.local;
  const [one, two] = [await addKey(screens, "ada", "to go one"), await addKey(screens, "ada", "to go two")];
  const page = await screens.open("ada");
  await button(page, "Actions for to go one").press("Enter");
  await page.getByRole("menuitem", { name: "Delete", exact: true }).press("Enter");
  const ask = dialog(page, "Delete API Key");
  await ask.getByRole("checkbox", { name: "Confirm", exact: true }).press("Space");
  await button(ask, "Delete").press("Enter");
  await rowOf(page, "to go one").waitFor({ state: "detached" });
  await page.locator("main:focus").waitFor();
  await button(page, "Actions for to go two").focus();
  await keys.remove(caller, two.id);
  await rowOf(page, "to go two").waitFor({ state: "detached" });
  await page.locator("main:focus").waitFor();
  expect(one.id).not.toBe(two.id);

  for (let at = 0; at < 51; at++) await addKey(screens, "builder", `page ${String(at).padStart(2, "0")}`);
  await page.goto(`${screens.url}/keys?q=page&order=name`);
  await button(page, "Next page").press("Enter");
  await rowOf(page, "page 50").waitFor();
  await returnsTo(page, "Previous page");
  await page.getByRole("checkbox", { name: "Select page 50" }).press("Space");
  await button(page, "Clear selection").press("Enter");
  await returnsTo(page, "Select page 50");

  await page.goto(`${screens.url}/system`);
  const card = page.getByRole("group", { name: "Session limits" });
  await field(card, "Idle").fill("33");
  await button(card, "Save").press("Enter");
  await page.getByText("Settings saved.").waitFor();
  expect(await named(page)).toBe("Save");
});

test("the second step of the setup has it, also after a reload of the first", async () => {
  await using fresh = await openScreens();
  const page = await fresh.open(undefined, `/setup#token=${await fresh.server.makeSetupToken()}`);
  await page.getByLabel("Username", { exact: true }).waitFor();
  expect(new URL(page.url()).hash).toBe("");
  await page.reload();
  await page.getByLabel("Username", { exact: true }).fill("first");
  await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
  await page.getByLabel("Password again", { exact: true }).fill(PASSWORD);
  await button(page, "Make administrator").press("Enter");
  await button(page, "Make key holder").waitFor();
  await page.locator("main:focus").waitFor();
  await page.keyboard.press("Tab");
  expect(await page.evaluate(() => document.activeElement?.tagName)).toBe("INPUT");
});
