import { describe, expect, test } from "bun:test";
import { AppError } from "./domain/errors.ts";
import { createFailures, createLog, type LogFormat } from "./log.ts";

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

  test("never holds part of a key that stands where a long value is cut", () => {
    for (let before = 1_430; before <= 1_510; before += 5) {
      const text = `${"x ".repeat(before / 2)}${KEY}`;
      const seen = lines(format, (log) => log.warn("long", { text, nested: { text } })).join("");
      expect(seen).not.toContain("AAAA");
    }
  });

  test("never holds a key that is encoded or has a letter too many", () => {
    const made = `CK1${"b".repeat(61)}`;
    const seen = lines(format, (log) =>
      log.warn("asked", { a: `%2D${made}`, b: `${KEY}A`, c: `x_${KEY}` }),
    ).join("");
    expect(seen).not.toContain("AAAA");
    expect(seen).not.toContain("bbbb");
  });

  test("holds what fits of many long values", () => {
    const long = 'y"'.repeat(1_000);
    const seen = lines(format, (log) => log.warn("many", { a: long, b: long, c: long, d: "short" }));
    expect(seen[0]!.length).toBeLessThanOrEqual(4097);
    if (format === "json") expect(JSON.parse(seen[0]!)).toMatchObject({ message: "many", d: "short" });
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

test("what fails again and again is told once a minute, and never that data waits to be accepted", () => {
  const seen: string[] = [];
  let now = 0;
  const fail = createFailures(
    createLog("warn", "text", (line) => seen.push(line)),
    "warn",
    () => now,
  );
  const full = new AppError("storage_full", "The disk is full");
  for (; now < 120_000; now += 1_000) fail("It could not be sent", full);
  expect(seen).toHaveLength(2);
  fail("It could not be swept", full);
  fail("It could not be sent", new AppError("unavailable", "Away"));
  expect(seen).toHaveLength(4);
  fail("It could not be dropped", new AppError("restore_not_accepted", "It waits"));
  expect(seen).toHaveLength(4);
});
