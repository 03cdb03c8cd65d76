/** How tests find things on a page: by the names that screens.md gives them. */
import type { Dialog, Locator, Page } from "playwright-core";

export const rowOf = (page: Page, name: string): Locator =>
  page.getByRole("row").filter({ has: page.getByRole("link", { name, exact: true }) });
export const dialog = (page: Page, name: string): Locator => page.getByRole("dialog", { name, exact: true });
export const button = (page: Page | Locator, name: string): Locator =>
  page.getByRole("button", { name, exact: true });
export const field = (page: Page | Locator, label: string): Locator =>
  page.getByLabel(label, { exact: true });

export async function chooseAction(page: Page, name: string, action: string): Promise<void> {
  await button(page, `Actions for ${name}`).click();
  await page.getByRole("menuitem", { name: action, exact: true }).click();
}

/** Copies the key that is shown and closes its dialog. @returns the key */
export async function takeKey(page: Page): Promise<string> {
  const shown = dialog(page, "API Key");
  const key = await field(shown, "Key").inputValue();
  await button(shown, "Copy to Clipboard").click();
  await shown.getByText("Copied.").waitFor();
  await button(shown, "Close").click();
  await shown.waitFor({ state: "detached" });
  return key;
}

/** What the browser asks before the page goes; the answer is no. */
export function watchAsking(page: Page): Dialog[] {
  const asked: Dialog[] = [];
  page.on("dialog", (one) => {
    asked.push(one);
    void one.dismiss();
  });
  return asked;
}

export async function waitFor(condition: () => boolean): Promise<void> {
  for (let tries = 0; tries < 400; tries++) {
    if (condition()) return;
    await Bun.sleep(25);
  }
  throw new Error("It did not happen within ten seconds");
}
