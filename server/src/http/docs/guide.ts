/** What guides are made with. */
import type { DocsPage, Markup } from "./layout.ts";

/** @param words a sentence and what else it is looked for by */
export function guide(
  path: string,
  title: string,
  words: string,
  body: (origin: string, base: string) => Markup,
): DocsPage {
  return { path, title, section: "Guides", searchText: words, body };
}

/** A command in lines that a reader sees whole. */
export function curl(origin: string, path: string): string {
  const address = `${origin}/api/v1${path}`;
  return `curl -H "Authorization: Bearer $CHATELAINE_KEY" \\\n  ${/[?&]/.test(path) ? `"${address}"` : address}`;
}
