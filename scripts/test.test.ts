import { describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { countTests, runTests, sayCounts } from "./test.ts";

const report = (attributes: string): string =>
  `<?xml version="1.0"?>\n<testsuites name="bun test" ${attributes} time="0.1">\n</testsuites>`;

describe("the sum of a test run", () => {
  test("is taken from the report", () => {
    const counts = countTests(report('tests="7" assertions="1" failures="0" skipped="2"'), 0);
    expect(counts).toEqual({ passed: 5, failed: 0, skipped: 2 });
    expect(sayCounts(counts)).toBe("5 passed, 0 failed, 2 skipped");
  });

  test("counts failures", () => {
    expect(countTests(report('tests="7" failures="3" skipped="0"'), 1)).toEqual({
      passed: 4,
      failed: 3,
      skipped: 0,
    });
  });

  test("fails where no report was written, whatever the exit code", () => {
    expect(countTests(undefined, 0).failed).toBe(1);
    expect(countTests("half a repo", 0).failed).toBe(1);
  });

  test("fails where the exit code tells of a failure that the report does not", () => {
    expect(countTests(report('tests="7" failures="0" skipped="0"'), 1)).toEqual({
      passed: 7,
      failed: 1,
      skipped: 0,
    });
  });

  test("leaves out what was not skipped", () => {
    expect(sayCounts({ passed: 3, failed: 1, skipped: 0 })).toBe("3 passed, 1 failed");
  });
});

test("what tests leave behind goes with the run, also where they fail midway", async () => {
  const before = process.env.TMPDIR;
  const folder = mkdtempSync(join(tmpdir(), "chatelaine-left-"));
  const temporary = join(folder, "tmp");
  mkdirSync(temporary);
  const file = join(folder, "left.test.ts");
  await Bun.write(
    file,
    `import { test } from "bun:test";
    import { mkdtempSync } from "node:fs";
    import { tmpdir } from "node:os";
    test("leaves something", () => {
      throw new Error(mkdtempSync(tmpdir() + "/left-"));
    });`,
  );
  try {
    process.env.TMPDIR = temporary;
    expect(await runTests([file], "ignore")).toEqual({ passed: 0, failed: 1, skipped: 0 });
    expect(readdirSync(temporary)).toEqual([]);
  } finally {
    if (before === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = before;
    rmSync(folder, { recursive: true, force: true });
  }
});
