/** Every screen and dialog, with how one gets there: for pictures, for axe, and for widths. */
import { Database } from "bun:sqlite";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { addKey, addUser, type Screens } from "./screens.ts";

const DAY = 86_400_000;
const HOUR = 3_600_000;
const DECISION = "0b6c9d0e-3b0e-4a5e-8a4e-1d1f1e4a7a10";

export interface Shot {
  readonly name: string;
  /** undefined: nobody. */
  readonly user?: string;
  readonly path: string;
  readonly prepare?: (page: Page) => Promise<void>;
}

export const press = (name: string) => async (page: Page) =>
  page.getByRole("button", { name, exact: true }).first().click();
export const choose = (row: string, action: string) => async (page: Page) => {
  await press(`Actions for ${row}`)(page);
  if (action !== "") await page.getByRole("menuitem", { name: action, exact: true }).click();
};
export const both =
  (...steps: ((page: Page) => Promise<unknown>)[]) =>
  async (page: Page): Promise<void> => {
    for (const step of steps) await step(page);
  };
export const panelOf = (page: Page) => page.getByRole("dialog").last();

export async function fillNewKey(page: Page): Promise<void> {
  await press("Add")(page);
  await panelOf(page).getByLabel("Name", { exact: true }).fill("grafana");
}

/** The field comes with the calendar, when it is first wanted. */
const seeExpiry = async (page: Page) => panelOf(page).getByLabel("Expires at", { exact: true }).waitFor();

async function openCalendar(page: Page): Promise<void> {
  await fillNewKey(page);
  await panelOf(page).getByRole("checkbox", { name: "Non-expiring" }).click();
  await panelOf(page).getByRole("button", { name: "30 days" }).click();
  await panelOf(page).getByLabel("Expires at", { exact: true }).click();
}

export async function makeKey(page: Page): Promise<void> {
  await fillNewKey(page);
  await panelOf(page)
    .getByLabel("Name", { exact: true })
    .fill(`grafana ${Math.random().toString(36).slice(2, 5)}`);
  await panelOf(page).getByRole("button", { name: "Save" }).click();
  await page.getByRole("dialog", { name: "API Key", exact: true }).waitFor();
}

async function openUse(page: Page): Promise<void> {
  await page.getByRole("link", { name: "ci-deploy" }).click();
  await page.locator(".use-chart svg").first().waitFor();
  await page.getByRole("heading", { name: "Use", exact: true }).evaluate((one) => one.scrollIntoView());
}

const showUseOf = (span: string) => async (page: Page) => {
  await page.getByText(span, { exact: true }).click();
  await page.locator(".use-chart svg").first().waitFor();
};

