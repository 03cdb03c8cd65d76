import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { formatPath, OPERATORS, parsePath } from "../domain/filter.ts";
import { matches } from "../domain/filter-match.ts";
import { parseIsoInstant } from "../domain/filter-values.ts";
import { parseFilters, QueryError } from "./query-filters.ts";

const AT = Date.UTC(2023, 11, 18, 16, 15, 35);
const RECORD = {
  id: 7,
  name: "Backup",
  street: "Große Straße ΟΔΟΣ",
  none: null,
  yes: true,
  at: new Date(AT),
  roles: ["FULL_ADMIN", "READONLY"],
  numbers: [1, 2, 3],
  empty: [],
  set: new Set(["a", "b"]),
  group: { id: 4, name: "wheel", inner: { deep: [10, { x: "y" }] } },
  members: [{ id: 1 }, { id: 2, tags: ["p", "q"] }, "odd", null],
  "dotted.name": 42,
  "*": "star",
};

const passes = (...filters: unknown[]) => matches(parseFilters(filters), RECORD);

function issueOf(filters: unknown): string {
  try {
    parseFilters(filters);
  } catch (error) {
    if (error instanceof QueryError) return `${error.issues[0]!.path}: ${error.issues[0]!.message}`;
    throw error;
  }
  return "accepted";
}

/** Field, operator, value, whether RECORD passes. */
type Row = readonly [string, string, unknown, boolean];

const EQUALITY: Row[] = [
  ["id", "=", 7, true],
  ["id", "=", "7", false],
  ["id", "=", 7.5, false],
  ["id", "!=", 7, false],
  ["id", "!=", "7", true],
  ["yes", "=", true, true],
  ["yes", "=", 1, false],
  ["none", "=", null, true],
  ["none", "!=", null, false],
  ["none", "=", "", false],
  ["none", "!=", "x", true],
  ["name", "!=", null, true],
  ["empty", "=", [], true],
  ["roles", "!=", [], true],
  ["roles", "=", ["FULL_ADMIN", "READONLY"], true],
  ["roles", "=", ["READONLY", "FULL_ADMIN"], false],
  ["set", "=", { $set: ["b", "a"] }, true],
  ["set", "=", ["a", "b"], false],
  ["set", "=", { $set: ["a"] }, false],
  ["group", "=", { name: "wheel", inner: { deep: [10, { x: "y" }] }, id: 4 }, true],
  ["group", "=", { id: 4, name: "wheel" }, false],
  ["at", "=", { $date: AT }, true],
  ["at", "=", { $date: AT + 1 }, false],
  ["at", "=", AT, false],
];

const ORDERING: Row[] = [
  ["id", ">", 6, true],
  ["id", ">", 7, false],
  ["id", ">=", 7, true],
  ["id", ">=", 7.5, false],
  ["id", "<", 8, true],
  ["id", "<", 7, false],
  ["id", "<=", 7, true],
  ["id", "<=", 6, false],
  ["id", ">", "6", false],
  ["id", "<=", "9", false],
  ["name", ">", "Back", true],
  ["name", "<", "b", true],
  ["name", "<", 9, false],
  ["none", ">", 0, false],
  ["none", "<", 0, false],
  ["none", ">=", null, false],
  ["yes", ">", false, true],
  ["yes", ">", 0, false],
  ["at", ">", { $date: AT - 1 }, true],
  ["at", "<=", { $date: AT }, true],
  ["at", ">", AT - 1, false],
  ["roles", ">", ["A"], false],
];

const PATTERNS: Row[] = [
  ["name", "~", "Back", true],
  ["name", "~", "^Back", true],
  ["name", "~", "ackup", false],
  ["name", "~", ".*ack", true],
  ["name", "~", "back", false],
  ["name", "~", "(?i)back", true],
  ["name", "~", "(?i).*KUP$", true],
  ["name", "~", "x|B", true],
  ["name", "~", "x|a", false],
  ["name", "~", "", true],
  ["none", "~", "", true],
  ["none", "~", "$", true],
  ["none", "~", ".", false],
  ["none", "~", "null", false],
  ["id", "~", "7", false],
  ["roles", "~", "FULL", false],
];

