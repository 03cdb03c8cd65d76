import { Database, type SQLQueryBindings } from "bun:sqlite";
import { afterAll, describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  DummyDriver,
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type RawBuilder,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
  sql,
} from "kysely";
import { OPERATORS, parseFilters } from "../src/domain/query.ts";
import { matches } from "../src/domain/query-match.ts";
import { applyOptions, parseOptions } from "../src/domain/query-options.ts";
import { type Column, type Columns, pushDown, pushOrder } from "../src/store/query-sql.ts";

const sqlite = new Kysely<object>({
  dialect: {
    createAdapter: () => new SqliteAdapter(),
    createDriver: () => new DummyDriver(),
    createIntrospector: (db) => new SqliteIntrospector(db),
    createQueryCompiler: () => new SqliteQueryCompiler(),
  },
});
const postgres = new Kysely<object>({
  dialect: {
    createAdapter: () => new PostgresAdapter(),
    createDriver: () => new DummyDriver(),
    createIntrospector: (db) => new PostgresIntrospector(db),
    createQueryCompiler: () => new PostgresQueryCompiler(),
  },
});

const column = (name: string, type: Column["type"], nullable: boolean): Column => ({
  sql: sql.ref(`rows.${name}`),
  type,
  nullable,
});

const COLUMNS: Columns = {
  id: column("id", "integer", false),
  name: column("name", "text", false),
  note: column("note", "text", true),
  rank: column("rank", "integer", true),
  locked: column("locked", "boolean", true),
  at: column("at", "instant", true),
  made: column("made", "instant", false),
  tags: column("tags", "json", true),
  "owner.name": { ...column("owner", "text", true), nullIsMissing: true },
};

