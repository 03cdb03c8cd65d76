/** Pages about the JSON-RPC API as a whole: the console, the query language, limits. */
import { html } from "hono/html";
import { code, type DocsPage, table } from "./layout.ts";
import type { MethodDoc } from "./rpc.ts";

export const SECTION = "JSON-RPC";

export function consolePage(methods: readonly MethodDoc[]): DocsPage {
  return {
    path: "console",
    title: "Console",
    section: SECTION,
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

export const QUERY: DocsPage = {
  path: "query-language",
  title: "Query language",
  section: SECTION,
  searchText: "Filters, operators and options of every query, and of `filter` in REST.",
  body: () => html`<p>A <code>query</code> method takes filters and options. Filters are a list, all of which must hold:</p>
${code(`[["username", "=", "ada"], ["OR", [["name", "^", "ci-"], ["name", "~", ".*deploy"]]]]`)}
${table(
  ["Operator", "Meaning"],
  [
    ["= !=", "equal, not equal"],
    ["> >= < <=", "order"],
    [
      "~",
      "a regular expression (RE2) from the start of the text: 256 characters, repetitions of at most 100, four in a query",
    ],
    ["in nin", "the field is, or is not, in the list"],
    ["rin rnin", "the value is, or is not, in the field"],
    ["^ !^ $ !$", "begins, ends, or not"],
    ["C before an operator", "upper and lower case alike"],
  ],
)}
<p>Instants are <code>{"$date": milliseconds}</code>, or compared as <code>["created_at.$date", ">", "2026-01-01T00:00:00Z"]</code>. Options:</p>
${code(`{"select": ["id", "name"], "order_by": ["-created_at"], "limit": 50, "offset": 0, "count": false, "get": false}`)}`,
};

export const LIMITS: DocsPage = {
  path: "limits",
  title: "Limits and close codes",
  section: SECTION,
  searchText: "How large, how many and how often; how an error looks; why a socket was closed.",
  body: () =>
    html`${table(
      ["Limit", "Value", "Effect"],
      [
        ["message, not signed in", "8 192 characters", "close 1007"],
        ["message, signed in", "65 536 characters", "close 1009"],
        ["a frame that is no text", "–", "close 1003"],
        ["calls at once on a connection", "10 run, 10 wait", "the next is refused with -32000"],
        ["anonymous calls", "20 a minute for a method and address", "error 16"],
        ["JSON: levels", "32", "-32700; REST: 400"],
        ["JSON: members", "4 096", "-32600; REST: 400"],
        ["REST: body", "64 KiB", "413"],
        ["headers", "16 KiB", "431"],
        ["REST: page", "50, at most 1 000", "422"],
      ],
    )}
<h2>How an error looks</h2>
<p>A call that fails is answered with a code of JSON-RPC. Of -32001 and -32602 <code>data</code> says more: a number and its name, and the reason in words. With -32602 <code>extra</code> lists each fault as parameter, words and number.</p>
${code(`{"jsonrpc": "2.0", "id": 1, "error": {"code": -32602, "message": "Invalid params", "data": {
  "error": 22, "errname": "EINVAL", "reason": "[EINVAL] api_key_create.name: Field required\\n",
  "trace": null, "extra": [["api_key_create.name", "Field required", 22]]}}}`)}
${table(
  ["Code", "Meaning"],
  [
    ["-32700", "The frame is no JSON"],
    ["-32600", "The frame is no call"],
    ["-32601", "There is no such method"],
    ["-32602", "A parameter is not well formed, or names something that is not there"],
    ["-32000", "Too many calls at once on this connection"],
    ["-32001", "The call was refused or failed: see data"],
  ],
)}
<h2>Close codes</h2>
${table(
  ["Code", "When"],
  [
    ["1001", "The server is shutting down: connect again"],
    ["1003", "A frame that is no text"],
    ["1007", "A message that is too long before signing in, or no UTF-8"],
    ["1009", "A message that is too long"],
    ["1011", "Something unforeseen: connect again"],
  ],
)}`,
};