const CONTAINMENT: Row[] = [
  ["id", "in", [1, 7], true],
  ["id", "in", ["7"], false],
  ["id", "in", [], false],
  ["id", "in", { $set: [7] }, true],
  ["id", "in", "67", false],
  ["name", "in", "my Backup", true],
  ["name", "in", "backup", false],
  ["none", "in", [null], true],
  ["none", "in", [1], false],
  ["none", "in", "x", false],
  ["at", "in", [{ $date: AT }], true],
  ["roles", "in", [["FULL_ADMIN", "READONLY"]], true],
  ["id", "nin", [1], true],
  ["id", "nin", [7], false],
  ["id", "nin", [], true],
  ["id", "nin", "67", false],
  ["name", "nin", "other", true],
  ["none", "nin", [1], false],
  ["none", "nin", [null], false],
  ["roles", "rin", "READONLY", true],
  ["roles", "rin", "READ", false],
  ["numbers", "rin", 2, true],
  ["numbers", "rin", "2", false],
  ["set", "rin", "a", true],
  ["name", "rin", "ack", true],
  ["name", "rin", 1, false],
  ["id", "rin", 7, false],
  ["none", "rin", "x", false],
  ["roles", "rnin", "X", true],
  ["roles", "rnin", "READONLY", false],
  ["name", "rnin", "zzz", true],
  ["id", "rnin", 8, false],
  ["none", "rnin", "x", false],
];

const ENDS: Row[] = [
  ["name", "^", "Back", true],
  ["name", "^", "back", false],
  ["name", "^", "", true],
  ["none", "^", "", false],
  ["id", "^", "7", false],
  ["name", "!^", "x", true],
  ["name", "!^", "Back", false],
  ["none", "!^", "x", false],
  ["roles", "!^", "x", false],
  ["name", "$", "up", true],
  ["name", "$", "UP", false],
  ["none", "$", "", false],
  ["name", "!$", "x", true],
  ["name", "!$", "up", false],
  ["none", "!$", "x", false],
];

const FOLDED: Row[] = [
  ["name", "C=", "bACKUP", true],
  ["name", "C!=", "BACKUP", false],
  ["name", "C>", "BACKUO", true],
  ["name", "C^", "bAC", true],
  ["name", "C!^", "bAC", false],
  ["name", "C$", "KUP", true],
  ["name", "C!$", "KUP", false],
  ["name", "Cin", ["backup"], true],
  ["name", "Cin", "MY BACKUP", true],
  ["name", "Cnin", ["backup"], false],
  ["roles", "Crin", "full_admin", true],
  ["roles", "Crnin", "full_admin", false],
  ["roles", "C=", ["full_admin", "readonly"], true],
  ["set", "Crin", "A", true],
  ["street", "C^", "GROSSE STRASSE", true],
  ["street", "C$", "οδοσ", true],
  ["street", "Crin", "ΔΟ", true],
  ["none", "C=", null, true],
  ["id", "C=", 7, true],
];

const PATHS: Row[] = [
  ["group.id", "=", 4, true],
  ["group.inner.deep.0", "=", 10, true],
  ["group.inner.deep.1.x", "=", "y", true],
  ["group.inner.deep.2", "=", null, false],
  ["group.inner.deep.-1", "!=", null, false],
  ["members.*.id", "=", 2, true],
  ["members.*.id", "=", 3, false],
  ["members.*.tags.*", "=", "q", true],
  ["members.*", "=", "odd", true],
  ["set.*", "=", "b", true],
  ["*", "=", "star", true],
  ["dotted\\.name", "=", 42, true],
  ["dotted.name", "=", 42, false],
  ["name.length", ">", 0, false],
  ["roles.length", ">", 0, false],
];

const MISSING: Row[] = OPERATORS.flatMap((op): Row[] => {
  const value = op === "in" || op === "nin" ? [null] : ["=", "!="].includes(op) ? null : "";
  return [
    "absent",
    "name.absent",
    "none.absent",
    "__proto__",
    "constructor",
    "constructor.name",
    "toString",
  ].map((field) => [field, op, value, false]);
});

