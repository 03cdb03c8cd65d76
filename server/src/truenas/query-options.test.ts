import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { MatchNotFound, QueryError } from "./query-filters.ts";
import { applyOptions, parseOptions } from "./query-options.ts";

const RECORDS = [
  { id: 1, name: "b", rank: 2, group: { id: 9, label: "x" }, "a.b": 5 },
  { id: 2, name: null, rank: 1, group: { id: 8, label: "y" } },
  { id: 3, name: "a", rank: 2, group: { id: 7, label: null } },
  { id: 4, name: "B", rank: 1, group: null },
];

const apply = (options: object) => applyOptions(RECORDS, parseOptions(options));
const ids = (options: object) => (apply(options) as { id: number }[]).map(({ id }) => id);

function issuesOf(options: unknown): string[] {
  try {
    parseOptions(options);
  } catch (error) {
    if (error instanceof QueryError) return error.issues.map(({ path, message }) => `${path}: ${message}`);
    throw error;
  }
  return [];
}

test("No options give everything as it is", () => {
  expect(apply({})).toEqual(RECORDS);
  expect(parseOptions(undefined)).toEqual(parseOptions({}));
});

describe("Order", () => {
  test.each([
    [["name"], [2, 4, 3, 1]],
    [["-name"], [1, 3, 4, 2]],
    [["nulls_first:name"], [2, 4, 3, 1]],
    [["nulls_last:name"], [4, 3, 1, 2]],
    [["nulls_first:-name"], [2, 1, 3, 4]],
    [["nulls_last:-name"], [1, 3, 4, 2]],
    [["rank"], [2, 4, 1, 3]],
    [["-rank"], [1, 3, 2, 4]],
    [
      ["rank", "-id"],
      [4, 2, 3, 1],
    ],
    [
      ["-rank", "name"],
      [3, 1, 2, 4],
    ],
    [["group.id"], [4, 3, 2, 1]],
    [["nulls_last:group.id"], [3, 2, 1, 4]],
    [
      ["group.label", "id"],
      [3, 4, 1, 2],
    ],
    [["absent"], [1, 2, 3, 4]],
    [["-a\\.b"], [1, 2, 3, 4]],
    [["constructor"], [1, 2, 3, 4]],
  ])("%j puts null where it says, else smallest, and keeps the order of equals", (orderBy, expected) => {
    expect(ids({ order_by: orderBy })).toEqual(expected);
  });

  test("Values of different types are ordered by type", () => {
    const mixed = [[1], "x", new Date(5), 2, false, null, true, 1].map((value, id) => ({ id, value }));
    const ordered = applyOptions(mixed, parseOptions({ order_by: ["value"] })) as { id: number }[];
    expect(ordered.map(({ id }) => id)).toEqual([5, 4, 6, 7, 3, 1, 2, 0]);
  });
});

describe("Limit, offset, count, get", () => {
  test("Offset and limit come after the order", () => {
    expect(ids({ limit: 2 })).toEqual([1, 2]);
    expect(ids({ offset: 3 })).toEqual([4]);
    expect(ids({ order_by: ["-id"], offset: 1, limit: 2 })).toEqual([3, 2]);
    expect(ids({ offset: 9 })).toEqual([]);
    expect(ids({ limit: 0 })).toEqual([1, 2, 3, 4]);
  });

  test("Count counts all matches", () => {
    expect(apply({ count: true })).toBe(4);
    expect(apply({ count: true, limit: 2, offset: 1, get: true })).toBe(4);
  });

  test("Get gives the first, selected", () => {
    expect(apply({ get: true, order_by: ["-id"], select: ["id"] })).toEqual({ id: 4 });
    expect(apply({ get: true, offset: 1 })).toBe(RECORDS[1]);
  });

  test("Get of nothing is MatchNotFound()", () => {
    expect(() => apply({ get: true, offset: 4 })).toThrow(new MatchNotFound());
    expect(new MatchNotFound().message).toBe("MatchNotFound()");
  });
});