export const SHOTS: readonly Shot[] = [
  { name: "sign-in", path: "/sign-in" },
  { name: "keys", user: "ada", path: "/keys" },
  { name: "keys-none-match", user: "ada", path: "/keys?q=nothing+like+this&status=revoked" },
  { name: "keys-empty", user: "fresh", path: "/keys" },
  {
    name: "keys-selected",
    user: "ada",
    path: "/keys",
    prepare: async (page) => {
      for (const box of (await page.getByRole("checkbox", { name: /^Select / }).all()).slice(1, 4))
        await box.click();
    },
  },
  {
    name: "keys-bulk-delete",
    user: "ada",
    path: "/keys",
    prepare: async (page) => {
      for (const box of (await page.getByRole("checkbox", { name: /^Select / }).all()).slice(1, 4))
        await box.click();
      await page
        .getByRole("group", { name: "Selected keys" })
        .getByRole("button", { name: "Delete" })
        .click();
    },
  },
  { name: "keys-columns", user: "ada", path: "/keys", prepare: press("Columns") },
  { name: "keys-actions", user: "ada", path: "/keys", prepare: choose("ci-deploy", "") },
  { name: "settings-menu", user: "ada", path: "/keys", prepare: press("Settings") },
  {
    name: "alerts",
    user: "ada",
    path: "/keys",
    prepare: async (page) => page.getByRole("button", { name: /^Alerts/ }).click(),
  },
  { name: "key-add", user: "ada", path: "/keys", prepare: fillNewKey },
  {
    name: "key-add-more",
    user: "ada",
    path: "/keys",
    prepare: both(fillNewKey, async (page) => {
      await page.getByRole("button", { name: "Description, rights and limits" }).click();
      await page.getByRole("radio", { name: "Only some roles" }).click();
    }),
  },
  {
    name: "key-add-errors",
    user: "ada",
    path: "/keys",
    prepare: both(press("Add"), async (page) => {
      await panelOf(page).getByRole("checkbox", { name: "Non-expiring" }).click();
      await panelOf(page).getByLabel("Expires at", { exact: true }).waitFor();
      await panelOf(page).getByRole("button", { name: "Save" }).click();
    }),
  },
  { name: "key-calendar", user: "ada", path: "/keys", prepare: openCalendar },
  { name: "key-shown", user: "ada", path: "/keys", prepare: makeKey },
  {
    name: "key-shown-nginx",
    user: "ada",
    path: "/keys",
    prepare: both(makeKey, async (page) => {
      await page.getByRole("tab", { name: "nginx" }).click();
      await page.getByRole("region", { name: "nginx", exact: true }).evaluate((one) => one.scrollIntoView());
    }),
  },
  {
    name: "key-edit-reset",
    user: "ada",
    path: "/keys",
    prepare: both(choose("ci-deploy", "Reset"), seeExpiry),
  },
  {
    name: "key-edit-expired",
    user: "ada",
    path: "/keys",
    prepare: both(choose("trial access", "Edit"), seeExpiry),
  },
  { name: "key-revoke", user: "ada", path: "/keys", prepare: choose("ci-deploy", "Revoke") },
  { name: "key-delete", user: "ada", path: "/keys", prepare: choose("ci-deploy", "Delete") },
  {
    name: "key-unsaved",
    user: "ada",
    path: "/keys",
    prepare: both(fillNewKey, async (page) => page.keyboard.press("Escape")),
  },
  {
    name: "key-details",
    user: "ada",
    path: "/keys",
    prepare: async (page) => page.getByRole("link", { name: "old-laptop" }).click(),
  },
  {
    name: "key-owner-locked",
    user: "ada",
    path: "/keys",
    prepare: async (page) => page.getByRole("link", { name: "grace's own" }).click(),
  },
  { name: "key-gone", user: "ada", path: "/keys?key=99999" },
  {
    name: "key-undo",
    user: "ada",
    path: "/keys",
    prepare: both(
      choose("prometheus", "Pause"),
      async (page) => page.getByRole("button", { name: "Undo" }).waitFor(),
      choose("prometheus", "Resume"),
    ),
  },
  { name: "key-download", user: "ada", path: "/keys", prepare: both(makeKey, press("Download")) },
  {
    name: "key-not-copied",
    user: "ada",
    path: "/keys",
    prepare: both(makeKey, async (page) => page.keyboard.press("Escape")),
  },
  {
    name: "key-unknown-outcome",
    user: "ada",
    path: "/keys",
    prepare: both(fillNewKey, async (page) => {
      await page.route(/\/api\/v1\/keys\?scram/, (route) => route.abort());
      await panelOf(page).getByRole("button", { name: "Save" }).click();
      await panelOf(page).getByText("It is not known whether").waitFor();
    }),
  },
  {
    name: "keys-trouble",
    user: "ada",
    path: "/keys",
    prepare: async (page) => {
      await page.route(/\/pause$/, (route) => route.abort());
      await choose("prometheus", "Pause")(page);
      await page.getByText("It is not known whether").waitFor();
    },
  },
  { name: "key-use", user: "ada", path: "/keys", prepare: both(openUse, showUseOf("48 hours")) },
  { name: "key-use-years", user: "ada", path: "/keys", prepare: both(openUse, showUseOf("2 years")) },
  { name: "key-use-table", user: "ada", path: "/keys", prepare: both(openUse, press("Show as table")) },
  {
    name: "key-refusals",
    user: "ada",
    path: "/keys",
    prepare: both(openUse, async (page) =>
      page.getByRole("heading", { name: "Used at" }).evaluate((one) => one.scrollIntoView()),
    ),
  },
  { name: "keys-decision", user: "ada", path: `/keys?q=${DECISION}` },
  { name: "users", user: "ada", path: "/users" },
  { name: "user-add", user: "ada", path: "/users", prepare: press("Add User") },
  { name: "user-details", user: "ada", path: "/users?user=builder" },
  {
    name: "user-edit-limits",
    user: "ada",
    path: "/users",
    prepare: both(choose("builder", "Edit"), async (page) =>
      panelOf(page)
        .getByRole("group", { name: "Limits on all keys" })
        .evaluate((one) => one.scrollIntoView()),
    ),
  },
  { name: "user-lock", user: "ada", path: "/users", prepare: choose("builder", "Lock") },
  { name: "user-lock-self", user: "ada", path: "/users", prepare: choose("ada", "Lock") },
  { name: "user-delete", user: "ada", path: "/users", prepare: choose("builder", "Delete") },
  { name: "user-set-password", user: "ada", path: "/users", prepare: choose("fresh", "Set Password") },
  { name: "groups", user: "ada", path: "/groups" },
  { name: "group-details", user: "ada", path: "/groups?group=dns" },
  { name: "group-add", user: "ada", path: "/groups", prepare: press("Add Group") },
  { name: "group-delete", user: "ada", path: "/groups", prepare: choose("dns", "Delete") },
  { name: "audit", user: "ada", path: "/audit" },
  {
    name: "audit-entry",
    user: "ada",
    path: "/audit?q=Update",
    prepare: async (page) => page.locator("tbody button").first().click(),
  },
  { name: "audit-entry-gone", user: "ada", path: "/audit?entry=none" },
  { name: "system", user: "ada", path: "/system" },
  { name: "certificate", path: "/certificate" },
  { name: "guide", user: "ada", path: "/guide" },
  {
    name: "about",
    user: "ada",
    path: "/keys",
    prepare: both(press("Settings"), async (page) => page.getByRole("menuitem", { name: "About" }).click()),
  },
  {
    name: "change-password",
    user: "ada",
    path: "/keys",
    prepare: both(press("Settings"), async (page) =>
      page.getByRole("menuitem", { name: "Change Password" }).click(),
    ),
  },
  { name: "holder-keys", user: "builder", path: "/keys" },
  {
    name: "holder-key-add",
    user: "builder",
    path: "/keys",
    prepare: both(fillNewKey, seeExpiry),
  },
  {
    name: "session-over",
    user: "leaver",
    path: "/keys",
    prepare: async (page) => {
      await page.context().clearCookies();
      const over = page.getByRole("heading", { name: "Your session has ended" }).waitFor();
      // The page may have asked something by itself, and is hidden then.
      const search = page.getByRole("searchbox", { name: "Search" }).fill("x");
      await Promise.race([over, search]);
      search.catch(() => undefined);
      await over;
    },
  },
  { name: "not-found", user: "ada", path: "/keys/none" },
];

