import { expect, test } from "bun:test";
import fc from "fast-check";
import { RE2JS } from "re2js";
import { parseFilters, QueryError } from "../truenas/query-filters.ts";
import { matches } from "./filter-match.ts";

const list = (length: number) => Array.from({ length }, (_, at) => at);

function issueOf(filters: unknown): string {
  try {
    parseFilters(filters);
    return "accepted";
  } catch (error) {
    if (error instanceof QueryError) return error.message;
    throw error;
  }
}

test.each([
  ["x".repeat(256), "accepted"],
  ["x".repeat(257), "at most 256 characters"],
  ["a{100}", "accepted"],
  ["a{101}", "repeat at most 100 times"],
  ["a{2,101}", "repeat at most 100 times"],
  ["a{101,}", "repeat at most 100 times"],
  ["\\Qa{1000}\\E", "accepted"],
  ["[a{1000}]", "accepted"],
  ["a{1000", "accepted"],
  ["(a{100}){9}", "accepted"],
  ["(a{100}){11}", "too large"],
  ["((a{10}){10}){11}", "too large"],
  ["a{99}".repeat(11), "too large"],
  ["\\d".repeat(16), "accepted"],
  ["[ab]".repeat(17), "at most 16 sets of characters"],
  ["\\W[ab]".repeat(9), "at most 16 sets of characters"],
  ["\\pL".repeat(4), "accepted"],
  ["\\pL".repeat(5), "at most 4 classes of Unicode"],
  ["[\\pL\\pN\\pP\\pS\\pM]", "at most 4 classes of Unicode"],
  ["\\p{Greek}{100}", "too large"],
  ["[a-\\x{10FFFF}]", "accepted"],
  ["(?i)[a-\\x{10FFFF}]", "a range of characters may have at most 256 of them where case does not count"],
  ["(?si:[!-\u{1f511}])", "a range of characters may have at most 256 of them where case does not count"],
  ["(?i)[a-z0-9_-]+", "accepted"],
  ["[]a-z)]", "accepted"],
  ["[^]a)]", "accepted"],
  ["\\)a", "accepted"],
])("The pattern %s is bounded before it is compiled: %s", (pattern, said) => {
  expect(issueOf([["name", "~", pattern]])).toContain(said);
});

test("The patterns of a query are four, and bounded together", () => {
  expect(issueOf(list(4).map(() => ["name", "~", "a{90}"]))).toBe("accepted");
  expect(issueOf(list(5).map(() => ["name", "~", "a"]))).toContain("at most 4 regular expressions");
  expect(issueOf([["OR", list(5).map(() => ["name", "~", "a"])]])).toContain("at most 4 regular expressions");
  expect(issueOf(list(3).map(() => ["name", "~", "(a{100}){4}"]))).toContain("too large");
});

test("A pattern is taken to mean what the compiler takes it to mean, and never leaves its group", () => {
  const bits = ["a", "b", "(", ")", "[", "]", "^", "-", "|", "*", "?", "{2}", "{1,3}", "{", "}", "\\"];
  const more = [
    "\\d",
    "\\pL",
    "(?i)",
    "(?:",
    ".",
    "$",
    "\\Q",
    "\\E",
    "[:alpha:]",
    "\\x{41}",
    "\\)",
    "\\]",
    "é",
  ];
  const source = fc.array(fc.constantFrom(...bits, ...more), { maxLength: 10 }).map((all) => all.join(""));
  const text = fc.string({ unit: fc.constantFrom("a", "b", "é", "1", ")", "("), maxLength: 6 });
  let accepted = 0;
  fc.assert(
    fc.property(source, text, (pattern, name) => {
      if (issueOf([["name", "~", pattern]]) !== "accepted") return;
      accepted++;
      const alone = RE2JS.compile(pattern).matcher(name).lookingAt();
      expect(matches(parseFilters([["name", "~", pattern]]), { name })).toBe(alone);
    }),
    { numRuns: 1_500 },
  );
  expect(accepted).toBeGreaterThan(200);
});
