/** Reads transcripts of the wire (`conformance/README.md`) and compares answers with what they expect. */
import { readFileSync } from "node:fs";

export interface Step {
  readonly line: number;
  /** Of the connection; empty for the first one. */
  readonly on: string;
  readonly kind: ">" | "<" | "x" | "@" | "?" | "=";
  readonly text: string;
}

export interface Case {
  readonly title: string;
  readonly steps: readonly Step[];
}

const STEP = /^(\w*)([><x@?=]) ?(.*)$/;

export function readTranscript(file: string): Case[] {
  const cases: { title: string; steps: Step[] }[] = [];
  readFileSync(file, "utf8")
    .split("\n")
    .forEach((text, at) => {
      if (text.startsWith("## ")) cases.push({ title: text.slice(3), steps: [] });
      else if (text !== "" && !text.startsWith("#")) {
        const [, on, kind, rest] = STEP.exec(text) ?? [];
        const steps = cases.at(-1)?.steps;
        if (kind === undefined || !steps) throw new Error(`${file}:${at + 1}: not a line of a transcript`);
        steps.push({ line: at + 1, on: on!, kind: kind as Step["kind"], text: rest! });
      }
    });
  return cases;
}

export type Placeholders = Map<string, string>;

/** Puts known values in the place of `{{name}}`, and as many x in the place of `{{fill N}}` as make N characters. */
export function fillIn(text: string, values: Placeholders): string {
  const filled = text.replace(/\{\{([\w.]+)\}\}/g, (_, name: string) => {
    const value = values.get(name);
    if (value === undefined) throw new Error(`nothing is known of {{${name}}}`);
    return value;
  });
  return filled.replace(/\{\{(fill|nest) (\d+)\}\}/, (mark, kind: string, count: string) =>
    kind === "fill"
      ? "x".repeat(Number(count) - (filled.length - mark.length))
      : "[".repeat(Number(count)) + "]".repeat(Number(count)),
  );
}

const KINDS: Readonly<Record<string, (value: unknown) => boolean>> = {
  any: () => true,
  uuid: (value) => typeof value === "string" && /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(value),
  int: (value) => Number.isSafeInteger(value),
  text: (value) => typeof value === "string" && value !== "",
  list: (value) => Array.isArray(value),
  object: (value) => isObject(value),
  instant: (value) =>
    isObject(value) && Number.isInteger(value.$date) && (value.$date as number) % 1000 === 0,
  key: (value) => typeof value === "string" && /^\d+-[0-9A-Za-z]{64}$/.test(value),
  token: (value) => typeof value === "string" && /^[A-Za-z0-9_-]{64}$/.test(value),
  base64_16: (value) => isBase64(value, 16),
  base64_64: (value) => isBase64(value, 64),
};

/** @returns where the two differ, or undefined. Values of `<kind as name>` are remembered. */
export function differ(
  expected: unknown,
  actual: unknown,
  values: Placeholders,
  path = "$",
): string | undefined {
  const [, kind, name] = (typeof expected === "string" && /^<(\w+)(?: as ([\w.]+))?>$/.exec(expected)) || [];
  if (kind !== undefined) {
    if (!KINDS[kind]?.(actual)) return `${path}: ${show(actual)} is no <${kind}>`;
    if (name !== undefined) values.set(name, typeof actual === "string" ? actual : JSON.stringify(actual));
    return undefined;
  }
  if (Array.isArray(expected)) {
    if (!Array.isArray(actual)) return `${path}: ${show(actual)} is no list`;
    if (actual.length !== expected.length) return `${path}: ${actual.length} members: ${show(actual)}`;
    return first(expected.map((member, at) => differ(member, actual[at], values, `${path}[${at}]`)));
  }
  if (!isObject(expected))
    return Object.is(expected, actual) ? undefined : `${path}: ${show(actual)}, not ${show(expected)}`;
  if (!isObject(actual)) return `${path}: ${show(actual)} is no object`;
  const { "<rest>": rest, ...members } = expected;
  const extra = Object.keys(actual).filter((member) => !Object.hasOwn(members, member));
  if (rest === undefined && extra.length > 0) return `${path}: also has ${extra.join(", ")}`;
  return first(
    Object.entries(members).map(([member, value]) =>
      Object.hasOwn(actual, member)
        ? differ(value, actual[member], values, `${path}.${member}`)
        : `${path}: has no ${member}: ${show(actual)}`,
    ),
  );
}

function first(differences: readonly (string | undefined)[]): string | undefined {
  return differences.find((difference) => difference !== undefined);
}

function show(value: unknown): string {
  return (JSON.stringify(value) ?? "nothing").slice(0, 300);
}

function isBase64(value: unknown, bytes: number): boolean {
  return typeof value === "string" && Buffer.from(value, "base64").length === bytes;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
