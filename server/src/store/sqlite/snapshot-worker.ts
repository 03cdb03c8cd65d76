/**
 * A thread that reads both databases for a backup, each in one read transaction, so that all of it is of one moment
 * whatever is written meanwhile. It never writes, and it knows tables and columns from the database itself, so that one of an
 * older schema is read as it is.
 *
 * The rows come as JSON Lines: a line for each table with the names of its columns, a line for each row, and at the end a
 * line with the number of rows of each table. Each part is a gzip member of its own; together they are one gzip file.
 */
import { Database } from "bun:sqlite";
import type { SnapshotFacts, SnapshotFiles } from "../snapshot-parts.ts";
import { BACKUP_TABLES } from "./backup-tables.ts";
import { BUSY_MS } from "./open-database.ts";
import type { DatabaseName } from "./worker.ts";

export type SnapshotRequest =
  | ({ readonly kind: "open" } & SnapshotFiles)
  | { readonly kind: "next" }
  | { readonly kind: "close" };

export type SnapshotReply =
  | { readonly facts: SnapshotFacts }
  /** undefined: there is no more. */
  | { readonly part: Uint8Array | undefined }
  | { readonly closed: true }
  | { readonly failure: string };

/** Characters of a part before it is compressed: some milliseconds of work. */
const PART_CHARS = 1_000_000;
const FACTS = `SELECT
  (SELECT user_version FROM pragma_user_version) AS version,
  (SELECT coalesce(max(seq), 0) FROM changes) AS change,
  (SELECT count(*) FROM users) AS users,
  (SELECT count(*) FROM keys) AS keys`;

declare const self: Worker;

const databases = new Map<DatabaseName, Database>();
let parts: Iterator<Uint8Array> | undefined;

self.onmessage = ({ data }: MessageEvent<SnapshotRequest>) => {
  let reply: SnapshotReply;
  try {
    reply = answer(data);
  } catch (error) {
    reply = { failure: (error as Error).message };
  }
  self.postMessage(reply);
};

function answer(request: SnapshotRequest): SnapshotReply {
  switch (request.kind) {
    case "open":
      return { facts: open(request) };
    case "next": {
      const next = parts?.next();
      return { part: next === undefined || next.done ? undefined : next.value };
    }
    case "close":
      parts?.return?.();
      for (const database of databases.values()) database.close();
      databases.clear();
      return { closed: true };
  }
}

function open({ main, activity }: Extract<SnapshotRequest, { kind: "open" }>): SnapshotFacts {
  for (const [name, path] of [
    ["main", main],
    ["activity", activity],
  ] as const) {
    if (path === undefined) continue;
    const database = new Database(path, { readonly: true, strict: true });
    database.run(`PRAGMA busy_timeout = ${BUSY_MS}; PRAGMA trusted_schema = OFF; BEGIN`);
    databases.set(name, database);
    // The moment is that of the first read.
    database.query("SELECT count(*) FROM sqlite_schema").get();
  }
  const database = databases.get("main")!;
  const found = database.query(FACTS).get() as {
    version: number;
    change: number;
    users: number;
    keys: number;
  };
  const meta = database.query("SELECT name, value FROM meta").all() as { name: string; value: string }[];
  const numbers = database.query("SELECT name, seq FROM sqlite_sequence").all() as {
    name: string;
    seq: number;
  }[];
  parts = compressed(linesOfAll());
  return {
    schema: { main: found.version, activity: versionOf(databases.get("activity")) },
    change: found.change,
    users: found.users,
    keys: found.keys,
    meta: Object.fromEntries(meta.map(({ name, value }) => [name, value])),
    numbers: Object.fromEntries(numbers.map(({ name, seq }) => [name, seq])),
  };
}

function* linesOfAll(): Generator<string> {
  const counts: Record<string, number> = {};
  for (const [name, database] of databases) {
    for (const table of tablesOf(name, database)) {
      const columns = columnsOf(database, table);
      const known = `${name}.${table}`;
      yield JSON.stringify({ table: known, columns });
      const rows = database.query(`SELECT ${columns.map(quoted).join(", ")} FROM ${quoted(table)}`);
      let count = 0;
      for (const row of rows.iterate() as IterableIterator<Record<string, unknown>>) {
        yield JSON.stringify(columns.map((column) => plain(row[column])));
        count++;
      }
      rows.finalize();
      counts[known] = count;
    }
  }
  yield JSON.stringify({ rows: counts });
}

function* compressed(lines: Iterable<string>): Generator<Uint8Array> {
  let text = "";
  for (const line of lines) {
    text += `${line}\n`;
    if (text.length < PART_CHARS) continue;
    yield Bun.gzipSync(text);
    text = "";
  }
  if (text !== "") yield Bun.gzipSync(text);
}

/** Those of the list that are there: an older schema has fewer. */
function tablesOf(name: DatabaseName, database: Database): string[] {
  const rows = database.query("SELECT name FROM sqlite_schema WHERE type = 'table'").all();
  const there = new Set((rows as { name: string }[]).map((row) => row.name));
  return BACKUP_TABLES[name].kept.filter((table) => there.has(table));
}

function columnsOf(database: Database, table: string): string[] {
  const rows = database.query("SELECT name FROM pragma_table_info(?) ORDER BY cid").all(table);
  return (rows as { name: string }[]).map((row) => row.name);
}

function versionOf(database: Database | undefined): number {
  if (!database) return 0;
  return (database.query("PRAGMA user_version").get() as { user_version: number }).user_version;
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

function plain(value: unknown): unknown {
  return value instanceof Uint8Array ? { base64: Buffer.from(value).toString("base64") } : value;
}
