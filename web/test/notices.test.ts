/** A notice never stands over a control, and never takes a press that is meant for one. */
import { beforeAll, describe, expect, test } from "bun:test";
import type { Locator, Page } from "playwright-core";
import { closeAfter } from "./close-after.ts";
import { button, chooseAction, dialog, field, rowOf, takeKey } from "./page.ts";
import { addKey, addUser, openScreens, type Screens } from "./screens.ts";

const SIZES = [
  [1440, 900],
  [768, 1024],
  [360, 740],
] as const;
const LONG =
  "a key with a very long name that nobody would read to its end, but somebody has given it all the same";
let screens: Screens;

beforeAll(async () => {
  screens = await openScreens();
  await addUser(screens, "ada", "FULL_ADMIN");
});

closeAfter(() => screens);

/** Controls of the uppermost stage that a notice lies over, at any of their corners or in their middle. */
function covered(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const notices = [...document.querySelectorAll(".notice")];
    // What stands below a panel cannot be pressed anyway.
    const scope = [...document.querySelectorAll("[role=dialog]")].at(-1) ?? document;
    const controls = [
      ...scope.querySelectorAll<HTMLElement>("a, button, input, textarea, select, [tabindex='0']"),
    ];
    return controls.flatMap((control) => {
      const { left, top, right, bottom } = control.getBoundingClientRect();
      if (right <= left || bottom <= top || !control.checkVisibility({ visibilityProperty: true })) return [];
      if (notices.some((notice) => notice.contains(control))) return [];
      const points = [
        [left + 1, top + 1],
        [right - 1, top + 1],
        [left + 1, bottom - 1],
        [right - 1, bottom - 1],
        [(left + right) / 2, (top + bottom) / 2],
      ] as const;
      // What is scrolled behind the top bar is behind it with or without a notice there.
      const bar = control.closest(".top") ? null : document.querySelector(".top");
      const isOver = points.some(([x, y]) => {
        const notice = document.elementFromPoint(x, y)?.closest(".notice");
        return notice != null && bar?.contains(notice) !== true;
      });
      return isOver ? [control.getAttribute("aria-label") ?? control.textContent ?? control.tagName] : [];
    });
  });
}

const told = (page: Page) => page.locator(".notice").first().waitFor();

for (const [width, height] of SIZES) {
  describe(`at ${width} x ${height}`, () => {
    test("Save in a panel right after another save is pressed at the first try", async () => {
      const names = [`first ${width}`, `second ${width}`];
      for (const name of names) await addKey(screens, "ada", name);
      const page = await screens.open("ada", `/keys?q=${width}&order=name`, { width, height });
      for (const [at, name] of names.entries()) {
        await chooseAction(page, name, "Edit");
        const panel = dialog(page, "Edit API Key");
        await field(panel, "Name").fill(`${name} saved`);
        if (at > 0) await told(page);
        expect(await covered(page)).toEqual([]);
        const save = button(panel, "Save");
        const box = (await save.boundingBox()) as { x: number; y: number; width: number; height: number };
        const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
        const isFree = await save.evaluate(
          (one, [left, top]) => one.contains(document.elementFromPoint(left ?? 0, top ?? 0)),
          [x, y],
        );
        expect(isFree).toBe(true);
        // As a finger presses it: where it stands, whatever lies there.
        await page.mouse.click(x, y);
        await panel.waitFor({ state: "detached" });
        await page.getByText(`${name} saved saved.`).waitFor();
        expect(await covered(page)).toEqual([]);
      }
    });

    test("what is told on the screen, in details and of a failure covers nothing", async () => {
      const name = `${LONG} ${width}`;
      const { id } = await addKey(screens, "ada", name);
      const page = await screens.open("ada", `/keys?q=${width}+nobody`, { width, height });
      await chooseAction(page, name, "Pause");
      await button(page, "Undo").waitFor();
      expect(await covered(page)).toEqual([]);
      await page.goto(`${screens.url}/keys?key=${id}`);
      const details = dialog(page, name);
      await button(details, "Resume").click();
      await button(details, "Undo").waitFor();
      expect(await covered(page)).toEqual([]);
      await button(details, "Undo").click();
      await details.getByText("Paused", { exact: true }).first().waitFor();
      await button(details, "Close details").click();
      await page.route(/\/resume$/, (route) => route.fulfill({ status: 403, json: PROBLEM }));
      await chooseAction(page, name, "Resume");
      await page.getByText("That was refused").waitFor();
      expect(await covered(page)).toEqual([]);
      // It stays until somebody takes it away.
      await page.getByRole("alert").getByRole("button", { name: "Close notice" }).click();
      await page.getByText("That was refused").waitFor({ state: "detached" });
    });

    test("nor in the settings, after an addition and over a long list scrolled to its end", async () => {
      const page = await screens.open("ada", "/system", { width, height });
      const card = page.getByRole("group", { name: "Session limits" });
      await field(card, "Idle").fill(String(30 + SIZES.findIndex(([one]) => one === width)));
      await button(card, "Save").click();
      await page.getByText("Settings saved.").waitFor();
      expect(await covered(page)).toEqual([]);
      await page.goto(`${screens.url}/users`);
      await button(page, "Add User").click();
      await field(dialog(page, "Add User"), "Username").fill(`user${width}`);
      await button(dialog(page, "Add User"), "Save").click();
      await page.getByText(`user${width} added.`).waitFor();
      await page.mouse.wheel(0, 5_000);
      expect(await covered(page)).toEqual([]);
    });
  });
}