const INSTANTS: Row[] = [
  ["at.$date", "=", "2023-12-18T16:15:35Z", true],
  ["at.$date", "=", "2023-12-18T17:15:35+01:00", true],
  ["at.$date", "=", "2023-12-18 16:15:35", true],
  ["at.$date", "!=", "2023-12-18T16:15:35Z", false],
  ["at.$date", ">", "2023-12-18", true],
  ["at.$date", ">=", "2023-12-18T16:15:35+00:00", true],
  ["at.$date", "<", "2023-12-18T16:15:35.001Z", true],
  ["at.$date", "<=", "2023-12-18T16:15:34.999Z", false],
  ["none.$date", "=", "2023-12-18", false],
  ["none.$date", "!=", "2023-12-18", true],
  ["none.$date", "<", "2023-12-18", false],
  ["name.$date", ">", "2023-12-18", false],
  ["absent.$date", "!=", "2023-12-18", false],
];

const TABLES: Record<string, readonly Row[]> = {
  "Equality is deep and strict about types": EQUALITY,
  "Ordering needs two values of one type": ORDERING,
  "A pattern matches at the start, and null as the empty text": PATTERNS,
  "Containment looks into lists, sets and texts": CONTAINMENT,
  "Starts and ends are of texts alone": ENDS,
  "A C folds case of texts and of members of lists": FOLDED,
  "A path enters objects and lists": PATHS,
  "A missing field passes nothing, and only own fields are there": MISSING,
  "A field with .$date compares instants": INSTANTS,
};

for (const [title, rows] of Object.entries(TABLES)) {
  describe(title, () => {
    test.each(rows.map((row) => [JSON.stringify(row.slice(0, 3)), row] as const))("%s", (_title, row) => {
      expect(passes([row[0], row[1], row[2]])).toBe(row[3]);
    });
  });
}

describe("Groups", () => {
  const yes = ["id", "=", 7];
  const no = ["id", "=", 8];

  test("Filters of a list must all pass", () => {
    expect([passes(), passes(yes, yes), passes(yes, no)]).toEqual([true, true, false]);
  });

  test("One branch of an OR is enough, and an array of filters is an AND", () => {
    expect(passes(["OR", [no, yes]])).toBe(true);
    expect(passes(["OR", [no, no]])).toBe(false);
    expect(passes(["OR", [[yes, yes], no]])).toBe(true);
    expect(passes(["OR", [[yes, no], no]])).toBe(false);
    expect(passes(["OR", [no, ["OR", [no, [yes, ["OR", [yes, no]]]]]]])).toBe(true);
    expect(passes(yes, ["OR", [yes, no]])).toBe(true);
    expect(passes(no, ["OR", [yes, no]])).toBe(false);
  });

  test("A bare OR in the place of the list is understood", () => {
    expect(passes("OR", [no, yes])).toBe(true);
  });

  test("A field may be named OR", () => {
    expect(matches(parseFilters([["OR", "=", 1]]), { OR: 1 })).toBe(true);
  });

  test("Three levels of OR are accepted and the fourth is refused", () => {
    const nest = (levels: number): unknown => (levels === 0 ? yes : ["OR", [nest(levels - 1)]]);
    expect(passes(nest(3))).toBe(true);
    expect(issueOf([nest(4)])).toBe("filters: Value error, query-filters max recursion depth exceeded");
  });
});

