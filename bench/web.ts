/** The screens in headless Chromium, with 100 000 keys: what crosses the wire first, and how long one waits for rows. */
import type { Browser, Page } from "playwright-core";
import { launchChromium } from "../scripts/chromium.ts";
import { fill, install } from "./installation.ts";
import { dropFolder, makeFolder, type Node, startNode } from "./node.ts";
import { figure, median, table } from "./results.ts";

const KEYS = 100_000;
const ROUNDS = 11;
const PASSWORD = "a long password for measuring";

/** @returns a table for RESULTS.md */
export async function run(): Promise<string> {
  const folder = makeFolder();
  try {
    const key = await install(folder);
    await fill(folder, KEYS);
    const node = await startNode(folder);
    const browser = await launchChromium();
    try {
      return table(["what", "measured", "aim", "beside it"], await measure(node, browser, key));
    } finally {
      await browser.close();
      await node.stop();
    }
  } finally {
    dropFolder(folder);
  }
}

async function measure(node: Node, browser: Browser, key: string): Promise<string[][]> {
  const page = await browser.newPage();
  await page.request.post(`${node.url}/api/v1/session`, {
    data: { username: "root", password: PASSWORD },
    headers: { Origin: node.url },
  });
  await page.goto(`${node.url}/keys`);
  await page.locator("tbody tr[data-open]").first().waitFor();
  const bare = await requestTimes(page);
  const beside = `the same list by fetch in the page, ${figure(median(bare), "ms")}`;
  const bytes = await firstLoadBytes(page);
  const rows = [
    ["first load, script and style, brotli", figure(bytes / 1000, "KB"), "260 KB", "sign-in and list"],
  ];
  const told = (what: string, values: readonly number[], aim: string): void => {
    rows.push([what, figure(median(values), "ms"), aim, beside]);
  };
  told("list painted after navigation", await times(() => navigate(page, node.url)), "1 s");
  let place = 1;
  told("next page, keypress to painted rows", await times(() => turnPage(page, ++place)), "200 ms");
  await page.goto(`${node.url}/keys`);
  const words = ["ci-", "met", "edge", "back", "a1", "b2", "c3", "d4", "e5", "f6", "07"];
  told(
    "search, keypress to painted rows",
    await times((round) => search(page, words[round] as string)),
    "200 ms",
  );
  await page.goto(`${node.url}/keys`);
  told(
    "key made elsewhere, until it is painted",
    await times((round) => seeChange(page, node.url, key, round)),
    "1 s",
  );
  return rows;
}

async function times(act: (round: number) => Promise<number>): Promise<number[]> {
  const found: number[] = [];
  for (let round = 0; round < ROUNDS; round++) found.push(await act(round));
  return found;
}

async function requestTimes(page: Page): Promise<number[]> {
  return times(() =>
    page.evaluate(async () => {
      const began = performance.now();
      await (await fetch("/api/v1/keys?order=-created_at&limit=50")).json();
      return performance.now() - began;
    }),
  );
}

async function firstLoadBytes(page: Page): Promise<number> {
  const addresses = await page.evaluate(() => {
    const own = [...document.querySelectorAll<HTMLElement>("script[src], link[rel=stylesheet]")];
    const loaded = own.map((one) => one.getAttribute("src") ?? one.getAttribute("href") ?? "");
    const more = performance
      .getEntriesByType("resource")
      .filter(({ name }) => /\/assets\/main-[^/]+\.js$/.test(name));
    return [...new Set([...loaded, ...more.map(({ name }) => new URL(name).pathname)])];
  });
  const sizes = await Promise.all(
    addresses.map(async (address) => {
      const response = await fetch(new URL(address, page.url()), {
        headers: { "Accept-Encoding": "br" },
        decompress: false,
      } as RequestInit);
      return (await response.arrayBuffer()).byteLength;
    }),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}

async function navigate(page: Page, url: string): Promise<number> {
  await page.goto("about:blank");
  await page.goto(`${url}/keys`, { waitUntil: "commit" });
  return page.evaluate(
    () =>
      new Promise<number>((resolve) => {
        const look = (): void => {
          if (document.querySelector("tbody tr[data-open]")) resolve(performance.now());
          else requestAnimationFrame(look);
        };
        look();
      }),
  );
}

/** Until the rows are those of another question, measured in the page, which is watched before anything is pressed. */
async function untilRowsChange(page: Page, act: () => Promise<unknown>): Promise<number> {
  await page.evaluate(() => {
    const text = (): string => document.querySelector("tbody")?.textContent ?? "";
    const before = text();
    let began = 0;
    window.addEventListener("keydown", () => (began ||= performance.now()), { capture: true, once: true });
    (window as unknown as { took: Promise<number> }).took = new Promise((resolve) => {
      const late = setTimeout(() => resolve(Number.NaN), 10_000);
      const look = (): void => {
        const isNew = began > 0 && text() !== before && !document.querySelector(".table-frame[data-old]");
        if (!isNew) return void requestAnimationFrame(look);
        clearTimeout(late);
        requestAnimationFrame(() => resolve(performance.now() - began));
      };
      look();
    });
  });
  await act();
  return page.evaluate(() => (window as unknown as { took: Promise<number> }).took);
}

async function turnPage(page: Page, place: number): Promise<number> {
  await page.getByRole("button", { name: "Next page" }).focus();
  const took = await untilRowsChange(page, () => page.keyboard.press("Enter"));
  await page.getByText(new RegExp(`^${place} / `)).waitFor();
  return took;
}

/** The last letter of a word is what is waited for. */
async function search(page: Page, word: string): Promise<number> {
  const box = page.getByRole("searchbox", { name: "Search" });
  await box.fill(word.slice(0, -1));
  await page.waitForTimeout(700);
  return untilRowsChange(page, () => box.press(word.at(-1) as string));
}

async function seeChange(page: Page, url: string, key: string, round: number): Promise<number> {
  const name = `made elsewhere ${round}`;
  const began = performance.now();
  await fetch(`${url}/api/v1/keys`, {
    method: "POST",
    headers: { Authorization: `Bearer ${key}`, "Content-Type": "application/json" },
    body: JSON.stringify({ name, username: "root" }),
  });
  await page.getByRole("link", { name, exact: true }).waitFor();
  return performance.now() - began;
}
