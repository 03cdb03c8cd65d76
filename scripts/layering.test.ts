import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { findLayeringViolations } from "./layering.ts";

let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "chatelaine-layering-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function write(file: string, ...lines: string[]): void {
  mkdirSync(dirname(join(root, file)), { recursive: true });
  writeFileSync(join(root, file), `${lines.join("\n")}\n`);
}

function violations(file: string, ...lines: string[]): string[] {
  write(file, ...lines);
  return findLayeringViolations(root);
}

describe("layering allows", () => {
  const allowed: readonly [string, string][] = [
    ["contract/src/a.ts", 'import { z } from "zod";'],
    ["server/src/domain/key.ts", 'import type { Role } from "@chatelaine/contract/roles";'],
    ["server/src/keys/keys.ts", 'import type { Store } from "../store/store.ts";'],
    ["server/src/keys/keys.ts", 'import { readName } from "./names.ts";'],
    ["server/src/keys/keys.ts", 'import { verify } from "../verify/verify.ts";'],
    ["server/src/store/sqlite/sqlite-store.ts", 'import { Database } from "bun:sqlite";'],
    ["server/src/version.ts", 'import { version } from "../../package.json";'],
    ["server/src/server.ts", 'import { openStore } from "./store/open.ts";'],
    ["server/src/main.ts", 'import { createServer } from "./server.ts";'],
    ["server/src/keys/keys.test.ts", 'import { Database } from "bun:sqlite";'],
    ["server/test/races.test.ts", 'import { createServer } from "../src/server.ts";'],
    ["cli/src/local.ts", 'import { openLocal } from "@chatelaine/server/app";'],
    ["server/src/server.ts", 'import { openApp } from "./app.ts";'],
    ["bench/core.ts", 'import { fill } from "../server/src/store/sqlite/threads.ts";'],
    ["server/src/keys/keys.ts", '// import { x } from "../store/store.ts";'],
  ];
  for (const [file, line] of allowed) {
    test(`${file}: ${line}`, () => expect(violations(file, line)).toEqual([]));
  }
});

describe("layering refuses", () => {
  const refused: readonly [string, string, string][] = [
    [
      "contract/src/a.ts",
      'import { readFileSync } from "node:fs";',
      "contract must not import the package node:fs",
    ],
    ["contract/src/a.ts", "export const at = Date.now();", "Date.now in code that must be pure"],
    ["server/src/domain/a.ts", 'import { log } from "../log.ts";', "domain must not import log"],
    ["server/src/domain/a.ts", "const r = Math.random();", "Math.random in code that must be pure"],
    ["server/src/keys/keys.ts", 'import { open } from "../store/store.ts";', "but by `import type`"],
    ["server/src/keys/keys.ts", 'import type { Row } from "../store/row-mappers.ts";', "is private to store"],
    ["server/src/keys/keys.ts", 'import { x } from "../restore/place.ts";', "is private to restore"],
    ["server/src/verify/a.ts", 'import { x } from "../http/http.ts";', "verify must not import http"],
    ["server/src/store/store.ts", 'export { x } from "../keys/keys.ts";', "store must not import keys"],
    ["server/src/store/keys.ts", 'import "bun:sqlite";', "store must not import the package bun:sqlite"],
    ["server/src/http/http.ts", 'import "../store/store.ts";', "http must not import store"],
    ["server/src/truenas/a.ts", 'await import("../store/store.ts");', "truenas must not import store"],
    [
      "server/src/keys/a.ts",
      'new Worker(new URL("../store/sqlite/worker.ts", import.meta.url));',
      "import type",
    ],
    ["server/src/http/http.ts", 'import type { S } from "../server.ts";', "must not import server.ts"],
    ["server/src/http/http.ts", 'import type { App } from "../app.ts";', "must not import app.ts"],
    ["client/src/a.ts", 'import { ROLES } from "@chatelaine/contract/roles";', "but by `import type`"],
    ["cli/src/a.ts", 'import { Store } from "@chatelaine/server/store/store";', "cli must not import store"],
    ["server/src/odd/odd.ts", "export {};", "odd is not in the table"],
  ];
  for (const [file, line, why] of refused) {
    test(`${file}: ${line}`, () => {
      const found = violations(file, line);
      expect(found).toHaveLength(1);
      expect(found[0]).toContain(why);
      expect(found[0]).toStartWith(`${file}:1: `);
    });
  }

  test("with the line of the import, over several lines too", () => {
    const found = violations(
      "server/src/keys/keys.ts",
      "/* a head",
      "   comment */",
      'import { a } from "../domain/errors.ts";',
      "import {",
      "  b,",
      '} from "../store/store.ts";',
    );
    expect(found).toEqual(["server/src/keys/keys.ts:6: keys must not import store but by `import type`"]);
  });
});

describe("layering refuses an import circle", () => {
  const circles: readonly [string, readonly [string, string][], string][] = [
    [
      "of values",
      [
        ["server/src/keys/a.ts", 'import { b } from "./b.ts";'],
        ["server/src/keys/b.ts", 'import { a } from "./a.ts";'],
      ],
      "server/src/keys/b.ts:1: import circle server/src/keys/a.ts -> server/src/keys/b.ts -> server/src/keys/a.ts",
    ],
    [
      "of types alone",
      [
        ["web/src/keys/a.tsx", 'import type { B } from "./b.tsx";'],
        ["web/src/keys/b.tsx", 'import type { A } from "./a.tsx";'],
      ],
      "web/src/keys/b.tsx:1: import circle web/src/keys/a.tsx -> web/src/keys/b.tsx -> web/src/keys/a.tsx",
    ],
    [
      "by way of a type, an export and a thread",
      [
        ["server/src/store/a.ts", 'import { b, type C } from "./b.ts";'],
        ["server/src/store/b.ts", 'export type { C } from "./c.ts";'],
        ["server/src/store/c.ts", 'new Worker(new URL("./a.ts", import.meta.url));'],
      ],
      "server/src/store/c.ts:1: import circle server/src/store/a.ts -> server/src/store/b.ts -> server/src/store/c.ts -> server/src/store/a.ts",
    ],
    [
      "that the first file only leads to",
      [
        ["cli/src/a.ts", 'import { b } from "./b.ts";'],
        ["cli/src/b.ts", 'import { c } from "./c.ts";'],
        ["cli/src/c.ts", 'import type { B } from "./b.ts";'],
      ],
      "cli/src/c.ts:1: import circle cli/src/b.ts -> cli/src/c.ts -> cli/src/b.ts",
    ],
  ];
  for (const [name, files, fault] of circles) {
    test(name, () => {
      for (const [file, line] of files) write(file, line);
      expect(findLayeringViolations(root)).toEqual([fault]);
    });
  }

  test("but no two ways to one file, and no test that imports what it tests", () => {
    write("server/src/keys/a.ts", 'import { b } from "./b.ts";', 'import { c } from "./c.ts";');
    write("server/src/keys/b.ts", 'import type { C } from "./c.ts";');
    write("server/src/keys/c.ts", "export const c = 1;");
    write("server/src/keys/a.test.ts", 'import { a } from "./a.ts";');
    expect(findLayeringViolations(root)).toEqual([]);
  });
});
