/** Conditions on records, and their order: values that `filter-match.ts` judges and `store/filter-sql.ts` says in SQL. */
import type { Pattern } from "./filter-pattern.ts";
import type { QueryValue } from "./filter-values.ts";

export const OPERATORS = [
  "=",
  "!=",
  ">",
  ">=",
  "<",
  "<=",
  "~",
  "in",
  "nin",
  "rin",
  "rnin",
  "^",
  "!^",
  "$",
  "!$",
] as const;

export type Operator = (typeof OPERATORS)[number];

/** Names, list indexes or `*`, outermost first. Never empty. */
export type FieldPath = readonly string[];

export interface Test {
  readonly kind: "test";
  readonly path: FieldPath;
  readonly op: Operator;
  /** The operator had the prefix `C`: `value` is folded already, the field is to be. */
  readonly fold: boolean;
  readonly value: QueryValue;
  /** Of `~`. */
  readonly pattern?: Pattern;
}

export type Condition =
  | { readonly kind: "all"; readonly of: readonly Condition[] }
  | { readonly kind: "any"; readonly of: readonly Condition[] }
  | Test;

export interface Order {
  readonly path: FieldPath;
  readonly descending: boolean;
  readonly nullsFirst: boolean;
}

/** Dots part names, `\.` is a dot in a name. */
export function parsePath(text: string): FieldPath {
  return text.split(/(?<!\\)\./).map((step) => step.replaceAll("\\.", "."));
}

/** The text that `parsePath` reads as this path. */
export function formatPath(path: FieldPath): string {
  return path.map((step) => step.replaceAll(".", "\\.")).join(".");
}
