/** Pages about the JSON-RPC API as a whole: the console, the query language, limits. */
import { html } from "hono/html";
import { guide } from "./guide.ts";
import limits from "./guides/limits.md" with { type: "text" };
import query from "./guides/query-language.md" with { type: "text" };
import type { DocsPage } from "./layout.ts";
import type { MethodDoc } from "./rpc.ts";

export function consolePage(methods: readonly MethodDoc[]): DocsPage {
  return {
    path: "console",
    title: "Console",
    section: "",
    searchText: "Try a method here: sign in over a WebSocket, call, see the frames.",
    body: () => html`<p>Opens a WebSocket to this server, signs in, sends a call and shows the frames, keys masked.</p>
<form id="console" class="wide">
<fieldset><legend>Sign in</legend><div class="row">
<label>User name <input name="username" autocomplete="off"></label>
<label>Key <input name="text" type="password" autocomplete="off" spellcheck="false"></label>
</div><p><button name="do" value="sign-in">Sign in</button></p></fieldset>
<fieldset><legend>Call</legend>
<label>Method <select name="method">${methods.map((one) => html`<option>${one.name}</option>`)}</select></label>
<label>Parameters, a JSON list <textarea name="params" rows="4" spellcheck="false">[]</textarea></label>
<p><button name="do" value="call">Call</button></p></fieldset>
</form><h2>Frames</h2><ul id="frames" aria-live="polite" tabindex="0" aria-label="Frames"></ul>`,
  };
}

export const QUERY: DocsPage = guide("query-language", query);
export const LIMITS: DocsPage = guide("limits", limits);
