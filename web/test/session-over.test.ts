/** A session that ends while something is open: nothing of it is lost, and nobody else comes into it. */
import { beforeAll, expect, test } from "bun:test";
import type { Page } from "playwright-core";
import { closeAfter } from "./close-after.ts";
import { button, dialog, field } from "./page.ts";
import { addKey, addUser, openScreens, PASSWORD, type Screens } from "./screens.ts";

let screens: Screens;
let keyId: number;

beforeAll(async () => {
  screens = await openScreens();
  await addUser(screens, "ada", "FULL_ADMIN");
  await addUser(screens, "builder", "KEY_HOLDER");
  keyId = (await addKey(screens, "ada", "alpha")).id;
});

closeAfter(() => screens);

const over = (page: Page) => page.getByRole("heading", { name: "Your session has ended" });

async function signInAgain(page: Page): Promise<void> {
  await page.locator(".again input[name=password]").fill(PASSWORD);
  await page.keyboard.press("Enter");
  await over(page).waitFor({ state: "detached" });
}

/** In another tab of the same browser: whoever was signed in there is not any more. */
async function signInElsewhere(page: Page, username: string): Promise<void> {
  const { request } = page.context();
  await request.delete(`${screens.url}/api/v1/session`, { headers: { Origin: screens.url } });
  const answer = await request.post(`${screens.url}/api/v1/session`, {
    data: { username, password: PASSWORD },
    headers: { Origin: screens.url },
  });
  expect(answer.ok()).toBe(true);
}

test("Back keeps what was typed, also where only the details under it would close", async () => {
  const page = await screens.open("ada", "/keys", { mayAsk: true });
  await page.getByRole("link", { name: "alpha", exact: true }).click();
  await button(dialog(page, "alpha"), "Edit").click();
  const panel = dialog(page, "Edit API Key");
  await field(panel, "Name").fill("typed before");
  await page.context().clearCookies();
  await button(panel, "Save").click();
  await over(page).waitFor();
  await page.evaluate(() => history.back());
  await page.waitForURL((url) => !url.searchParams.has("key"));
  await over(page).waitFor();
  await signInAgain(page);
  expect(new URL(page.url()).pathname).toBe("/keys");
  expect(await field(panel, "Name").inputValue()).toBe("typed before");
});

test("somebody else who signs in, in another tab, neither sees nor saves what is open", async () => {
  const page = await screens.open("ada", `/keys?key=${keyId}`, { mayAsk: true });
  await button(dialog(page, "alpha"), "Edit").click();
  const panel = dialog(page, "Edit API Key");
  await field(panel, "Name").fill("of ada");
  await signInElsewhere(page, "builder");
  await over(page).waitFor();
  expect(await panel.isVisible()).toBe(false);
  expect(await field(page.locator(".again"), "Username").inputValue()).toBe("ada");
  // The one whose page it is goes on where they were.
  await signInAgain(page);
  expect(await field(panel, "Name").inputValue()).toBe("of ada");
  await button(panel, "Save").click();
  await panel.waitFor({ state: "detached" });
  await dialog(page, "of ada").waitFor();
});

test("who has fewer rights than before goes on where they still may be", async () => {
  const { users, caller } = screens.local;
  await addUser(screens, "fewer", "FULL_ADMIN");
  const page = await screens.open("fewer", "/users");
  await button(page, "Actions for builder").waitFor();
  const { id } = await users.get(caller, { username: "fewer" });
  await users.update(caller, id, { roles: ["KEY_HOLDER"] });
  await over(page).waitFor();
  await signInAgain(page);
  await page.getByRole("heading", { level: 1, name: "User API Keys" }).waitFor();
  expect(new URL(page.url()).pathname).toBe("/keys");
  expect(await page.getByText("A role is missing").count()).toBe(0);
});
