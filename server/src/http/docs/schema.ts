/** JSON Schemas for readers, as tables of members. */
import { html } from "hono/html";
import { code, type Markup, table } from "./layout.ts";

export interface JsonSchema {
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly default?: unknown;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly maxItems?: number;
  readonly format?: string;
}

/** Type, words and limits; members of objects as a table; the schema itself behind a fold. */
export function schemaMarkup(given: object): Markup {
  const schema = given as JsonSchema;
  const objects = objectsOf(schema);
  const words = [
    ...(objects.length === 1 && schema.properties ? [] : [`${typeOf(schema)}${limitsOf(schema)}`]),
    ...(schema.description ? [schema.description] : []),
  ].join(". ");
  return html`${words && html`<p>${words[0]!.toUpperCase()}${words.slice(1)}</p>`}
${objects.map(([title, one]) => html`${title ? html`<p><strong>${title}</strong></p>` : ""}${members(one)}`)}
<details><summary>JSON Schema</summary>${code(JSON.stringify(given, null, 2))}</details>`;
}

/** Names of all members, dotted, with the words that they may hold. */
export function pathsOf(given: object, prefix = ""): string[] {
  const { properties = {}, items, anyOf, oneOf, const: only, enum: some = [] } = given as JsonSchema;
  const words = [...some, only].filter((word) => typeof word === "string");
  return [
    ...Object.entries(properties).flatMap(([name, member]) => [
      prefix + name,
      ...pathsOf(member, `${prefix}${name}.`),
    ]),
    ...(items ? pathsOf(items, prefix) : []),
    ...[...(anyOf ?? []), ...(oneOf ?? [])].flatMap((one) => pathsOf(one, prefix)),
    ...words.map((word) => `${prefix.slice(0, -1)} "${word}"`.trim()),
  ];
}

function objectsOf(schema: JsonSchema): [string, JsonSchema][] {
  if (schema.properties) return [["", schema]];
  if (schema.items?.properties) return [["Each entry", schema.items]];
  const found = new Map<string, [string, JsonSchema]>();
  for (const one of [...(schema.anyOf ?? []), ...(schema.oneOf ?? [])]) {
    const object = one.properties ? one : one.items;
    if (!object?.properties) continue;
    const names = JSON.stringify(Object.keys(object.properties));
    if (!found.has(names)) found.set(names, [one.items ? "Each entry" : titleOf(object), object]);
  }
  return [...found.values()];
}

/** By the members whose value is fixed: they tell the shapes apart. */
function titleOf({ properties = {} }: JsonSchema): string {
  const fixed = Object.entries(properties).filter(([, member]) => typeof member.const === "string");
  return fixed.length === 0 || fixed.length > 2
    ? "An object"
    : fixed.map(([name, member]) => `${name} ${String(member.const)}`).join(", ");
}

function members({ properties = {}, required = [] }: JsonSchema): Markup {
  return table(
    ["Member", "Type", "Meaning"],
    Object.entries(properties).map(([name, member]) => [
      html`<code>${name}</code>${required.includes(name) ? "" : html` <span class="quiet">optional</span>`}`,
      `${typeOf(member)}${limitsOf(member)}`,
      member.description ??
        (member.properties && !isInstant(member) ? Object.keys(member.properties).join(", ") : ""),
    ]),
  );
}

function isInstant({ properties }: JsonSchema): boolean {
  return properties !== undefined && Object.keys(properties).join() === "$date";
}

function typeOf(schema: JsonSchema): string {
  if ("const" in schema) return JSON.stringify(schema.const);
  if (schema.enum) {
    const shown = schema.enum.slice(0, 12).map((one) => JSON.stringify(one));
    return `one of ${shown.join(", ")}${schema.enum.length > 12 ? " …" : ""}`;
  }
  const choice = schema.anyOf ?? schema.oneOf;
  if (choice) return [...new Set(choice.map(typeOf))].join(" or ");
  if (isInstant(schema)) return "instant";
  if (schema.type === "array") {
    const inner =
      schema.items && Object.keys(schema.items).length > 0 ? ` of ${plural(typeOf(schema.items))}` : "";
    return `list${inner}`;
  }
  if (schema.type === undefined) return "any value";
  const types = typeof schema.type === "string" ? [schema.type] : schema.type;
  return types.map((type) => NAMES[type] ?? type).join(" or ");
}

const NAMES: Readonly<Record<string, string>> = {
  integer: "whole number",
  number: "number",
  string: "text",
  boolean: "true or false",
  object: "object",
  null: "null",
};

function plural(type: string): string {
  return ["object", "text", "whole number", "instant", "list"].includes(type) ? `${type}s` : type;
}

function limitsOf(schema: JsonSchema): string {
  const { minLength, maxLength, minimum, maximum, maxItems } = schema;
  const isCounted = (limit: number | undefined): limit is number =>
    limit !== undefined && Math.abs(limit) < Number.MAX_SAFE_INTEGER;
  const limits = [
    ...(maxLength === undefined
      ? []
      : [`${minLength === undefined ? "at most" : `${minLength} to`} ${maxLength} characters`]),
    ...(isCounted(minimum) ? [`from ${minimum}`] : []),
    ...(isCounted(maximum) ? [`to ${maximum}`] : []),
    ...(maxItems === undefined ? [] : [`at most ${maxItems} entries`]),
    ...("default" in schema ? [`default ${JSON.stringify(schema.default)}`] : []),
  ];
  return limits.length === 0 ? "" : ` (${limits.join(", ")})`;
}
