/** A list of several pages: what is asked for before it is wanted, and that it is right all the same. */
import { beforeAll, expect, test } from "bun:test";
import type { Page } from "playwright-core";
import { closeAfter } from "./close-after.ts";
import { button, rowOf } from "./page.ts";
import { addKey, addUser, openScreens, type Screens } from "./screens.ts";

const KEYS = 160;
let screens: Screens;

const nameOf = (place: number): string => `key ${String(place).padStart(3, "0")}`;

beforeAll(async () => {
  screens = await openScreens();
  await addUser(screens, "ada", "FULL_ADMIN");
  for (let place = 0; place < KEYS; place++) await addKey(screens, "ada", nameOf(place));
});

closeAfter(() => screens);

/** Offsets and words of all lists of keys that the page asks for, in turn. */
function watchLists(page: Page): string[] {
  const asked: string[] = [];
  page.on("request", (request) => {
    const { pathname, searchParams } = new URL(request.url());
    if (pathname === "/api/v1/keys") asked.push(searchParams.get("q") ?? searchParams.get("offset") ?? "0");
  });
  return asked;
}

const listAt = (page: Page, offset: number) =>
  page.waitForResponse(
    (response) => response.url().includes(`/api/v1/keys?`) && response.url().includes(`offset=${offset}`),
  );

test("the page after this one is asked for once, when its button has the focus", async () => {
  const page = await screens.open("ada", "/keys?order=name");
  await rowOf(page, nameOf(0)).waitFor();
  const asked = watchLists(page);
  const second = listAt(page, 50);
  await button(page, "Next page").focus();
  await second;
  await rowOf(page, nameOf(0)).waitFor();
  const third = listAt(page, 100);
  await page.keyboard.press("Enter");
  await rowOf(page, nameOf(50)).waitFor();
  await third;
  // The page in view is asked for again from time to time, whatever is foreseen.
  expect(asked.filter((offset, at) => offset !== "0" && asked.indexOf(offset) === at)).toEqual(["50", "100"]);
});

test("a page that was asked for early shows a change made meanwhile", async () => {
  const page = await screens.open("ada", "/keys?order=name");
  await rowOf(page, nameOf(49)).waitFor();
  const second = listAt(page, 50);
  await button(page, "Next page").hover();
  await second;
  const made = await addKey(screens, "ada", `${nameOf(10)} and a half`);
  await rowOf(page, `${nameOf(10)} and a half`).waitFor();
  await button(page, "Next page").click();
  await rowOf(page, nameOf(49)).waitFor();
  expect(await page.getByRole("row").count()).toBe(51);
  await screens.local.keys.remove(screens.local.caller, made.id);
  await rowOf(page, nameOf(49)).waitFor({ state: "detached" });
});

test("the first letter is searched for at once, and what was typed last is what is found", async () => {
  const page = await screens.open("ada", "/keys?order=name");
  await rowOf(page, nameOf(0)).waitFor();
  const asked = watchLists(page);
  await page.getByRole("searchbox", { name: "Search" }).pressSequentially("key 07");
  await page.getByText("12 keys", { exact: true }).waitFor();
  await rowOf(page, nameOf(107)).waitFor();
  expect(new URL(page.url()).searchParams.get("q")).toBe("key 07");
  expect([asked[0], asked.at(-1)]).toEqual(["k", "key 07"]);
});
