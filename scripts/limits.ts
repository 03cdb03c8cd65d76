/**
 * Holds every limit to one statement: a constant of `contract/src/limits.ts`, or a span of time of `contract/src/instant.ts`.
 * What a script can see of it, in the code of the product, tests left out:
 *
 * - a schema of `contract/` bounds a text, a number or a list by a constant, not by a number of its own;
 * - so does a field of the screens;
 * - no file declares a constant that is named as one of those limits;
 * - a number that cannot be mistaken for another, such as the highest id of a key, and the pattern of user names stand nowhere else.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";

const HOMES = ["contract/src/limits.ts", "contract/src/instant.ts"];
const PLACES = ["contract/src", "server/src", "cli/src", "web/src", "proxy-recipes/src"];
const NUMBER = /(?<![\w.$])\d[\d_]*(?![\w.])/g;
const SCHEMA_BOUND = /\.(?:max|min|length)\((?:[2-9]|\d[\d_]+)\)/;
const SCHEMA_PATTERN = /\.regex\(\//;
const FIELD_BOUND = /\b(?:max|min|maxLength|minLength|maxTags)=\{(?:[2-9]|\d[\d_]+)\}/;
/** So many digits without the zeros at the end, and no power of two: what else would it be? */
const TELLING_DIGITS = 4;

interface Limits {
  readonly names: ReadonlySet<string>;
  /** What cannot be mistaken, by its value, or by its source for a pattern. */
  readonly numbers: ReadonlyMap<number, string>;
  readonly patterns: ReadonlyMap<string, string>;
}

/** @returns one line `file:line: ...` for each finding */
export function findLimitFaults(root: string): string[] {
  const limits = readLimits(root);
  return PLACES.flatMap((place) => listCode(join(root, place)))
    .map((path) => relative(root, path))
    .filter((file) => !HOMES.includes(file))
    .sort()
    .flatMap((file) => {
      const lines = withoutComments(readFileSync(join(root, file), "utf8")).split("\n");
      return lines.flatMap((line, index) =>
        judgeLine(file, line, limits).map((fault) => `${file}:${index + 1}: ${fault}`),
      );
    });
}

function judgeLine(file: string, line: string, { names, numbers, patterns }: Limits): string[] {
  const faults: string[] = [];
  if (file.startsWith("contract/") && (SCHEMA_BOUND.test(line) || SCHEMA_PATTERN.test(line)))
    faults.push("a bound of a schema that is no constant of contract/src/limits.ts");
  if (file.startsWith("web/") && FIELD_BOUND.test(line))
    faults.push("a bound of a field that is no constant of contract/src/limits.ts");
  const declared = line.match(/\bconst ([A-Z][A-Z0-9_]*)\b/)?.[1];
  if (declared !== undefined && names.has(declared))
    faults.push(`${declared} is declared in contract/src already`);
  for (const [text] of line.matchAll(NUMBER)) {
    const name = numbers.get(Number(text.replaceAll("_", "")));
    if (name !== undefined) faults.push(`${text} is ${name}`);
  }
  for (const [source, name] of patterns) if (line.includes(source)) faults.push(`the pattern is ${name}`);
  return faults;
}

function readLimits(root: string): Limits {
  const values = new Map<string, number>();
  const patterns = new Map<string, string>();
  const names = new Set<string>();
  for (const home of [...HOMES].reverse()) {
    const path = join(root, home);
    const text = existsSync(path) ? withoutComments(readFileSync(path, "utf8")) : "";
    for (const [, name = "", value = ""] of text.matchAll(/^export const ([A-Z][A-Z0-9_]*) = (.*);$/gm)) {
      names.add(name);
      const pattern = value.match(/^\/(.+)\/$/)?.[1];
      if (pattern !== undefined) patterns.set(pattern, name);
      else values.set(name, productOf(value, values));
    }
  }
  const telling = [...values].filter(([, value]) => isTelling(value)).map(([name, value]) => [value, name]);
  const numbers = new Map(telling as [number, string][]);
  for (const name of ["DAY_MS", "DAY_SECONDS"]) if (values.has(name)) numbers.set(values.get(name)!, name);
  return { names, numbers, patterns };
}

/** `30 * DAY_SECONDS` as a number; NaN for anything else than factors. */
function productOf(text: string, values: ReadonlyMap<string, number>): number {
  return text
    .split("*")
    .map((factor) => values.get(factor.trim()) ?? Number(factor.trim().replaceAll("_", "")))
    .reduce((product, factor) => product * factor, 1);
}

function isTelling(value: number): boolean {
  if (!Number.isSafeInteger(value) || Number.isInteger(Math.log2(value))) return false;
  return String(value).replace(/0+$/, "").length >= TELLING_DIGITS;
}

function listCode(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return listCode(path);
    return /\.tsx?$/.test(entry.name) && !/\.test\.tsx?$/.test(entry.name) ? [path] : [];
  });
}

/** Blanks comments, keeping every line where it is. */
function withoutComments(text: string): string {
  return text
    .replace(/\/\*[\s\S]*?\*\//g, (comment) => comment.replace(/[^\n]/g, " "))
    .replace(/(^|\s)\/\/[^\n]*/g, "$1");
}
