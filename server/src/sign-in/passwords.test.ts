import { expect, test } from "bun:test";
import { checkNewPassword, createPasswords } from "./passwords.ts";
import { COMMON_PASSWORDS } from "./passwords-common.ts";

test("a hash is argon2id with 19 MiB and two passes, and checks the same text in either normal form", async () => {
  const passwords = createPasswords();
  const hash = await passwords.hash("élan vital élan", "a");
  expect(hash).toStartWith("$argon2id$v=19$m=19456,t=2,p=1$");
  expect(await passwords.check("élan vital élan".normalize("NFD"), hash, "a")).toBe("right");
  expect(await passwords.check("elan vital elan", hash, "a")).toBe("wrong");
});

test("nothing is right where there is no hash, nor an empty or overlong password", async () => {
  const passwords = createPasswords();
  const hash = await passwords.hash("a long password", "a");
  expect(await passwords.check("nobody", null, "a")).toBe("wrong");
  expect(await passwords.check("", hash, "a")).toBe("wrong");
  expect(await passwords.check("a".repeat(1_000_000), hash, "a")).toBe("wrong");
});

test("two are checked at once, twenty wait, and the others are turned away", async () => {
  const passwords = createPasswords();
  const answers = await Promise.all(Array.from({ length: 30 }, () => passwords.check("wrong", null, "a")));
  expect(answers.filter((answer) => answer === "busy")).toHaveLength(8);
  expect(await passwords.check("wrong", null, "a")).toBe("wrong");
});

test("one network with many attempts does not turn another away", async () => {
  const passwords = createPasswords();
  const many = Array.from({ length: 40 }, () => passwords.check("wrong", null, "192.0.2.1"));
  const others = Array.from({ length: 10 }, (_, at) => passwords.check("wrong", null, `198.51.100.${at}`));
  expect(new Set(await Promise.all(others))).toEqual(new Set(["wrong"]));
  expect((await Promise.all(many)).filter((answer) => answer === "wrong")).toHaveLength(12);
});

test("every common password is one that the length alone would let through", () => {
  expect(COMMON_PASSWORDS.size).toBeGreaterThan(200);
  for (const password of COMMON_PASSWORDS) {
    expect(password).toBe(password.toLowerCase());
    expect([...password].length).toBeGreaterThanOrEqual(12);
    expect(checkNewPassword(password.toUpperCase(), "somebody")).toMatchObject([{ code: "weak_password" }]);
  }
});

test("lone surrogates are refused, and characters count by code point", () => {
  expect(checkNewPassword(`${"a".repeat(12)}\ud800`, "x")).toMatchObject([{ code: "shape" }]);
  expect(checkNewPassword("🔑".repeat(11), "x")).toMatchObject([{ code: "weak_password" }]);
  expect(checkNewPassword("🔑🗝🚪🏠🪟🧱🔒🔓🛡⚙🧰🪛", "x")).toEqual([]);
});
