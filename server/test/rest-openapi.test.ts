import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { errorsOf, type Operation } from "@chatelaine/contract/operations/operation";
import { OPERATIONS, type OperationName, operationList } from "@chatelaine/contract/operations/operations";
import { Validator } from "@seriousme/openapi-schema-validator";
import fc from "fast-check";
import { z } from "zod";
import { errorRow } from "../src/http/errors.ts";
import { bearer, openRest, PASSWORD, type RestApp, SYSTEM } from "./rest-app.ts";

let rest: RestApp;
let auth: Record<string, string>;
// biome-ignore lint/suspicious/noExplicitAny: a document of any shape until it is validated
let document: any;

beforeAll(async () => {
  rest = await openRest();
  auth = bearer(await rest.key("ada", "the caller's"));
  document = (await rest.send("GET /api/openapi.json")).json;
});
afterAll(() => rest[Symbol.asyncDispose]());

/** What the examples of the documentation speak of: key 1 `ci` of ada, user `build`, group `dns`. */
async function openExample(): Promise<{ app: RestApp; key: string }> {
  const app = await openRest();
  const { secret } = await app.app.keys.create(SYSTEM, { name: "ci", username: "ada", tags: ["deploy"] });
  await app.app.users.create(SYSTEM, { username: "build", roles: ["KEY_HOLDER"] });
  await app.app.groups.create(SYSTEM, { name: "dns", roles: [], scopes: ["dns:read"] });
  const decision = OPERATIONS["decisions.get"].example.params.id;
  const why = { reason: "scope_missing", rule: "It lacks the scope", address: null, host: null };
  app.app.usage.refuse({ decision, keyId: 1, at: Date.now(), ...why });
  const { id } = OPERATIONS["audit.get"].example.params;
  await app.app.store.recordActivity([{ ...SIGN_IN, id, at: Date.now() }]);
  return { app, key: secret.text };
}

/** An entry of the audit log under a number that is known before. */
const SIGN_IN = {
  event: "AUTHENTICATION",
  action: "LOGIN_PASSWORD",
  description: "Sign in by password",
  username: "ada",
  address: null,
  sessionId: null,
  door: "rest",
  credentials: null,
  target: null,
  details: {},
  success: true,
  error: null,
} as const;

describe("the OpenAPI document", () => {
  test("is valid OpenAPI 3.1", async () => {
    const result = await new Validator().validate(structuredClone(document));
    expect(result.errors ?? []).toEqual([]);
    expect([result.valid, document.openapi]).toEqual([true, "3.1.0"]);
  });

  test("has every operation of the contract, with description, access, errors and example", () => {
    const documented = Object.entries<Record<string, { operationId: string }>>(document.paths).flatMap(
      ([path, item]) =>
        Object.entries(item).map(
          ([method, { operationId }]) => `${method.toUpperCase()} ${path} ${operationId}`,
        ),
    );
    expect(documented.sort()).toEqual(
      operationList.map(({ method, path, name }) => `${method} ${path} ${name}`).sort(),
    );
    for (const operation of operationList) {
      const item = document.paths[operation.path][operation.method.toLowerCase()];
      expect(item.description).toContain("**Needs:**");
      for (const code of errorsOf(operation))
        expect(item.responses[errorRow(code).status].description).toContain(code);
      if (operation.body) expect(item.requestBody.content["application/json"].example).toBeDefined();
    }
  });

  test("names no address outside this server", () => {
    expect(document.servers.map(({ url }: { url: string }) => url)).toEqual(["/api/v1"]);
    expect(JSON.stringify(document)).not.toMatch(/https?:\/\/(?!json-schema\.org)/);
  });
});

/** What a run of all examples needs of its own: some need a browser, a token or another key. */
const BY_SESSION = new Set(["me.setAttribute"]);
const APART = new Set([
  "events.stream",
  "audit.export",
  "session.create",
  "setup.create",
  "sessions.remove",
  "webhook.test",
]);

describe("the examples of the documentation", () => {
  for (const operation of operationList.filter(({ name }) => !APART.has(name))) {
    test(`${operation.name} answers as it says`, async () => {
      const { app, key } = await openExample();
      await using _ = app;
      const { params, query, body } = operation.example;
      const client = app.client(key);
      if (BY_SESSION.has(operation.name)) return await expectSession(app, operation);
      const call = client.call as (name: string, input: object) => Promise<unknown>;
      const output = await call(operation.name, { ...params, query, body });
      expect(operation.output.safeParse(output).error).toBeUndefined();
    });
  }

  test("signing in, ending a session and setup answer as they say", async () => {
    const { app, key } = await openExample();
    await using _ = app;
    const client = app.client(key);
    const me = await client.session.create({ body: { username: "ada", password: PASSWORD } });
    expect(me.user.username).toBe("ada");
    const { entries } = await client.sessions.list();
    expect((await client.sessions.remove({ id: entries[0]!.id })).id).toBe(entries[0]!.id);
    const file = await client.exportAudit({ format: "csv" });
    expect((await file.text()).startsWith("at,event,action")).toBe(true);
    expect((await client.setup.get()).needed).toBe(false);
  });
});

