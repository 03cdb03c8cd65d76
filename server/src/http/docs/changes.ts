/** What changed from version to version of the JSON-RPC API: derived from the versions themselves, so that it cannot be wrong. */
import { html } from "hono/html";
import type { DocsPage, Markup } from "./layout.ts";
import type { MethodDoc, RpcVersion } from "./rpc.ts";
import { pathsOf } from "./schema.ts";

export function changesPage(versions: readonly RpcVersion[]): DocsPage {
  const steps = versions.slice(1).map((after, place) => ({ after, before: versions[place]! }));
  return {
    path: "changes",
    title: "Changes",
    section: "Guides",
    searchText: "What changed from version to version of the JSON-RPC API, and what the REST API promises.",
    body: () => html`
<h2>Chatelaine 0.1.0</h2><p>The first version: keys, users, groups, sessions, audit, alerts and events by REST; the TrueNAS dialect by JSON-RPC.
The REST API is <code>v1</code>; within it members are added, never taken away or given another meaning.</p>
<h2>Versions of the JSON-RPC API</h2>
<p>A client names the version in the address, such as <code>/api/v25.10.0</code>, and what it gets stays as it was. <code>/api/current</code> is the newest.</p>
${[...steps].reverse().map(({ after, before }) => step(changes(before, after), after.name))}
${versions[0] ? html`<h3>${versions[0].name}</h3><p>The oldest that is served, with ${versions[0].methods.length} methods.</p>` : ""}`,
  };
}

interface Difference {
  readonly name: string;
  /** The version that has the method's page. */
  readonly page: string;
  readonly text: string;
}

function step(found: readonly Difference[], version: string): Markup {
  if (found.length === 0) return html`<h3>${version}</h3><p>Nothing but the name.</p>`;
  return html`<h3>${version}</h3><ul>${found.map(
    ({ name, page, text }) =>
      html`<li><a href="/api/docs/${page}/methods/${name}"><code>${name}</code></a>: ${text}</li>`,
  )}</ul>`;
}

function changes(before: RpcVersion, after: RpcVersion): Difference[] {
  const old = new Map(before.methods.map((one) => [one.name, one]));
  const fresh = new Map(after.methods.map((one) => [one.name, one]));
  return [
    ...after.methods.flatMap((one) => {
      const was = old.get(one.name);
      if (!was) return [{ name: one.name, page: after.name, text: "new" }];
      const text = difference(was, one);
      return text === "" ? [] : [{ name: one.name, page: after.name, text }];
    }),
    ...before.methods
      .filter(({ name }) => !fresh.has(name))
      .map(({ name }) => ({ name, page: before.name, text: "not listed any more; it still works" })),
  ];
}

function difference(before: MethodDoc, after: MethodDoc): string {
  const pathsOfParams = ({ params }: MethodDoc): string[] =>
    params.flatMap(({ name, schema }) => [name, ...pathsOf(schema(), `${name}.`)]);
  const parts = [
    ...describeDifference("takes", pathsOfParams(before), pathsOfParams(after)),
    ...describeDifference("answers with", pathsOf(before.result()), pathsOf(after.result())),
  ];
  const isOther = JSON.stringify(before.result()) !== JSON.stringify(after.result());
  return parts.length === 0 && isOther ? "answers with another shape" : parts.join("; ");
}

function describeDifference(verb: string, before: readonly string[], after: readonly string[]): string[] {
  const added = [...new Set(after)].filter((path) => !before.includes(path));
  const gone = [...new Set(before)].filter((path) => !after.includes(path));
  return [
    ...(added.length > 0 ? [`${verb} ${added.join(", ")}`] : []),
    ...(gone.length > 0 ? [`${verb} ${gone.join(", ")} no more`] : []),
  ];
}
