/** A change that is under way: nothing that waits for it closes, and nothing of it is lost, whatever somebody presses. */
import { beforeAll, describe, expect, test } from "bun:test";
import { Glob } from "bun";
import type { Locator, Page, Route } from "playwright-core";
import { closeAfter } from "./close-after.ts";
import { edit, FORMS, panel } from "./forms.ts";
import { button, dialog, field, rowOf, takeKey, waitFor, watchAsking } from "./page.ts";
import { addKey, addUser, openScreens, PASSWORD, type Screens } from "./screens.ts";

let screens: Screens;

beforeAll(async () => {
  screens = await openScreens();
  await addUser(screens, "ada", "FULL_ADMIN");
  await addUser(screens, "grace", "FULL_ADMIN");
  await addUser(screens, "builder", "KEY_HOLDER");
  const { groups, caller } = screens.local;
  await groups.create(caller, { name: "ops", roles: [], scopes: [] });
  for (const name of ["alpha", "beta"]) await addKey(screens, "builder", name);
});

closeAfter(() => screens);

/** Without input of its own (Send Test), or with nothing to go to before it is done (the setup). */
const NO_FORM = [
  "system/webhook-card.tsx",
  "signing/setup.tsx",
  "signing/first-holder.tsx",
  "form/use-change.ts",
];

