/** Nobody locks, demotes or deletes themself by a slip, by any way there is, and never the last full administrator. */
import { beforeAll, describe, expect, test } from "bun:test";
import type { Locator, Page } from "playwright-core";
import { closeAfter } from "./close-after.ts";
import { button, chooseAction, dialog, field } from "./page.ts";
import { addKey, addUser, openScreens, type Screens } from "./screens.ts";

let screens: Screens;

beforeAll(async () => {
  screens = await openScreens();
  await addUser(screens, "ada", "FULL_ADMIN");
  await screens.local.groups.create(screens.local.caller, { name: "ops", roles: [], scopes: [] });
});

closeAfter(() => screens);

describe("nobody takes their own rights away without typing their name:", () => {
  const ask = async (page: Page, title: string, verb: string, name: string): Promise<Locator> => {
    const question = dialog(page, title);
    await question.getByText(/^(This is you|You may lose rights of your own)$/).waitFor();
    const press = button(question, verb);
    await question.getByRole("checkbox", { name: "Confirm", exact: true }).click();
    expect(await press.isDisabled()).toBe(true);
    await field(question, `Type ${name} to go on`).fill("grace");
    expect(await press.isDisabled()).toBe(true);
    await field(question, `Type ${name} to go on`).fill(name);
    expect(await press.isDisabled()).toBe(false);
    return question;
  };
  /** Somebody with the role, by themself or by a group. */
  async function somebody(name: string, byGroup = false): Promise<void> {
    const { groups, caller } = screens.local;
    await addUser(screens, name, ...(byGroup ? (["KEY_HOLDER"] as const) : (["FULL_ADMIN"] as const)));
    if (!byGroup) return;
    await groups.create(caller, { name: `g-${name}`, roles: ["FULL_ADMIN"], scopes: [] });
    await groups.addMember(caller, { name: `g-${name}`, username: name });
  }
  const isLocked = async (username: string) =>
    (await screens.local.users.get(screens.local.caller, { username })).lockedAt !== null;

  test("a lock from the row and from the details", async () => {
    await somebody("selflock");
    const page = await screens.open("selflock", "/users");
    await chooseAction(page, "selflock", "Lock");
    await button(await ask(page, "Lock User", "Lock", "selflock"), "Cancel").click();
    expect(await isLocked("selflock")).toBe(false);
    await page.goto(`${screens.url}/users?user=selflock`);
    await button(dialog(page, "selflock"), "Lock").click();
    await button(await ask(page, "Lock User", "Lock", "selflock"), "Lock").click();
    // To a page that does not promise that one may go on where one was.
    await page.waitForURL(/\/sign-in/);
    expect(await isLocked("selflock")).toBe(true);
  });

  test("a deletion", async () => {
    await somebody("selfgone");
    const page = await screens.open("selfgone", "/users");
    await chooseAction(page, "selfgone", "Delete");
    await button(await ask(page, "Delete User", "Delete", "selfgone"), "Delete").click();
    await page.waitForURL(/\/sign-in/);
  });

  const demotions: readonly (readonly [string, boolean, (page: Page, name: string) => Promise<void>])[] = [
    [
      "an edit of one's roles",
      false,
      async (page, name) => {
        await chooseAction(page, name, "Edit");
        const panel = dialog(page, "Edit User");
        await panel.getByRole("checkbox", { name: /^Full administrator/ }).click();
        await panel.getByRole("checkbox", { name: /^Key holder/ }).click();
        await button(panel, "Save").click();
      },
    ],
    [
      "an edit of one's groups",
      true,
      async (page, name) => {
        await chooseAction(page, name, "Edit");
        const panel = dialog(page, "Edit User");
        await field(panel, "Groups").first().focus();
        await page.keyboard.press("Backspace");
        await button(panel, "Save").click();
      },
    ],
    [
      "an edit of a group's roles",
      true,
      async (page, name) => {
        await page.goto(`${screens.url}/groups`);
        await chooseAction(page, `g-${name}`, "Edit");
        const panel = dialog(page, "Edit Group");
        await panel.getByRole("checkbox", { name: /^Full administrator/ }).click();
        await button(panel, "Save").click();
      },
    ],
    [
      "an edit of a group's members",
      true,
      async (page, name) => {
        await page.goto(`${screens.url}/groups`);
        await chooseAction(page, `g-${name}`, "Edit");
        const panel = dialog(page, "Edit Group");
        await field(panel, "Members").first().focus();
        await page.keyboard.press("Backspace");
        await button(panel, "Save").click();
      },
    ],
  ];
  for (const [at, [words, byGroup, demote]] of demotions.entries())
    test(words, async () => {
      const name = `selfless${at}`;
      await somebody(name, byGroup);
      const page = await screens.open(name, "/users");
      await demote(page, name);
      const question = await ask(page, "Give up own rights", "Save", name);
      const { users, caller } = screens.local;
      expect((await users.get(caller, { username: name })).allRoles).toContain("FULL_ADMIN");
      await button(question, "Save").click();
      await page.getByRole("heading", { name: "Your session has ended" }).waitFor();
      expect((await users.get(caller, { username: name })).allRoles).not.toContain("FULL_ADMIN");
    });

  test("with what is lost: rights by their names, or access altogether and the keys that stop", async () => {
    await somebody("losing");
    await addKey(screens, "losing", "nightly-backup");
    const page = await screens.open("losing", "/users");
    await chooseAction(page, "losing", "Edit");
    const panel = dialog(page, "Edit User");
    await panel.getByRole("checkbox", { name: /^Full administrator/ }).click();
    await panel.getByRole("checkbox", { name: /^Key holder/ }).click();
    await button(panel, "Save").click();
    const question = await ask(page, "Give up own rights", "Save", "losing");
    await question.getByText("You lose Full administrator and all scopes as soon as this is done").waitFor();
    await button(question, "Cancel").click();
    await panel.getByRole("checkbox", { name: /^Key holder/ }).click();
    await button(panel, "Save").click();
    await ask(page, "Give up own rights", "Save", "losing");
    await question.getByText("You can't sign in any more, and your keys are refused").waitFor();
    await question.getByText("nightly-backup", { exact: true }).waitFor();
  });

  describe("also where the server does not say whether they are taken away:", () => {
    const selfAsked = (name: string) => new RegExp(`/api/v1/users/${name}$`);

    for (const [at, [words, byGroup, demote]] of demotions.entries())
      test(words, async () => {
        const name = `unsure${at}`;
        await somebody(name, byGroup);
        const page = await screens.open(name, "/users");
        await page.route(selfAsked(name), (route) =>
          route.request().method() === "GET" ? route.abort() : route.fallback(),
        );
        await demote(page, name);
        const question = await ask(page, "Give up own rights", "Save", name);
        await question.getByText("You may lose rights of your own").waitFor();
        await button(question, "Cancel").click();
        const { users, caller } = screens.local;
        expect((await users.get(caller, { username: name })).allRoles).toContain("FULL_ADMIN");
      });

    test("not in time", async () => {
      await somebody("slow");
      const page = await screens.open("slow", "/users");
      await page.clock.install();
      await page.reload();
      await chooseAction(page, "slow", "Edit");
      const panel = dialog(page, "Edit User");
      await field(panel, "Full name").fill("Slow");
      // Neither answered nor refused.
      await page.route(selfAsked("slow"), () => undefined);
      await button(panel, "Save").click();
      await page.keyboard.press("Escape");
      await panel.getByText("Still waiting for the server").waitFor();
      await page.clock.fastForward(4_000);
      await ask(page, "Give up own rights", "Save", "slow");
    });

    test("a deletion of a group", async () => {
      await somebody("unsuregroup", true);
      const page = await screens.open("unsuregroup", "/groups");
      await button(page, "Actions for g-unsuregroup").waitFor();
      await page.route(selfAsked("unsuregroup"), (route) => route.abort());
      await chooseAction(page, "g-unsuregroup", "Delete");
      await button(await ask(page, "Delete Group", "Delete", "unsuregroup"), "Cancel").click();
    });
  });

  test("a deletion of the group that gives them", async () => {
    await somebody("selfgroup", true);
    const page = await screens.open("selfgroup", "/groups");
    await chooseAction(page, "g-selfgroup", "Delete");
    await button(await ask(page, "Delete Group", "Delete", "selfgroup"), "Cancel").click();
    // A group that takes nothing from oneself asks for no name.
    await chooseAction(page, "ops", "Delete");
    await dialog(page, "Delete Group").getByText("It has no members").waitFor();
    expect(await dialog(page, "Delete Group").getByText("This is you").count()).toBe(0);
  });

  test("the last full administrator cannot be locked, deleted or demoted at all", async () => {
    await using alone = await openScreens();
    await addUser(alone, "only", "FULL_ADMIN");
    await addUser(alone, "other", "KEY_HOLDER");
    const page = await alone.open("only", "/users");
    for (const [action, title] of [
      ["Lock", "Lock User"],
      ["Delete", "Delete User"],
    ] as const) {
      await chooseAction(page, "only", action);
      const question = dialog(page, title);
      await question.getByText("This is the last full administrator").waitFor();
      expect(await button(question, action).count()).toBe(0);
      await button(question, "Close").click();
    }
    await chooseAction(page, "only", "Edit");
    const panel = dialog(page, "Edit User");
    await panel.getByRole("checkbox", { name: /^Full administrator/ }).click();
    await panel.getByRole("checkbox", { name: /^Key holder/ }).click();
    await button(panel, "Save").click();
    const question = dialog(page, "Give up own rights");
    await question.getByText("This is the last full administrator").waitFor();
    expect(await button(question, "Save").count()).toBe(0);
  });
});
