/** A change that leaves somebody without a role says so, and which keys stop, by every way to lose one, before it is made. */
import { beforeAll, expect, test } from "bun:test";
import type { Locator, Page } from "playwright-core";
import { closeAfter } from "./close-after.ts";
import { button, chooseAction, dialog, field } from "./page.ts";
import { addKey, addUser, openScreens, type Screens, tryKey } from "./screens.ts";

let screens: Screens;

beforeAll(async () => {
  screens = await openScreens();
  await addUser(screens, "ada", "FULL_ADMIN");
});

closeAfter(() => screens);

interface Way {
  readonly name: string;
  /** The role comes from a group. */
  readonly byGroup: boolean;
  readonly open: (page: Page, username: string) => Promise<Locator>;
  readonly take?: (page: Page, over: Locator) => Promise<void>;
  readonly giveBack?: (page: Page, over: Locator, username: string) => Promise<void>;
  readonly verb: string;
}

const keyHolder = (panel: Locator) => panel.getByRole("checkbox", { name: /^Key holder/ });

async function edit(page: Page, title: string, name: string): Promise<Locator> {
  await chooseAction(page, name, "Edit");
  return dialog(page, title);
}

/** Takes what was chosen last out of a field. */
async function takeOut(page: Page, panel: Locator, label: string): Promise<void> {
  await field(panel, label).first().focus();
  await page.keyboard.press("Backspace");
}

async function putIn(page: Page, panel: Locator, label: string, value: string): Promise<void> {
  await field(panel, label).first().focus();
  await page.keyboard.press("ArrowDown");
  await page.getByRole("option", { name: value, exact: true }).click();
}

async function openGroup(page: Page, username: string): Promise<Locator> {
  await page.goto(`${screens.url}/groups`);
  return edit(page, "Edit Group", `g-${username}`);
}

const WAYS: readonly Way[] = [
  {
    name: "an edit of the user's roles",
    byGroup: false,
    open: (page, username) => edit(page, "Edit User", username),
    take: (_, panel) => keyHolder(panel).click(),
    giveBack: (_, panel) => keyHolder(panel).click(),
    verb: "Save",
  },
  {
    name: "an edit of the user's groups",
    byGroup: true,
    open: (page, username) => edit(page, "Edit User", username),
    take: (page, panel) => takeOut(page, panel, "Groups"),
    giveBack: (page, panel, username) => putIn(page, panel, "Groups", `g-${username}`),
    verb: "Save",
  },
  {
    name: "an edit of a group's roles",
    byGroup: true,
    open: openGroup,
    take: (_, panel) => keyHolder(panel).click(),
    giveBack: (_, panel) => keyHolder(panel).click(),
    verb: "Save",
  },
  {
    name: "an edit of a group's members",
    byGroup: true,
    open: openGroup,
    take: (page, panel) => takeOut(page, panel, "Members"),
    giveBack: (page, panel, username) => putIn(page, panel, "Members", username),
    verb: "Save",
  },
  {
    name: "a deletion of a group",
    byGroup: true,
    open: async (page, username) => {
      await page.goto(`${screens.url}/groups`);
      await chooseAction(page, `g-${username}`, "Delete");
      const question = dialog(page, "Delete Group");
      await question.getByRole("checkbox", { name: "Confirm", exact: true }).click();
      return question;
    },
    verb: "Delete",
  },
];

for (const [at, { name, byGroup, open, take, giveBack, verb }] of WAYS.entries())
  test(name, async () => {
    const [username, other] = [`loser${at}`, `another${at}`];
    const { groups, users, caller } = screens.local;
    await addUser(screens, username, ...(byGroup ? [] : (["KEY_HOLDER"] as const)));
    // Somebody who has another role as well is not named.
    await addUser(screens, other, "KEY_HOLDER");
    if (byGroup) {
      const group = `g-${username}`;
      await groups.create(caller, { name: group, roles: ["KEY_HOLDER"], scopes: [] });
      for (const member of [other, username])
        await groups.addMember(caller, { name: group, username: member });
    }
    const { text } = await addKey(screens, username, `job of ${username}`);
    expect(await tryKey(screens, text)).toBe(200);
    const page = await screens.open("ada", "/users");
    const over = await open(page, username);
    const said = over.getByText(`${username} is left without a role`, { exact: true });
    const stops = over.getByText(`job of ${username}`, { exact: true });
    await take?.(page, over);
    await said.waitFor();
    await stops.waitFor();
    await giveBack?.(page, over, username);
    if (giveBack) {
      await said.waitFor({ state: "detached" });
      await stops.waitFor({ state: "detached" });
      await page.keyboard.press("Tab");
      await take?.(page, over);
      await said.waitFor();
    }
    await button(over, verb).click();
    await over.waitFor({ state: "detached" });
    expect(await tryKey(screens, text)).not.toBe(200);
    expect((await users.get(caller, { username: other })).allRoles).not.toEqual([]);
  });
