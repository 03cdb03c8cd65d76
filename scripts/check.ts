/**
 * The checks that need no server. Each is one test to `npm test`: it passes in silence or says what is wrong.
 * A program says it on its own output; a function returns one line for each finding.
 */
import { join } from "node:path";
import { findLayeringViolations } from "./layering.ts";
import { findLimitFaults } from "./limits.ts";
import { findMisplaced } from "./places.ts";
import { findReadmeFaults } from "./readme.ts";
import { findTypesDeclaredTwice } from "./type-names.ts";
import { findForbiddenWords } from "./words.ts";

const root = join(import.meta.dir, "..");

interface Check {
  readonly name: string;
  run(): Promise<boolean>;
}

const CHECKS: readonly Check[] = [
  { name: "types (tsc --noEmit)", run: () => runProgram("node_modules/typescript/bin/tsc", "--noEmit") },
  {
    name: "style (biome check)",
    run: () => runProgram("node_modules/@biomejs/biome/bin/biome", "check", "--diagnostic-level=error", "."),
  },
  {
    name: "unused files, exports and dependencies (knip)",
    run: () => runProgram("node_modules/knip/bin/knip.js", "--no-progress", "--treat-config-hints-as-errors"),
  },
  { name: "layering (scripts/layering.ts)", run: async () => report(findLayeringViolations(root)) },
  { name: "limits (scripts/limits.ts)", run: async () => report(findLimitFaults(root)) },
  { name: "places (scripts/places.ts)", run: async () => report(findMisplaced(root)) },
  { name: "type names (scripts/type-names.ts)", run: async () => report(findTypesDeclaredTwice(root)) },
  { name: "words (scripts/words.ts)", run: async () => report(await findForbiddenWords(root)) },
  { name: "README (scripts/readme.ts)", run: async () => report(findReadmeFaults(root)) },
];

export async function runChecks(): Promise<{ passed: number; failed: number }> {
  let failed = 0;
  for (const check of CHECKS) {
    const isGood = await check.run();
    console.log(`(${isGood ? "pass" : "fail"}) ${check.name}`);
    if (!isGood) failed += 1;
  }
  return { passed: CHECKS.length - failed, failed };
}

/** These programs are launchers in JavaScript; Bun runs them, so that Node is not needed. */
async function runProgram(file: string, ...args: string[]): Promise<boolean> {
  const run = Bun.spawn([process.execPath, join(root, file), ...args], {
    cwd: root,
    stdio: ["ignore", "inherit", "inherit"],
  });
  return (await run.exited) === 0;
}

function report(findings: readonly string[]): boolean {
  for (const finding of findings) console.log(finding);
  return findings.length === 0;
}

if (import.meta.main) {
  const { failed } = await runChecks();
  process.exit(failed === 0 ? 0 : 1);
}
