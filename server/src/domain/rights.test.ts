import { describe, expect, test } from "bun:test";
import { ROLES, type Role } from "@chatelaine/contract/roles";
import fc from "fast-check";
import { coversRights, coversScope, isScope, narrowRights, rightsOf } from "./rights.ts";

const PARTS = ["*", "dns", "mail"] as const;
const ACTIONS = ["*", "read", "write"] as const;
const scope = fc
  .tuple(fc.constantFrom(...PARTS), fc.constantFrom(...ACTIONS))
  .map(([resource, action]) => (resource === "*" && action === "*" ? "*" : `${resource}:${action}`));
const scopes = fc.uniqueArray(scope, { maxLength: 4 });
const roles = fc.uniqueArray(fc.constantFrom(...ROLES), { maxLength: 4 });
const CONCRETE = ["dns:read", "dns:write", "mail:read", "mail:write", "other:x"];
const granted = (grants: readonly string[]): string[] => CONCRETE.filter((one) => coversScope(grants, one));

describe("rights", () => {
  test("of a full administrator are every role and every scope", () => {
    const rights = rightsOf(["FULL_ADMIN"], []);
    expect([...rights.roles].sort()).toEqual([...ROLES].sort());
    expect(coversScope(rights.scopes, "anything:at-all")).toBe(true);
  });

  test("of everybody else begin with no scope", () => {
    expect(coversScope(rightsOf(["READONLY_ADMIN"], []).scopes, "dns:read")).toBe(false);
  });

  test("of a key are what user and key both grant, never more", () => {
    fc.assert(
      fc.property(
        roles,
        scopes,
        fc.option(roles),
        fc.option(scopes),
        (mine, myScopes, keyRoles, keyScopes) => {
          const user = rightsOf(mine, myScopes);
          const key = narrowRights(user, keyRoles, keyScopes);
          const both =
            keyScopes === null
              ? granted(user.scopes)
              : granted(keyScopes).filter((one) => coversScope(user.scopes, one));
          expect(granted(key.scopes)).toEqual(both);
          for (const role of key.roles) expect(user.roles.has(role)).toBe(true);
          expect(coversRights(user, key)).toBe(true);
        },
      ),
      { numRuns: 2_000 },
    );
  });

  test("cannot be handed out by somebody who lacks them", () => {
    const some = (names: readonly Role[], grants: readonly string[] = []) => rightsOf(names, grants);
    expect(coversRights(some(["API_KEY_WRITE"]), some(["FULL_ADMIN"]))).toBe(false);
    expect(coversRights(some(["API_KEY_WRITE"]), some(["API_KEY_READ"]))).toBe(true);
    expect(coversRights(some(["API_KEY_WRITE"]), some(["KEY_HOLDER"]))).toBe(true);
    expect(coversRights(some(["API_KEY_WRITE"]), some(["KEY_HOLDER"], ["dns:read"]))).toBe(false);
    expect(coversRights(some(["API_KEY_WRITE"], ["dns:*"]), some(["KEY_HOLDER"], ["dns:read"]))).toBe(true);
    expect(coversRights(some(["API_KEY_WRITE"], ["dns:read"]), some(["KEY_HOLDER"], ["dns:*"]))).toBe(false);
    expect(coversRights(some([]), some([]))).toBe(true);
  });

  test.each(["*", "dns:read", "dns:*", "*:read", "a.b-c_d:x"])("%s is a scope", (text) => {
    expect(isScope(text)).toBe(true);
  });

  test.each(["", "dns", "dns:", ":read", "dns:read:x", "d ns:read", "**", "dns:re*", `${"x".repeat(128)}:y`])(
    "%p is no scope",
    (text) => {
      expect(isScope(text)).toBe(false);
    },
  );
});
