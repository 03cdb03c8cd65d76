/** Regular expressions are bounded before they are compiled, and compiled once: by every way that a filter comes in. */
import { afterAll, afterEach, beforeAll, describe, expect, spyOn, test } from "bun:test";
import { operationList } from "@chatelaine/contract/operations/operations";
import { RE2JS } from "re2js";
import { bearer, openRest, type RestApp } from "./rest-app.ts";
import { RpcClient } from "./rpc-client.ts";

const VERSIONS = ["v25.04.0", "v25.10.0", "v26.0.0", "v27.0.0", "current"];
/** Methods with filters. A new one is found by its parameters, and fails here until it has a row. */
const METHODS: Readonly<Record<string, { readonly field: string; params(filters: unknown): unknown[] }>> = {
  "api_key.query": { field: "name", params: (filters) => [filters] },
  "user.query": { field: "username", params: (filters) => [filters] },
  "auth.sessions": { field: "origin", params: (filters) => [filters] },
  "core.get_jobs": { field: "method", params: (filters) => [filters] },
  "privilege.roles": { field: "name", params: (filters) => [filters] },
  "audit.query": { field: "username", params: (filters) => [{ "query-filters": filters }] },
};
const LISTS = operationList.filter(({ query }) => query !== undefined && "filter" in query.shape);
const FIELDS: Readonly<Record<string, string>> = { "users.list": "username" };

/** What each says, told before anything is compiled. */
const COSTLY: Readonly<Record<string, readonly [string[], string]>> = {
  "too many characters": [["x".repeat(257)], "at most 256 characters"],
  "a thousand times": [["x{1000}"], "repeat at most 100 times"],
  "a hundred times a hundred times": [["((x{100}){100}){100}"], "too large"],
  "many repetitions": [["x{90}".repeat(40)], "too large"],
  "many classes of Unicode": [[`(?i)${"\\pL".repeat(30)}`], "at most 4 classes of Unicode"],
  "many sets": [["[^a]".repeat(60)], "at most 16 sets"],
  "a wide range in any case": [["(?i)[a-\\x{10FFFF}]"], "at most 256 of them"],
  "a bracket that leaves the group": [["a)|(b"], "unexpected )"],
  "five patterns": [["a", "b", "c", "d", "e"], "at most 4 regular expressions"],
};

let rest: RestApp;
let key: string;
const compile = spyOn(RE2JS, "compile");

beforeAll(async () => {
  rest = await openRest();
  key = await rest.key("ada", "patterns");
});
afterEach(() => compile.mockClear());
afterAll(async () => {
  compile.mockRestore();
  await rest[Symbol.asyncDispose]();
});

/** Compiled of those that the client chose. */
function compiled(): number {
  return compile.mock.calls.length;
}

function filtersOf(field: string, patterns: readonly string[]): unknown[] {
  return patterns.map((pattern) => [field, "~", pattern]);
}

describe.each(VERSIONS)("at /api/%s", (version) => {
  let rpc: RpcClient;
  beforeAll(async () => {
    rpc = await RpcClient.connect(rest.url, { path: `/api/${version}` });
    await rpc.signIn("ada", key);
  });
  afterAll(() => rpc.close());

  test("every method with filters is in the table", async () => {
    const methods = await rpc.result<Record<string, { accepts: { _name_: string }[] }>>("core.get_methods");
    const withFilters = Object.entries(methods)
      .filter(([, { accepts }]) => accepts.some(({ _name_ }) => _name_ === "filters"))
      .map(([name]) => name);
    expect(Object.keys(METHODS).toSorted()).toEqual([...withFilters, "audit.query"].toSorted());
  });

  test.each(Object.keys(METHODS))(
    "%s compiles nothing that costs too much, and the rest once",
    async (name) => {
      const { field, params } = METHODS[name]!;
      for (const [what, [patterns, says]] of Object.entries(COSTLY)) {
        compile.mockClear();
        const { error } = await rpc.call(name, ...params(filtersOf(field, patterns)));
        expect({ what, code: error?.code, reason: error?.data?.reason }).toEqual({
          what,
          code: -32602,
          reason: expect.stringContaining(says),
        });
        expect({ what, compiled: compiled() }).toEqual({ what, compiled: patterns.length > 1 ? 4 : 0 });
      }
      compile.mockClear();
      const found = await rpc.call(name, ...params(filtersOf(field, ["(?i).*[a-f]{1,3}", "\\w+|x"])));
      expect(found.error).toBeUndefined();
      expect(compiled()).toBe(2);
    },
  );
});

test("lists and the export have a filter", () => {
  expect(LISTS.map(({ name }) => name)).toContainValues([
    "keys.list",
    "users.list",
    "audit.list",
    "audit.export",
  ]);
});

test.each(LISTS.map(({ name, path }) => [name, path]))(
  "%s compiles nothing that costs too much",
  async (name, path) => {
    const field = FIELDS[name] ?? (name.startsWith("audit") ? "username" : "name");
    const ask = (patterns: readonly string[]) => {
      const filter = encodeURIComponent(JSON.stringify(filtersOf(field, patterns)));
      return rest.send(`GET ${path}?filter=${filter}`, { headers: bearer(key) });
    };
    for (const [what, [patterns, says]] of Object.entries(COSTLY)) {
      compile.mockClear();
      const { status, json } = await ask(patterns);
      expect({ what, status, detail: json.detail }).toEqual({
        what,
        status: 422,
        detail: expect.stringContaining(says),
      });
      expect({ what, compiled: compiled() }).toEqual({ what, compiled: patterns.length > 1 ? 4 : 0 });
    }
    compile.mockClear();
    expect((await ask(["(?i).*[a-f]{1,3}", "\\w+|x"])).status).toBe(200);
    expect(compiled()).toBe(2);
  },
);
