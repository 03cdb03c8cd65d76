import { expect, test } from "bun:test";
import { ChatelaineError } from "@chatelaine/client/client";
import { NoAnswer, problemOf, sayProblem } from "./problem.ts";

test("a request without an answer, a fault of the server and one of the page are told apart", () => {
  const failed = new ChatelaineError("Something failed", { status: 500, code: "internal", requestId: "r1" });
  const undrawn = new TypeError("Cannot read properties of undefined");
  const told = [new NoAnswer("fetch failed"), failed, undrawn].map((error) => sayProblem(error).title);
  expect(told).toEqual(["The server does not answer", "The server failed", "This page failed"]);
  expect(problemOf(undrawn).code).toBe("internal");
});
