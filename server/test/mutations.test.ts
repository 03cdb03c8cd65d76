/**
 * The tables that hold the rules of rights are worth what they catch: each rule is taken out in a copy of the sources, by an
 * exact replacement of text, and the rows that must notice are run there. The same rows pass in a copy that is whole.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const ROOT = join(import.meta.dir, "../..");

interface Mutation {
  readonly rule: string;
  readonly file: string;
  readonly before: string;
  readonly after: string;
  readonly table: string;
  /** Names of rows of the table, as they begin. */
  readonly rows: readonly string[];
  /** What stands between the name of a row and the rest of its line. */
  readonly ending: string;
}

const MUTATIONS: readonly Mutation[] = [
  {
    rule: "the rule of minting",
    file: "server/src/domain/minting.ts",
    before: "  const fault = faultOf(caller, minting);\n  if (fault !== undefined) throw",
    after: "  const fault = faultOf(caller, minting);\n  if (fault === 'never') throw",
    table: "server/test/minting.test.ts",
    rows: [
      "keys.create: of its own user, without limits",
      "users.setPassword: of one with a password",
      "groups.addMember: one with a password",
      "user.set_password: of one with a password",
    ],
    ending: " is answered",
  },
  {
    rule: "the judgement in transact",
    file: "server/src/store/transaction.ts",
    before: "    if (this.#caller) await judge(this.#caller,",
    after: "    if (this.#caller?.kind === 'system') await judge(this.#caller,",
    table: "server/test/stale-callers.test.ts",
    rows: [
      "at the moment derivation: while a request waits for the derivation of a key > key revoked",
      "at the moment hash: while a request waits for the hash of a password > user limited",
    ],
    ending: ": nothing is done",
  },
];

let copy: string;
beforeAll(() => {
  copy = mkdtempSync(join(tmpdir(), "chatelaine-mutation-"));
  for (const folder of ["contract", "server", "client"])
    cpSync(join(ROOT, folder), join(copy, folder), { recursive: true, verbatimSymlinks: true });
  for (const file of ["package.json", "tsconfig.json"]) cpSync(join(ROOT, file), join(copy, file));
  for (const folder of ["node_modules", "web"]) symlinkSync(join(ROOT, folder), join(copy, folder));
}, 60_000);
afterAll(() => rmSync(copy, { recursive: true, force: true }));

/** @returns the rows that pass and those that fail, by their names */
async function run({ table, rows, ending }: Mutation): Promise<{ passed: string[]; failed: string[] }> {
  // The pattern is held against the names with nothing but a space between them.
  const plain = rows.map((row) => row.replace(" > ", " ").replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  const pattern = plain.join("|");
  const child = Bun.spawn([process.execPath, "test", table, "-t", pattern], {
    cwd: copy,
    stdout: "pipe",
    stderr: "pipe",
  });
  const texts = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  await child.exited;
  const lines = texts.join("\n").split("\n");
  const named = (mark: string) =>
    rows.filter((row) => lines.some((line) => line.startsWith(mark) && line.includes(`${row}${ending}`)));
  return { passed: named("(pass)"), failed: named("(fail)") };
}

describe("a table catches that its rule is taken out", () => {
  for (const mutation of MUTATIONS) {
    test(`${mutation.rule}`, async () => {
      const { file, before, after, rows } = mutation;
      const path = join(copy, file);
      const whole = readFileSync(path, "utf8");
      expect(whole.split(before)).toHaveLength(2);
      expect(await run(mutation)).toEqual({ passed: [...rows], failed: [] });
      writeFileSync(path, whole.replace(before, after));
      try {
        expect(await run(mutation)).toEqual({ passed: [], failed: [...rows] });
      } finally {
        writeFileSync(path, whole);
      }
    }, 300_000);
  }
});
