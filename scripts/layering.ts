/**
 * Holds the table of docs/architecture.md, "who may import what", to the code. It reads import statements, dynamic
 * imports and `new URL("./x.ts", import.meta.url)`; tests may import anything.
 *
 * A folder has one public file, named after it; only the folders of PUBLIC_FOLDERS are public as a whole.
 *
 * Drivers of databases are imported below `store/sqlite/` alone.
 *
 * No file imports itself by way of others, be it for a type alone: a type stands with the code that makes it, and what
 * several files share in a file of its own.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize, relative } from "node:path";

interface Row {
  /** Folders and files of the table that may be imported. */
  readonly may?: readonly string[];
  /** These by `import type` alone. */
  readonly mayType?: readonly string[];
  /** Packages of the registry, and node: and bun modules by name or as `node:*`, `bun:*`. */
  readonly packages?: readonly string[];
  /** Private files of other folders too: what measures must reach what it measures. */
  readonly seesPrivate?: boolean;
  /** No clock, no randomness, no process. */
  readonly isPure?: boolean;
}

const USE_CASES = ["verify", "activity", "keys", "sign-in", "accounts", "restore"];
const USE_CASE: Row = { may: ["domain", "contract", "crypto", "log", ...USE_CASES], mayType: ["store"] };
const WIRE: Row = {
  may: ["domain", "contract", "log", "version", "http", "truenas", ...USE_CASES],
  mayType: ["config", "certificates"],
  packages: ["node:*", "bun", "bun:ffi", "hono", "zod"],
};

const TABLE: Readonly<Record<string, Row>> = {
  contract: { packages: ["zod"], isPure: true },
  domain: { may: ["contract"], packages: ["re2js"], isPure: true },
  version: {},
  log: { may: ["domain", "contract"], packages: ["node:*"] },
  crypto: { may: ["domain", "contract"], packages: ["node:*"] },
  config: { may: ["domain", "contract", "crypto", "log"], packages: ["node:*"] },
  installation: { may: ["domain", "crypto"], packages: ["node:*"] },
  ...Object.fromEntries(USE_CASES.map((name) => [name, USE_CASE])),
  backup: {
    may: ["domain", "contract", "crypto", "log", "version", "activity", "store"],
    packages: ["node:*", "bun"],
  },
  restore: {
    may: ["domain", "crypto", "log", "activity", "backup", "installation", "store"],
    packages: ["node:*"],
  },
  store: {
    may: ["domain", "contract", "log"],
    packages: ["node:*", "bun:sqlite", "bun:ffi", "bun", "kysely", "pg"],
  },
  certificates: {
    may: ["domain", "contract", "log"],
    packages: [
      "node:*",
      "@peculiar/asn1-schema",
      "@peculiar/asn1-x509",
      "@peculiar/x509",
      "reflect-metadata",
    ],
  },
  http: WIRE,
  truenas: WIRE,
  client: { mayType: ["contract"] },
  "proxy-recipes": { isPure: true },
  cli: {
    may: ["client", "contract", "proxy-recipes", "app", "server", "main", "version"],
    packages: ["node:*", "bun", "commander"],
  },
  web: { may: ["client", "contract", "proxy-recipes"], packages: ["*"] },
  main: { may: ["*"], packages: ["*"] },
  app: { may: ["*"], packages: ["*"] },
  server: { may: ["*"], packages: ["*"] },
  bench: { may: ["*"], packages: ["*"], seesPrivate: true },
  torture: { may: ["bin"], packages: ["node:*", "bun:sqlite"] },
};

/** Only below these folders of the store. */
const DRIVERS = ["bun:sqlite", "bun:ffi", "pg"];
const DRIVER_FOLDER = /^server\/src\/store\/(sqlite|postgres)\//;
const PUBLIC_FOLDERS = ["domain", "http", "activity", "sign-in", "accounts"];
/** Beside the file that is named after its folder. */
const PUBLIC_FILES = [
  "truenas/query-filters",
  "verify/check",
  "store/open",
  "store/sqlite/archive",
  "store/steady-clock",
];
const WORKSPACES = ["contract", "server", "client", "proxy-recipes", "cli", "bench", "torture", "web"];
/** The compositions are the process's edge: nothing that they compose may reach back into them. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  app: ["server", "main", "cli", "bench"],
  server: ["main", "cli", "bench"],
};
const IMPURE =
  /\b(Date\.now|new Date\(\)|performance\.now|Math\.random|crypto\.getRandomValues|process\.\w|Bun\.\w)/;

interface Import {
  readonly specifier: string;
  readonly isType: boolean;
  readonly line: number;
}

/** @returns one line `file:line: ...` for each violation. */
export function findLayeringViolations(root: string): string[] {
  const sources = WORKSPACES.flatMap((workspace) => listCode(join(root, workspace)))
    .map((file) => relative(root, file))
    .filter((file) => !isTest(file))
    .sort()
    .map((file) => readSource(root, file));
  return [...sources.flatMap(checkFile), ...findCircles(sources)];
}

interface Source {
  readonly file: string;
  readonly text: string;
  readonly imports: readonly Import[];
}

function readSource(root: string, file: string): Source {
  const text = withoutComments(readFileSync(join(root, file), "utf8"));
  return { file, text, imports: listImports(text) };
}

/** @returns one line for each import that closes a circle, on a walk from file to file that takes each import once. */
function findCircles(sources: readonly Source[]): string[] {
  const byFile = new Map(sources.map((source) => [source.file, source]));
  const done = new Set<string>();
  const found: string[] = [];
  const walk = (file: string, way: readonly string[]): void => {
    done.add(file);
    for (const { specifier, line } of byFile.get(file)?.imports ?? []) {
      const target = resolveImport(file, specifier);
      if (target === undefined || !byFile.has(target)) continue;
      const since = way.indexOf(target);
      if (since >= 0)
        found.push(`${file}:${line}: import circle ${[...way.slice(since), target].join(" -> ")}`);
      else if (!done.has(target)) walk(target, [...way, target]);
    }
  };
  for (const { file } of sources) if (!done.has(file)) walk(file, [file]);
  return found;
}

