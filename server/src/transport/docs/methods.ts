/** Pages of the JSON-RPC API, from the dialect's own table of methods. */
import { ROLE_WORDS, type Role } from "@chatelaine/contract/roles";
import { html } from "hono/html";
import { VERSION } from "../../version.ts";
import { code, type Markup, type Page, table } from "./layout.ts";

/** A method as one version of the API has it. */
export interface MethodWords {
  readonly name: string;
  readonly words: string;
  /** `anon`: without signing in; `any`: every session; otherwise one of the roles. */
  readonly access: "anon" | "any" | readonly Role[];
  readonly params: readonly {
    readonly name: string;
    readonly required: boolean;
    readonly schema: () => object;
  }[];
}

export interface RpcVersion {
  readonly name: string;
  readonly methods: readonly MethodWords[];
}

const SECTION = "JSON-RPC";

export function methodPages({ name, methods }: RpcVersion): Page[] {
  const overview: Page = {
    path: "methods",
    title: "Methods",
    section: SECTION,
    words: `JSON-RPC WebSocket frames limits close codes ${methods.map((one) => one.name).join(" ")}`,
    body: (origin, base) => overviewBody(origin, base, { name, methods }),
  };
  return [overview, CONSOLE(methods), QUERY, LIMITS, ...methods.map(methodPage)];
}

/** OpenRPC 1.3. */
export function openRpcText({ name, methods }: RpcVersion): string {
  return JSON.stringify({
    openrpc: "1.3.2",
    info: {
      title: "Chatelaine, JSON-RPC API",
      version: name,
      description: `Served by Chatelaine ${VERSION}.`,
    },
    servers: [{ name: "this server", url: `/api/${name}` }],
    methods: methods.map((one) => ({
      name: one.name,
      summary: one.words,
      paramStructure: "by-position",
      params: one.params.map(({ name: param, required, schema }) => ({
        name: param,
        required,
        schema: schema(),
      })),
      result: { name: "result", schema: {} },
      errors: ERRORS.map(([number, message]) => ({ code: number, message })),
    })),
  });
}

const ERRORS: readonly (readonly [number, string])[] = [
  [-32602, "Invalid params"],
  [-32001, "Method call error"],
  [-32000, "Too many concurrent calls"],
];

function methodPage(one: MethodWords): Page {
  const { name, words } = one;
  return {
    path: `methods/${name}`,
    title: name,
    section: "",
    words,
    body: (origin) => methodBody(one, origin),
  };
}

function methodBody({ name, words, access, params }: MethodWords, origin: string): Markup {
  const call = JSON.stringify(
    {
      jsonrpc: "2.0",
      id: 1,
      method: name,
      params: params.filter(({ required }) => required).map(({ schema }) => sampleOf(schema())),
    },
    null,
    2,
  );
  const socket = `${origin.replace(/^http/, "ws")}/api/current`;
  return html`<p>${words}.</p>
<p><strong>Needs:</strong> ${needsOf(access)}</p>
<h2>Parameters</h2>
${params.length === 0 ? html`<p>None.</p>` : params.map(({ name: param, required, schema }) => html`<h3><code>${param}</code>${required ? "" : " (optional)"}</h3>${code(JSON.stringify(schema(), null, 2))}`)}
<h2>As a frame</h2>${code(call)}
<h2>Python</h2>${code(`from truenas_api_client import Client

with Client("${socket}") as client:
    client.login_with_api_key("USER", KEY)
    print(client.call("${name}"${params.some(({ required }) => required) ? ", ..." : ""}))`)}
<h2>Errors</h2>
${table(
  ["Code", "When"],
  [
    ["-32602", "A parameter is not well formed, or names something that is not there"],
    [
      "-32001",
      "Not signed in (207), not allowed (13), or refused for another reason, which data.reason says",
    ],
  ],
)}`;
}

