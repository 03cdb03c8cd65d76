/** What the screens say in moments that cannot be taken back, and by whose clock, is so on the server at that moment. */
import { beforeAll, describe, expect, test } from "bun:test";
import type { Locator, Page, Route } from "playwright-core";
import { closeAfter } from "./close-after.ts";
import { button, chooseAction, dialog, field, rowOf, takeKey } from "./page.ts";
import { addKey, addUser, openScreens, PASSWORD, type Screens } from "./screens.ts";

const DAY_MS = 86_400_000;
let screens: Screens;

beforeAll(async () => {
  screens = await openScreens();
  await addUser(screens, "ada", "FULL_ADMIN");
  await addUser(screens, "grace", "FULL_ADMIN");
});

closeAfter(() => screens);

/** As a reverse proxy asks for a client; without one, as a service that does not say for whom. */
async function use(key: string, client?: string): Promise<void> {
  const asked = client
    ? await fetch(`${screens.url}/auth`, {
        headers: { Authorization: `Bearer ${key}`, "User-Agent": client, "X-Forwarded-For": "192.0.2.7" },
      })
    : await fetch(`${screens.url}/api/v1/verify`, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ key }),
      });
  expect(asked.status).toBe(200);
}

const check = (ask: Locator) => ask.getByRole("checkbox", { name: "Confirm", exact: true }).click();

describe("a key that was used after the list was loaded is told as used", () => {
  for (const [action, name] of [
    ["Delete", "Delete API Key"],
    ["Revoke", "Revoke API Key"],
    ["Reset", "Edit API Key"],
  ] as const)
    test(`by ${action}`, async () => {
      const { text } = await addKey(screens, "ada", `busy ${action}`);
      const page = await screens.open("ada");
      await rowOf(page, `busy ${action}`).getByText("Never", { exact: true }).first().waitFor();
      await use(text, "prod-service/1");
      await use(text);
      await chooseAction(page, `busy ${action}`, action);
      const ask = dialog(page, name);
      await ask.getByText(/Last used just now/).waitFor();
      await ask.getByText("(address and client not told)", { exact: true }).waitFor();
      await ask.getByText(/prod-service\/1/).waitFor();
      const empty = (await ask.getByRole("listitem").allInnerTexts()).filter((line) => line.trim() === "");
      expect(empty).toEqual([]);
      expect(await ask.getByText(/never been used|Nobody will miss/).count()).toBe(0);
    });

  test("by the dialogs of several keys, of a user's deletion and of a lock", async () => {
    await addUser(screens, "runner", "KEY_HOLDER");
    const [one, two] = [
      await addKey(screens, "runner", "job one"),
      await addKey(screens, "runner", "job two"),
    ];
    await addKey(screens, "runner", "job three");
    await screens.local.keys.pause(screens.local.caller, two.id);
    const page = await screens.open("ada", "/keys?owner=runner");
    await rowOf(page, "job one").waitFor();
    await use(one.text, "cron/3");
    await page.getByRole("checkbox", { name: "Select all on this page" }).click();
    for (const verb of ["Delete", "Revoke"]) {
      await button(page.getByRole("group", { name: "Selected keys" }), verb).click();
      const ask = dialog(page, `${verb} API Keys`);
      await ask.getByText(/^1 of \d used in the last 7 days, 1 in the last hour\.$/).waitFor();
      await ask.getByText(/Last used just now.*cron\/3/).waitFor();
      await button(ask, "Cancel").click();
    }
    await page.goto(`${screens.url}/users?user=runner`);
    const details = dialog(page, "runner");
    await button(details, "Lock").click();
    const lock = dialog(page, "Lock User");
    await lock.getByText(/Last used just now.*cron\/3/).waitFor();
    // What is paused does not stop by it.
    expect(await lock.getByText("job two").count()).toBe(0);
    await lock.getByText("job three").waitFor();
    await button(lock, "Cancel").click();
    await button(details, "Delete").click();
    const remove = dialog(page, "Delete User");
    await remove.getByText("3 keys are deleted:").waitFor();
    await remove.getByText("job two").waitFor();
    await remove.getByText(/Last used just now.*cron\/3/).waitFor();
  });
});