describe("Refusals", () => {
  const long = "x".repeat(1025);
  const list = (length: number) => Array.from({ length }, (_, at) => at);
  test.each([
    [null, "filters: Input should be a valid list"],
    ["name", "filters: Input should be a valid list"],
    [{}, "filters: Input should be a valid list"],
    [["name", "=", "x"], "filters: Input should be a valid list"],
    [[[]], "filters: Value error, Invalid filter []"],
    [[["name"]], 'filters: Value error, Invalid filter ["name"]'],
    [[["a", "=", 1, 2]], 'filters: Value error, Invalid filter ["a", "=", 1, 2]'],
    [[["AND", []]], "filters: Value error, Invalid operation: AND"],
    [[["OR", []]], "filters: Value error, OR filter requires at least one branch."],
    [[["OR", "x"]], "filters: Input should be a valid list"],
    [[["OR", [[]]]], "filters: Value error, Invalid filter []"],
    [[["id", "==", 1]], "filters: Value error, Invalid operation: =="],
    [[["id", "", 1]], "filters: Value error, Invalid operation: "],
    [[["id", "C", 1]], "filters: Value error, Invalid operation: C"],
    [[["id", "CC=", 1]], "filters: Value error, Invalid operation: CC="],
    [[["id", 1, 1]], "filters: Value error, Invalid operation: 1"],
    [[["id", "toString", 1]], "filters: Value error, Invalid operation: toString"],
    [[["id", "C~", "x"]], "filters: Value error, Invalid case-insensitive operation: C~"],
    [[[1, "=", 1]], "filters: Value error, Invalid filter field: 1"],
    [[["", "=", 1]], "filters: Value error, Invalid filter field: "],
    [[["a".repeat(1025), "=", 1]], "filters: String should have at most 1024 characters"],
    [[[".a".repeat(20), "=", 1]], "filters: Value error, a field may have at most 16 names"],
    [[["id", "in", 1]], "filters: Value error, in: the value must be a list"],
    [[["id", "nin", null]], "filters: Value error, nin: the value must be a list"],
    [[["id", "^", 1]], "filters: Value error, ^: the value must be a string"],
    [[["id", "!$", ["x"]]], "filters: Value error, !$: the value must be a string"],
    [[["id", "~", null]], "filters: Value error, ~: the value must be a string"],
    [[["name", "=", long]], "filters: String should have at most 1024 characters"],
    [[["name", "=", { a: [long] }]], "filters: String should have at most 1024 characters"],
    [[["name", "=", { [long]: 1 }]], "filters: String should have at most 1024 characters"],
    [[["name", "=", "\ud800"]], "filters: Input should be a valid string"],
    [[["id", "in", list(1001)]], "filters: List should have at most 1000 items, not 1001"],
    [
      list(11).map(() => ["id", "in", list(1000)]),
      "filters: Value error, a query may have 10000 values in all",
    ],
    [list(201).map(() => ["id", "=", 1]), "filters: Value error, a query may have at most 200 filters"],
    [[["at", "=", { $date: "2023" }]], "filters: Input should be a valid datetime"],
    [[["at", "=", { $date: 1.5 }]], "filters: Input should be a valid datetime"],
    [[["at", "=", { $date: 1e17 }]], "filters: Input should be a valid datetime"],
    [[["set", "=", { $set: "a" }]], "filters: Input should be a valid set"],
    [
      [["at.$date", "=", "Canary"]],
      "filters: Value error, Canary: must be an ISO-8601 formatted timestamp string",
    ],
    [[["at.$date", "=", 1]], "filters: Value error, 1: must be an ISO-8601 formatted timestamp string"],
    [[["at.$date", "^", "2023-12-18"]], "filters: Value error, ^: invalid timestamp operation."],
    [[["at.$date", "C=", "2023-12-18"]], "filters: Value error, C=: invalid timestamp operation."],
  ])("%#: what is not a filter is refused with a reason", (filters, message) => {
    expect(issueOf(filters)).toBe(message);
  });

  test("1024 characters are accepted, however many units they take", () => {
    expect(issueOf([["name", "=", "😀".repeat(1024)]])).toBe("accepted");
  });

  test("Values that are nested too deep are refused without a crash", () => {
    const deep = JSON.parse(`${"[".repeat(50_000)}${"]".repeat(50_000)}`);
    expect(issueOf([["name", "=", deep]])).toContain("nested");
    expect(issueOf(deep)).toStartWith("filters: ");
  });

  test.each(["(", "a)|(b", "(?=a)", "(?<!a)b", "\\1", "[z-a]", "a{2,1}", "*", "\\Qa", "(a+)+\\1"])(
    "The pattern %s is refused",
    (pattern) =>
      expect(issueOf([["name", "~", pattern]])).toContain("invalid or unsupported regular expression"),
  );

  test("A pattern that holds a backtracking engine for ages is answered at once", () => {
    const condition = parseFilters([["name", "~", "(?:(?:a+)+)+b"]]);
    const from = performance.now();
    expect(matches(condition, { name: "a".repeat(4000) })).toBe(false);
    expect(performance.now() - from).toBeLessThan(1000);
  });
});

