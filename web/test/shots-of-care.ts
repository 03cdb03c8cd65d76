/** Screens and dialogs at moments that matter: what would be lost, what went wrong, what somebody may not do. */
import type { Page, Route } from "playwright-core";
import { both, choose, fillNewKey, makeKey, panelOf, press, type Shot } from "./shots.ts";

const link = (name: string) => async (page: Page) =>
  page.getByRole("link", { name, exact: true }).first().click();
const see = (words: string | RegExp) => async (page: Page) => page.getByText(words).first().waitFor();
const back = async (page: Page) => page.evaluate(() => history.back());

/** The server's answer to one request, in its place. */
const answer =
  (what: RegExp, method: string, status: number, body: object) =>
  async (page: Page): Promise<void> => {
    await page.route(what, (route: Route) =>
      route.request().method() === method
        ? route.fulfill({
            status,
            contentType: "application/problem+json",
            body: JSON.stringify({ status, ...body }),
          })
        : route.fallback(),
    );
  };

async function saveNamed(page: Page): Promise<void> {
  await panelOf(page).getByLabel("Name", { exact: true }).fill("another name");
  await panelOf(page).getByRole("button", { name: "Save" }).click();
}

/** Somebody else is quicker. */
async function changeElsewhere(page: Page): Promise<void> {
  await page.evaluate(async () => {
    const { entries } = await (await fetch("/api/v1/keys?q=ci-deploy")).json();
    await fetch(`/api/v1/keys/${entries[0].id}`, {
      method: "PATCH",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ description: `Deploys the site; changed at ${Date.now()}` }),
    });
  });
}

async function chooseOwner(page: Page): Promise<void> {
  await fillNewKey(page);
  await panelOf(page).getByLabel("Username", { exact: true }).click();
  await page.getByRole("option", { name: "grace (locked)" }).waitFor();
}

async function dropOwnRights(page: Page): Promise<void> {
  await choose("ada", "Edit")(page);
  await panelOf(page)
    .getByRole("checkbox", { name: /^Full administrator/ })
    .click();
  await panelOf(page).getByRole("button", { name: "Save" }).click();
  await page.getByRole("dialog", { name: "Give up own rights" }).waitFor();
}

const LAST_ADMIN = answer(/\/users\?.*role=FULL_ADMIN/, "GET", 200, { entries: [], total: 1, next: null });

