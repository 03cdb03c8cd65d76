/**
 * Two who edit the same: whatever the second has open, they learn what the first has changed or deleted, and nothing of
 * either is lost.
 */
import { beforeAll, describe, expect, test } from "bun:test";
import type { Role } from "@chatelaine/contract/roles";
import type { Locator, Page } from "playwright-core";
import { closeAfter } from "./close-after.ts";
import { button, chooseAction, dialog, field } from "./page.ts";
import { addKey, addUser, openScreens, type Screens } from "./screens.ts";

let screens: Screens;
let made = 0;

beforeAll(async () => {
  screens = await openScreens();
  await addUser(screens, "ada", "FULL_ADMIN");
  await addUser(screens, "grace", "KEY_HOLDER");
  await addUser(screens, "alan", "KEY_HOLDER");
});

const openPage = (path: string): Promise<Page> => screens.open("ada", path);

closeAfter(() => screens);

const TAKE = "Take their changes, keep mine";

const addWord = async (panel: Locator, label: string, word: string): Promise<void> => {
  await field(panel, label).first().fill(word);
  await field(panel, label).first().press("Enter");
};

/** Something that two edit: who is beside me has the use cases themselves. */
interface Edited {
  readonly panel: Locator;
  /** As it is kept. */
  readonly read: () => Promise<object>;
}

interface Row {
  readonly what: string;
  readonly mine: (panel: Locator, page: Page) => Promise<unknown>;
  /** undefined: deletes it. */
  readonly theirs: (id: number, name: string) => Promise<unknown>;
  /** What the note names; undefined: it is gone. */
  readonly changed: string | undefined;
  /** What is kept of both. */
  readonly kept?: object;
}

const local = () => screens.local;

/** Each has scopes `a:read` and `b:read`, where it has any. */
const KINDS: Readonly<
  Record<
    string,
    {
      open: (page: Page, name: string) => Promise<Locator>;
      make: (name: string) => Promise<{ id: number; read: Edited["read"] }>;
      path: string;
      rows: readonly Row[];
    }
  >