async function expectSession(app: RestApp, operation: Operation): Promise<void> {
  const headers = await app.browser("ada");
  const path = operation.path.replace("{name}", String(operation.example.params!.name));
  const answer = await app.send(`${operation.method} ${path}`, { headers, body: operation.example.body });
  expect([answer.status, operation.output.safeParse(answer.json).success]).toEqual([200, true]);
}

describe("inputs made from an operation's own schema", () => {
  /** Never ends. */
  const LEFT_OUT = new Set<string>(["events.stream"]);

  for (const operation of operationList.filter(({ name }) => !LEFT_OUT.has(name))) {
    test(`${operation.name} gives an answer that its document declares`, async () => {
      const declared = document.paths[operation.path][operation.method.toLowerCase()].responses;
      const made = fc.sample(inputs(operation), { numRuns: 12, seed: 7 });
      for (const { params, query, body } of made) {
        const path = operation.path.replaceAll(/\{(\w+)\}/g, (_, name: string) =>
          encodeURIComponent(String(params[name])),
        );
        const text = new URLSearchParams(
          Object.entries(query).map(([name, value]) => [name, String(value)]),
        ).toString();
        // What one does to oneself ends the caller.
        const isLast = operation.name.startsWith("self.");
        const headers = isLast ? bearer(await rest.key("ada", crypto.randomUUID())) : auth;
        const answer = await rest.send(`${operation.method} ${path}?${text}`, { headers, body });
        const { status, json } = answer;
        expect([
          operation.name,
          status,
          Object.keys(declared).includes(String(status)),
          status < 500,
        ]).toEqual([operation.name, status, true, true]);
        if (status >= 400) expect(errorsOf(operation)).toContain(json.code);
        else if (!operation.streams) expect(operation.output.safeParse(json).error).toBeUndefined();
      }
    });
  }
});

interface Made {
  readonly params: Record<string, unknown>;
  readonly query: Record<string, unknown>;
  readonly body: unknown;
}

function inputs({ params, query, body, name }: Operation): fc.Arbitrary<Made> {
  const made = (schema: z.ZodType | undefined) =>
    schema ? arbitraryOf(z.toJSONSchema(schema, { io: "input", unrepresentable: "any" })) : fc.constant({});
  return fc.record({
    params: params
      ? fc.record(Object.fromEntries(Object.keys(params.shape).map((key) => [key, paramOf(name, key)])))
      : fc.constant({}),
    query: made(query) as fc.Arbitrary<Record<string, unknown>>,
    body: body ? made(body) : fc.constant(undefined),
  });
}

/** Never the caller himself. */
function paramOf(operation: string, key: string): fc.Arbitrary<unknown> {
  if (key === "id" && operation.startsWith("keys.")) return fc.integer({ min: 100_000, max: 2_147_483_647 });
  return fc.constantFrom("nobody", "a.b", "x y", "%00", "ä", "<b>");
}

// biome-ignore lint/suspicious/noExplicitAny: JSON Schema has members of many shapes
function arbitraryOf(schema: any): fc.Arbitrary<unknown> {
  if (schema.enum) return fc.constantFrom(...schema.enum);
  if (schema.anyOf) return fc.oneof(...schema.anyOf.map(arbitraryOf));
  if (Array.isArray(schema.type))
    return fc.oneof(...schema.type.map((type: string) => arbitraryOf({ ...schema, type })));
  switch (schema.type) {
    case "null":
      return fc.constant(null);
    case "boolean":
      return fc.boolean();
    case "integer":
    case "number":
      return fc.integer({
        min: Math.max(schema.minimum ?? -1000, -1e9),
        max: Math.min(schema.maximum ?? 1000, 1e9),
      });
    case "array":
      return fc.array(arbitraryOf(schema.items ?? {}), {
        maxLength: Math.min(schema.maxItems ?? 3, 3),
        minLength: schema.minItems ?? 0,
      });
    case "object": {
      const members = Object.fromEntries(
        Object.entries(schema.properties ?? {}).map(([name, member]) => [name, arbitraryOf(member)]),
      );
      return fc.record(members, { requiredKeys: schema.required ?? [] });
    }
    default:
      return textOf(schema);
  }
}

function textOf({
  format,
  minLength = 0,
  maxLength = 40,
}: {
  format?: string;
  minLength?: number;
  maxLength?: number;
}): fc.Arbitrary<unknown> {
  if (format === "date-time")
    return fc
      .date({ min: new Date(0), max: new Date(4e12), noInvalidDate: true })
      .map((date) => date.toISOString());
  return fc.string({ minLength, maxLength: Math.min(maxLength, 40) });
}

test("every route of the contract has a name that the client knows", () => {
  const client = rest.client("x") as unknown as Record<string, Record<string, unknown>>;
  const called = operationList.filter(({ streams }) => streams === undefined);
  for (const name of called.map((operation) => operation.name as OperationName)) {
    const [group, verb] = name.split(".") as [string, string];
    expect(typeof client[group]?.[verb]).toBe("function");
  }
});
