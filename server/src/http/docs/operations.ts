/** Where the reference shows an operation, and what can be said of one in a line. */
import { errorsOf, type Operation } from "@chatelaine/contract/operations/operation";
import { operationList } from "@chatelaine/contract/operations/operations";
import { html } from "hono/html";
import { type DocsPage, type Markup, table } from "./layout.ts";

export const REFERENCE_PATH = "rest";

/** Below the version, with the anchor that the reference gives it (held by `docs.test.ts`). */
export function operationPath({ group, method, path }: Operation): string {
  const tag = group.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-");
  return `${REFERENCE_PATH}#tag/${tag}/${method}${path}`;
}

/** For the search: they are read in the reference, and have no pages of their own. */
export function operationEntries(): DocsPage[] {
  return operationList.map((operation) => ({
    path: operationPath(operation),
    title: `${operation.title}: ${operation.method} ${operation.path}`,
    section: "",
    searchText: operation.words,
    body: () => html`${textOf(operation)}`,
  }));
}

/** Rows that a script shows to whom they concern: all are hidden at first. */
export function operationRows(base: string): Markup {
  return table(
    ["What", "Operation", "Address"],
    operationList.map((operation) => [
      html`<a href="${base}/${operationPath(operation)}">${operation.title}</a>`,
      html`<code>${operation.name}</code>`,
      html`<code>${operation.method} ${operation.path}</code>`,
    ]),
    operationList.map(({ name }) => ({ name: "data-operation", value: name })),
  );
}

function textOf(operation: Operation): string {
  const { name, group, rpc = "", params, query, body } = operation;
  const members = [params, query, body, operation.output].map((schema) =>
    JSON.stringify(schema && membersOf(schema)),
  );
  return [name, group, rpc, ...members, ...errorsOf(operation)].join(" ");
}

/** Names of the members of an object, as far as it has any. */
function membersOf(schema: NonNullable<Operation["body"]>): string[] {
  return "shape" in schema ? Object.keys(schema.shape as object) : [];
}