test("every form that sends a change is in the table", async () => {
  const root = `${import.meta.dir}/../src`;
  const asking: string[] = [];
  for await (const file of new Glob("**/*.{ts,tsx}").scan(root))
    if (/\buseChange(<.*>)?\(/.test(await Bun.file(`${root}/${file}`).text())) asking.push(file);
  const known = new Set([...NO_FORM, ...Object.values(FORMS).map(({ file }) => file)]);
  expect(asking.sort()).toEqual([...known].sort());
});

/** Changes wait here until the test lets them go. */
async function holdChanges(page: Page) {
  const waiting: Route[] = [];
  let isOpen = false;
  await page.route("**/api/v1/**", (route) => {
    if (isOpen || route.request().method() === "GET" || route.request().url().includes("/me/"))
      return route.fallback();
    waiting.push(route);
  });
  const waits = async (): Promise<void> => waitFor(() => waiting.length > 0);
  const settle = async (work: (route: Route) => Promise<void>): Promise<void> => {
    await waits();
    for (const route of waiting.splice(0)) await work(route);
  };
  return {
    waits,
    refuse: () => settle((route) => route.fulfill({ status: 422, json: PROBLEM })),
    lose: () =>
      settle(async (route) => {
        await route.fetch();
        await route.abort("connectionreset");
      }),
    /** Answers those that wait, and lets all later ones go. */
    turnAway: async (work: (route: Route) => Promise<void>) => {
      isOpen = true;
      await settle(work);
    },
    letGo: async () => {
      isOpen = true;
      await settle((route) => route.fallback());
    },
  };
}

const PROBLEM = {
  type: "about:blank",
  title: "Limit",
  status: 422,
  code: "limit_reached",
  detail: "Not for you",
  request_id: "0",
};

/** From another screen, so that Back leads away from the form. */
async function openFrom(path: string): Promise<Page> {
  const page = await screens.open("ada", "/audit", { mayAsk: true });
  await page.getByRole("heading", { level: 1, name: "Audit" }).waitFor();
  const place = { "/keys": "API Keys", "/system": "System" }[path] ?? "Users";
  await page.getByRole("link", { name: place, exact: true }).click();
  if (path === "/groups") await page.getByRole("link", { name: "Groups", exact: true }).click();
  return page;
}

const back = (page: Page): Promise<void> => page.evaluate(() => history.back());
const WAITING = "Still waiting for the server";

async function pressAllThatCloses(page: Page, over: Locator, isCard: boolean): Promise<void> {
  if (isCard) return button(over, "Undo changes").click();
  await page.keyboard.press("Escape");
  await over.getByText(WAITING).waitFor();
  await button(over, "Cancel").click();
  const cross = button(over, "Close panel");
  if (await cross.count()) await cross.click();
  await page.mouse.click(5, 450);
}

describe("while a change is under way nothing closes, and a refusal meets what was typed:", () => {
  beforeAll(async () => {
    await screens.open("grace");
  });

  for (const [name, { path, fill, submit, typed, makesKey, isCard = false }] of Object.entries(FORMS))
    test(name, async () => {
      const page = await openFrom(path);
      const asked = watchAsking(page);
      const over = await fill(page);
      const changes = await holdChanges(page);
      await button(over, submit).click();
      await changes.waits();
      await pressAllThatCloses(page, over, isCard);
      await over.getByText(WAITING).waitFor();
      if (typed) {
        await field(over, typed[0]).focus();
        await page.keyboard.type("zz");
        await page.keyboard.press("Backspace");
        for (const arrow of await over.locator(".mantine-NumberInput-control").all())
          await arrow.click({ force: true });
        expect(await field(over, typed[0]).inputValue()).toBe(typed[1]);
      }
      const question = dialog(page, makesKey ? "A key is being made" : WAITING);
      await back(page);
      await button(question, makesKey ? "Wait for the key" : "Wait").click();
      await question.waitFor({ state: "detached" });
      await page.evaluate(() => location.reload());
      await waitFor(() => asked.length === 1);
      await changes.refuse();
      await over.getByText("Not for you").waitFor();
      if (typed) {
        expect(await field(over, typed[0]).inputValue()).toBe(typed[1]);
        // What the server has refused may be changed again.
        await field(over, typed[0]).focus();
        await page.keyboard.press("ControlOrMeta+a");
        await page.keyboard.type("7");
        expect(await field(over, typed[0]).inputValue()).not.toBe(typed[1]);
      }
    });
});

describe("a key is not lost by whoever leaves while it is made:", () => {
  const OPENERS: Readonly<Record<string, (page: Page) => Promise<Locator>>> = {
    "by an addition": panel("Add", "Add API Key", "Name"),
    "by a reset": async (page) => {
      await addKey(screens, "builder", "typed");
      await page.reload();
      return edit("typed", "Reset", "Edit API Key", "Name")(page);
    },
  };
  for (const [name, fill] of Object.entries(OPENERS))
    test(name, async () => {
      const page = await openFrom("/keys");
      const over = await fill(page);
      const changes = await holdChanges(page);
      await button(over, "Save").click();
      await changes.waits();
      await back(page);
      const question = dialog(page, "A key is being made");
      await question.waitFor();
      // It comes while the question stands: then the question is about the key in view.
      await changes.letGo();
      await button(dialog(page, "The key is not copied yet"), "Back to the key").click();
      await takeKey(page);
      const { rows } = await screens.local.keys.list(screens.local.caller, {});
      await screens.local.keys.remove(
        screens.local.caller,
        rows.find((key) => key.name === "typed")?.id ?? 0,
      );
    });

  test("who leaves all the same is told of a key that nobody has seen", async () => {
    const page = await openFrom("/keys");
    const over = await panel("Add", "Add API Key", "Name")(page);
    const changes = await holdChanges(page);
    await button(over, "Save").click();
    await changes.waits();
    await back(page);
    await button(dialog(page, "A key is being made"), "Leave without the key").click();
    await page.waitForURL(/\/audit/);
    await changes.letGo();
    await page.getByText("A key was made that nobody has seen").waitFor();
  });
});

test("the question goes with a good outcome, and the way is free", async () => {
  const page = await openFrom("/users");
  const over = await panel("Add User", "Add User", "Username")(page);
  const changes = await holdChanges(page);
  await button(over, "Save").click();
  await changes.waits();
  await page.getByRole("link", { name: "Audit", exact: true }).dispatchEvent("click");
  await dialog(page, WAITING).waitFor();
  await changes.letGo();
  await page.waitForURL(/\/audit/);
  await page.getByText("typed added.").waitFor();
});

test("who leaves meanwhile is told of a refusal where they are", async () => {
  const page = await openFrom("/users");
  const over = await edit("builder", "Edit", "Edit User", "Full name")(page);
  const changes = await holdChanges(page);
  await button(over, "Save").click();
  await changes.waits();
  await back(page);
  await button(dialog(page, WAITING), "Leave now").click();
  await page.waitForURL(/\/audit/);
  await changes.refuse();
  await page.getByText("Not for you").waitFor();
});

describe("a server that does not answer", () => {
  test("is said to be waited for after five seconds, and given up after thirty; what was sent stays until it is known", async () => {
    const page = await screens.open("ada", "/keys", { mayAsk: true });
    await page.clock.install();
    await page.reload();
    const over = await panel("Add", "Add API Key", "Name")(page);
    await field(over, "Name").fill("frozen");
    const changes = await holdChanges(page);
    await button(over, "Save").click();
    await changes.waits();
    expect(await over.getByText(WAITING).count()).toBe(0);
    await page.clock.fastForward(6_000);
    await over.getByText(WAITING).waitFor();
    await page.clock.fastForward(25_000);
    await over.getByText("It is not known whether this was saved").waitFor();
    await field(over, "Name").focus();
    await page.keyboard.type("zz");
    expect(await field(over, "Name").inputValue()).toBe("frozen");
    await page.keyboard.press("Escape");
    const question = dialog(page, "A key may have been made");
    await button(question, "Back").click();
    await question.waitFor({ state: "detached" });
    await changes.letGo();
    await button(over, "Try again").click();
    await dialog(page, "API Key").waitFor();
  });
});

describe("a change whose answer is lost is no conflict with itself, whatever turns the repetition away:", () => {
  const turned = (status: number, code: string) => (route: Route) =>
    route.fulfill({
      status,
      json: { type: "about:blank", title: "No", status, code, detail: "Not now", request_id: "1" },
    });
  const AWAY: Readonly<Record<string, (route: Route) => Promise<void>>> = {
    "another lost answer": (route) => route.abort("connectionreset"),
    "too many requests": turned(429, "too_many_requests"),
    "a server that is busy": turned(503, "unavailable"),
    "a proxy without its server": (route) => route.fulfill({ status: 502, body: "Bad gateway" }),
    "a proxy that refuses": (route) => route.fulfill({ status: 403, body: "Forbidden" }),
    "a session that has ended": turned(401, "session_expired"),
  };
  for (const [at, [name, turnAway]] of Object.entries(AWAY).entries())
    test(name, async () => {
      const { id } = await addKey(screens, "builder", `lost ${at}`);
      const page = await screens.open("ada");
      const over = await edit(`lost ${at}`, "Edit", "Edit API Key", "Name", `found ${at}`)(page);
      const changes = await holdChanges(page);
      await button(over, "Save").click();
      await changes.lose();
      await over.getByText("It is not known whether this was saved").waitFor();
      await button(over, "Try again").click();
      await changes.waits();
      await changes.turnAway(turnAway);
      if (name.includes("session")) {
        await page.locator(".again input[name=password]").fill(PASSWORD);
        await page.keyboard.press("Enter");
        await page.getByRole("heading", { name: "Your session has ended" }).waitFor({ state: "detached" });
      }
      await over.getByText("It is not known whether this was saved").waitFor();
      await button(over, "Save").click();
      await over.waitFor({ state: "detached" });
      await rowOf(page, `found ${at}`).waitFor();
      const { version } = await screens.local.keys.get(screens.local.caller, id);
      expect(version).toBe(2);
    });
});
