import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { findMisplaced, type PlaceRule } from "./places.ts";

const HEAD = "/** Alone because a test needs it. */\n";
const RULE: PlaceRule = { what: "SQL", pattern: /\bSELECT\b/, home: /^server\/src\/store\//, still: [] };

let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "chatelaine-places-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function write(file: string, text: string): void {
  mkdirSync(dirname(join(root, file)), { recursive: true });
  writeFileSync(join(root, file), text);
}

describe("what may stand in some places alone", () => {
  test("is found elsewhere", () => {
    write("server/src/keys/keys.ts", `${HEAD}const text = "SELECT 1";\n`);
    expect(findMisplaced(root, [RULE])).toEqual([
      "server/src/keys/keys.ts: SQL may stand only where ^server\\/src\\/store\\/ says",
    ]);
  });

  test("may stand at home, in a comment, in a test, and in a file that is listed", () => {
    write("server/src/store/keys.ts", `${HEAD}const text = "SELECT 1";\n`);
    write("server/src/keys/a.ts", `${HEAD}/* SELECT */\n// SELECT\nexport const a = 1;\n`);
    write("server/src/keys/a.test.ts", 'const text = "SELECT 1";\n');
    write("server/src/keys/b.ts", `${HEAD}const text = "SELECT 1";\n`);
    expect(findMisplaced(root, [{ ...RULE, still: ["server/src/keys/b.ts"] }])).toEqual([]);
  });

  test("leaves no file in the list that keeps the rule by now", () => {
    write("server/src/keys/b.ts", `${HEAD}export const b = 1;\n`);
    expect(findMisplaced(root, [{ ...RULE, still: ["server/src/keys/b.ts"] }])).toEqual([
      "server/src/keys/b.ts: holds no SQL any more: strike it from scripts/places.ts",
    ]);
  });
});

describe("a file of under 40 lines", () => {
  const SHORT = "export const a = 1;\n";

  test("says in its first line why it stands alone", () => {
    write("server/src/a.ts", SHORT);
    write("server/src/b.ts", HEAD + SHORT);
    expect(findMisplaced(root, [])).toEqual([
      "server/src/a.ts: under 40 lines, and its first line does not say why it stands alone",
    ]);
  });

  test("needs no reason where it is a component, a test or longer", () => {
    write("web/src/a.tsx", SHORT);
    write("server/src/a.test.ts", SHORT);
    write("server/src/a.ts", SHORT.repeat(40));
    expect(findMisplaced(root, [])).toEqual([]);
  });
});