test("what the server does not say in time is called not known, and a key can be revoked all the same", async () => {
  const { id } = await addKey(screens, "ada", "in haste");
  const page = await screens.open("ada");
  await rowOf(page, "in haste").waitFor();
  await page.route(/\/api\/v1\/keys\/\d+(\/clients)?\?/, (route) => route.abort());
  await page.route(/\/api\/v1\/keys\/\d+\/clients$/, (route) => route.abort());
  await chooseAction(page, "in haste", "Revoke");
  const ask = dialog(page, "Revoke API Key");
  await ask.getByText("It is not known when it was last used").waitFor();
  await check(ask);
  await button(ask, "Revoke").click();
  await ask.waitFor({ state: "detached" });
  expect((await screens.local.keys.get(screens.local.caller, id)).revokedAt).not.toBeNull();
});

test("the list and open details follow the use of a key while they are looked at", async () => {
  const { id, text } = await addKey(screens, "ada", "watched");
  const page = await screens.open("ada");
  await page.clock.install();
  await page.goto(`${screens.url}/keys?key=${id}`);
  const details = dialog(page, "watched");
  const last = details.locator("dt", { hasText: "Last used" }).locator("+ dd");
  await last.getByText("Never", { exact: true }).waitFor();
  await use(text, "curl/9");
  await page.clock.fastForward(16_000);
  await last.getByText("just now").waitFor();
  await details.getByText("curl/9").first().waitFor();
  await button(details, "Close details").click();
  await rowOf(page, "watched").getByText("just now").last().waitFor();
});

test("a key that its owner, a limit or a missing role stops has a status of its own: list, filter, details, owners", async () => {
  const { users, caller } = screens.local;
  const owners = ["shut", "bare", "aged"] as const;
  const cases = [
    { owner: "shut", word: "Owner locked", filter: "user_locked", why: "shut is locked" },
    { owner: "bare", word: "Owner has no role", filter: "no_roles", why: "bare has no role" },
    {
      owner: "aged",
      word: "Past limit",
      filter: "past_limit",
      why: "Past the longest lifetime of its owner's keys",
    },
  ] as const;
  for (const owner of owners) await addUser(screens, owner, "KEY_HOLDER");
  for (const owner of owners) await addKey(screens, owner, `of ${owner}`);
  const idOf = async (username: string) => (await users.get(caller, { username })).id;
  await users.lock(caller, await idOf("shut"));
  await users.update(caller, await idOf("bare"), { roles: [] });
  const page = await screens.open("ada");
  await rowOf(page, "of aged").getByText("Active", { exact: true }).waitFor();
  const made = await screens.local.keys.list(caller, {});
  const aged = made.rows.find(({ name }) => name === "of aged");
  // A minute is the shortest that an owner may be held to: so the key is moved a minute back.
  await backdate(aged?.id ?? 0, "created_at");
  await users.update(caller, await idOf("aged"), {
    ceilings: { allowedIps: null, rateLimit: null, lifetimeSeconds: 60 },
  });
  for (const { owner, word, filter, why } of cases) {
    await page.goto(`${screens.url}/keys`);
    await rowOf(page, `of ${owner}`).getByText(word, { exact: true }).waitFor();
    await button(page, "Status").first().click();
    await page.getByRole("menuitemcheckbox", { name: word, exact: true }).click();
    await page.keyboard.press("Escape");
    await page.getByText("1 key", { exact: true }).waitFor();
    expect(new URL(page.url()).searchParams.get("status")).toBe(filter);
    await page.getByRole("link", { name: `of ${owner}`, exact: true }).click();
    await dialog(page, `of ${owner}`).getByText(word, { exact: true }).waitFor();
    await dialog(page, `of ${owner}`).getByText(why, { exact: true }).waitFor();
  }
  await page.goto(`${screens.url}/keys`);
  await button(page, "Add").click();
  await field(dialog(page, "Add API Key"), "Username").first().click();
  await page.getByRole("option", { name: "shut (locked)" }).waitFor();
  expect(await page.getByRole("option", { name: "bare" }).count()).toBe(0);
  await page.getByRole("option", { name: "shut (locked)" }).click();
  await dialog(page, "Add API Key").getByText("The key is refused until its owner is unlocked").waitFor();
});

