import { expect, test } from "bun:test";
import { checkNewPassword, createPasswords } from "./passwords.ts";
import { COMMON_PASSWORDS } from "./passwords-common.ts";

test("a hash is argon2id with 19 MiB and two passes, and checks the same text in either normal form", async () => {
  const passwords = createPasswords();
  const hash = await passwords.hash("élan vital élan");
  expect(hash).toStartWith("$argon2id$v=19$m=19456,t=2,p=1$");
  expect(await passwords.check("élan vital élan".normalize("NFD"), hash)).toBe("right");
  expect(await passwords.check("elan vital elan", hash)).toBe("wrong");
});

test("nothing is right where there is no hash, nor an empty or overlong password", async () => {
  const passwords = createPasswords();
  const hash = await passwords.hash("a long password");
  expect(await passwords.check("nobody", null)).toBe("wrong");
  expect(await passwords.check("", hash)).toBe("wrong");
  expect(await passwords.check("a".repeat(1_000_000), hash)).toBe("wrong");
});

test("two are checked at once, twenty wait, and the others are turned away", async () => {
  const passwords = createPasswords();
  const answers = await Promise.all(Array.from({ length: 30 }, () => passwords.check("wrong", null)));
  expect(answers.filter((answer) => answer === "busy")).toHaveLength(8);
  expect(await passwords.check("wrong", null)).toBe("wrong");
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
