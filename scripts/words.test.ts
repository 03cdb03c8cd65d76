import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { findForbiddenWords } from "./words.ts";

/** In two parts, so that this file passes itself. */
const EMPTY = `Key${"Manager"}`;

let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "chatelaine-words-"));
  Bun.spawnSync(["git", "init", "-q", root]);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function found(file: string, text: string): Promise<string[]> {
  mkdirSync(dirname(join(root, file)), { recursive: true });
  writeFileSync(join(root, file), `${text}\n`);
  return findForbiddenWords(root);
}

describe("words", () => {
  test("of no field are refused where the English is plain by now", async () => {
    expect(await found("server/src/keys/a.ts", "// Whoever asks")).toEqual([
      "server/src/keys/a.ts:1: not the field's English: // Whoever asks",
    ]);
  });

  test("of one sex for a user are refused there too", async () => {
    expect(await found("server/src/keys/a.ts", "// A user and his keys")).toEqual([
      "server/src/keys/a.ts:1: a user is they: // A user and his keys",
    ]);
  });

  test("are let alone where the English is not plain yet", async () => {
    expect(await found("web/src/a.ts", "// Whoever asks")).toEqual([]);
  });

  test("that say nothing are refused everywhere", async () => {
    expect(await found("web/src/a.ts", `class ${EMPTY} {}`)).toEqual([
      `web/src/a.ts:1: a name that says nothing: class ${EMPTY} {}`,
    ]);
    expect(await found("web/src/utils.ts", "export {};")).toContain(
      "web/src/utils.ts: a file or folder whose name says nothing",
    );
  });
});