const PROBLEM = {
  type: "about:blank",
  title: "Forbidden",
  status: 403,
  code: "forbidden",
  detail:
    "ada: the key would have rights that you lack yourself, and this sentence goes on for quite a while",
  request_id: "0",
};

test("a good word goes by itself, but not from under a pointer; the next takes its place", async () => {
  for (const name of ["one word", "two words"]) await addKey(screens, "ada", name);
  const page = await screens.open("ada", "/keys?q=word&order=name");
  await page.clock.install();
  await page.reload();
  await chooseAction(page, "one word", "Pause");
  await page.getByText("one word paused.").waitFor();
  await page.getByText("one word paused.").hover();
  await page.clock.fastForward(60_000);
  expect(await page.getByText("one word paused.").count()).toBe(1);
  await chooseAction(page, "two words", "Pause");
  await page.getByText("two words paused.").waitFor();
  expect(await page.getByText("one word paused.").count()).toBe(0);
  await rowOf(page, "two words").hover();
  await page.clock.fastForward(21_000);
  await page.getByText("two words paused.").waitFor({ state: "detached" });
});

describe("Ctrl+Z takes back what is told, wherever the keyboard is, and the focus stays there:", () => {
  const PLACES: Readonly<Record<string, (page: Page) => Promise<Locator>>> = {
    "on the screen": async (page) => {
      await chooseAction(page, "taken back", "Pause");
      return button(page, "Actions for taken back");
    },
    "in details": async (page) => {
      await page.getByRole("link", { name: "taken back", exact: true }).click();
      const details = dialog(page, "taken back");
      await button(details, "Pause").click();
      return button(details, "Resume");
    },
  };
  beforeAll(async () => {
    await addKey(screens, "ada", "taken back");
  });
  for (const [place, pause] of Object.entries(PLACES))
    test(place, async () => {
      const page = await screens.open("ada", "/keys?q=taken");
      const has = await pause(page);
      await page.getByText("taken back paused.").waitFor();
      const search = field(page, "Search");
      if (place === "on the screen") {
        // In a field it is the field's.
        await search.press("ControlOrMeta+z");
        await rowOf(page, "taken back").getByText("Paused", { exact: true }).waitFor();
        await button(page, "Undo").waitFor();
      }
      await has.focus();
      await page.keyboard.press("ControlOrMeta+z");
      await page.getByText("taken back resumed.").waitFor();
      expect(await page.evaluate(() => document.activeElement?.closest("tr, [role=dialog]") !== null)).toBe(
        true,
      );
    });
});

test("the notice of a key that was made does not stand over the dialog that shows it", async () => {
  const page = await screens.open("ada", "/keys?q=word", { width: 360, height: 740 });
  await chooseAction(page, "one word", "Edit");
  await button(dialog(page, "Edit API Key"), "Save").click();
  await page.getByText("one word saved.").waitFor();
  await button(page, "Add").click();
  await field(dialog(page, "Add API Key"), "Name").fill("shown now");
  await button(dialog(page, "Add API Key"), "Save").click();
  await dialog(page, "API Key").waitFor();
  expect(await covered(page)).toEqual([]);
  await takeKey(page);
});