test("details offer what can still be done to a key, and nothing else", async () => {
  const { keys, caller } = screens.local;
  const states: Readonly<Record<string, readonly [(id: number) => Promise<unknown>, readonly string[]]>> = {
    active: [async () => undefined, ["Edit", "Reset", "Pause", "Revoke", "Delete"]],
    paused: [(id) => keys.pause(caller, id), ["Edit", "Reset", "Resume", "Revoke", "Delete"]],
    revoked: [(id) => keys.revoke(caller, id, "Why"), ["Edit", "Reset", "Delete"]],
    expired: [(id) => backdate(id, "expires_at"), ["Edit", "Reset", "Revoke", "Delete"]],
  };
  for (const [name, [become, offered]] of Object.entries(states)) {
    const { id } = await addKey(screens, "ada", `offers ${name}`, { expiresAt: Date.now() + 1_800_000 });
    await become(id);
    const page = await screens.open("ada", `/keys?key=${id}`);
    await button(dialog(page, `offers ${name}`), "Edit").waitFor();
    await expectOnly(dialog(page, `offers ${name}`).locator(".details-actions button"), offered);
  }
});

/** The key as if that had been an hour ago. */
async function backdate(id: number, column: "created_at" | "expires_at"): Promise<void> {
  const { Database } = await import("bun:sqlite");
  const database = new Database(`${screens.folder}/chatelaine.db`);
  database.run("PRAGMA busy_timeout = 5000");
  database.run(`UPDATE keys SET ${column} = ${column} - 3600000 WHERE id = ?`, [id]);
  database.close();
}

describe("a browser whose clock is a day off", () => {
  for (const [word, days] of [
    ["behind", -1],
    ["ahead of", 1],
  ] as const)
    test(`${word} the server's shows the server's times, and says so`, async () => {
      const name = `skewed ${days}`;
      await addKey(screens, "ada", name, { expiresAt: Date.now() + 3_600_000 * 5 });
      const page = await screens.open("ada");
      await page.clock.install({ time: Date.now() + days * DAY_MS });
      await page.reload();
      await page.getByText(`This device's clock is 1 day ${word} the server's.`).waitFor();
      const row = rowOf(page, name);
      await row.getByText("Expires soon", { exact: true }).waitFor();
      expect(await row.locator("[data-column=created_at]").innerText()).toMatch(/just now|minute/);
      expect(await row.locator("[data-column=expires_at]").innerText()).toMatch(/in [45] hours/);
      await button(page, "Close notice").click();
      await page.getByText("This device's clock").waitFor({ state: "detached" });
    });

  test("by less than two minutes is not bothered", async () => {
    const page = await screens.open("ada");
    await page.clock.install({ time: Date.now() + 60_000 });
    await page.reload();
    await page.getByRole("row").nth(1).waitFor();
    expect(await page.getByText("This device's clock").count()).toBe(0);
  });
});

test("the details, and an edit, of what is deleted elsewhere say so and offer nothing", async () => {
  const { keys, groups, users, caller } = screens.local;
  const { id } = await addKey(screens, "ada", "fleeting");
  await addUser(screens, "passing", "KEY_HOLDER");
  await groups.create(caller, { name: "brief", roles: [], scopes: [] });
  const cases = [
    {
      path: `/keys?key=${id}`,
      name: "fleeting",
      edit: "Edit API Key",
      remove: () => keys.remove(caller, id),
      gone: /This key (no longer exists|does not exist)/,
    },
    {
      path: "/users?user=passing",
      name: "passing",
      edit: "Edit User",
      remove: async () => users.remove(caller, (await users.get(caller, { username: "passing" })).id),
      gone: /This user (no longer exists|does not exist)/,
    },
    {
      path: "/groups?group=brief",
      name: "brief",
      edit: "Edit Group",
      remove: () => groups.remove(caller, "brief"),
      gone: /This group (no longer exists|does not exist)/,
    },
  ];
  for (const { path, name, edit, remove, gone } of cases) {
    const looking = await screens.open("ada", path);
    const editing = await screens.open("grace", path);
    await button(dialog(editing, name), "Edit").click();
    await button(dialog(editing, edit), "Save").waitFor();
    await button(dialog(looking, name), "Edit").waitFor();
    await remove();
    await dialog(looking, name).getByText(gone).waitFor();
    const left = dialog(looking, name).getByRole("button");
    await expectOnly(left, ["Close details"]);
    await dialog(editing, edit).getByText(gone).waitFor();
    expect(await button(dialog(editing, edit), "Save").count()).toBe(0);
    await button(dialog(editing, edit), "Close").click();
    await dialog(editing, edit).waitFor({ state: "detached" });
  }
});