> = {
  key: {
    path: "/keys",
    make: async (name) => {
      const { id } = await addKey(screens, "ada", name, { description: "before", tags: ["a", "b"] });
      return { id, read: () => Promise.resolve(local().keys.get(local().caller, id)) };
    },
    open: async (page, name) => {
      await chooseAction(page, name, "Edit");
      return dialog(page, "Edit API Key");
    },
    rows: [
      {
        what: "another field",
        mine: (panel) => field(panel, "Description").fill("mine"),
        theirs: (id) => local().keys.update(local().caller, id, { expiresAt: Date.UTC(2090, 0, 1) }),
        changed: "expiry",
        kept: { description: "mine", expiresAt: Date.UTC(2090, 0, 1) },
      },
      {
        what: "the same field",
        mine: (panel) => field(panel, "Description").fill("mine"),
        theirs: (id) => local().keys.update(local().caller, id, { description: "theirs" }),
        changed: "description",
        kept: { description: "mine" },
      },
      {
        what: "the same list",
        mine: (panel) => addWord(panel, "Tags", "mine"),
        theirs: (id) => local().keys.update(local().caller, id, { tags: ["b", "theirs"] }),
        changed: "tags",
        kept: { tags: ["b", "theirs", "mine"] },
      },
      {
        what: "its being there",
        mine: (panel) => field(panel, "Description").fill("mine"),
        theirs: (id) => local().keys.remove(local().caller, id),
        changed: undefined,
      },
    ],
  },
  user: {
    path: "/users",
    make: async (username) => {
      const { users } = local();
      const scopes = ["a:read", "b:read"];
      const { id } = await users.create(local().caller, { username, roles: ["KEY_HOLDER"], scopes });
      return { id, read: () => users.get(local().caller, { id }) };
    },
    open: async (page, name) => {
      await chooseAction(page, name, "Edit");
      return dialog(page, "Edit User");
    },
    rows: [
      {
        what: "another field",
        mine: (panel) => field(panel, "Full name").fill("Mine"),
        theirs: (id) => local().users.update(local().caller, id, { email: "t@example.org" }),
        changed: "email",
        kept: { fullName: "Mine", email: "t@example.org" },
      },
      {
        what: "the name that it is found by",
        mine: (panel) => field(panel, "Full name").fill("Mine"),
        theirs: (id, name) => local().users.update(local().caller, id, { username: `${name}x` }),
        changed: "username",
        kept: { fullName: "Mine" },
      },
      {
        what: "the same field",
        mine: (panel) => field(panel, "Full name").fill("Mine"),
        theirs: (id) => local().users.update(local().caller, id, { fullName: "Theirs" }),
        changed: "full name",
        kept: { fullName: "Mine" },
      },
      {
        what: "the same list",
        mine: (panel) => addWord(panel, "Scopes", "mine:read"),
        theirs: (id) => local().users.update(local().caller, id, { scopes: ["b:read", "theirs:read"] }),
        changed: "scopes",
        kept: { scopes: ["b:read", "theirs:read", "mine:read"] },
      },
      {
        what: "the roles",
        mine: (panel) => panel.getByRole("checkbox", { name: "Key holder", exact: true }).click(),
        theirs: (id) =>
          local().users.update(local().caller, id, {
            roles: ["KEY_HOLDER", "SYSTEM_AUDIT_READ"] satisfies Role[],
          }),
        changed: "roles",
        kept: { roles: ["SYSTEM_AUDIT_READ"] },
      },
      {
        what: "the groups, from the group's side",
        mine: (panel) => field(panel, "Full name").fill("Mine"),
        theirs: async (_, name) => {
          const { groups } = local();
          const group = await groups.create(local().caller, { name: `of-${name}`, roles: [], scopes: [] });
          await groups.addMember(local().caller, { name: group.name, username: name });
        },
        changed: "groups",
        kept: { fullName: "Mine" },
      },
      {
        what: "its being there",
        mine: (panel) => field(panel, "Full name").fill("Mine"),
        theirs: (id) => local().users.remove(local().caller, id),
        changed: undefined,
      },
    ],
  },
  group: {
    path: "/groups",
    make: async (name) => {
      const { groups } = local();
      const scopes = ["a:read", "b:read"];
      const { id } = await groups.create(local().caller, { name, roles: [], scopes });
      await groups.addMember(local().caller, { name, username: "ada" });
      const read = async () => (await groups.list(local().caller)).find((one) => one.id === id) ?? {};
      return { id, read };
    },
    open: async (page, name) => {
      await chooseAction(page, name, "Edit");
      return dialog(page, "Edit Group");
    },
    rows: [
      {
        what: "another field",
        mine: (panel) => addWord(panel, "Scopes", "mine:read"),
        theirs: (_, name) => local().groups.addMember(local().caller, { name, username: "alan" }),
        changed: "members",
        kept: { scopes: ["a:read", "b:read", "mine:read"], members: ["ada", "alan"] },
      },
      {
        what: "what it grants, while I put somebody in",
        mine: async (panel, page) => {
          await field(panel, "Members").first().fill("grace");
          await page.getByRole("option", { name: "grace", exact: true }).click();
        },
        theirs: (_, name) => local().groups.update(local().caller, name, { roles: ["FULL_ADMIN"] }),
        changed: "roles",
        kept: { roles: ["FULL_ADMIN"], members: ["ada", "grace"] },
      },
      {
        what: "the name that it is found by",
        mine: (panel) => addWord(panel, "Scopes", "mine:read"),
        theirs: (_, name) => local().groups.update(local().caller, name, { name: `${name}x` }),
        changed: "name",
        kept: { scopes: ["a:read", "b:read", "mine:read"] },
      },
      {
        what: "the same field",
        mine: (panel) => addWord(panel, "Scopes", "mine:read"),
        theirs: (_, name) =>
          local().groups.update(local().caller, name, { scopes: ["b:read", "theirs:read"] }),
        changed: "scopes",
        kept: { scopes: ["b:read", "theirs:read", "mine:read"] },
      },
      {
        what: "its being there",
        mine: (panel) => addWord(panel, "Scopes", "mine:read"),
        theirs: (_, name) => local().groups.remove(local().caller, name),
        changed: undefined,
      },
    ],
  },
};

describe.each(Object.entries(KINDS))("of a %s", (kind, { path, make, open, rows }) => {
  test.each(rows.map((row) => [row.what, row] as const))(
    "they change %s, I change something",
    async (_, { mine, theirs, changed, kept }) => {
      const name = `${kind}${++made}`;
      const { id, read } = await make(name);
      const page = await openPage(path);
      const panel = await open(page, name);
      await mine(panel, page);
      await theirs(id, name);
      if (changed === undefined) {
        await panel.getByText(`This ${kind} no longer exists`).waitFor();
        await button(panel, "Close").waitFor();
        expect(await button(panel, "Save").count()).toBe(0);
        return;
      }
      await button(panel, "Save").click();
      await panel.getByText(`Somebody else changed this ${kind} meanwhile`).waitFor();
      await panel.getByText(`Changed: ${changed}.`).waitFor();
      await button(panel, TAKE).click();
      await button(panel, "Save").click();
      await panel.waitFor({ state: "detached" });
      expect(await read()).toMatchObject(kept ?? {});
    },
    60_000,
  );
});

type Settings = Awaited<ReturnType<Screens["local"]["settings"]["show"]>>;
type Patch = Parameters<Screens["local"]["settings"]["change"]>[1];

interface Card {
  readonly card: string;
  readonly mine: (card: Locator) => Promise<unknown>;
  /** On the same field. */
  readonly same: Patch;
  /** On another field of the card, where it has one. */
  readonly other?: Patch;
  /** What the note names, of either. */
  readonly words: Readonly<Record<"same" | "other", string>>;
  readonly kept: Partial<Settings>;
  /** It cannot see by its values whether it was changed. */
  readonly hasSecret?: true;
}

