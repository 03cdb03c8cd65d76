/** What a dialog is about is renamed or deleted by somebody else while it stands open: it says so, and does what it says. */
import { beforeAll, describe, expect, test } from "bun:test";
import type { Locator } from "playwright-core";
import { closeAfter } from "./close-after.ts";
import { button, chooseAction, dialog, field, rowOf } from "./page.ts";
import { addKey, addUser, openScreens, PASSWORD, type Screens } from "./screens.ts";

let screens: Screens;

beforeAll(async () => {
  screens = await openScreens();
  await addUser(screens, "ada", "FULL_ADMIN");
  await addUser(screens, "grace", "FULL_ADMIN");
});

closeAfter(() => screens);

const users = () => screens.local.users;
const groups = () => screens.local.groups;
const userNamed = (username: string) =>
  users()
    .get(screens.local.caller, { username })
    .catch(() => undefined);
const idOf = async (username: string) => (await users().get(screens.local.caller, { username })).id;
const tick = (ask: Locator) => ask.getByRole("checkbox", { name: "Confirm", exact: true }).click();

interface Asked {
  readonly title: string;
  readonly action: string;
  readonly submit: string;
  readonly path: "/users" | "/groups";
  readonly fill: (ask: Locator) => Promise<void>;
  /** What is so afterwards of what has the name. */
  readonly isDone: (name: string) => Promise<boolean>;
}

const ASKED: readonly Asked[] = [
  {
    title: "Lock User",
    action: "Lock",
    submit: "Lock",
    path: "/users",
    fill: tick,
    isDone: async (name) => (await userNamed(name))?.lockedAt != null,
  },
  {
    title: "Delete User",
    action: "Delete",
    submit: "Delete",
    path: "/users",
    fill: tick,
    isDone: async (name) => (await userNamed(name)) === undefined,
  },
  {
    title: "Set Password",
    action: "Set Password",
    submit: "Save",
    path: "/users",
    fill: (ask) => field(ask, "New password").fill(`${PASSWORD} and more`),
    isDone: async (name) => (await userNamed(name))?.passwordChangedAt != null,
  },
  {
    title: "Delete Group",
    action: "Delete",
    submit: "Delete",
    path: "/groups",
    fill: tick,
    isDone: async (name) => !(await groups().list(screens.local.caller)).some((group) => group.name === name),
  },
];

describe("a dialog about what is called otherwise by now, and about what is gone:", () => {
  for (const [at, { title, action, submit, path, fill, isDone }] of ASKED.entries())
    test(title, async () => {
      const { caller } = screens.local;
      const isUser = path === "/users";
      const make = async (name: string) =>
        isUser
          ? addUser(screens, name, "KEY_HOLDER")
          : groups().create(caller, { name, roles: [], scopes: [] });
      const rename = async (name: string, next: string) =>
        isUser
          ? users().update(caller, await idOf(name), { username: next })
          : groups().update(caller, name, { name: next });
      const remove = async (name: string) =>
        isUser ? users().remove(caller, await idOf(name)) : groups().remove(caller, name);
      const name = `was${at}`;
      await make(name);
      if (isUser) await addKey(screens, name, `key ${at}`);
      const page = await screens.open("ada", path);
      await chooseAction(page, name, action);
      const ask = dialog(page, title);
      await ask.getByText(name).first().waitFor();
      await rename(name, `is${at}`);
      // The name is another's now: nothing happens to that one.
      await make(name);
      await ask.getByText(`is${at}`).first().waitFor();
      if (title.endsWith("User")) {
        await ask.getByText(`key ${at}`, { exact: true }).waitFor();
        expect(await ask.getByText("They own no keys").count()).toBe(0);
      }
      await fill(ask);
      await button(ask, submit).click();
      await ask.waitFor({ state: "detached" });
      await page.getByText(new RegExp(`is${at} (locked|deleted|has a new password)`)).waitFor();
      expect(await isDone(`is${at}`)).toBe(true);
      if (title !== "Set Password") expect(await isDone(name)).toBe(false);

      await chooseAction(page, name, action);
      await ask.waitFor();
      await remove(name);
      await ask.getByText(/no longer exists/).waitFor();
      expect(await button(ask, submit).count()).toBe(0);
      expect(await ask.getByText("They own no keys").count()).toBe(0);
      await button(ask, "Close").click();
      await ask.waitFor({ state: "detached" });
    });

  test("a user who is locked already", async () => {
    await addUser(screens, "lockedtwice", "KEY_HOLDER");
    const page = await screens.open("ada", "/users");
    await chooseAction(page, "lockedtwice", "Lock");
    const ask = dialog(page, "Lock User");
    await ask.getByText("They own no keys").waitFor();
    await users().lock(screens.local.caller, await idOf("lockedtwice"));
    await ask.getByText("lockedtwice is locked already").waitFor();
    expect(await button(ask, "Lock").count()).toBe(0);
  });

  for (const action of ["Revoke", "Delete"])
    test(`${action} API Key`, async () => {
      const { keys, caller } = screens.local;
      const { id } = await addKey(screens, "ada", `named ${action}`);
      const page = await screens.open("ada");
      await chooseAction(page, `named ${action}`, action);
      const ask = dialog(page, `${action} API Key`);
      await ask.getByText(`named ${action}`).waitFor();
      await keys.update(caller, id, { name: `renamed ${action}` });
      await ask.getByText(`renamed ${action}`).waitFor();
      await tick(ask);
      await button(ask, action).click();
      await page.getByText(new RegExp(`renamed ${action} (revoked|deleted)\\.`)).waitFor();
    });
});

