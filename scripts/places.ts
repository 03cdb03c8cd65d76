/**
 * What may stand in some places alone: `MaybePromise` in the cellar of the hot path, SQL in the store, SQLite's own
 * words below `store/sqlite/`. And a file that is so short that one asks why it is one says so in its first line.
 *
 * `still` lists files that a rule does not hold for yet. It may only become shorter: a file in it that keeps the rule is a
 * finding too.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Glob } from "bun";

const CODE = "{contract,server,client,proxy-recipes,cli,web}/src/**/*.{ts,tsx}";
const SHORT_LINES_MAX = 39;

export interface PlaceRule {
  readonly pattern: RegExp;
  readonly what: string;
  /** Where it may stand. */
  readonly home: RegExp;
  /** Which files the rule looks at; all where absent. */
  readonly files?: RegExp;
  readonly still: readonly string[];
}

const RULES: readonly PlaceRule[] = [
  {
    what: "MaybePromise",
    pattern: /\bMaybePromise\b/,
    home: /^server\/src\/(verify\/|http\/check\/|store\/sqlite\/key-reads\.ts)/,
    // Each hands on what the store may answer at once: the store's port, and who reads a key or a session by it.
    still: [
      "server/src/accounts/setup.ts",
      "server/src/accounts/users.ts",
      "server/src/activity/feed.ts",
      "server/src/http/jsonrpc/upgrade.ts",
      "server/src/http/rest/audit-export.ts",
      "server/src/http/rest/key-read.ts",
      "server/src/http/shown-in-clear.ts",
      "server/src/keys/keys.ts",
      "server/src/sign-in/caller.ts",
      "server/src/sign-in/judge.ts",
      "server/src/sign-in/key.ts",
      "server/src/sign-in/sessions.ts",
      "server/src/sign-in/sign-in.ts",
      "server/src/sign-in/token.ts",
      "server/src/store/store.ts",
    ],
  },
  {
    what: "SQL",
    pattern:
      /\b(SELECT [\w*("]|INSERT (OR \w+ )?INTO|DELETE FROM|UPDATE \w+ SET|CREATE TABLE|PRAGMA \w)|(?<![\w.])sql[`<]/,
    home: /^server\/src\/store\//,
    still: [],
  },
  {
    what: "a word of SQLite",
    pattern:
      /\b(PRAGMA|sqlite_master|INDEXED BY|json_each|json_set|json_group_array|GLOB|rowid|INSERT OR)\b|["'`]bun:sqlite["'`]/,
    home: /^server\/src\/store\/(sqlite\/|dialect\.ts)/,
    files: /^server\/src\//,
    still: [],
  },
];

/** @returns one line for each file that breaks a rule, and for each that is listed in vain */
export function findMisplaced(root: string, rules: readonly PlaceRule[] = RULES): string[] {
  const files = listSources(root).map((file) => ({ file, text: readFileSync(join(root, file), "utf8") }));
  return [
    ...rules.flatMap((rule) => {
      const broken = files.filter(({ file, text }) => breaks(rule, file, text)).map(({ file }) => file);
      return [
        ...broken
          .filter((file) => !rule.still.includes(file))
          .map((file) => `${file}: ${rule.what} may stand only where ${rule.home.source} says`),
        ...rule.still
          .filter((file) => !broken.includes(file))
          .map((file) => `${file}: holds no ${rule.what} any more: strike it from scripts/places.ts`),
      ];
    }),
    ...files.filter(({ file, text }) => isUnexplained(file, text)).map(({ file }) => explain(file)),
  ];
}

function listSources(root: string): string[] {
  return [...new Glob(CODE).scanSync({ cwd: root })]
    .filter((file) => !/\.test\.tsx?$|\.d\.ts$/.test(file))
    .sort();
}

function breaks({ pattern, home, files }: PlaceRule, file: string, text: string): boolean {
  return !home.test(file) && (files?.test(file) ?? true) && pattern.test(withoutComments(text));
}

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, "");
}

/** A component has a file of its own, however short. */
function isUnexplained(file: string, text: string): boolean {
  return file.endsWith(".ts") && text.split("\n").length - 1 <= SHORT_LINES_MAX && !/^\/[*/]/.test(text);
}

function explain(file: string): string {
  return `${file}: under ${SHORT_LINES_MAX + 1} lines, and its first line does not say why it stands alone`;
}