/** Four weeks of nightly deployments, busier by day, with a few that were refused. */
async function showMuchUse({ local }: Screens, id: number): Promise<void> {
  const { usage } = local;
  const now = Date.now();
  const seen = { address: "10.0.3.17", client: "curl/8.14.1", host: "deploy.example.org" };
  for (let hours = 28 * 24; hours >= 0; hours--) {
    const at = now - hours * HOUR;
    const isNight = new Date(at).getUTCHours() < 6;
    for (let time = (hours * 7) % (isNight ? 4 : 11); time > 0; time--) usage.note(id, "ok", seen, at);
    if (hours % 31 === 3) usage.note(id, "scope_missing", seen, at);
    if (hours % 67 === 5) usage.note(id, "rate_limited", seen, at);
    // A batch is written under one day.
    await usage.flush();
  }
  usage.note(id, "ok", { ...seen, host: "assets.example.org" }, now);
  const refusals = [
    ["scope_missing", "Asked for scope web:publish; the key has scopes web:deploy", 3],
    ["rate_limited", "10 uses in 60 seconds, and this was the eleventh", 5],
    ["address_not_allowed", "203.0.113.9 is not in 10.0.0.0/8", 40],
  ] as const;
  for (const [reason, rule, hours] of refusals)
    usage.refuse({
      decision: reason === "scope_missing" ? DECISION : crypto.randomUUID(),
      keyId: id,
      at: now - hours * HOUR,
      reason,
      rule,
      address: reason === "address_not_allowed" ? "203.0.113.9" : seen.address,
      host: seen.host,
    });
  await usage.flush();
}

