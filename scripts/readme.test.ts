import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { findReadmeFaults, readBlocks, runReadme } from "./readme.ts";

const root = join(import.meta.dir, "..");
const FENCE = "```";

describe("the README", () => {
  test("has no block of commands that nobody runs, and no dead link", () => {
    expect(findReadmeFaults(root)).toEqual([]);
  });

  test("says commands that work as they stand", async () => {
    const results = await runReadme(root);
    for (const result of results.filter((one) => one.name !== "start")) {
      expect(result, result.output).toMatchObject({ exitCode: 0 });
    }
    const [start, ...others] = results;
    expect(start?.output).toContain("/setup#token=");
    expect(others.length).toBeGreaterThan(0);
    const said = (name: string) => others.find((one) => one.name === name)?.output ?? "";
    expect(said("guarded")).toMatch(/^HTTP\/1\.1 401 [\s\S]*^HTTP\/1\.1 200 [\s\S]*"remote-user":"root"/m);
    expect(said("guarded")).not.toMatch(/"(x-api-key|authorization)":"[^"]/);
    expect(said("doctor")).toContain("ok       key taken out of the request");
    expect(said("doctor")).toContain("Nothing found.");
  }, 180_000);
});

describe("reading blocks", () => {
  test("takes names and text, and sees what has no mark", () => {
    const markdown = [
      "Text.",
      "<!-- ci: start -->",
      `${FENCE}sh`,
      "npm start",
      FENCE,
      "",
      `${FENCE}sh`,
      "ls",
      FENCE,
      "<!-- ci: skip, needs a second machine -->",
      `${FENCE}sh`,
      "ssh there",
      FENCE,
      "",
    ].join("\n");
    expect(readBlocks(markdown)).toEqual([
      { name: "start", text: "npm start\n", line: 2 },
      { name: "", text: "ls\n", line: 7 },
      { name: "skip", text: "ssh there\n", line: 10 },
    ]);
  });
});
