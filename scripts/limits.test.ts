import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { findLimitFaults } from "./limits.ts";

let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "chatelaine-limits-"));
  write("contract/src/instant.ts", "export const DAY_MS = 86_400_000;", "export const DAY_SECONDS = 86_400;");
  write(
    "contract/src/limits.ts",
    "export const KEY_ID_MAX = 2_147_483_647;",
    "export const TAGS_MAX = 32;",
    "export const BODY_BYTES_MAX = 65_536;",
    "export const LIFETIME_SECONDS_MAX = 100 * 365 * DAY_SECONDS;",
    "export const USERNAME = /^[a-z]{1,8}$/;",
  );
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function write(file: string, ...lines: string[]): void {
  mkdirSync(dirname(join(root, file)), { recursive: true });
  writeFileSync(join(root, file), `${lines.join("\n")}\n`);
}

describe("limits allow", () => {
  const allowed: readonly [string, string][] = [
    ["contract/src/operations/keys.ts", "const Tags = z.array(Tag).min(1).max(TAGS_MAX);"],
    ["contract/src/operations/keys.ts", "const Cost = z.int().min(0);"],
    ["web/src/keys/fields.tsx", "<TagsInput maxTags={TAGS_MAX} min={1} minRows={2} />"],
    ["server/src/keys/keys.ts", "const ids = Math.max(32, 7);"],
    ["server/src/store/worker.ts", "const PART_BYTES = 65_536;"],
    ["server/src/keys/keys.ts", "// at most 2_147_483_647"],
    ["server/src/keys/keys.test.ts", "const id = 2_147_483_647;"],
    ["server/src/keys/keys.ts", "const more = 12_147_483_647;"],
  ];
  for (const [file, line] of allowed) {
    test(`${file}: ${line}`, () => {
      write(file, line);
      expect(findLimitFaults(root)).toEqual([]);
    });
  }
});

describe("limits refuse", () => {
  const refused: readonly [string, string, string][] = [
    ["contract/src/operations/keys.ts", "const Tags = z.array(Tag).max(32);", "a bound of a schema"],
    ["contract/src/operations/keys.ts", "const Name = z.string().regex(/^a/);", "a bound of a schema"],
    ["web/src/keys/fields.tsx", "<TextInput maxLength={200} />", "a bound of a field"],
    ["server/src/keys/rules.ts", "const TAGS_MAX = 32;", "TAGS_MAX is declared in contract/src already"],
    ["cli/src/arguments.ts", "if (id > 2147483647) fail();", "2147483647 is KEY_ID_MAX"],
    ["cli/src/arguments.ts", "if (seconds > 3_153_600_000) fail();", "3_153_600_000 is LIFETIME_SECONDS_MAX"],
    ["server/src/keys/ends.ts", "const WEEK_MS = 7 * 86_400_000;", "86_400_000 is DAY_MS"],
    ["web/src/form/name.ts", "const NAME = /^[a-z]{1,8}$/;", "the pattern is USERNAME"],
  ];
  for (const [file, line, why] of refused) {
    test(`${file}: ${line}`, () => {
      write(file, line);
      const found = findLimitFaults(root);
      expect(found).toHaveLength(1);
      expect(found[0]).toStartWith(`${file}:1: ${why}`);
    });
  }
});