const CARDS: readonly Card[] = [
  {
    card: "Key policy",
    mine: (card) => field(card, "Longest lifetime").fill("10"),
    same: { keyDaysMax: 20 },
    other: { nonExpiringKeys: false },
    words: { same: "longest lifetime", other: "non-expiring keys" },
    kept: { keyDaysMax: 10 },
  },
  {
    card: "Keys over plain http",
    mine: (card) => field(card, "REST API and checks").selectOption("revoke"),
    same: { insecureTransport: "allow" },
    other: { insecureTransportDialect: "refuse" },
    words: { same: "plain http at the REST API", other: "plain http at the JSON-RPC API" },
    kept: { insecureTransport: "revoke" },
  },
  {
    card: "Address",
    mine: (card) => field(card, "Public address").fill("https://mine.example.org"),
    same: { publicUrl: "https://theirs.example.org" },
    words: { same: "public address", other: "" },
    kept: { publicUrl: "https://mine.example.org" },
  },
  {
    card: "Session limits",
    mine: (card) => field(card, "Absolute").fill("10"),
    same: { sessionHours: 20 },
    other: { sessionIdleMinutes: 30 },
    words: { same: "absolute limit of sessions", other: "idle limit of sessions" },
    kept: { sessionHours: 10 },
  },
  {
    card: "Documentation",
    mine: (card) => field(card, "Who may read it").selectOption("signed_in"),
    same: { docs: "signed_in" },
    words: { same: "who may read the documentation", other: "" },
    kept: { docs: "signed_in" },
  },
  {
    card: "Webhook for alerts",
    mine: (card) => field(card, "Webhook address").fill("http://127.0.0.1:9/mine"),
    same: { webhookUrl: "http://127.0.0.2:9/theirs" },
    other: { webhookSecret: "another secret of theirs" },
    words: { same: "webhook address", other: "" },
    kept: { webhookUrl: "http://127.0.0.1:9/…" },
    hasSecret: true,
  },
];
const FIRST: Patch = {
  ...{
    keyDaysMax: null,
    nonExpiringKeys: true,
    insecureTransport: "refuse",
    insecureTransportDialect: "close",
  },
  ...{ publicUrl: null, sessionHours: 24, sessionIdleMinutes: 60, docs: "open" },
  ...{ webhookUrl: null, webhookSecret: "a secret of sixteen or more" },
};

describe.each(CARDS.map((row) => [row.card, row] as const))("of the settings: %s", (title, row) => {
  const settings = () => local().settings;
  const open = async () => {
    await settings().change(local().caller, FIRST);
    const page = await openPage("/system");
    const card = page.getByRole("group", { name: title, exact: true });
    await row.mine(card);
    return { page, card };
  };

  for (const which of ["same", "other"] as const) {
    const patch = row[which];
    if (patch === undefined) continue;
    test(`they change ${which === "same" ? "the same field" : "another field of the card"}`, async () => {
      const { page, card } = await open();
      await settings().change(local().caller, patch);
      await button(card, "Save").click();
      await card.getByText("Somebody else changed the settings meanwhile").waitFor();
      if (row.words[which]) await card.getByText(`Changed: ${row.words[which]}.`).waitFor();
      await button(card, TAKE).click();
      // What both wanted is there.
      if (!Bun.deepEquals(patch, row.kept)) {
        await button(card, "Save").click();
        await page.getByText("Settings saved.").waitFor();
      }
      await button(card, TAKE).waitFor({ state: "detached" });
      const { webhookSecret, ...theirs } = patch;
      expect(await settings().show(local().caller)).toMatchObject({
        ...(which === "other" && theirs),
        ...row.kept,
      });
    }, 60_000);
  }

  const how = row.hasSecret ? "mine is saved when I know of it" : "mine is saved without a word";
  test(`they change another card, which shows it: ${how}`, async () => {
    const { page, card } = await open();
    const [patch, elsewhere, shown] =
      title === "Session limits"
        ? ([{ keyDaysMax: 77 }, "Longest lifetime", "77 days"] as const)
        : ([{ sessionHours: 77 }, "Absolute", "77 hours"] as const);
    await settings().change(local().caller, patch);
    const other = field(page, elsewhere);
    await page.waitForFunction(([input, wanted]) => (input as HTMLInputElement).value === wanted, [
      await other.elementHandle(),
      shown,
    ] as const);
    if (row.hasSecret) {
      await button(card, "Save").click();
      await button(card, TAKE).click();
    }
    await button(card, "Save").click();
    await page.getByText("Settings saved.").waitFor();
    expect(await settings().show(local().caller)).toMatchObject({ ...patch, ...row.kept });
  }, 60_000);
});
