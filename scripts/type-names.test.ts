import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { findTypesDeclaredTwice } from "./type-names.ts";

let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "chatelaine-type-names-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function write(file: string, text: string): void {
  mkdirSync(dirname(join(root, file)), { recursive: true });
  writeFileSync(join(root, file), text);
}

describe("the name of an exported type", () => {
  test("may not be declared in two files", () => {
    write("server/src/a.ts", "export interface Key {}\n");
    write("cli/src/b.ts", "export type Key = string;\n");
    expect(findTypesDeclaredTwice(root, [])).toEqual([
      "type Key is exported by cli/src/b.ts and server/src/a.ts: give one another name",
    ]);
  });

  test("may be declared once and exported again from elsewhere", () => {
    write("server/src/a.ts", "export class Key {}\n");
    write("server/src/b.ts", 'export type { Key } from "./a.ts";\n');
    expect(findTypesDeclaredTwice(root, [])).toEqual([]);
  });

  test("is no concern of a type that stays in its file, of a generated text, or of an installed package", () => {
    write("server/src/a.ts", "export interface Key {}\n");
    write("server/src/b.ts", "interface Key {}\n");
    write("server/src/c.ts", "const text = `\nexport interface Key {}\n`;\n");
    write("server/node_modules/d/d.ts", "export interface Key {}\n");
    expect(findTypesDeclaredTwice(root, [])).toEqual([]);
  });

  test("leaves the list of those that are still declared twice once it is declared once", () => {
    write("server/src/a.ts", "export interface Key {}\n");
    expect(findTypesDeclaredTwice(root, ["Key"])).toEqual([
      "type Key is declared once now: strike it from STILL_TWICE in scripts/type-names.ts",
    ]);
  });
});
