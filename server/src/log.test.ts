import { describe, expect, test } from "bun:test";
import { createLog, type LogFormat } from "./log.ts";

const KEY = `7-${"A".repeat(64)}`;

function lines(format: LogFormat, write: (log: ReturnType<typeof createLog>) => void): string[] {
  const seen: string[] = [];
  write(createLog("debug", format, (line) => seen.push(line)));
  return seen;
}

describe.each<LogFormat>(["text", "json"])("a log of %s", (format) => {
  test("never holds a key, wherever it stands", () => {
    const seen = lines(format, (log) => {
      log.info(`asked with ${KEY}`, { path: `/x?key=${KEY}`, key: "short", password: "hunter2 hunter2" });
      log.error("failed", { error: new Error(`bad ${KEY}`, { cause: new Error(KEY) }) });
      log.info("body alone", { text: `CK1${"b".repeat(61)}` });
    }).join("");
    expect(seen).not.toContain("A".repeat(64));
    expect(seen).not.toContain("hunter2");
    expect(seen).not.toContain("short");
    expect(seen).not.toContain("b".repeat(61));
    expect(seen).toContain("********");
  });

  test("has one bounded line for each entry, whatever it is given", () => {
    const seen = lines(format, (log) =>
      log.warn("one\ntwo", { long: "x".repeat(100_000), nested: { a: [1] } }),
    );
    expect(seen).toHaveLength(1);
    expect(seen[0]!.length).toBeLessThanOrEqual(4097);
    if (format === "json") expect(JSON.parse(seen[0]!)).toMatchObject({ message: "one\ntwo" });
    expect(seen[0]!.trimEnd()).not.toContain("\n");
  });
});

test("a level hides what is below it", () => {
  const seen: string[] = [];
  const log = createLog("warn", "text", (line) => seen.push(line));
  log.debug("a");
  log.info("b");
  log.warn("c");
  log.error("d");
  expect(seen).toHaveLength(2);
});
