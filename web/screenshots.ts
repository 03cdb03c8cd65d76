/**
 * npm run screenshots [-- FOLDER]: every screen and dialog, light and dark, wide and narrow, into `web/dist/screenshots` or
 * FOLDER, and the pictures of the guide into `web/public/pictures`. Needs Chromium.
 */
import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { closeBrowser, openScreens, PASSWORD, type Screens } from "./test/screens.ts";
import { furnish, SHOTS } from "./test/shots.ts";
import { SHOTS_OF_CARE } from "./test/shots-of-care.ts";

const folder = resolve(process.argv[2] ?? join(import.meta.dir, "dist", "screenshots"));
const pictures = join(import.meta.dir, "public", "pictures");

const GUIDE: Readonly<Record<string, string>> = {
  list: "keys",
  add: "key-add",
  expires: "key-calendar",
  key: "key-shown",
  actions: "keys-actions",
  edit: "key-edit-reset",
  delete: "key-delete",
  use: "key-use",
};

async function take(screens: Screens, scheme: "light" | "dark", width: number): Promise<void> {
  const size = { width, height: width < 768 ? 780 : 900, colorScheme: scheme } as const;
  for (const shot of [...SHOTS, ...SHOTS_OF_CARE]) {
    if (only?.length && !only.includes(shot.name)) continue;
    const page = await screens.open(shot.user, shot.path, size);
    try {
      await page.getByRole("heading", { level: 1 }).waitFor();
      if (shot.user !== undefined && page.url().includes("/sign-in")) throw new Error("is not signed in");
      await page.waitForTimeout(300);
      await shot.prepare?.(page);
      await page.waitForTimeout(350);
      await page.screenshot({ path: join(folder, `${shot.name}-${scheme}-${width}.png`) });
      const guide = Object.entries(GUIDE).find(([, name]) => name === shot.name);
      if (guide && scheme === "light" && width === 1440) {
        await page.setViewportSize({ width: 1120, height: 700 });
        await page.waitForTimeout(150);
        await page.screenshot({ path: join(pictures, `${guide[0]}.png`) });
      }
    } catch (error) {
      console.error(`${shot.name}: ${error}`);
    } finally {
      await page.context().close();
    }
  }
  await tidy(screens);
}

/** Keys that pictures make would fill the lists of the next. */
async function tidy({ local: { keys, caller } }: Screens): Promise<void> {
  const { rows } = await keys.list(caller, { limit: 200 });
  for (const { id, name } of rows) if (/^grafana /.test(name)) await keys.remove(caller, id);
}

/** What is there before anybody is: the first administrator, then the first key holder. */
async function takeSetup(fresh: Screens): Promise<void> {
  const page = await fresh.open(undefined, `/setup#token=${await fresh.server.makeSetupToken()}`);
  const takeAll = async (name: string): Promise<void> => {
    for (const colorScheme of ["light", "dark"] as const)
      for (const width of [1440, 360]) {
        await page.emulateMedia({ colorScheme });
        await page.setViewportSize({ width, height: width < 768 ? 780 : 900 });
        await page.waitForTimeout(250);
        await page.screenshot({ path: join(folder, `${name}-${colorScheme}-${width}.png`) });
      }
  };
  await page.getByLabel("Username", { exact: true }).fill("ada");
  await takeAll("setup");
  await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
  await page.getByLabel("Password again", { exact: true }).fill(PASSWORD);
  await page.getByRole("button", { name: "Make administrator" }).click();
  await page.getByRole("button", { name: "Make key holder" }).waitFor();
  await takeAll("setup-holder");
  await page.context().close();
}

/** For a quick look at some: their names, parted by commas, then `light-1440` or its like. */
const only = process.argv[3]?.split(",").filter((name) => name !== "all" && name !== "");
const onlyKind = process.argv[4];
mkdirSync(folder, { recursive: true });
mkdirSync(pictures, { recursive: true });
await using bare = await openScreens();
await takeSetup(bare);
await using screens = await openScreens();
await furnish(screens);
for (const scheme of ["light", "dark"] as const)
  for (const width of [1440, 1024, 768, 360])
    if (onlyKind === undefined || onlyKind === `${scheme}-${width}`) await take(screens, scheme, width);
await closeBrowser();
