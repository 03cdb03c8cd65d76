import { expect, test } from "bun:test";
import type { ErrorCode } from "@chatelaine/contract/errors";
import { AppError } from "../domain/errors.ts";
import { ERROR_TABLE } from "../http/errors.ts";
import { CallError, describeError, doesNotExist, ValidationErrors } from "./errors.ts";
import { MatchNotFound } from "./query-filters.ts";

const CODES = [-32700, -32600, -32601, -32602, -32603, -32000, -32001];
const describe = (error: unknown) => describeError(error, () => "request 1");

test("whatever is thrown is said with a code and all the members that the clients need", () => {
  const thrown = [
    ...Object.keys(ERROR_TABLE).map((code) => new AppError(code as ErrorCode, "words")),
    new AppError("invalid", "words", { issues: [{ path: ["name"], code: "shape", message: "words" }] }),
    new CallError("EFAULT", "words"),
    new ValidationErrors([{ attribute: "id", message: "words" }]),
    new MatchNotFound(),
    doesNotExist("ApiKey", 5),
    new TypeError("a secret"),
    "a secret",
    undefined,
  ];
  for (const error of thrown) {
    const { code, message, data } = describe(error);
    expect(CODES).toContain(code);
    expect(message).toBe(code === -32602 ? "Invalid params" : "Method call error");
    expect(Object.keys(data!).sort()).toEqual(["errname", "error", "extra", "reason", "trace"]);
    expect(Array.isArray(data!.extra)).toBe(code === -32602);
    expect(JSON.stringify(data)).not.toContain("secret");
  }
});

test("a full disk has its own number", () => {
  expect(describe(new AppError("storage_full", "The disk is full"))).toEqual({
    code: -32001,
    message: "Method call error",
    data: { error: 28, errname: "ENOSPC", reason: "[ENOSPC] The disk is full", trace: null, extra: null },
  });
});