export const SHOTS_OF_CARE: readonly Shot[] = [
  {
    name: "keys-status-filter",
    user: "ada",
    path: "/keys?status=user_locked,no_roles",
    prepare: press("Status: 2 statuses"),
  },
  { name: "key-add-owner", user: "ada", path: "/keys", prepare: chooseOwner },
  {
    name: "key-add-owner-locked",
    user: "ada",
    path: "/keys",
    prepare: both(chooseOwner, async (page) => page.getByRole("option", { name: "grace (locked)" }).click()),
  },
  { name: "key-past-limit", user: "ada", path: "/keys", prepare: link("worn out") },
  { name: "key-no-role", user: "ada", path: "/keys", prepare: link("left behind") },
  {
    name: "key-leave",
    user: "ada",
    path: "/users",
    prepare: both(link("API Keys"), makeKey, back, see("Leave without the key")),
  },
  {
    name: "key-conflict",
    user: "ada",
    path: "/keys",
    prepare: both(
      choose("ci-deploy", "Edit"),
      changeElsewhere,
      saveNamed,
      see("Somebody else changed this key meanwhile"),
    ),
  },
  {
    name: "key-edit-gone",
    user: "ada",
    path: "/keys",
    prepare: both(
      answer(/\/keys\/\d+(\?.*)?$/, "GET", 404, { code: "not_found", title: "Not found", detail: "Gone" }),
      choose("ci-deploy", "Edit"),
      see(/This key (no longer exists|does not exist)/),
    ),
  },
  {
    name: "key-details-notice",
    user: "ada",
    path: "/keys",
    prepare: both(
      link("prometheus"),
      async (page) => panelOf(page).getByRole("button", { name: "Pause" }).click(),
      see("prometheus paused"),
      async (page) => panelOf(page).getByRole("button", { name: "Resume" }).click(),
      see("prometheus resumed"),
    ),
  },
  {
    name: "key-delete-unknown",
    user: "ada",
    path: "/keys",
    prepare: both(
      async (page) => page.route(/\/api\/v1\/keys\/\d+/, (route) => route.abort()),
      choose("ci-deploy", "Delete"),
      see("It is not known when it was last used"),
      async (page) => panelOf(page).getByRole("checkbox", { name: "Confirm" }).click(),
      async (page) => panelOf(page).getByRole("button", { name: "Delete" }).click(),
      see("It is not known whether"),
    ),
  },
  { name: "keys-past-last", user: "ada", path: "/keys?page=999" },
  {
    name: "keys-clock",
    user: "ada",
    path: "/keys",
    prepare: async (page) => {
      await page.clock.install({ time: Date.now() + 86_400_000 });
      await page.reload();
      await page.getByText("This device's clock is").waitFor();
    },
  },
  { name: "keys-read-only", user: "wren", path: "/keys" },
  { name: "groups-read-only", user: "wren", path: "/groups?group=dns" },
  { name: "system-read-only", user: "wren", path: "/system" },
  { name: "auditor", user: "olga", path: "/" },
  {
    name: "user-lock-last",
    user: "ada",
    path: "/users",
    prepare: both(LAST_ADMIN, choose("ada", "Lock"), see("This is the last full administrator")),
  },
  {
    name: "user-locked-notice",
    user: "ada",
    path: "/users",
    prepare: both(
      choose("monitoring", "Lock"),
      async (page) => panelOf(page).getByRole("checkbox", { name: "Confirm" }).click(),
      async (page) => panelOf(page).getByRole("button", { name: "Lock" }).click(),
      press("Undo"),
      see("monitoring unlocked again"),
    ),
  },
  {
    name: "user-without-role",
    user: "ada",
    path: "/users",
    prepare: both(
      choose("builder", "Edit"),
      async (page) =>
        panelOf(page)
          .getByRole("checkbox", { name: /^Key holder/ })
          .click(),
      see("builder is left without a role"),
    ),
  },
  {
    name: "key-save-waits",
    user: "ada",
    path: "/keys",
    prepare: both(
      async (page) =>
        page.route(/\/keys\/\d+$/, (route) =>
          route.request().method() === "PATCH" ? undefined : route.fallback(),
        ),
      choose("ci-deploy", "Edit"),
      saveNamed,
      async (page) => page.keyboard.press("Escape"),
    ),
  },
  { name: "user-own-rights", user: "ada", path: "/users", prepare: dropOwnRights },
  { name: "user-gone", user: "ada", path: "/users?user=nobody" },
  { name: "group-edit", user: "ada", path: "/groups", prepare: choose("dns", "Edit") },
  { name: "group-gone", user: "ada", path: "/groups?group=nothing" },
  {
    name: "settings-leave",
    user: "ada",
    path: "/system",
    prepare: both(
      async (page) => page.getByLabel("Public address", { exact: true }).fill("https://keys.example.org"),
      link("Users"),
      see("You have unsaved changes."),
    ),
  },
  {
    name: "session-end",
    user: "ada",
    path: "/system",
    prepare: async (page) =>
      page
        .getByRole("button", { name: /^End session of/ })
        .first()
        .click(),
  },
  {
    name: "part-missing",
    user: "ada",
    path: "/keys",
    prepare: both(
      async (page) => page.route(/\/assets\/(users|groups|audit|system|guide)-/, (route) => route.abort()),
      async (page) => page.reload(),
      link("Audit"),
      see("This part of the screens could not be loaded"),
    ),
  },
];
