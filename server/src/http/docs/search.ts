/** The search over everything: each page's whole text as a reader sees it, and each operation of the reference. */
import { html } from "hono/html";
import type { DocsPage } from "./layout.ts";
import { operationEntries } from "./operations.ts";

const TERMS_MAX = 10;
/** What people ask with, and no page goes by. */
const FILLERS = new Set(
  "a an and are can do does for from how i in is it my of on the to was what with".split(" "),
);
const SHOWN_CHARS = 140;
const PAGES_SHOWN = 60;
/** In the place of this server's address, which nobody looks for. */
const ANYWHERE = "http://localhost";

interface Entry {
  readonly page: DocsPage;
  readonly title: string;
  readonly text: string;
}

type Found = Pick<DocsPage, "path" | "title" | "body">;

/** Texts are made once for each version, at the first search in it. */
export function createSearch(): (q: string, version: string, pages: readonly DocsPage[]) => Promise<Found> {
  const made = new Map<string, Promise<readonly Entry[]>>();
  return async (q, version, pages) => {
    let entries = made.get(version);
    if (!entries) {
      entries = Promise.all([...pages, ...operationEntries()].map(entryOf));
      made.set(version, entries);
    }
    const words = q
      .toLowerCase()
      .split(/[\s?!]+/)
      .filter((word) => word !== "" && !FILLERS.has(word))
      // One and many alike.
      .map((word) => word.replace(/(?<=\w{3})s$/, ""))
      .slice(0, TERMS_MAX);
    return resultPage(q, find(await entries, words));
  };
}

async function entryOf(page: DocsPage): Promise<Entry> {
  const body = plainText(String(await page.body(ANYWHERE, "")));
  const { title, searchText: words, path } = page;
  return { page, title: title.toLowerCase(), text: `${title} ${words} ${path} ${body}`.toLowerCase() };
}

/** Pages that are named so stand before those that only speak of it. */
function find(entries: readonly Entry[], words: readonly string[]): DocsPage[] {
  if (words.length === 0) return [];
  const found = entries.filter(({ text }) => words.every((word) => text.includes(word)));
  const rank = ({ title, page }: Entry): number => {
    if (words.every((word) => title.includes(word))) return 0;
    const named = `${title} ${page.path} ${page.searchText}`.toLowerCase();
    return words.every((word) => named.includes(word)) ? 1 : 2;
  };
  return found.toSorted((one, other) => rank(one) - rank(other)).map(({ page }) => page);
}

function resultPage(q: string, found: readonly DocsPage[]): Found {
  const shown = found.slice(0, PAGES_SHOWN);
  const count = found.length === 1 ? "One place" : `${found.length} places`;
  const more = found.length > shown.length ? `, of which these are the first ${shown.length}` : "";
  return {
    path: "search",
    title: q.trim() === "" ? "Search" : `Search: ${q.slice(0, 100)}`,
    body: (_, base) =>
      html`<p>${count}${more}</p><ul class="found">${shown.map(
        ({ path, title, searchText: words }) =>
          html`<li><a href="${base}${path === "" ? "" : `/${path}`}">${title}</a> <span class="quiet">${cut(words)}</span></li>`,
      )}</ul>`,
  };
}

function cut(words: string): string {
  return words.length <= SHOWN_CHARS ? words : `${words.slice(0, SHOWN_CHARS).replace(/\s+\S*$/, "")} …`;
}

/** What of the markup is read: it is ours, and all texts in it are escaped. */
function plainText(markup: string): string {
  return markup
    .replaceAll(/<[^>]*>/g, " ")
    .replaceAll("&quot;", '"')
    .replaceAll("&#39;", "'")
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&amp;", "&");
}