describe("Select", () => {
  test.each([
    [["id"], { id: 1 }],
    [["group.id"], { group: { id: 9 } }],
    [["group.id", "group.label"], { group: { id: 9, label: "x" } }],
    [["group", "group.id"], { group: { id: 9, label: "x" } }],
    [["group.id", "group"], { group: { id: 9, label: "x" } }],
    [["a\\.b"], { "a.b": 5 }],
    [[["group.id", "gid"]], { gid: 9 }],
    [[["group.id", "x.y"]], { "x.y": 9 }],
    [[["name", "group"], "group.id"], { group: "b" }],
    [["id", "absent", "group.absent", "name.length"], { id: 1 }],
    [["constructor", "__proto__.x"], {}],
  ])("%j keeps paths nested and leaves out what is not there", (select, expected) => {
    const [first] = apply({ select }) as object[];
    expect(JSON.parse(JSON.stringify(first))).toEqual(expected);
  });

  test("Null is there", () => {
    expect(apply({ select: ["name"], offset: 1, get: true })).toEqual({ name: null });
  });

  test("A record is never changed, and no name reaches a prototype", () => {
    const before = structuredClone(RECORDS);
    const picked = apply({
      select: ["group", ["rank", "__proto__"], ["id", "group.id"]],
      get: true,
    }) as object;
    expect(RECORDS).toEqual(before);
    expect(Object.keys(picked)).toEqual(["group", "__proto__", "group.id"]);
    expect(({} as { rank?: number }).rank).toBeUndefined();
  });
});

describe("Refusals", () => {
  test.each([
    [null, "options: Input should be a valid dictionary or instance of QueryOptions"],
    [[], "options: Input should be a valid dictionary or instance of QueryOptions"],
    [{ limit: -1 }, "options.limit: Input should be greater than or equal to 0"],
    [{ limit: 10_001 }, "options.limit: Input should be less than or equal to 10000"],
    [{ limit: "1" }, "options.limit: Input should be a valid integer"],
    [{ limit: 1.5 }, "options.limit: Input should be a valid integer"],
    [{ limit: true }, "options.limit: Input should be a valid integer"],
    [{ limit: null }, "options.limit: Input should be a valid integer"],
    [{ offset: -1 }, "options.offset: Input should be greater than or equal to 0"],
    [{ offset: 1e300 }, "options.offset: Input should be a valid integer"],
    [{ count: 1 }, "options.count: Input should be a valid boolean"],
    [{ get: "true" }, "options.get: Input should be a valid boolean"],
    [{ force_sql_filters: 0 }, "options.force_sql_filters: Input should be a valid boolean"],
    [{ extra: [] }, "options.extra: Input should be a valid dictionary"],
    [{ select: "name" }, "options.select: Input should be a valid list"],
    [{ order_by: null }, "options.order_by: Input should be a valid list"],
    [{ order_by: ["id", 1] }, "options.order_by.1: Input should be a valid string"],
    [{ order_by: ["-"] }, "options.order_by.0: String should have at least 1 character"],
    [{ order_by: ["x".repeat(1025)] }, "options.order_by.0: String should have at most 1024 characters"],
    [{ order_by: Array(21).fill("id") }, "options.order_by: List should have at most 20 items, not 21"],
    [{ relationships: true }, "options.relationships: Extra inputs are not permitted"],
  ])("%#: a wrong option is refused in pydantic's words", (options, message) => {
    expect(issuesOf(options)).toEqual([message]);
  });

  test.each([
    [1, "must be a name or a list of two"],
    [["a"], "select as list may only contain two parameters"],
    [["a", "b", "c"], "select as list may only contain two parameters"],
    [[1, "b"], "first item must be a string"],
    [["a", 1], "second item must be a string"],
  ])("The selector %j is refused", (selector, message) => {
    expect(issuesOf({ select: [selector] })[0]).toContain(message);
  });

  test("All issues are told at once", () => {
    expect(issuesOf({ limit: -1, get: 1, other: 2 })).toEqual([
      "options.limit: Input should be greater than or equal to 0",
      "options.get: Input should be a valid boolean",
      "options.other: Extra inputs are not permitted",
    ]);
  });

  test("extra and force_sql_filters are accepted", () => {
    expect(issuesOf({ extra: { anything: [1] }, force_sql_filters: true, limit: 10_000 })).toEqual([]);
  });

  test("No JSON makes the parser or a result crash", () => {
    const field = fc.constantFrom("id", "name", "-group.id", "nulls_last:-name", "__proto__.x", "a\\.b", "*");
    const list = fc.array(fc.oneof(field, fc.tuple(field, field), fc.jsonValue()), { maxLength: 3 });
    const options = fc.record(
      {
        select: fc.oneof(list, fc.jsonValue()),
        order_by: fc.oneof(fc.array(field), list),
        limit: fc.oneof(fc.nat(5), fc.jsonValue()),
        offset: fc.nat(5),
        count: fc.boolean(),
        get: fc.boolean(),
        extra: fc.jsonValue(),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(fc.oneof(options, fc.jsonValue()), (json) => {
        if (issuesOf(json).length > 0) return;
        try {
          applyOptions(RECORDS, parseOptions(json));
        } catch (error) {
          expect(error).toBeInstanceOf(MatchNotFound);
        }
      }),
      { numRuns: 2000 },
    );
  });
});