async function expectOnly(buttons: Locator, names: readonly string[]): Promise<void> {
  const found = await buttons.evaluateAll((all) =>
    all.map((one) => one.getAttribute("aria-label") ?? one.textContent),
  );
  expect(found).toEqual([...names]);
}

/** Lets the server do what is asked once, and loses the answer. */
async function loseAnswer(page: Page, method: string, path: RegExp): Promise<void> {
  let isLost = false;
  await page.route(path, async (route: Route) => {
    if (isLost || route.request().method() !== method) return route.fallback();
    isLost = true;
    await route.fetch();
    await route.abort("connectionreset");
  });
}

interface Lost {
  readonly name: string;
  readonly path: string;
  readonly method: string;
  readonly url: RegExp;
  /** Opens the form and submits it. @returns what stands over the screen then */
  readonly submit: (page: Page) => Promise<Locator>;
  readonly isDone: () => Promise<boolean>;
  readonly words?: string;
  /** It shows what it made. */
  readonly shows?: boolean;
}

async function savePanel(page: Page, opener: string, name: string, values: Readonly<Record<string, string>>) {
  await button(page, opener).click();
  const panel = dialog(page, name);
  for (const [label, value] of Object.entries(values)) await field(panel, label).fill(value);
  await button(panel, "Save").click();
  return panel;
}

const endBy = (row: string, action: string, title: string) => async (page: Page) => {
  await chooseAction(page, row, action);
  const ask = dialog(page, title);
  await check(ask);
  await button(ask, action).click();
  return ask;
};

const userNamed = async (username: string) =>
  screens.local.users.get(screens.local.caller, { username }).catch(() => undefined);
const keysNamed = async (name: string) =>
  (await screens.local.keys.list(screens.local.caller, {})).rows.filter((key) => key.name === name);
const SAVED = "It is not known whether this was saved";
const DONE = "It is not known whether this was done";

const LOST: readonly Lost[] = [
  {
    name: "a new key",
    path: "/keys",
    method: "POST",
    url: /\/api\/v1\/keys\?/,
    submit: (page) => savePanel(page, "Add", "Add API Key", { Name: "lost once" }),
    isDone: async () => (await keysNamed("lost once")).length === 1,
    shows: true,
  },
  {
    name: "an edit of a key",
    path: "/keys",
    method: "PATCH",
    url: /\/api\/v1\/keys\/\d+$/,
    submit: async (page) => {
      await chooseAction(page, "lost edit", "Edit");
      const panel = dialog(page, "Edit API Key");
      await field(panel, "Name").fill("lost edited");
      await button(panel, "Save").click();
      return panel;
    },
    isDone: async () => (await keysNamed("lost edited")).length === 1,
  },
  {
    name: "a revocation",
    path: "/keys",
    method: "POST",
    url: /\/revoke$/,
    submit: endBy("lost revoke", "Revoke", "Revoke API Key"),
    isDone: async () => (await keysNamed("lost revoke"))[0]?.revokedAt !== null,
    words: DONE,
  },
  {
    name: "a deletion",
    path: "/keys",
    method: "DELETE",
    url: /\/api\/v1\/keys\/\d+$/,
    submit: endBy("lost delete", "Delete", "Delete API Key"),
    isDone: async () => (await keysNamed("lost delete")).length === 0,
    words: DONE,
  },
  {
    name: "a new user",
    path: "/users",
    method: "POST",
    url: /\/api\/v1\/users$/,
    submit: (page) => savePanel(page, "Add User", "Add User", { Username: "lostuser" }),
    isDone: async () => (await userNamed("lostuser")) !== undefined,
  },
  {
    name: "a user's new name",
    path: "/users",
    method: "PATCH",
    url: /\/api\/v1\/users\/lostname$/,
    submit: async (page) => {
      await chooseAction(page, "lostname", "Edit");
      const panel = dialog(page, "Edit User");
      await field(panel, "Username").fill("foundname");
      await button(panel, "Save").click();
      return panel;
    },
    isDone: async () => (await userNamed("foundname")) !== undefined,
  },
  {
    name: "a user's password",
    path: "/users",
    method: "PUT",
    url: /\/password$/,
    submit: async (page) => {
      await chooseAction(page, "lostlock", "Set Password");
      const ask = dialog(page, "Set Password");
      await field(ask, "New password").fill(`${PASSWORD} and more`);
      await button(ask, "Save").click();
      return ask;
    },
    isDone: async () => (await userNamed("lostlock"))?.hasPassword === true,
  },
  {
    name: "a lock",
    path: "/users",
    method: "POST",
    url: /\/lock$/,
    submit: endBy("lostlock", "Lock", "Lock User"),
    isDone: async () => (await userNamed("lostlock"))?.lockedAt !== null,
    words: DONE,
  },
  {
    name: "a user's deletion",
    path: "/users",
    method: "DELETE",
    url: /\/api\/v1\/users\/lostgone$/,
    submit: endBy("lostgone", "Delete", "Delete User"),
    isDone: async () => (await userNamed("lostgone")) === undefined,
    words: DONE,
  },
  {
    name: "a new group",
    path: "/groups",
    method: "POST",
    url: /\/api\/v1\/groups$/,
    submit: (page) => savePanel(page, "Add Group", "Add Group", { Name: "lostgroup" }),
    isDone: async () =>
      (await screens.local.groups.list(screens.local.caller)).some(({ name }) => name === "lostgroup"),
  },
];

