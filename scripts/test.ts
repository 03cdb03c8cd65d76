/**
 * `npm test`: the checks, then every test of every workspace, and as the very last line the sum of both.
 *
 * Counts come from the JUnit report, never from the text that people read. A run that ends without a report, or with
 * an exit code that its report does not explain, counts as a failure: a crash is never green.
 */
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stateFolder } from "../server/src/config.ts";
import { runChecks } from "./check.ts";

/** Not an assertion: a test that hangs is ended. */
const TEST_TIMEOUT_MS = 240_000;

export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** @param report the JUnit report, undefined where none was written. */
export function countTests(report: string | undefined, exitCode: number): Counts {
  const sum = report?.match(/<testsuites\b[^>]*>/)?.[0];
  if (sum === undefined) return { passed: 0, failed: 1, skipped: 0 };
  const count = (name: string): number => Number(sum.match(new RegExp(`\\b${name}="(\\d+)"`))?.[1] ?? 0);
  const failures = count("failures") + count("errors");
  const skipped = count("skipped");
  const passed = Math.max(0, count("tests") - failures - skipped);
  return { passed, failed: exitCode === 0 ? failures : Math.max(1, failures), skipped };
}

export function sayCounts(counts: Counts): string {
  const line = `${counts.passed} passed, ${counts.failed} failed`;
  return counts.skipped > 0 ? `${line}, ${counts.skipped} skipped` : line;
}

export async function runTests(
  filters: readonly string[],
  output: "inherit" | "ignore" = "inherit",
): Promise<Counts> {
  const folder = mkdtempSync(join(tmpdir(), "chatelaine-test-"));
  // Whatever tests leave, also where they fail midway, goes with it. Proxies that have given up root find their way in it.
  const temporary = join(folder, "tmp");
  mkdirSync(temporary);
  chmodSync(folder, 0o711);
  chmodSync(temporary, 0o1777);
  const reportFile = join(folder, "report.xml");
  const state = join(folder, "state");
  try {
    const run = Bun.spawn(
      [
        process.execPath,
        "test",
        // As many files at once as there are cores, each in a global scope of its own: most of them wait for processes.
        "--parallel",
        `--timeout=${TEST_TIMEOUT_MS}`,
        "--reporter=junit",
        `--reporter-outfile=${reportFile}`,
        ...filters,
      ],
      {
        stdio: ["ignore", output, output],
        env: { ...process.env, TMPDIR: temporary, CHATELAINE_TEST_STATE: state, CHATELAINE_STATE: state },
      },
    );
    const exitCode = await run.exited;
    return countTests(readIfThere(reportFile), exitCode);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}

/** What is kept where a server of this user keeps its state files. */
function listDefaultState(): readonly string[] {
  try {
    return readdirSync(stateFolder(undefined, {}) ?? "");
  } catch {
    return [];
  }
}

async function main(filters: readonly string[]): Promise<number> {
  const checks = await runChecks();
  const before = listDefaultState();
  const tests = await runTests(filters);
  const left = listDefaultState().filter((name) => !before.includes(name));
  if (left.length > 0)
    console.log(`(fail) tests left state files where real servers keep theirs: ${left.join(", ")}`);
  const counts = {
    passed: checks.passed + tests.passed,
    failed: checks.failed + tests.failed + Math.min(1, left.length),
    skipped: tests.skipped,
  };
  console.log(sayCounts(counts));
  return counts.failed === 0 ? 0 : 1;
}

if (import.meta.main) process.exit(await main(process.argv.slice(2)));
