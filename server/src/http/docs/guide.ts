/**
 * Guides are Markdown files: `title` and `search` (what else they are found by) between two lines of hyphens, then the text.
 *
 * A file is rendered once, by Bun. What depends on the reader stands in it as `{{name}}` and is put into the markup, escaped:
 * `{{origin}}`, `{{socket-origin}}`, `{{base}}`, `{{rest:keys.create}}` for an operation in the reference, and what the guide
 * itself gives. Alone in a paragraph, a name stands for a block of markup.
 */
import { OPERATIONS } from "@chatelaine/contract/operations/operations";
import { html, raw } from "hono/html";
import { code, type DocsPage, type Markup, scrolled } from "./layout.ts";
import { operationPath } from "./operations.ts";

type GuideValues = Readonly<Record<string, string | Markup>>;

const HEAD = /^---\ntitle: (.*)\nsearch: (.*)\n---\n/;
/** In an address Bun writes the braces by their numbers. */
const NAME = /<p>\{\{([\w-]+)\}\}<\/p>|(?:\{\{|%7B%7B)([\w:.-]+)(?:\}\}|%7D%7D)/g;

/** @param more what stands in the text besides, by its name */
export function guide(
  path: string,
  file: string,
  more: (origin: string, base: string) => GuideValues = () => ({}),
): DocsPage {
  const [head, title, search] = HEAD.exec(file) ?? [];
  if (head === undefined || title === undefined || search === undefined)
    throw new Error(`The guide ${path} has no title`);
  const text = markdown(file.slice(head.length));
  const body = (origin: string, base: string): Markup => text(origin, base, more(origin, base));
  return { path, title, section: "Guides", searchText: search, body };
}

/** @returns the text for a reader; throws for a name that nothing is given for */
export function markdown(text: string): (origin: string, base: string, more?: GuideValues) => Markup {
  let made: string | undefined;
  return (origin, base, more = {}) => {
    made ??= render(text);
    const values: GuideValues = { origin, base, "socket-origin": origin.replace(/^http/, "ws"), ...more };
    return raw(
      made.replaceAll(NAME, (_, block: string | undefined, inline: string | undefined) => {
        const name = block ?? inline ?? "";
        const value = values[name] ?? addressOf(name);
        if (value === undefined) throw new Error(`A guide names {{${name}}}, which is nothing`);
        return String(html`${value}`);
      }),
    );
  };
}

function addressOf(name: string): string | undefined {
  const operation =
    name.startsWith("rest:") && OPERATIONS[name.slice("rest:".length) as keyof typeof OPERATIONS];
  return operation ? operationPath(operation) : undefined;
}

/** Bun's own markup, with blocks that can be copied and tables that can be scrolled, as on every other page. */
function render(text: string): string {
  return Bun.markdown
    .html(text, { headings: { ids: true } })
    .replaceAll(/<pre><code[^>]*>([\s\S]*?)\n<\/code><\/pre>/g, (_, block: string) =>
      String(code(raw(block))),
    )
    .replaceAll(/<table>[\s\S]*?<\/table>/g, (table) => {
      const heads = [...table.matchAll(/<th>(.*?)<\/th>/g)].map(([, head]) => head);
      return String(scrolled(raw(heads.join(", ")), raw(table.replaceAll("<th>", '<th scope="col">'))));
    });
}
