import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { z } from "zod";
import { codecOf, type Inside } from "./codec.ts";
import { insideName, wireName } from "./names.ts";
import { Instant, isInstantSchema } from "./operations/instant-schema.ts";
import { EXAMPLE_KEY, Key, type KeyCreate } from "./operations/key-entry.ts";
import { operationList } from "./operations/operations.ts";

const AT = Date.UTC(2026, 0, 31, 10);
const Nested = z.strictObject({
  made_at: Instant.describe("When."),
  ended_at: Instant.nullable(),
  rate_limit: z.strictObject({ window_seconds: z.int() }).nullable().optional(),
  uses: z.array(z.strictObject({ last_used_at: Instant })),
  free_words: z.record(z.string(), z.unknown()),
  known_names: z.array(z.string()).default([]),
});

describe("a codec", () => {
  const { encode, decode } = codecOf(Nested);
  const inside = {
    madeAt: AT,
    endedAt: null,
    rateLimit: { windowSeconds: 60 },
    uses: [{ lastUsedAt: AT }],
    freeWords: { is_kept: 1 },
    knownNames: ["a_b"],
  };
  const wire = {
    made_at: "2026-01-31T10:00:00.000Z",
    ended_at: null,
    rate_limit: { window_seconds: 60 },
    uses: [{ last_used_at: "2026-01-31T10:00:00.000Z" }],
    free_words: { is_kept: 1 },
    known_names: ["a_b"],
  };

  test("turns names and instants, at every depth, and nothing else", () => {
    expect(encode(inside)).toEqual(wire);
    expect(decode(wire)).toEqual(inside);
  });

  test("writes members in the order of the schema", () => {
    const turned = Object.fromEntries(Object.entries(inside).reverse());
    expect(Object.keys(encode(turned as typeof inside))).toEqual(Object.keys(Nested.shape));
  });

  test("leaves out what the schema does not name, and optional members that are undefined", () => {
    const record = { ...inside, rateLimit: undefined, secret: "s", uses: [{ lastUsedAt: AT, secret: "s" }] };
    const { rate_limit: _, ...rest } = wire;
    const encoded = encode(record);
    expect(encoded).toEqual(rest);
    expect(Object.keys(encoded)).not.toContain("rate_limit");
  });

  test("takes of several shapes the one whose members are there", () => {
    const either = codecOf(
      z.union([z.strictObject({ made_at: Instant }), z.strictObject({ no_one: z.null() })]),
    );
    expect(either.encode({ madeAt: AT })).toEqual({ made_at: "2026-01-31T10:00:00.000Z" });
    expect(either.encode({ noOne: null })).toEqual({ no_one: null });
  });

  test("has one function for a schema", () => {
    expect(codecOf(Nested)).toBe(codecOf(Nested));
  });

  test("says in types what it makes", () => {
    const key: Pick<Inside<typeof Key>, "userId" | "createdAt" | "expiresAt" | "rateLimit"> = {
      userId: 1,
      createdAt: AT,
      expiresAt: null,
      rateLimit: { limit: 1, windowSeconds: 60 },
    };
    const create: Inside<typeof KeyCreate> = { name: "ci", username: "ada", expiresAt: AT };
    const text = "2026-01-31T10:00:00Z";
    // @ts-expect-error an instant is a number inside
    const wrong: Inside<typeof KeyCreate>["expiresAt"] = text;
    expect([key.createdAt, create.expiresAt, typeof wrong]).toEqual([AT, AT, "string"]);
  });
});

describe("names", () => {
  const members = new Set(
    operationList.flatMap(({ params, query, body, output }) =>
      [params, query, body, output].flatMap((schema) => (schema ? namesIn(schema) : [])),
    ),
  );

  test("of every member of the contract come back", () => {
    expect(members.size).toBeGreaterThan(100);
    for (const name of members) expect(wireName(insideName(name))).toBe(name);
  });

  test("that the contract does not have are told as they came, or in snake case", () => {
    const told = ["Limit", "URL", "rateLimit", "rate_limit", "_x", "__proto__"].map(wireName);
    expect(told).toEqual(["Limit", "URL", "rate_limit", "rate_limit", "_x", "__proto__"]);
  });

  test("differ by more than case for those alone that need it", () => {
    const odd = [...members].filter((name) => insideName(name).toLowerCase() !== name.replaceAll("_", ""));
    expect(odd.sort()).toEqual(["credentials_data", "user_identifier"]);
  });

  test("of two members of one shape never meet", () => {
    for (const shape of operationList.flatMap(({ output }) => shapesIn(output))) {
      const names = Object.keys(shape);
      expect(new Set(names.map(insideName)).size).toBe(names.length);
    }
  });
});

test("every example of an answer comes back from the inside as it is", () => {
  for (const { output, example, streams } of operationList) {
    if (streams) continue;
    const { encode, decode } = codecOf(output);
    expect(encode(decode(example.output))).toEqual(example.output);
  }
});

test("a key comes back whole, whatever is in it", () => {
  const instant = fc.date({ noInvalidDate: true, min: new Date(0), max: new Date(Date.UTC(9999, 0)) });
  const at = fc.option(instant.map((date) => date.toISOString()));
  const texts = fc.array(fc.string());
  const key = fc.record({
    name: fc.string(),
    tags: texts,
    created_at: instant.map((date) => date.toISOString()),
    expires_at: at,
    last_used_at: at,
    scopes: fc.option(texts),
    rate_limit: fc.option(fc.record({ limit: fc.nat(), window_seconds: fc.nat() })),
    revoked_reason: fc.option(fc.string()),
  });
  const { encode, decode } = codecOf(Key);
  fc.assert(
    fc.property(key, (members) => {
      const wire = { ...(EXAMPLE_KEY as z.output<typeof Key>), ...members };
      expect(JSON.stringify(encode(decode(wire)))).toBe(JSON.stringify(wire));
    }),
  );
});

test("every member that is an instant is called so", () => {
  const named = operationList.flatMap(({ output }) =>
    shapesIn(output).flatMap((shape) =>
      Object.entries(shape)
        .filter(([, schema]) => isInstantSchema(bare(schema as z.ZodType)))
        .map(([name]) => name),
    ),
  );
  expect(named.filter((name) => !/_at$|^at$|^since$/.test(name))).toEqual([]);
});

function bare(schema: z.ZodType): z.ZodType {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodNullable || schema instanceof z.ZodDefault)
    return bare(schema.unwrap() as z.ZodType);
  return schema;
}

function shapesIn(schema: z.ZodType): z.ZodObject["shape"][] {
  const inner = bare(schema);
  if (inner instanceof z.ZodArray) return shapesIn(inner.element as z.ZodType);
  if (inner instanceof z.ZodUnion) return (inner.options as z.ZodType[]).flatMap(shapesIn);
  if (!(inner instanceof z.ZodObject)) return [];
  return [inner.shape, ...Object.values(inner.shape).flatMap((member) => shapesIn(member as z.ZodType))];
}

function namesIn(schema: z.ZodType): string[] {
  return shapesIn(schema).flatMap((shape) => Object.keys(shape));
}