interface Row {
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

const database = new Database(":memory:", { strict: true });
// The collation that the SQL must not fall for, and an index that it should use.
database.run(`create table rows (id integer primary key, name text not null collate nocase, note text, rank integer,
  locked integer, at integer, made integer not null, tags text, owner text) strict`);
database.run("create index rows_note on rows (note)");
database.run("create index rows_rank on rows (rank)");
afterAll(() => database.close());

const insert = database.prepare("insert into rows values (?, ?, ?, ?, ?, ?, ?, ?, ?)");
const fill = database.transaction((rows: readonly Row[]) => {
  database.run("delete from rows");
  for (const row of rows) {
    const { id, name, note, rank, locked, at, made, tags, owner } = row;
    const values = [
      id,
      name,
      note,
      rank,
      locked,
      at?.getTime() ?? null,
      made.getTime(),
      tags && JSON.stringify(tags),
    ];
    insert.run(...(values as SQLQueryBindings[]), owner?.name ?? null);
  }
});

function run(statement: RawBuilder<unknown>): number[] {
  const { sql: text, parameters } = statement.compile(sqlite);
  const found = database.query(text).all(...(parameters as SQLQueryBindings[])) as { id: number }[];
  return found.map(({ id }) => id);
}

/* A reference that shares no code with what is tested: it judges filters as they are on the wire. */

type Filter = readonly unknown[];

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

function refPasses(row: Row, filter: Filter): boolean {
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
  return refTest(row[field as keyof Row], op, refDecode(value));
}

function refSort(rows: readonly Row[], orderBy: readonly string[]): Row[] {
  const sorted = [...rows];
  // From the least to the most important: each sort is stable.
  for (const term of orderBy.toReversed()) {
    const bare = term.replace(/^nulls_(first|last):/, "");
    const field = bare.replace(/^-/, "");
    const read = (row: Row) => (field === "owner.name" ? row.owner?.name : row[field as keyof Row]) ?? null;
    const nulls = sorted.filter((row) => read(row) === null);
    const others = sorted.filter((row) => read(row) !== null);
    const sign = bare.startsWith("-") ? -1 : 1;
    others.sort((a, b) => sign * refOrder(read(a), read(b))!);
    const first = term.startsWith("nulls_") ? term.startsWith("nulls_first:") : sign === 1;
    sorted.splice(0, sorted.length, ...(first ? [...nulls, ...others] : [...others, ...nulls]));
  }
  return sorted;
}

/* What is random. */

const TEXTS = [
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
];
const NUMBERS = [0, 1, 2, 7, -1, 2 ** 31, -(2 ** 31) - 1, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER];
const INSTANTS = [0, 1, 1000, 1_702_915_535_000, 1_702_915_535_001, 253_402_300_799_000, -5];
const PATTERNS = [
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
];

const textOf = fc.constantFrom(...TEXTS);
const numberOf = fc.constantFrom(...NUMBERS);
const dateOf = fc.constantFrom(...INSTANTS).map((at) => new Date(at));
const orNull = <T>(of: fc.Arbitrary<T>) => fc.option(of, { nil: null, freq: 3 });
const rowsOf = fc
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
  .map((rows): Row[] => rows.map((row, at) => ({ id: at + 1, ...row })));

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
const filtersOf = fc.letrec((tie) => ({
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

const orderOf = fc.array(
  fc
    .tuple(
      fc.constantFrom("", "nulls_first:", "nulls_last:"),
      fc.constantFrom("", "-"),
      fc.constantFrom("name", "note", "rank", "locked", "at", "made", "owner.name", "id"),
    )
    .map((parts) => parts.join("")),
  { maxLength: 3 },
);

describe("What SQL and the residual filter give together", () => {
  test("is what a naive reference gives, for all rows, filters, orders and pages", () => {
    const seen = { exact: 0, inexact: 0, hits: 0 };
    fc.assert(
      fc.property(
        rowsOf,
        filtersOf,
        orderOf,
        fc.nat(4),
        fc.nat(4),
        (rows, filters, orderBy, limit, offset) => {
          fill(rows);
          const condition = parseFilters(filters);
          const { where, exact } = pushDown(condition, COLUMNS);
          const expected = rows.filter((row) => filters.every((filter) => refPasses(row, filter)));
          const found = run(sql`select id from rows where ${where} order by id`);
          const residual = rows.filter((row) => found.includes(row.id) && matches(condition, row));
          expect(residual.map(({ id }) => id)).toEqual(expected.map(({ id }) => id));
          if (exact) expect(found).toEqual(expected.map(({ id }) => id));
          seen[exact ? "exact" : "inexact"]++;
          seen.hits += Number(expected.length > 0);

          const ordered = refSort(expected, orderBy).slice(offset, limit ? offset + limit : undefined);
          const ids = ordered.map(({ id }) => id);
          const options = parseOptions({ order_by: orderBy, limit, offset });
          expect((applyOptions(residual, options) as Row[]).map(({ id }) => id)).toEqual(ids);
          const terms = sql.join([...pushOrder(options.orderBy, COLUMNS)!, sql`id`]);
          const page = sql`select id from rows where ${where} order by ${terms} limit ${limit || -1} offset ${offset}`;
          if (exact) expect(run(page)).toEqual(ids);
        },
      ),
      { numRuns: 3000 },
    );
    expect(seen.exact).toBeGreaterThan(500);
    expect(seen.inexact).toBeGreaterThan(500);
    expect(seen.hits).toBeGreaterThan(500);
  }, 20_000);
});

describe("One filter at a time", () => {
  const ROWS: Row[] = TEXTS.map((name, at) => ({
    id: at + 1,
    name,
    note: at % 5 === 0 ? null : name,
    rank: at % 4 === 0 ? null : (NUMBERS[at % NUMBERS.length] ?? null),
    locked: [null, true, false][at % 3]!,
    at: at % 3 === 0 ? null : new Date(INSTANTS[at % INSTANTS.length]!),
    made: new Date(INSTANTS[at % INSTANTS.length]!),
    tags: null,
    owner: at % 2 === 0 ? null : { name },
  }));
  const VALUES = [...TEXTS, ...NUMBERS, 1.5, true, false, null, ...INSTANTS.map(($date) => ({ $date }))];
  const LISTS = [[], [null], ["a", "A", null], [1, "1", 7], [true], [{ $date: 1000 }, { $date: 0 }, 1000]];
  const exactFields = ["id", "name", "note", "rank", "locked", "at", "made", "owner.name"];

  test.each(OPERATORS)("%s is pushed so that no affinity, collation or null changes the answer", (op) => {
    fill(ROWS);
    const values: unknown[] =
      op === "~" ? PATTERNS : op === "in" || op === "nin" ? LISTS : /[\^$]/.test(op) ? TEXTS : VALUES;
    for (const field of exactFields) {
      for (const value of values) {
        const condition = parseFilters([[field, op, value]]);
        const { where, exact } = pushDown(condition, COLUMNS);
        const found = run(sql`select id from rows where ${where} order by id`);
        const expected = ROWS.filter((row) => refPasses(row, [field, op, value])).map(({ id }) => id);
        const kept = exact ? found : found.filter((id) => matches(condition, ROWS[id - 1]!));
        expect([field, value, kept]).toEqual([field, value, expected]);
      }
    }
  });

  test.each([
    [["name", "=", "a"], true],
    [["name", "^", "a"], true],
    [["name", "!$", "a"], true],
    [["rank", "nin", [1, 2]], true],
    [["locked", "!=", null], true],
    [["at.$date", ">=", "2023-12-18"], true],
    [["at", "<", { $date: 5 }], true],
    [["id", "C=", 5], true],
    [["id", "~", "5"], true],
    [["name", "~", "^ab.*"], true],
    [["name", "~", "ab"], true],
    [["name", "~", "ab+"], false],
    [["name", "C=", "a"], false],
    [["name", "rin", "a"], false],
    [["tags", "=", []], false],
    [["tags.*", "=", "a"], false],
    [["absent", "=", 1], false],
    [["__proto__", "=", 1], false],
    [["constructor", "!=", 1], false],
    [
      [
        "OR",
        [
          ["name", "=", "a"],
          ["rank", ">", 1],
        ],
      ],
      true,
    ],
    [
      [
        "OR",
        [
          ["name", "=", "a"],
          ["absent", ">", 1],
        ],
      ],
      false,
    ],
    [
      [
        "OR",
        [
          ["absent", ">", 1],
          ["name", "^", ""],
        ],
      ],
      true,
    ],
    [
      [
        "OR",
        [
          [
            ["absent", ">", 1],
            ["name", "=", 5],
          ],
          ["rank", "=", 1],
        ],
      ],
      true,
    ],
  ] as const)("%j says by itself whether SQL says the same", (filter, exact) => {
    expect(pushDown(parseFilters([filter]), COLUMNS).exact).toBe(exact);
  });
});

test("Orders by what is no column are left to the caller", () => {
  const push = (...orderBy: string[]) => pushOrder(parseOptions({ order_by: orderBy }).orderBy, COLUMNS);
  expect(push()).toEqual([]);
  expect(push("name", "-rank")).toHaveLength(2);
  expect(push("tags")).toBeUndefined();
  expect(push("name", "absent")).toBeUndefined();
  expect(push("constructor")).toBeUndefined();
});

test.each([
  [["note", "=", "a"], "rows_note"],
  [["note", "^", "a"], "rows_note"],
  [["note", "~", "ab.*c"], "rows_note"],
  [["note", "in", ["a", "b"]], "rows_note"],
  [["rank", ">", 1.5], "rows_rank"],
  [["rank", "in", [1, 2]], "rows_rank"],
  [["id", "=", 1], "INTEGER PRIMARY KEY"],
])("%j is answered by an index", (filter, index) => {
  const { where } = pushDown(parseFilters([filter]), COLUMNS);
  expect(planOf(sql`select id from rows where ${where}`)).toContain(index);
});

test.each(["note", "-note", "rank", "nulls_first:rank"])("An index gives the order %s", (term) => {
  const terms = pushOrder(parseOptions({ order_by: [term] }).orderBy, COLUMNS)!;
  expect(planOf(sql`select id, name from rows order by ${sql.join(terms)} limit 5`)).not.toContain(
    "TEMP B-TREE",
  );
});

function planOf(statement: RawBuilder<unknown>): string {
  const { sql: text, parameters } = statement.compile(sqlite);
  const plan = database.query(`explain query plan ${text}`).all(...(parameters as SQLQueryBindings[]));
  return JSON.stringify(plan);
}

test("The longest query that is accepted fits into one statement", () => {
  const lists = Array.from({ length: 9 }, () => ["rank", "in", Array.from({ length: 1000 }, (_, at) => at)]);
  const wide = Array.from({ length: 180 }, () => ["OR", [["note", "$", "x"]]]).slice(0, 90);
  const { where } = pushDown(parseFilters([["OR", [...lists, ...wide]]]), COLUMNS);
  expect(() => run(sql`select id from rows where ${where}`)).not.toThrow();
});

test("PostgreSQL is given typed parameters and its own collation", () => {
  const filters = [
    ["note", "^", "a"],
    ["rank", "!=", 3],
    [
      "OR",
      [
        ["note", "$", "bc"],
        ["locked", "=", false],
      ],
    ],
  ];
  const { where } = pushDown(parseFilters(filters), COLUMNS, "postgres");
  const terms = pushOrder(parseOptions({ order_by: ["-note"] }).orderBy, COLUMNS, "postgres")!;
  const compiled = sql`select id from rows where ${where} order by ${sql.join([...terms])}`.compile(postgres);
  expect(compiled.parameters).toEqual(["a", "b", 3, "bc"]);
  expect(compiled.sql.replaceAll(/"rows"\."(\w+)"/g, "$1")).toBe(
    'select id from rows where (((note collate "C") >= cast($1 as text) and (note collate "C") < cast($2 as text))' +
      " and (rank is null or rank <> cast($3 as bigint))" +
      ' and (substr((note collate "C"), length((note collate "C")) - 1) = cast($4 as text) or (not locked)))' +
      ' order by (note collate "C") desc nulls last',
  );
});
