/** The frame of every page of the documentation. All texts are escaped by the template, whatever they hold. */
import { html } from "hono/html";

export type Markup = ReturnType<typeof html>;

export interface DocsPage {
  /** Below the version; empty for the start page. */
  readonly path: string;
  readonly title: string;
  readonly section: string;
  /** For the search, without markup. */
  readonly searchText: string;
  /** @param origin address of this server, as the reader's browser sees it */
  body(origin: string, base: string): Markup;
}

export interface Frame {
  readonly version: string;
  readonly versions: readonly string[];
  readonly pages: readonly DocsPage[];
  readonly origin: string;
}

export function renderPage(page: Pick<DocsPage, "path" | "title" | "body">, frame: Frame): Markup {
  const base = `/api/docs/${frame.version}`;
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${page.title} · Chatelaine</title>
<link rel="icon" href="/favicon.svg">
<link rel="stylesheet" href="/api/docs/assets/tokens.css">
<link rel="stylesheet" href="/api/docs/assets/docs.css">
<link rel="stylesheet" href="/api/docs/assets/top.css">
<script src="/api/docs/assets/docs.js" defer></script>
</head>
<body>
<a class="skip" href="#content">Skip to the content</a>
<header id="top">
${topLine(frame)}
</header>
<div class="columns">
<nav class="pages" aria-label="Pages">${sectionsOf(frame.pages).map(
    ([section, pages]) => html`<h2>${section}</h2><ul>${pages.map((one) => link(one, base, page.path))}</ul>`,
  )}</nav>
<main id="content" tabindex="-1"><h1>${page.title}</h1>${page.body(frame.origin, base)}</main>
</div>
</body>
</html>`;
}

/** What stands above every page, the reference included. */
export function topLine({ version, versions }: Pick<Frame, "version" | "versions">): Markup {
  const base = `/api/docs/${version}`;
  return html`${mark(base)}
<label>Version <select id="version" autocomplete="off">${versions.map(
    (one) => html`<option value="${one}"${one === version ? html` selected` : ""}>${one}</option>`,
  )}</select></label>
<form action="${base}/search" role="search"><input type="search" name="q" aria-label="Search the documentation" placeholder="Search"><button>Search</button></form>`;
}

/** The mark of the screens, with the name, leading to the start of the documentation. */
function mark(href: string): Markup {
  return html`<a class="mark" href="${href}"><svg width="24" height="24" viewBox="0 0 24 24" fill="none" aria-hidden="true" focusable="false"><path fill="currentColor" fill-rule="evenodd" d="M3.5 9a8.5 7 0 0 1 17 0zM12 4.2a1.6 1.6 0 1 0 0 3.2 1.6 1.6 0 0 0 0-3.2z"/><g stroke="currentColor" stroke-width="2" stroke-linecap="square"><path d="M6.5 10v6m0-2.2h2"/><path d="M12 10v11m0-2h2.6m-2.6-4h2"/><path d="M17.5 10v6m0-2.2h2"/></g></svg>Chatelaine <span>documentation</span></a>`;
}

/** A block of text to copy. */
export function code(text: string | Markup): Markup {
  return html`<div class="block"><pre class="copyable" tabindex="0">${text}</pre></div>`;
}

/** @param marks an attribute for each row, by which a script knows it */
export function table(
  heads: readonly string[],
  rows: readonly (readonly (string | Markup)[])[],
  marks: readonly { readonly name: string; readonly value: string }[] = [],
): Markup {
  const markOf = (place: number): Markup | string => {
    const mark = marks[place];
    return mark ? html` ${mark.name}="${mark.value}"` : "";
  };
  return scrolled(
    heads.join(", "),
    html`<table><thead><tr>${heads.map(
      (head) => html`<th scope="col">${head}</th>`,
    )}</tr></thead><tbody>${rows.map((row, place) => html`<tr${markOf(place)}>${row.map((cell) => html`<td>${cell}</td>`)}</tr>`)}</tbody></table>`,
  );
}

/** A table that is wider than its place can be scrolled, by the keyboard too. */
export function scrolled(label: string | Markup, body: Markup): Markup {
  return html`<div class="table" tabindex="0" role="group" aria-label="${label}">${body}</div>`;
}

function link(page: DocsPage, base: string, current: string): Markup {
  const href = page.path === "" ? base : `${base}/${page.path}`;
  return html`<li><a href="${href}"${page.path === current ? html` aria-current="page"` : ""}>${page.title}</a></li>`;
}

function sectionsOf(pages: readonly DocsPage[]): [string, DocsPage[]][] {
  return [...Map.groupBy(pages, ({ section }) => section)];
}
