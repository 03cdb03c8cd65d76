import { expect, test } from "bun:test";
import { parseWhere } from "./where.ts";

const is = (path: string, op: string, value: unknown) => ({
  kind: "test",
  path: [path],
  op,
  fold: false,
  value,
});

test("every comparison becomes its operator on the member that the field stands for", () => {
  for (const [text, condition] of [
    ["username == 'root'", is("username", "=", "root")],
    ['username != "root"', is("username", "!=", "root")],
    ["id < 7", is("id", "<", 7)],
    ["id<=7", is("id", "<=", 7)],
    ["id > 7", is("id", ">", 7)],
    ["id >= 7", is("id", ">=", 7)],
    ["id in [1, 2,3]", is("id", "in", [1, 2, 3])],
    ["name not in ['a', b]", is("name", "nin", ["a", "b"])],
    ["expires_at == null", is("expiresAt", "=", null)],
    ["created_at >= '2026-01-31T10:00:00Z'", is("createdAt", ">=", new Date("2026-01-31T10:00:00Z"))],
    ["created_at < 2026-01-31", is("createdAt", "<", new Date("2026-01-31T00:00:00Z"))],
    ["revoked == true", is("revokedAt", "!=", null)],
    ["revoked == false", is("revokedAt", "=", null)],
    ["revoked != true", is("revokedAt", "=", null)],
    ["name == 'it\\'s'", is("name", "=", "it's")],
  ] as const) {
    expect(parseWhere([text])).toEqual(condition as never);
  }
});

test("and binds more than or, not more than and, and parentheses more than all", () => {
  const [a, b, c] = [is("id", "=", 1), is("id", "=", 2), is("id", "=", 3)];
  expect(parseWhere(["id == 1 or id == 2 and id == 3"])).toEqual({
    kind: "any",
    of: [a, { kind: "all", of: [b, c] }],
  } as never);
  expect(parseWhere(["(id == 1 or id == 2) and id == 3"])).toEqual({
    kind: "all",
    of: [{ kind: "any", of: [a, b] }, c],
  } as never);
  expect(parseWhere(["not id == 1 and id == 3"])).toEqual({
    kind: "all",
    of: [is("id", "!=", 1), c],
  } as never);
});

test("not turns every comparison, and and into or", () => {
  expect(parseWhere(["not (id < 1 and name in ['a'] or not revoked == true)"])).toEqual({
    kind: "all",
    of: [{ kind: "any", of: [is("id", ">=", 1), is("name", "nin", ["a"])] }, is("revokedAt", "!=", null)],
  } as never);
});

test("words that a shell took the quotes from mean the same", () => {
  expect(parseWhere(["username", "==", "root"])).toEqual(is("username", "=", "root") as never);
  expect(parseWhere(["name", "==", "my key", "and", "id", "==", "7"])).toEqual({
    kind: "all",
    of: [is("name", "=", "my key"), is("id", "=", 7)],
  } as never);
});

test("what cannot be read is refused with a word on why", () => {
  for (const [text, why] of [
    ["", "a field is missing"],
    ["username", "an operator is missing"],
    ["username ==", "a value is missing"],
    ["username = root", "cannot read"],
    ["username like root", "no operator like"],
    ["key == x", "no field key"],
    ["constructor == x", "no field constructor"],
    ["id == seven", "seven is no number"],
    ["revoked == yes", "yes is no boolean"],
    ["revoked < true", "compare by == and !="],
    ["created_at < yesterday", "yesterday is no instant"],
    ["(id == 7", "a ) is missing"],
    ["id == 7)", "is not expected there"],
    ["id == 7 id == 8", "is not expected there"],
    ["id in 7", "a list [..] belongs after in"],
    ["id in [7 8]", "a ] is missing"],
    ["id in [7", "a ] is missing"],
    ["name == 'open", "cannot read"],
  ] as const) {
    expect(() => parseWhere([text])).toThrow(why);
  }
});
