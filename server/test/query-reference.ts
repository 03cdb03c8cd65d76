/**
 * A reference for the query language, naive and sharing no code with what is tested: it judges filters as they are on the
 * wire. And rows, filters and orders at random to compare with it.
 */
import fc from "fast-check";
import { OPERATORS } from "../src/domain/filter.ts";

export interface ReferenceRow {
  readonly id: number;
  readonly name: string;
  readonly note: string | null;
  readonly rank: number | null;
  readonly locked: boolean | null;
  readonly at: Date | null;
  readonly made: Date;
  readonly tags: readonly string[] | null;
  readonly owner: { readonly name: string } | null;
}

export type Filter = readonly unknown[];

function refCompareText(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

function refOrder(a: unknown, b: unknown): number | undefined {
  if (typeof a === "string" && typeof b === "string") return refCompareText(a, b);
  if (a instanceof Date || b instanceof Date)
    return a instanceof Date && b instanceof Date ? +a - +b : undefined;
  if (typeof a !== typeof b || (typeof a !== "number" && typeof a !== "boolean")) return undefined;
  return Number(a) - Number(b);
}

function refDecode(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(refDecode);
  if (typeof value === "object" && value !== null && "$date" in value) return new Date(value.$date as number);
  return value;
}

function refLower(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(refLower);
  return typeof value === "string" ? value.toLowerCase() : value;
}

const same = (a: unknown, b: unknown) => (a === 0 && b === 0) || Bun.deepEquals(a, b, true);

function refTest(x: unknown, op: string, v: unknown): boolean {
  if (op.startsWith("C")) return refTest(refLower(x), op.slice(1), refLower(v));
  const order = refOrder(x, v);
  const texts = typeof x === "string" && typeof v === "string";
  if (op === "=") return same(x, v);
  if (op === "!=") return !same(x, v);
  if (op === ">") return order !== undefined && order > 0;
  if (op === ">=") return order !== undefined && order >= 0;
  if (op === "<") return order !== undefined && order < 0;
  if (op === "<=") return order !== undefined && order <= 0;
  if (op === "~") {
    const [, flag, source] = /^(\(\?i\))?(.*)$/s.exec(v as string)!;
    const subject = x === null ? "" : x;
    return typeof subject === "string" && new RegExp(`^(?:${source})`, flag ? "iu" : "u").test(subject);
  }
  if (op === "in") return Array.isArray(v) ? v.some((member) => same(member, x)) : texts && v.indexOf(x) >= 0;
  if (op === "nin")
    return (
      x !== null && (Array.isArray(v) ? !v.some((member) => same(member, x)) : texts && v.indexOf(x) < 0)
    );
  if (op === "rin")
    return Array.isArray(x) ? x.some((member) => same(member, v)) : texts && x.indexOf(v) >= 0;
  if (op === "rnin")
    return Array.isArray(x) ? !x.some((member) => same(member, v)) : texts && x.indexOf(v) < 0;
  if (!texts) return false;
  const found = op.endsWith("^") ? x.indexOf(v) === 0 : x.slice(Math.max(0, x.length - v.length)) === v;
  return op.startsWith("!") ? !found : found;
}

export function refPasses(row: ReferenceRow, filter: Filter): boolean {
  if (filter[0] === "OR" && filter.length === 2) {
    return (filter[1] as Filter[]).some((branch) =>
      Array.isArray(branch[0])
        ? (branch as Filter[]).every((part) => refPasses(row, part))
        : refPasses(row, branch),
    );
  }
  const [field, op, value] = filter as [string, string, unknown];
  if (field === "owner.name") return row.owner !== null && refTest(row.owner.name, op, refDecode(value));
  if (field === "tags.*") return (row.tags ?? []).some((tag) => refTest(tag, op, refDecode(value)));
  if (!(field in row)) return false;
  return refTest(row[field as keyof ReferenceRow], op, refDecode(value));
}

export function refSort(rows: readonly ReferenceRow[], orderBy: readonly string[]): ReferenceRow[] {
  const sorted = [...rows];
  // From the least to the most important: each sort is stable.
  for (const term of orderBy.toReversed()) {
    const bare = term.replace(/^nulls_(first|last):/, "");
    const field = bare.replace(/^-/, "");
    const read = (row: ReferenceRow) =>
      (field === "owner.name" ? row.owner?.name : row[field as keyof ReferenceRow]) ?? null;
    const nulls = sorted.filter((row) => read(row) === null);
    const others = sorted.filter((row) => read(row) !== null);
    const sign = bare.startsWith("-") ? -1 : 1;
    others.sort((a, b) => sign * refOrder(read(a), read(b))!);
    const first = term.startsWith("nulls_") ? term.startsWith("nulls_first:") : sign === 1;
    sorted.splice(0, sorted.length, ...(first ? [...nulls, ...others] : [...others, ...nulls]));
  }
  return sorted;
}

export const TEXTS = [
  "",
  "a",
  "A",
  "ab",
  "aB",
  "b",
  "a%",
  "a_b",
  "é",
  "É",
  "z",
  "\ud7ff",
  "\ue000",
  "\uffff",
  "😀",
  "😀a",
  "\u{10ffff}",
  "a\u{10ffff}",
  "7",
  "1",
  "null",
  "'; drop table rows; --",
  'a"',
  "a\nb",
  "a\\",
  "[B]",
  'B","a',
];
export const NUMBERS = [
  0,
  1,
  2,
  7,
  -1,
  2 ** 31,
  -(2 ** 31) - 1,
  Number.MAX_SAFE_INTEGER,
  Number.MIN_SAFE_INTEGER,
];
export const INSTANTS = [0, 1, 1000, 1_702_915_535_000, 1_702_915_535_001, 253_402_300_799_000, -5];
export const PATTERNS = [
  "",
  "a",
  "^a",
  "ab?",
  "a.*",
  ".*b",
  "(?i)A",
  "(?i).*B",
  "a|b",
  "[aé]",
  "a%",
  "a_",
  "😀",
  "😀?a",
  "a$",
  "7+",
  "a{0}",
  ".",
  ".*B.*",
  "(?i).*a_b",
  "(?i)^.*B.*",
];

const textOf = fc.constantFrom(...TEXTS);
const numberOf = fc.constantFrom(...NUMBERS);
const dateOf = fc.constantFrom(...INSTANTS).map((at) => new Date(at));
const orNull = <T>(of: fc.Arbitrary<T>) => fc.option(of, { nil: null, freq: 3 });
export const rowsOf = fc
  .array(
    fc.record({
      name: textOf,
      note: orNull(textOf),
      rank: orNull(numberOf),
      locked: orNull(fc.boolean()),
      at: orNull(dateOf),
      made: dateOf,
      tags: orNull(fc.array(textOf, { maxLength: 2 })),
      owner: orNull(fc.record({ name: textOf })),
    }),
    { maxLength: 12 },
  )
  .map((rows): ReferenceRow[] => rows.map((row, at) => ({ id: at + 1, ...row })));

const scalarOf = fc.oneof(
  textOf,
  textOf.map((text) => `${text}\0`),
  numberOf,
  fc.constantFrom(1.5, -0.5, -0, 1e300, -1e300, Number.POSITIVE_INFINITY, 2 ** 53),
  fc.boolean(),
  fc.constant(null),
  fc.constantFrom(...INSTANTS).map(($date) => ({ $date })),
);
const fieldOf = fc.constantFrom(
  "id",
  "name",
  "note",
  "rank",
  "locked",
  "at",
  "made",
  "tags",
  "tags.*",
  "owner.name",
  "absent",
);

const testOf = fc
  .tuple(
    fieldOf,
    fc.constantFrom(...OPERATORS),
    fc.boolean(),
    scalarOf,
    fc.array(scalarOf, { maxLength: 4 }),
    textOf,
    fc.constantFrom(...PATTERNS),
  )
  .map(([field, op, folds, scalar, list, text, pattern]): Filter => {
    if (op === "~") return [field, op, pattern];
    const name = folds && text.length % 2 === 0 ? `C${op}` : op;
    if (op.endsWith("in") && !op.startsWith("r")) return [field, name, text.length > 3 ? text : list];
    return [field, name, /[\^$]/.test(op) || text === "b" ? text : scalar];
  });
export const filtersOf = fc.letrec((tie) => ({
  filter: fc.oneof(
    { maxDepth: 3 },
    { weight: 4, arbitrary: testOf },
    {
      weight: 1,
      arbitrary: fc
        .array(
          fc.oneof({ maxDepth: 2 }, testOf, fc.array(testOf, { minLength: 1, maxLength: 2 }), tie("filter")),
          { minLength: 1, maxLength: 3 },
        )
        .map((branches) => ["OR", branches]),
    },
  ),
  filters: fc.array(tie("filter") as fc.Arbitrary<Filter>, { maxLength: 3 }),
})).filters as fc.Arbitrary<Filter[]>;

export const orderOf = fc.array(
  fc
    .tuple(
      fc.constantFrom("", "nulls_first:", "nulls_last:"),
      fc.constantFrom("", "-"),
      fc.constantFrom("name", "note", "rank", "locked", "at", "made", "owner.name", "id"),
    )
    .map((parts) => parts.join("")),
  { maxLength: 3 },
);
