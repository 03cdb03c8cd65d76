/** What a caller may, of all that there is: the page holds everything, and shows what the session says that it may. */
import { html } from "hono/html";
import { type DocsPage, table } from "./layout.ts";
import { operationRows } from "./operations.ts";
import type { MethodDoc } from "./rpc.ts";

export function myKeyPage(methods: readonly MethodDoc[]): DocsPage {
  return {
    path: "my-key",
    title: "What may my key call?",
    section: "Guides",
    searchText:
      "The roles and scopes of a key or of this browser's session, and every REST operation and JSON-RPC method that it may call. Permissions.",
    body: (_, base) => html`
<p>Give a key, or leave the field empty to ask about the session of this browser. It is sent to this server alone and kept nowhere.</p>
<form id="my-key" class="wide"><label>Key <input name="text" type="password" autocomplete="off" spellcheck="false"></label><p><button>Ask</button></p></form>
<div id="my-key-answer" tabindex="-1" aria-live="polite"></div>
<div id="my-key-lists" hidden>
<h2>REST operations</h2>${operationRows(base)}
<h2>JSON-RPC methods</h2>${table(
      ["What", "Method"],
      methods.map(({ name, description: words }) => [
        words,
        html`<a href="${base}/methods/${name}"><code>${name}</code></a>`,
      ]),
      methods.map(({ access }) => ({
        name: "data-roles",
        value: typeof access === "string" ? access : access.join(" "),
      })),
    )}</div>`,
  };
}