test("keys that were reset or revoked while the dialog of several stood open are revoked all the same", async () => {
  const { keys, caller } = screens.local;
  const made = [await addKey(screens, "ada", "many one"), await addKey(screens, "ada", "many two")];
  const [one, two] = made.map(({ id }) => id) as [number, number];
  await keys.revoke(caller, one, "Before");
  const page = await screens.open("ada", "/keys?q=many");
  await rowOf(page, "many one").getByText("Revoked").waitFor();
  await page.getByRole("checkbox", { name: "Select all on this page" }).click();
  await button(page.getByRole("group", { name: "Selected keys" }), "Revoke").click();
  const ask = dialog(page, "Revoke API Keys");
  await ask.getByText("many two").waitFor();
  await keys.reset(caller, one);
  await keys.revoke(caller, two, "By another");
  await tick(ask);
  await button(ask, "Revoke").click();
  await page.getByText("2 keys revoked.").waitFor();
  for (const id of [one, two]) expect((await keys.get(caller, id)).revokedAt).not.toBeNull();
});

test("of several keys that are ended together, those that were refused are named", async () => {
  for (const name of ["part one", "part two", "part three"]) await addKey(screens, "ada", name);
  const page = await screens.open("ada", "/keys?q=part");
  await rowOf(page, "part two").waitFor();
  const { rows } = await screens.local.keys.list(screens.local.caller, {});
  const refused = rows.find(({ name }) => name === "part two")?.id;
  await page.route(`**/api/v1/keys/${refused}`, (route) =>
    route.request().method() === "DELETE"
      ? route.fulfill({
          status: 403,
          json: { type: "about:blank", title: "No", status: 403, code: "forbidden", detail: "Not for you" },
        })
      : route.fallback(),
  );
  await page.getByRole("checkbox", { name: "Select all on this page" }).click();
  await button(page.getByRole("group", { name: "Selected keys" }), "Delete").click();
  const ask = dialog(page, "Delete API Keys");
  await tick(ask);
  await button(ask, "Delete").click();
  await page.getByText("2 keys deleted.").waitFor();
  const told = page.getByRole("alert");
  await told.getByText("1 key was not deleted").waitFor();
  expect(await told.innerText()).toContain("part two. That was refused. Not for you.");
});

test("a group whose new member was deleted meanwhile was changed by nobody else", async () => {
  const { caller } = screens.local;
  await groups().create(caller, { name: "team", roles: [], scopes: [] });
  await addUser(screens, "leaver", "KEY_HOLDER");
  const page = await screens.open("ada", "/groups");
  await chooseAction(page, "team", "Edit");
  const panel = dialog(page, "Edit Group");
  await field(panel, "Members").first().click();
  await page.keyboard.type("leaver");
  await page.getByRole("option", { name: "leaver" }).click();
  await panel.getByRole("checkbox", { name: /^Auditor/ }).click();
  await users().remove(caller, await idOf("leaver"));
  await button(panel, "Save").click();
  await panel.getByText(/no such user|not there any more/i).waitFor();
  expect(await panel.getByText("Somebody else changed").count()).toBe(0);
});

describe("details follow what is renamed from them:", () => {
  for (const [path, kind, label] of [
    ["/users?user=", "Edit User", "Username"],
    ["/groups?group=", "Edit Group", "Name"],
  ] as const)
    test(kind, async () => {
      if (kind === "Edit User") await addUser(screens, "followed", "KEY_HOLDER");
      else await groups().create(screens.local.caller, { name: "followed", roles: [], scopes: [] });
      const page = await screens.open("ada", `${path}followed`);
      await button(dialog(page, "followed"), "Edit").click();
      const panel = dialog(page, kind);
      await field(panel, label).fill("ahead");
      await button(panel, "Save").click();
      await panel.waitFor({ state: "detached" });
      await button(dialog(page, "ahead"), "Edit").waitFor();
      expect(await page.getByText("does not exist").count()).toBe(0);
    });
});

test("only of what works is it said that it stops working", async () => {
  const { keys, caller } = screens.local;
  for (const name of ["works", "still works", "paused", "revoked"])
    await addKey(screens, "ada", `now ${name}`);
  const { rows } = await keys.list(caller, {});
  const idNamed = (name: string): number => rows.find((key) => key.name === name)?.id ?? 0;
  await keys.pause(caller, idNamed("now paused"));
  await keys.revoke(caller, idNamed("now revoked"), "leaked");
  const page = await screens.open("ada", "/keys?q=now&order=name");
  for (const [chosen, words] of [
    [["works"], "It stops working immediately. This cannot be undone."],
    [["revoked"], "It does not work now. This cannot be undone."],
    [["works", "still works"], "They stop working immediately. This cannot be undone."],
    [["works", "paused"], "Those that work stop working immediately. This cannot be undone."],
    [["paused", "revoked"], "None of them works now. This cannot be undone."],
  ] as const) {
    for (const name of chosen) await page.getByRole("checkbox", { name: `Select now ${name}` }).click();
    await button(page.getByRole("group", { name: "Selected keys" }), "Delete").click();
    const ask = dialog(page, chosen.length === 1 ? "Delete API Key" : "Delete API Keys");
    await ask.getByText(words).waitFor();
    await button(ask, "Cancel").click();
    await ask.waitFor({ state: "detached" });
    await button(page, "Clear selection").click();
  }
});
