import { expect, test } from "bun:test";
import { z } from "zod";
import { datetime, dictionary, filtersParam, flag, integer, param, taggedParam, text } from "./params.ts";
import { recordedParams } from "./recorded.ts";

const MASK = "********";
const LOGIN = taggedParam(
  "login_data",
  "mechanism",
  z.discriminatedUnion("mechanism", [
    z.strictObject({ mechanism: z.literal("KEY"), key: text({ isSecret: true }), note: text().optional() }),
    z.strictObject({ mechanism: z.literal("TOKEN"), token: text({ isSecret: true }) }),
  ]),
);
const PARAMS = [
  param("id", integer),
  param(
    "change",
    z.strictObject({
      name: text({ max: 5 }).optional(),
      password: text({ isSecret: true }).nullable().optional(),
      role: z.enum(["A", "B"]).optional(),
      roles: z.array(z.enum(["A", "B"])).default([]),
      locked: flag.optional(),
      expires_at: datetime.nullable().default(null),
      free: dictionary.default({}),
      inner: z.strictObject({ a: integer }).optional(),
    }),
  ),
] as const;

test.each([
  ["what the parameters know is kept", [7, { name: "ci", role: "A", roles: ["A", "B"], locked: true }]],
  [
    "instants, nothing and null too",
    [7, { expires_at: { $date: 1_735_689_600_000 }, password: null, free: {} }],
  ],
  ["no more than was sent", [7]],
  ["nothing at all", []],
])("%s", (_words, given) => {
  expect(recordedParams(PARAMS, given)).toEqual([...given]);
});

test.each<[string, unknown[], unknown[]]>([
  ["a secret where it belongs", [7, { password: "hunter2" }], [7, { password: MASK }]],
  [
    "a value under a wrong name",
    [7, { name: "x", passwrod: "hunter2" }],
    [7, { name: "x", "(unknown)": MASK }],
  ],
  ["a name that is the secret", [7, { hunter2: 1, hunter3: 2 }], [7, { "(unknown)": MASK }]],
  [
    "a value of another type",
    [7, { name: ["hunter2"], locked: "hunter2" }],
    [7, { name: MASK, locked: MASK }],
  ],
  [
    "a value that is none of those",
    [7, { role: "hunter2", roles: ["A", "hunter2"] }],
    [7, { role: MASK, roles: ["A", MASK] }],
  ],
  ["a value that is too long", [7, { name: "hunter2" }], [7, { name: MASK }]],
  ["a secret for a number", ["hunter2"], [MASK]],
  ["a secret for an object", [7, "hunter2"], [7, MASK]],
  ["a list for an object", [7, ["hunter2"]], [7, MASK]],
  ["places that the method does not have", [7, {}, "hunter2", "hunter3"], [7, {}, MASK]],
  ["free members", [7, { free: { hunter2: "hunter3" } }], [7, { free: MASK }]],
  ["an instant with more in it", [7, { expires_at: { $date: "hunter2" } }], [7, { expires_at: MASK }]],
  [
    "a member within",
    [7, { inner: { a: "hunter2", b: "hunter3" } }],
    [7, { inner: { a: MASK, "(unknown)": MASK } }],
  ],
  ["a name of an object's own kind", [7, { constructor: "hunter2" }], [7, { "(unknown)": MASK }]],
])("%s is marked", (_words, given, wanted) => {
  expect(recordedParams(PARAMS, given)).toEqual(wanted);
});

test.each<[unknown, unknown]>([
  [
    { mechanism: "KEY", key: "hunter2", note: "x" },
    { mechanism: "KEY", key: MASK, note: "x" },
  ],
  [
    { mechanism: "TOKEN", token: "hunter2", key: "hunter3" },
    { mechanism: "TOKEN", token: MASK, "(unknown)": MASK },
  ],
  [{ mechanism: "hunter2", key: "hunter3" }, MASK],
  [{ key: "hunter3" }, MASK],
  ["hunter2", MASK],
])("of several shapes the chosen one says what is known: %j", (given, wanted) => {
  expect(recordedParams([LOGIN], [given])).toEqual([wanted]);
});

test("filters are not known to any schema", () => {
  expect(recordedParams([filtersParam], [[["name", "=", "hunter2"]]])).toEqual([[MASK]]);
});
