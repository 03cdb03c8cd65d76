/** What changed from version to version of the JSON-RPC API: told from the versions themselves, so that it cannot be wrong. */
import { html } from "hono/html";
import type { DocsPage, Markup } from "./layout.ts";
import type { MethodWords, RpcVersion } from "./rpc.ts";
import { pathsOf } from "./schema.ts";

export function changesPage(versions: readonly RpcVersion[]): DocsPage {
  const steps = versions.slice(1).map((after, place) => ({ after, before: versions[place]! }));
  return {
    path: "changes",
    title: "Changes",
    section: "Guides",
    words: "What changed from version to version of the JSON-RPC API, and what the REST API promises.",
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
  readonly words: string;
}

function step(found: readonly Difference[], version: string): Markup {
  if (found.length === 0) return html`<h3>${version}</h3><p>Nothing but the name.</p>`;
  return html`<h3>${version}</h3><ul>${found.map(
    ({ name, page, words }) =>
      html`<li><a href="/api/docs/${page}/methods/${name}"><code>${name}</code></a>: ${words}</li>`,
  )}</ul>`;
}

function changes(before: RpcVersion, after: RpcVersion): Difference[] {
  const old = new Map(before.methods.map((one) => [one.name, one]));
  const fresh = new Map(after.methods.map((one) => [one.name, one]));
  return [
    ...after.methods.flatMap((one) => {
      const was = old.get(one.name);
      if (!was) return [{ name: one.name, page: after.name, words: "new" }];
      const words = difference(was, one);
      return words === "" ? [] : [{ name: one.name, page: after.name, words }];
    }),
    ...before.methods
      .filter(({ name }) => !fresh.has(name))
      .map(({ name }) => ({ name, page: before.name, words: "not told of any more; it still works" })),
  ];
}

function difference(before: MethodWords, after: MethodWords): string {
  const pathsOfParams = ({ params }: MethodWords): string[] =>
    params.flatMap(({ name, schema }) => [name, ...pathsOf(schema(), `${name}.`)]);
  const parts = [
    ...told("takes", pathsOfParams(before), pathsOfParams(after)),
    ...told("answers with", pathsOf(before.result()), pathsOf(after.result())),
  ];
  const isOther = JSON.stringify(before.result()) !== JSON.stringify(after.result());
  return parts.length === 0 && isOther ? "answers with another shape" : parts.join("; ");
}

function told(verb: string, before: readonly string[], after: readonly string[]): string[] {
  const added = [...new Set(after)].filter((path) => !before.includes(path));
  const gone = [...new Set(before)].filter((path) => !after.includes(path));
  return [
    ...(added.length > 0 ? [`${verb} ${added.join(", ")}`] : []),
    ...(gone.length > 0 ? [`${verb} ${gone.join(", ")} no more`] : []),
  ];
}
