/** Judges records by conditions. Pure; the same rules that `store/filter-sql.ts` says in SQL. */
import type { Condition, FieldPath, Operator, Order, Test } from "./filter.ts";
import { matchesPattern } from "./filter-pattern.ts";
import {
  compareValues,
  fold,
  hasMember,
  isEqual,
  isList,
  isMapping,
  type QueryValue,
} from "./filter-values.ts";

/** @param record fields are QueryValues: instants are Date, sets are Set. */
export function matches(condition: Condition, record: object): boolean {
  switch (condition.kind) {
    case "all":
      return condition.of.every((part) => matches(part, record));
    case "any":
      return condition.of.some((part) => matches(part, record));
    case "test":
      return someValue(record as QueryValue, condition.path, 0, (value) => testValue(condition, value));
  }
}

/** Whether a present field of this value passes. */
export function testValue(test: Test, value: QueryValue): boolean {
  return JUDGES[test.op](test.fold ? fold(value) : value, test.value, test);
}

/** The value at a path without `*`; undefined where the record has none. */
function readPath(record: object, path: FieldPath): QueryValue | undefined {
  let value: QueryValue | undefined = record as QueryValue;
  for (const step of path) {
    value = member(value, step);
    if (value === undefined) return undefined;
  }
  return value;
}

/** A missing field passes no test. `*` passes when any element does. */
function someValue(
  value: QueryValue,
  path: FieldPath,
  at: number,
  passes: (value: QueryValue) => boolean,
): boolean {
  const step = path[at];
  if (step === undefined) return passes(value);
  if (step === "*" && (isList(value) || value instanceof Set)) {
    return [...value].some((element) => someValue(element, path, at + 1, passes));
  }
  const next = member(value, step);
  return next !== undefined && someValue(next, path, at + 1, passes);
}

/** Own members only, so `__proto__` and `constructor` reach nothing. */
function member(value: QueryValue, step: string): QueryValue | undefined {
  if (isList(value)) return /^\d{1,9}$/.test(step) ? value[Number(step)] : undefined;
  return isMapping(value) && Object.hasOwn(value, step) ? value[step] : undefined;
}

type Judge = (field: QueryValue, value: QueryValue, test: Test) => boolean;

/** Where field and value have no order, `order` is NaN and every comparison is false. */
function ordering(passes: (order: number) => boolean): Judge {
  return (field, value) => passes(compareValues(field, value) ?? Number.NaN);
}

/** `inverse` operators also need a field that the plain one could have answered yes for: null and other types never pass. */
function containment(
  contains: (field: QueryValue, value: QueryValue) => boolean | undefined,
  wanted: boolean,
): Judge {
  return (field, value) => contains(field, value) === wanted;
}

function isIn(field: QueryValue, value: QueryValue): boolean | undefined {
  if (typeof value === "string") return typeof field === "string" ? value.includes(field) : undefined;
  return isList(value) || value instanceof Set ? hasMember(value, field) : undefined;
}

function holds(field: QueryValue, value: QueryValue): boolean | undefined {
  return field === null ? undefined : isIn(value, field);
}

function startsWith(field: QueryValue, value: QueryValue): boolean | undefined {
  return typeof field === "string" && typeof value === "string" ? field.startsWith(value) : undefined;
}

function endsWith(field: QueryValue, value: QueryValue): boolean | undefined {
  return typeof field === "string" && typeof value === "string" ? field.endsWith(value) : undefined;
}

const JUDGES: Readonly<Record<Operator, Judge>> = {
  "=": isEqual,
  "!=": (field, value) => !isEqual(field, value),
  ">": ordering((order) => order > 0),
  ">=": ordering((order) => order >= 0),
  "<": ordering((order) => order < 0),
  "<=": ordering((order) => order <= 0),
  "~": (field, _value, test) => {
    const text = field ?? "";
    return typeof text === "string" && matchesPattern(test.pattern!, text);
  },
  in: containment(isIn, true),
  nin: (field, value) => field !== null && isIn(field, value) === false,
  rin: containment(holds, true),
  rnin: containment(holds, false),
  "^": containment(startsWith, true),
  "!^": containment(startsWith, false),
  $: containment(endsWith, true),
  "!$": containment(endsWith, false),
};

/** For a stable sort. Values of different types are ordered by type: boolean, number, text, instant, others. */
export function compareByOrder(orderBy: readonly Order[]): (a: object, b: object) => number {
  return (a, b) => {
    for (const order of orderBy) {
      const sign = compareFields(readPath(a, order.path) ?? null, readPath(b, order.path) ?? null, order);
      if (sign !== 0) return sign;
    }
    return 0;
  };
}

function compareFields(a: QueryValue, b: QueryValue, order: Order): number {
  if (a === null || b === null) {
    const nulls = Number(b === null) - Number(a === null);
    return order.nullsFirst ? nulls : -nulls;
  }
  const ascending = compareValues(a, b) ?? typeRank(a) - typeRank(b);
  return order.descending ? -ascending : ascending;
}

function typeRank(value: QueryValue): number {
  const rank = ["boolean", "number", "string"].indexOf(typeof value);
  return rank >= 0 ? rank : value instanceof Date ? 3 : 4;
}