test("Members named __proto__ in values and records are plain members", () => {
  const record = JSON.parse('{"__proto__": {"admin": true}, "value": {"__proto__": 1}}');
  expect(matches(parseFilters([["__proto__.admin", "=", true]]), record)).toBe(true);
  expect(matches(parseFilters([["value", "=", JSON.parse('{"__proto__": 1}')]]), record)).toBe(true);
  expect(matches(parseFilters([["value", "=", {}]]), record)).toBe(false);
  expect(Object.hasOwn(Object.prototype, "admin")).toBe(false);
});

test("Texts are ordered by code point, not by UTF-16 unit", () => {
  expect(matches(parseFilters([["name", ">", "\ue000"]]), { name: "😀" })).toBe(true);
  expect(matches(parseFilters([["name", "<", "\uffff"]]), { name: "\ud7ff" })).toBe(true);
});

test.each([
  ["2023-12-18", AT - 58_535_000],
  ["20231218T161535Z", AT],
  ["2023-12-18T16", AT - 935_000],
  ["2023-12-18T16:15", AT - 35_000],
  ["2023-12-18T16:15:35.123456", AT + 123],
  ["2023-12-18T16:15:35-0130", AT + 5_400_000],
  ["2023-12-18T16:15:35+02", AT - 7_200_000],
  ["2024-02-29", Date.UTC(2024, 1, 29)],
])("%s is an ISO 8601 instant", (text, at) => {
  expect(parseIsoInstant(text)?.getTime()).toBe(at);
});

test.each([
  "",
  "Canary",
  "2023",
  "2023-02-29",
  "2023-13-01",
  "2023-12-18T24:00:00",
  "2023-12-18T16:60",
  "2023-1218",
  "2023-12-18T16:15:35+24:00",
  "2023-12-18Z",
  "18.12.2023",
  " 2023-12-18",
  "2023-12-18T16:15:35ZZ",
])("%p is no ISO 8601 instant", (text) => {
  expect(parseIsoInstant(text)).toBeUndefined();
});

test("A path is written as it is read", () => {
  fc.assert(
    fc.property(fc.array(fc.stringMatching(/^[a-z.*0-9]*$/), { minLength: 1, maxLength: 5 }), (path) => {
      expect(parsePath(formatPath(path))).toEqual(path);
    }),
  );
});

test("No JSON makes the parser or a judgement crash", () => {
  const text = fc.constantFrom(
    "OR",
    "name",
    "at.$date",
    "members.*.id",
    "__proto__.x",
    "~",
    "C=",
    "in",
    "^",
    "(?i)a",
  );
  const op = fc.constantFrom(...OPERATORS, ...OPERATORS.map((known) => `C${known}`));
  const { filters } = fc.letrec((tie) => ({
    filter: fc.oneof(
      { depthSize: "small" },
      fc.jsonValue(),
      fc.tuple(fc.constantFrom(...Object.keys(RECORD), "at.$date"), op, fc.oneof(fc.jsonValue(), text)),
      fc.tuple(fc.constant("OR"), tie("filters")),
      tie("filters"),
    ),
    filters: fc.oneof({ depthSize: "small" }, fc.array(tie("filter"), { maxLength: 3 }), fc.jsonValue()),
  }));
  let accepted = 0;
  fc.assert(
    fc.property(filters, (json) => {
      if (issueOf(json) !== "accepted") return;
      accepted++;
      matches(parseFilters(json), RECORD);
    }),
    { numRuns: 3000 },
  );
  expect(accepted).toBeGreaterThan(300);
});
