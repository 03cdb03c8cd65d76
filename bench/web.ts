/** The screens in headless Chromium, with 100 000 keys: what crosses the wire first, and how long one waits for rows. */
import type { Browser, Page } from "playwright-core";
import { launchChromium } from "../scripts/chromium.ts";
import { fill, install } from "./installation.ts";
import { dropFolder, makeFolder, type Node, startNode } from "./node.ts";
import { Stopwatch, tellMiddle } from "./painted.ts";
import { figure, median, quantile, table } from "./results.ts";

const KEYS = 100_000;
const ROUNDS = 21;
/** Until the page has nothing to do. */
const REST_MS = 500;
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
  await openList(page, node.url);
  const bytes = await firstLoadBytes(page);
  const rows = [
    ["first load, script and style, brotli", figure(bytes / 1000, "KB"), "260 KB", "sign-in and list"],
  ];
  const told = (what: string, values: readonly number[], aim: string, beside: string): void => {
    rows.push([
      what,
      `median ${figure(median(values), "ms")}, worst ${figure(quantile(values, 1), "ms")}`,
      aim,
      beside,
    ]);
  };
  const bare = `the list alone by fetch in the page, ${figure(median(await requestTimes(page)), "ms")}`;
  told("list painted after navigation", await times(() => navigate(page, node.url)), "1 s", bare);
  for (const [what, samples] of await pressKeys(page, node)) {
    const { measured, parts } = tellMiddle(samples);
    rows.push([`${what}, keypress to painted rows`, measured, "200 ms", parts]);
  }
  await openList(page, node.url);
  const seen = await times((round) => seeChange(page, node.url, key, round));
  told("key made elsewhere, until it is painted", seen, "1 s", "the making of the key is part of it");
  return rows;
}

async function openList(page: Page, url: string, query = ""): Promise<void> {
  await page.goto(`${url}/keys${query}`);
  await page.locator("tbody tr[data-open]").first().waitFor();
  await page.waitForTimeout(REST_MS);
}

type Measured = readonly [what: string, samples: Awaited<ReturnType<Stopwatch["take"]>>[]];

async function pressKeys(page: Page, node: Node): Promise<Measured[]> {
  const watch = await Stopwatch.start(page, node.pid);
  const turn = (name: string) => async () => {
    await page.getByRole("button", { name }).focus();
    await page.waitForTimeout(REST_MS);
    return watch.take(() => page.keyboard.press("Enter"));
  };
  await openList(page, node.url, `?page=${ROUNDS + 40}`);
  const back: Measured = ["previous page, never asked for before", await times(turn("Previous page"))];
  await openList(page, node.url);
  const on: Measured = ["next page", await times(turn("Next page"))];
  await openList(page, node.url);
  const box = page.getByRole("searchbox", { name: "Search" });
  const search = (wordOf: (round: number) => string) => async (round: number) => {
    const word = wordOf(round);
    await box.fill(word.slice(0, -1));
    await page.waitForTimeout(REST_MS);
    return watch.take(() => box.press(word.at(-1)!));
  };
  // Of hexadecimal digits, as the names are: each last letter leaves other rows than there were.
  const hex = (round: number, digits: number): string =>
    ((round * 40_503 + 4_660) % 16 ** digits).toString(16).padStart(digits, "0");
  return [
    back,
    on,
    ["search that finds thousands", await times(search((round) => hex(round, 2)))],
    ["search that finds a few", await times(search((round) => hex(round, 4)))],
    ["search that finds nothing", await times(search((round) => `${hex(round, 3)}z`))],
  ];
}

async function times<Result>(act: (round: number) => Promise<Result>): Promise<Result[]> {
  const found: Result[] = [];
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
          const isThere = document.querySelector("tbody tr[data-open]") !== null;
          requestAnimationFrame(isThere ? () => resolve(performance.now()) : look);
        };
        look();
      }),
  );
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
