/** Every screen and dialog: axe finds nothing, light and dark, and no page scrolls sideways at any width. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type axe from "axe-core";
import type { BrowserContext, Page } from "playwright-core";
import { closeBrowser, openScreens, type Screens } from "./screens.ts";
import { furnish, SHOTS } from "./shots.ts";
import { SHOTS_OF_CARE } from "./shots-of-care.ts";

/** The page's own policy lets no script in but by the tools of the browser; nothing of it comes back. */
const AXE = `${readFileSync(fileURLToPath(import.meta.resolve("axe-core/axe.min.js")), "utf8")};undefined`;
const WIDTHS = [1440, 768, 360];
const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
/** What depends on the colours: all that can be another in dark. */
const COLOUR_RULES = ["color-contrast", "link-in-text-block"];
let screens: Screens;
const contexts = new Map<string | undefined, BrowserContext>();

beforeAll(async () => {
  screens = await openScreens();
  await furnish(screens);
});

afterAll(async () => {
  await screens[Symbol.asyncDispose]();
  await closeBrowser();
});

describe("screens and dialogs", () => {
  for (const shot of [...SHOTS, ...SHOTS_OF_CARE]) {
    test(`${shot.name}: axe finds nothing in light and dark, and nothing scrolls sideways`, async () => {
      const page = await screens.open(shot.user, shot.path, { context: contexts.get(shot.user) });
      contexts.set(shot.user, page.context());
      await page.getByRole("heading", { level: 1 }).first().waitFor();
      if (shot.user !== undefined) expect(page.url()).not.toContain("/sign-in");
      await page.emulateMedia({ colorScheme: "light", reducedMotion: "reduce" });
      await settle(page);
      await shot.prepare?.(page);
      await settle(page);
      await page.evaluate(AXE);
      const found = await violationsOf(page, "light", RULES);
      await page.emulateMedia({ colorScheme: "dark", reducedMotion: "reduce" });
      await settle(page);
      found.push(...(await violationsOf(page, "dark", COLOUR_RULES)));
      expect(found).toEqual([]);
      for (const width of WIDTHS) {
        await page.setViewportSize({ width, height: 800 });
        let overflow = await overflowOf(page);
        // What floats, such as a menu, finds its new place a moment later.
        for (let tries = 0; overflow !== 0 && tries < 100; tries++) {
          await page.waitForTimeout(50);
          overflow = await overflowOf(page);
        }
        expect([width, overflow]).toEqual([width, 0]);
      }
      await page.close();
    });
  }
});

/** Whatever was asked of the server is there, nothing moves, and it is drawn. */
async function settle(page: Page): Promise<void> {
  await page.waitForFunction(
    () =>
      document.querySelector(".mantine-Skeleton-root") === null &&
      document.getAnimations().every(({ playState }) => playState !== "running"),
  );
  await page.evaluate(
    () => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))),
  );
}

async function violationsOf(page: Page, scheme: string, rules: string[]): Promise<string[]> {
  const violations = await page.evaluate(async (runOnly) => {
    const { axe: judge } = window as unknown as { axe: typeof axe };
    const { violations: found } = await judge.run(document, { runOnly });
    return found.flatMap(({ id, nodes }) =>
      nodes.map(
        ({ html, failureSummary }) => `${id}: ${html.slice(0, 160)} ${failureSummary?.slice(0, 200)}`,
      ),
    );
  }, rules);
  return violations.map((violation) => `${scheme} ${violation}`);
}

/** How far the page can be scrolled sideways, in pixels. */
async function overflowOf(page: Page): Promise<number> {
  return page.evaluate(() => {
    const { scrollWidth, clientWidth } = document.documentElement;
    return Math.max(0, document.body.scrollWidth - clientWidth, scrollWidth - clientWidth);
  });
}