function overviewBody(origin: string, base: string, { name, methods }: RpcVersion): Markup {
  return html`<p>JSON-RPC 2.0 over WebSocket at <code>${origin.replace(/^http/, "ws")}/api/${name}</code>, as the official TrueNAS clients speak it. Text frames, one call each; parameters by position.</p>
<p>The same as a document for machines: <a href="/api/openrpc.json">OpenRPC</a>.</p>
${table(
  ["Method", "What it does", "Needs"],
  methods.map((one) => [
    html`<a href="${base}/methods/${one.name}"><code>${one.name}</code></a>`,
    one.words,
    needsOf(one.access),
  ]),
)}`;
}

function CONSOLE(methods: readonly MethodWords[]): Page {
  return {
    path: "console",
    title: "Console",
    section: SECTION,
    words: "try WebSocket frames sign in call",
    body: () => html`<p>Opens a WebSocket to this server, signs in, sends a call and shows the frames, keys masked.</p>
<form id="console" class="wide">
<label>User name <input name="username" autocomplete="off"></label>
<label>Key <input name="text" type="password" autocomplete="off" spellcheck="false"></label>
<p><button name="do" value="sign-in">Sign in</button></p>
<label>Method <select name="method">${methods.map((one) => html`<option>${one.name}</option>`)}</select></label>
<label>Parameters, a JSON list <textarea name="params" rows="4" spellcheck="false">[]</textarea></label>
<p><button name="do" value="call">Call</button></p>
</form><h2>Frames</h2><ul id="frames" aria-live="polite" tabindex="0" aria-label="Frames"></ul>`,
  };
}

const QUERY: Page = {
  path: "query-language",
  title: "Query language",
  section: SECTION,
  words: "filters options operators select order_by limit offset count get OR regular expression",
  body: () => html`<p>A <code>query</code> method takes filters and options. Filters are a list, all of which must hold:</p>
${code(`[["username", "=", "ada"], ["OR", [["name", "^", "ci-"], ["name", "~", ".*deploy"]]]]`)}
${table(
  ["Operator", "Meaning"],
  [
    ["= !=", "equal, not equal"],
    ["> >= < <=", "order"],
    ["~", "a regular expression from the start of the text, in linear time"],
    ["in nin", "the field is, or is not, in the list"],
    ["rin rnin", "the value is, or is not, in the field"],
    ["^ !^ $ !$", "begins, ends, or not"],
    ["C before an operator", "upper and lower case alike"],
  ],
)}
<p>Instants are <code>{"$date": milliseconds}</code>, or compared as <code>["created_at.$date", ">", "2026-01-01T00:00:00Z"]</code>. Options:</p>
${code(`{"select": ["id", "name"], "order_by": ["-created_at"], "limit": 50, "offset": 0, "count": false, "get": false}`)}`,
};

const LIMITS: Page = {
  path: "limits",
  title: "Limits and close codes",
  section: SECTION,
  words: "1009 1007 1003 1008 message size concurrent calls rate",
  body: () =>
    html`${table(
      ["Limit", "Value", "Effect"],
      [
        ["message, not signed in", "8 192 characters", "close 1007"],
        ["message, signed in", "65 536 characters", "close 1009"],
        ["a frame that is no text", "–", "close 1003"],
        ["calls at once on a connection", "10 run, 10 wait", "the next is refused with -32000"],
        ["anonymous calls", "20 a minute for a method and address", "error 16"],
        ["REST: body, headers", "64 KiB, 16 KiB", "413"],
        ["REST: page", "50, at most 1 000", "422"],
      ],
    )}`,
};

function needsOf(access: MethodWords["access"]): string {
  if (access === "anon") return "nothing";
  if (access === "any") return "a session";
  return access.map((role) => `${role} (${ROLE_WORDS[role].title})`).join(" or ");
}

/** The plainest value that a schema takes. */
function sampleOf(schema: object): unknown {
  const {
    type,
    properties,
    required = [],
    minLength,
  } = schema as {
    type?: string;
    properties?: Record<string, object>;
    required?: string[];
    minLength?: number;
  };
  if (type === "object")
    return Object.fromEntries(required.map((name) => [name, sampleOf(properties?.[name] ?? {})]));
  if (type === "array") return [];
  if (type === "integer" || type === "number") return 1;
  if (type === "boolean") return false;
  return minLength === undefined ? "" : "text";
}
