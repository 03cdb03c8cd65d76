/**
 * One name, one type: no name of an exported type is declared twice, tests included, so that a reader who meets it
 * anywhere knows which one it is. Text in template literals is no declaration.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Glob } from "bun";

const FOLDERS = "{contract,server,client,proxy-recipes,cli,web,bench,torture,scripts}/**/*.{ts,tsx}";
const EXPORTED_TYPE = /^export (?:declare )?(?:abstract )?(?:interface|type|class|enum) (\w+)/gm;

/** Names of two published modules of client/: an importer chooses the module, and so the type. */
const PUBLISHED = ["Identity"];

/** Still declared twice. The list may only become shorter: a name that is declared once is a finding too. */
const STILL_TWICE: readonly string[] = [];

/** @returns one line for each name */
export function findTypesDeclaredTwice(root: string, stillTwice = STILL_TWICE): string[] {
  const filesOf = new Map<string, string[]>();
  for (const file of [...new Glob(FOLDERS).scanSync({ cwd: root })].sort()) {
    if (/(^|\/)(node_modules|dist)\//.test(file)) continue;
    const text = readFileSync(join(root, file), "utf8").replace(/`(?:[^`\\]|\\.)*`/gs, "``");
    for (const [, name = ""] of text.matchAll(EXPORTED_TYPE)) {
      filesOf.set(name, [...(filesOf.get(name) ?? []), file]);
    }
  }
  const twice = [...filesOf].filter(([name, files]) => files.length > 1 && !PUBLISHED.includes(name));
  return [
    ...twice
      .filter(([name]) => !stillTwice.includes(name))
      .map(([name, files]) => `type ${name} is exported by ${files.join(" and ")}: give one another name`),
    ...stillTwice
      .filter((name) => !twice.some(([found]) => found === name))
      .map(
        (name) => `type ${name} is declared once now: strike it from STILL_TWICE in scripts/type-names.ts`,
      ),
  ];
}
