/** Pages of the JSON-RPC API's methods and events, from the table that the TrueNAS API itself is served by. */
import { ROLE_LABELS } from "@chatelaine/contract/roles";
import { html } from "hono/html";
import { guide } from "./guide.ts";
import eventsText from "./guides/events.md" with { type: "text" };
import methodsText from "./guides/methods.md" with { type: "text" };
import { code, type DocsPage, type Markup, table } from "./layout.ts";
import type { EventDoc, MethodDoc, MethodError, RpcVersion } from "./rpc.ts";
import { consolePage, LIMITS, QUERY } from "./rpc-guides.ts";
import { schemaMarkup } from "./schema.ts";

const SECTION = "JSON-RPC";

export function methodPages(version: RpcVersion): DocsPage[] {
  const { methods, events } = version;
  const overview = guide("methods", methodsText, (_, base) => ({
    version: version.name,
    methods: methodTable(base, methods),
  }));
  const eventList = guide("events", eventsText, (_, base) => ({ events: eventTable(base, events) }));
  const lists = [overview, eventList, consolePage(methods), QUERY, LIMITS].map((page) => ({
    ...page,
    section: SECTION,
  }));
  return [...lists, ...methods.map((one) => methodPage(one, version.name)), ...events.map(eventPage)];
}

function methodPage(one: MethodDoc, version: string): DocsPage {
  const { name, description } = one;
  return {
    path: `methods/${name}`,
    title: name,
    section: "",
    searchText: description,
    body: (origin, base) => methodBody(one, origin, { base, version }),
  };
}

interface Place {
  readonly base: string;
  readonly version: string;
}

function methodBody(one: MethodDoc, origin: string, { base, version }: Place): Markup {
  const { description, access, since, params, result, errors } = one;
  return html`<p>${description}.</p>
<p><strong>Needs</strong> ${needsOf(access)}. <strong>Since</strong> <a href="${base}/changes">${since}</a>.</p>
<h2>Parameters</h2>
${
  params.length === 0
    ? html`<p>None.</p>`
    : params.map(
        ({ name, required, schema }) =>
          html`<h3><code>${name}</code>${required ? "" : " (optional)"}</h3>${schemaMarkup(schema())}`,
      )
}
<h2>Result</h2>${schemaMarkup(result())}
<h2>Examples</h2>
${examples(one, origin, version)}
<h2>Errors</h2>
${table(["Code", "Number", "When"], errors.map(errorRow))}
<p>How an error looks is on the page of <a href="${base}/limits">limits and close codes</a>.</p>`;
}

function errorRow({ code: number, errname, errno, when }: MethodError): (string | Markup)[] {
  return [
    html`<code>${number}</code>`,
    errname === null ? "–" : html`<code>${errname}</code> ${errno}`,
    when,
  ];
}

function examples(one: MethodDoc, origin: string, version: string): Markup {
  const { name, example } = one;
  const { params } = example;
  const call = { jsonrpc: "2.0", id: 1, method: name, params };
  const reply = { jsonrpc: "2.0", id: 1, result: example.result() };
  return html`<h3>As frames</h3>
${code(JSON.stringify(call))}${code(JSON.stringify(reply))}
<h3>Python, the official client</h3>
${code(python(name, params, { origin, version }))}
<h3>TypeScript, the official client</h3>
${code(typescript(name, params, origin))}`;
}

function python(name: string, params: readonly unknown[], at: { origin: string; version: string }): string {
  const given = params.map((one) => `, ${pythonOf(one)}`).join("");
  const signIn = name.startsWith("auth.login") ? "" : `\n    client.login_with_api_key("USER", KEY)`;
  return `from truenas_api_client import Client

with Client("${at.origin.replace(/^http/, "ws")}/api/${at.version}") as client:${signIn}
    print(client.call("${name}"${given}))`;
}

/** A JSON value as Python writes it. */
function pythonOf(value: unknown): string {
  if (value === null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (Array.isArray(value)) return `[${value.map(pythonOf).join(", ")}]`;
  if (typeof value !== "object") return JSON.stringify(value);
  const members = Object.entries(value).map(([name, one]) => `${JSON.stringify(name)}: ${pythonOf(one)}`);
  return `{${members.join(", ")}}`;
}

/** The client speaks https alone, and answers by observables. */
function typescript(name: string, params: readonly unknown[], origin: string): string {
  const imports = [
    `import { createTrueNasClient } from "@truenas/api-client";`,
    `import { filter, firstValueFrom } from "rxjs";`,
  ];
  return `${imports.join("\n")}

const client = await createTrueNasClient({
  uuid: crypto.randomUUID(),
  hostnames: ["${new URL(origin).host}"],
  enabled: true,
});
await firstValueFrom(client.connection.opened.pipe(filter(Boolean)));
await firstValueFrom(client.authenticator.loginWithApiKey({ username: "USER", key: KEY }));
console.log(await firstValueFrom(client.api.call("${name}", ${JSON.stringify(params)})));
client.close();`;
}

function methodTable(base: string, methods: readonly MethodDoc[]): Markup {
  return table(
    ["Method", "What it does", "Needs"],
    methods.map((one) => [
      html`<a href="${base}/methods/${one.name}"><code>${one.name}</code></a>`,
      one.description,
      needsOf(one.access),
    ]),
  );
}

function eventTable(base: string, events: readonly EventDoc[]): Markup {
  return table(
    ["Event", "When", "Needs"],
    events.map((one) => [
      html`<a href="${base}/events/${slugOf(one)}"><code>${one.name}</code></a>`,
      one.description,
      needsOf(one.access ?? "any"),
    ]),
  );
}

function eventPage(one: EventDoc): DocsPage {
  const { name, description, access, since, fields } = one;
  const subscribe = { jsonrpc: "2.0", id: 1, method: "core.subscribe", params: [name] };
  return {
    path: `events/${slugOf(one)}`,
    title: `Event ${name}`,
    section: "",
    searchText: description,
    body: (_, base) => html`<p>${description}.</p>
<p><strong>Needs</strong> ${needsOf(access ?? "any")}. <strong>Since</strong> <a href="${base}/changes">${since}</a>.</p>
<h2>Subscribe</h2>${code(JSON.stringify(subscribe))}
${fields ? html`<h2>Notification</h2>${code(JSON.stringify({ jsonrpc: "2.0", method: "collection_update", params: { msg: "changed", collection: name, id: 7, fields: {} } }))}<h3><code>fields</code></h3>${schemaMarkup(fields())}` : ""}
<p>More on <a href="${base}/events">events</a>.</p>`,
  };
}

function slugOf({ name }: EventDoc): string {
  return name === "*" ? "all" : name;
}

function needsOf(access: MethodDoc["access"]): string {
  if (access === "anon") return "nothing";
  if (access === "any") return "a session";
  return access.map((role) => `${role} (${ROLE_LABELS[role].title})`).join(" or ");
}
