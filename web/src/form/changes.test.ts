import { describe, expect, test } from "bun:test";
import { changedOf, mergeValues } from "./changes.ts";

test("only what differs is sent, members that were absent before too", () => {
  expect<object>(changedOf({ a: 1, b: ["x"], c: null }, { a: 1, b: ["y"], d: 2 })).toEqual({
    b: ["x"],
    c: null,
  });
});

describe("two changes go together", () => {
  const merge = (mine: unknown, before: unknown, theirs: unknown): unknown =>
    mergeValues({ value: mine }, { value: before }, { value: theirs }).value;
  test.each([
    ["mine alone", "mine", "was", "was", "mine"],
    ["theirs alone", "was", "was", "theirs", "theirs"],
    ["mine, where both changed one value", "mine", "was", "theirs", "mine"],
    ["what both put in", ["a", "m"], ["a"], ["a", "t"], ["a", "t", "m"]],
    ["what both took out", ["b", "c"], ["a", "b", "c"], ["a", "b"], ["b"]],
    ["the same put in by both, once", ["a", "x"], ["a"], ["x", "a"], ["x", "a"]],
    ["what one put in and the other took out", ["a", "m"], ["a"], [], ["m"]],
    ["mine, where it was no list before", ["a"], null, ["b"], ["a"]],
  ])("%s", (_, mine, before, theirs, merged) => {
    expect(merge(mine, before, theirs)).toEqual(merged);
  });
});
