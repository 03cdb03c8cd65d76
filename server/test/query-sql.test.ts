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
import { OPERATORS } from "../src/domain/filter.ts";
import { matches } from "../src/domain/filter-match.ts";
import { fold } from "../src/domain/filter-values.ts";
import { type Column, type Columns, pushDown, pushOrder } from "../src/store/filter-sql.ts";
import { parseFilters } from "../src/truenas/query-filters.ts";
import { applyOptions, parseOptions } from "../src/truenas/query-options.ts";
import {
  filtersOf,
  INSTANTS,
  NUMBERS,
  orderOf,
  PATTERNS,
  type ReferenceRow,
  refPasses,
  refSort,
  rowsOf,
  TEXTS,
} from "./query-reference.ts";

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
  name: { ...column("name", "text", false), searchText: sql.ref("rows.searched") },
  note: { ...column("note", "text", true), searchText: sql.ref("rows.searched") },
  rank: column("rank", "integer", true),
  locked: column("locked", "boolean", true),
  at: column("at", "instant", true),
  made: column("made", "instant", false),
  tags: { ...column("tags", "texts", true), searchText: sql.ref("rows.searched") },
  searched: { ...column("searched", "text", false), isFolded: true },
  "owner.name": { ...column("owner", "text", true), nullIsMissing: true },
};

const database = new Database(":memory:", { strict: true });
// The collation that the SQL must not fall for, and an index that it should use.
database.run(`create table rows (id integer primary key, name text not null collate nocase, note text, rank integer,
  locked integer, at integer, made integer not null, tags text, owner text,
  searched text not null) strict`);
database.run("create index rows_note on rows (note)");
database.run("create index rows_rank on rows (rank)");
afterAll(() => database.close());

const insert = database.prepare("insert into rows values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
const fill = database.transaction((rows: readonly ReferenceRow[]) => {
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
    const searched = fold([name, note ?? "", ...(tags ?? [])].join("\n")) as string;
    insert.run(...(values as SQLQueryBindings[]), owner?.name ?? null, searched);
  }
});

function run(statement: RawBuilder<unknown>): number[] {
  const { sql: text, parameters } = statement.compile(sqlite);
  const found = database.query(text).all(...(parameters as SQLQueryBindings[])) as { id: number }[];
  return found.map(({ id }) => id);
}

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
          expect((applyOptions(residual, options) as ReferenceRow[]).map(({ id }) => id)).toEqual(ids);
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
  const ROWS: ReferenceRow[] = TEXTS.map((name, at) => ({
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
    [["name", "rin", "a"], true],
    [["name", "Crin", "a"], false],
    [["tags", "rin", "a"], true],
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

describe("What SQL says of text in any case and by parts", () => {
  const words = [
    ...TEXTS,
    "SS",
    "ß",
    "ſs",
    "K",
    "\u212a",
    "i",
    "İ",
    "Σ",
    "ς",
    "\ta",
    "1_0%",
    "nB",
    "[",
    "]",
    ",",
    '"',
  ];
  const rows = words.flatMap((name, at): ReferenceRow[] => {
    const [one, other] = [words[(at + 1) % words.length]!, words[(at + 2) % words.length]!];
    const rest = { rank: null, locked: null, at: null, made: new Date(0), owner: null };
    return [null, [], [name], [one, other]].map((tags, turn) => ({
      ...rest,
      id: at * 4 + turn + 1,
      name,
      note: turn === 0 ? null : one,
      tags,
    }));
  });
  const patterns = words.flatMap((word) => [`.*${word}.*`, `(?i).*${word}`, `(?i)^.*${word}.*`]);

  test.each(["C=", "C^", "C$", "Crin", "~"])(
    "%s: no to no row that passes, and where it is exact, yes to no other",
    (op) => {
      fill(rows);
      let said = 0;
      for (const field of ["name", "note", "tags.*"]) {
        for (const value of op === "~" ? patterns.filter(isPattern) : words) {
          const condition = parseFilters([[field, op, value]]);
          const { where, exact } = pushDown(condition, COLUMNS);
          if (sqlOf(where) !== "1 = 1") said++;
          const passing = rows.filter((row) => matches(condition, row)).map(({ id }) => id);
          const found = run(sql`select id from rows where ${where} order by id`);
          expect([field, value, passing.filter((id) => !found.includes(id))]).toEqual([field, value, []]);
          if (exact) expect([field, value, found]).toEqual([field, value, passing]);
        }
      }
      expect(said).toBeGreaterThan(2 * TEXTS.length);
    },
  );

  test("a word is in what a row is searched by exactly where it is in one of its texts", () => {
    fill(rows);
    for (const word of words.filter((one) => !/\s/.test(one))) {
      const { where, exact } = pushDown(parseFilters([["searched", "Crin", word]]), COLUMNS);
      expect(exact).toBe(true);
      const passing = ["name", "note", "tags.*"].map((field) => parseFilters([[field, "Crin", word]]));
      const ids = rows.filter((row) => passing.some((one) => matches(one, row))).map(({ id }) => id);
      expect([word, run(sql`select id from rows where ${where} order by id`)]).toEqual([word, ids]);
    }
  });
});

test("Long words are left to a search that gives up after a time", () => {
  const words = (length: number): unknown[] =>
    ["a", "b"].map((letter) => ["name", "Crin", letter.repeat(length / 2)]);
  expect(sqlOf(pushDown(parseFilters(words(256)), COLUMNS).where)).not.toBe("1 = 1");
  expect(sqlOf(pushDown(parseFilters(words(258)), COLUMNS).where)).toBe("1 = 1");
  for (const [op, field] of [
    ["rin", "name"],
    ["rnin", "note"],
    ["rin", "tags"],
  ] as const) {
    expect(pushDown(parseFilters([[field, op, "a".repeat(256)]]), COLUMNS).exact).toBe(true);
    expect(pushDown(parseFilters([[field, op, "a".repeat(257)]]), COLUMNS).exact).toBe(false);
  }
});

function sqlOf(statement: RawBuilder<unknown>): string {
  return statement.compile(sqlite).sql;
}

function isPattern(source: string): boolean {
  try {
    parseFilters([["name", "~", source]]);
    return true;
  } catch {
    return false;
  }
}

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
