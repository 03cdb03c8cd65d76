import { describe, expect, test } from "bun:test";
import { ERROR_DOCS } from "../error-docs.ts";
import { ERROR_CODES } from "../errors.ts";
import { errorsOf } from "./operation.ts";
import { mayCall, OPERATIONS, operationList } from "./operations.ts";

describe("operations", () => {
  test("are listed under their own names, each with a path of its own", () => {
    for (const [name, operation] of Object.entries(OPERATIONS)) expect(operation.name as string).toBe(name);
    const routes = operationList.map(({ method, path }) => `${method} ${path.replaceAll(/\{\w+\}/g, "{}")}`);
    expect(new Set(routes).size).toBe(routes.length);
  });

  for (const operation of operationList) {
    test(`${operation.name} has a description, access, errors, and an example that its own schemas accept`, () => {
      expect(operation.title.length).toBeGreaterThan(3);
      expect(operation.words.length).toBeGreaterThan(10);
      expect(operation.since).toMatch(/^\d+\.\d+\.\d+$/);
      expect(errorsOf(operation).length).toBeGreaterThan(5);
      const { params, query, body, output } = operation.example;
      const named = [...operation.path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]!);
      expect(Object.keys(operation.params?.shape ?? {})).toEqual(named);
      operation.params?.parse(params);
      operation.query?.parse(query ?? {});
      operation.body?.parse(body);
      operation.output.parse(output);
    });
  }

  test("do all that JSON-RPC does to keys and users", () => {
    const done = operationList.map(({ rpc }) => rpc);
    for (const verb of ["query", "get_instance", "create", "update", "delete"])
      for (const thing of ["api_key", "user"]) expect(done).toContain(`${thing}.${verb}`);
    for (const name of ["api_key.my_keys", "api_key.convert_raw_key"]) expect(done).toContain(name);
  });

  test("are open to callers by role, and closed to strangers", () => {
    expect(mayCall(OPERATIONS["keys.list"], undefined)).toBe(false);
    expect(mayCall(OPERATIONS["keys.list"], new Set(["KEY_HOLDER"]))).toBe(true);
    expect(mayCall(OPERATIONS["users.list"], new Set(["KEY_HOLDER"]))).toBe(false);
    expect(mayCall(OPERATIONS["setup.get"], undefined)).toBe(true);
  });

  test("every error code is explained", () => {
    expect(Object.keys(ERROR_DOCS).sort()).toEqual([...ERROR_CODES].sort());
  });
});