/** Only time does this to a key. */
function age(screens: Screens, id: number, days: number): void {
  using database = new Database(join(screens.folder, "chatelaine.db"));
  database.run("UPDATE keys SET created_at = created_at - ? WHERE id = ?", [days * DAY, id]);
}

/** A small company's keys. */
export async function furnish(screens: Screens): Promise<void> {
  const { local } = screens;
  const { keys, groups, users, caller } = local;
  await addUser(screens, "ada", "FULL_ADMIN");
  await addUser(screens, "grace", "READONLY_ADMIN");
  await addUser(screens, "builder", "KEY_HOLDER");
  await addUser(screens, "fresh", "KEY_HOLDER");
  await addUser(screens, "leaver", "KEY_HOLDER");
  await users.create(caller, {
    username: "monitoring",
    fullName: "Prometheus and Grafana",
    roles: ["KEY_HOLDER"],
  });
  await addUser(screens, "zoe", "FULL_ADMIN");
  await addUser(screens, "wren", "READONLY_ADMIN");
  await addUser(screens, "olga", "SYSTEM_AUDIT_READ");
  const leaving = await users.create(caller, { username: "leaving", roles: ["KEY_HOLDER"] });
  const brief = await users.create(caller, { username: "brief", roles: ["KEY_HOLDER"] });
  await groups.create(caller, { name: "dns", roles: [], scopes: ["dns:read", "dns:write"] });
  await groups.addMember(caller, { name: "dns", username: "builder" });
  await users.update(caller, (await users.get(caller, { username: "builder" })).id, {
    ceilings: {
      allowedIps: ["10.0.0.0/8"],
      rateLimit: { limit: 1_000, windowSeconds: 60 },
      lifetimeSeconds: 180 * 86_400,
    },
  });
  await addKey(screens, "leaving", "left behind");
  const worn = await addKey(screens, "brief", "worn out");
  await addKey(screens, "wren", "reports");
  await users.update(caller, leaving.id, { roles: [] });
  await users.update(caller, brief.id, {
    ceilings: { allowedIps: null, rateLimit: null, lifetimeSeconds: 30 * 86_400 },
  });
  age(screens, worn.id, 31);
  await addKey(screens, "ada", "terraform", { expiresAt: Date.now() + 300 * DAY, tags: ["infra"] });
  await addKey(screens, "monitoring", "prometheus", { tags: ["metrics"] });
  await addKey(screens, "builder", "nightly-backup", { expiresAt: Date.now() + 3 * DAY });
  const trial = await addKey(screens, "grace", "trial access", { expiresAt: Date.now() + 1_200 });
  const laptop = await addKey(screens, "grace", "old-laptop", {
    description: "Grace's laptop, before the move",
  });
  await addKey(screens, "grace", "grace's own");
  const paused = await addKey(screens, "builder", "release-bot");
  const used = await addKey(screens, "ada", "ci-deploy", {
    description: "Deploys the website from the build machine",
    expiresAt: Date.now() + 90 * DAY,
    tags: ["deploy", "web"],
  });
  await fetch(`${screens.url}/api/v1/keys/self`, {
    headers: { Authorization: `Bearer ${used.text}`, "User-Agent": "curl/8.14.1" },
  });
  await showMuchUse(screens, used.id);
  await keys.update(caller, laptop.id, { expiresAt: Date.now() + 30 * DAY, tags: ["laptop"] });
  await keys.revoke(caller, laptop.id, "Laptop was lost on a train");
  await keys.pause(caller, paused.id);
  await users.lock(caller, (await users.get(caller, { username: "grace" })).id);
  await Bun.sleep(1_500);
  void trial;
}