describe("a change whose answer is lost is not claimed to have failed, and is safe to try again:", () => {
  beforeAll(async () => {
    for (const name of ["lost edit", "lost revoke", "lost delete"]) await addKey(screens, "ada", name);
    for (const name of ["lostname", "lostlock", "lostgone"]) await addUser(screens, name, "KEY_HOLDER");
  });

  for (const { name, path, method, url, submit, isDone, words = SAVED, shows } of LOST)
    test(name, async () => {
      const page = await screens.open("ada", path);
      await loseAnswer(page, method, url);
      const over = await submit(page);
      await over.getByText(words).waitFor();
      expect(await over.getByText("Nothing was changed").count()).toBe(0);
      await button(over, "Try again").click();
      await over.waitFor({ state: "detached" });
      if (shows) await takeKey(page);
      expect(await isDone()).toBe(true);
    });

  test("settings, in their own card", async () => {
    const page = await screens.open("ada", "/system");
    await loseAnswer(page, "PATCH", /\/api\/v1\/settings$/);
    const card = page.getByRole("group", { name: "Session limits" });
    await field(card, "Idle").fill("45");
    await button(card, "Save").click();
    await card.getByText(SAVED).waitFor();
    await button(card, "Try again").click();
    await page.getByText("Settings saved.").waitFor();
    expect((await screens.local.settings.show(screens.local.caller)).sessionIdleMinutes).toBe(45);
  });

  test("a pause from a row, in a notice", async () => {
    const { id } = await addKey(screens, "ada", "lost pause");
    const page = await screens.open("ada");
    await loseAnswer(page, "POST", /\/pause$/);
    await chooseAction(page, "lost pause", "Pause");
    await page.getByText("It is not known whether lost pause was paused").waitFor();
    await button(page, "Try again").click();
    await page.getByText("lost pause paused.").waitFor();
    expect((await screens.local.keys.get(screens.local.caller, id)).pausedAt).not.toBeNull();
  });
});

test("a search that fails claims nothing about changes", async () => {
  const page = await screens.open("ada");
  await page.getByRole("row").nth(1).waitFor();
  await page.route(/\/api\/v1\/keys\?q=/, (route) => route.abort());
  await page.getByRole("searchbox", { name: "Search" }).fill("zz");
  await page.getByRole("heading", { name: "The server does not answer" }).waitFor();
  expect(await page.getByText("Nothing was changed").count()).toBe(0);
});