function listCode(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return ["node_modules", "dist"].includes(entry.name) ? [] : listCode(path);
    return /\.tsx?$/.test(entry.name) ? [path] : [];
  });
}

function isTest(file: string): boolean {
  return /\.test\.tsx?$/.test(file) || /(^|\/)test\//.test(file);
}

function checkFile({ file, text, imports }: Source): string[] {
  const unit = unitOf(file);
  const row = TABLE[unit];
  if (row === undefined) return [`${file}:1: ${unit} is not in the table of scripts/layering.ts`];
  const found = imports.flatMap((one) => {
    const fault = judgeImport(file, unit, one);
    return fault === undefined ? [] : [`${file}:${one.line}: ${fault}`];
  });
  if (row.isPure) found.push(...findImpurities(file, text));
  return found;
}

/** The row of the table that a file belongs to: a workspace, a folder of the server, or one of its single files. */
function unitOf(file: string): string {
  const [workspace = "", ...rest] = file.split("/");
  if (workspace !== "server") return workspace;
  const [first = "", second] = rest[0] === "src" ? rest.slice(1) : rest;
  return second === undefined ? first.replace(/\.tsx?$/, "") : first;
}

/** Blanks comments, keeping every line where it is. Strings that look like comments are of no matter here. */
function withoutComments(text: string): string {
  return text
    .replace(/\/\*[\s\S]*?\*\//g, (comment) => comment.replace(/[^\n]/g, " "))
    .replace(/(^|\s)\/\/[^\n]*/g, "$1");
}

function listImports(text: string): Import[] {
  const statement = /(?<=^|[;\n])\s*(?:import|export)\b(\s+type\b)?(?:[^;"'()]*?\bfrom)?\s*["']([^"']+)["']/g;
  const dynamic = /\bimport\(\s*["']([^"']+)["']|\bnew URL\(\s*["']([^"']+)["'],\s*import\.meta\.url/g;
  const lineAt = (index: number): number => text.slice(0, index).split("\n").length;
  const statements = [...text.matchAll(statement)].map((match) => ({
    specifier: packageOf(match[2] as string),
    isType: match[1] !== undefined,
    line: lineAt(match.index + match[0].length),
  }));
  const others = [...text.matchAll(dynamic)].map((match) => ({
    specifier: (match[1] ?? match[2]) as string,
    isType: false,
    line: lineAt(match.index),
  }));
  return [...statements, ...others];
}

/** A package's file that its own `exports` do not name is imported by its path; it is the package's all the same. */
function packageOf(specifier: string): string {
  const file = specifier.match(/^\.[./]*\/node_modules\/(.+)$/);
  return file ? (file[1] as string) : specifier;
}

function judgeImport(file: string, unit: string, one: Import): string | undefined {
  const row = TABLE[unit] as Row;
  const target = resolveImport(file, one.specifier);
  if (target === undefined) {
    const isAllowed =
      (row.packages ?? []).some((name) => matchesPackage(name, one.specifier)) &&
      (unit !== "store" || DRIVER_FOLDER.test(file) || !DRIVERS.includes(one.specifier));
    return isAllowed ? undefined : `${unit} must not import the package ${one.specifier}`;
  }
  const targetUnit = unitOf(target);
  // A package.json is data, not a layer.
  if (targetUnit === unit || target.endsWith(".json")) return undefined;
  const importers = MAY_IMPORT[targetUnit];
  if (importers !== undefined && !importers.includes(unit)) return `${unit} must not import ${targetUnit}.ts`;
  const mayImport = allows(row.may, targetUnit) || (one.isType && allows(row.mayType, targetUnit));
  if (!mayImport) {
    const hint = allows(row.mayType, targetUnit) ? " but by `import type`" : "";
    return `${unit} must not import ${targetUnit}${hint}`;
  }
  return row.seesPrivate || isPublic(target, targetUnit)
    ? undefined
    : `${target} is private to ${targetUnit}`;
}

/** @returns the path from the root, undefined for a package. */
function resolveImport(file: string, specifier: string): string | undefined {
  if (specifier.startsWith(".")) return normalize(join(dirname(file), specifier));
  const own = specifier.match(/^@chatelaine\/([^/]+)\/(.+)$/);
  return own ? `${own[1]}/src/${own[2]}.ts` : undefined;
}

function matchesPackage(name: string, specifier: string): boolean {
  if (name === "*") return true;
  if (name.endsWith(":*")) return specifier.startsWith(name.slice(0, -1));
  return specifier === name || specifier.startsWith(`${name}/`);
}

function allows(units: readonly string[] | undefined, unit: string): boolean {
  return units !== undefined && (units.includes("*") || units.includes(unit));
}

function isPublic(target: string, unit: string): boolean {
  const inFolder = target.match(/^server\/src\/([^/]+)\/(.+)\.tsx?$/);
  if (inFolder === null || PUBLIC_FOLDERS.includes(unit)) return true;
  return inFolder[2] === inFolder[1] || PUBLIC_FILES.includes(`${inFolder[1]}/${inFolder[2]}`);
}

function findImpurities(file: string, text: string): string[] {
  return text.split("\n").flatMap((line, index) => {
    const word = line.match(IMPURE)?.[1];
    return word === undefined ? [] : [`${file}:${index + 1}: ${word} in code that must be pure`];
  });
}
