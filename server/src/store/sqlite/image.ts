/**
 * A backup as two database files: made by the migrations up to the version of its rows, filled, and then migrated as a database of
 * that version would be. Whatever the rows are, the tables' own rules hold for them.
 */
import { Database, type SQLQueryBindings } from "bun:sqlite";
import { closeSync, openSync } from "node:fs";
import { join } from "node:path";
import { AppError } from "../../domain/errors.ts";
import { BACKUP_TABLES } from "./backup-tables.ts";
import { fillSlice } from "./fill-search-text.ts";
import { ACTIVITY_MIGRATIONS, MIGRATIONS, type Migration } from "./migrations.ts";
import { ACTIVITY_FILE, MAIN_FILE } from "./opening.ts";
import type { DatabaseName } from "./worker.ts";

export interface Schema {
  readonly main: number;
  readonly activity: number;
}

/** Of this program. */
export const SCHEMA: Schema = { main: MIGRATIONS.length, activity: ACTIVITY_MIGRATIONS.length };

const PLANS: Readonly<Record<DatabaseName, { file: string; migrations: readonly Migration[] }>> = {
  main: { file: MAIN_FILE, migrations: MIGRATIONS },
  activity: { file: ACTIVITY_FILE, migrations: ACTIVITY_MIGRATIONS },
};

export interface Image {
  /** @param table `main.users`. Throws invalid where it is not what this version has. */
  put(table: string, columns: readonly string[], rows: readonly (readonly unknown[])[]): void;
  /** Migrates what was put, and checks it. @returns the paths of the two files */
  finish(): Readonly<Record<DatabaseName, string>>;
  close(): void;
}

/** @param folder in which the files are made */
export function createImage(folder: string, schema: Schema): Image {
  const databases = {
    main: createDatabase(folder, "main", schema),
    activity: createDatabase(folder, "activity", schema),
  };
  const close = (): void => {
    for (const database of Object.values(databases)) database.close();
  };
  return {
    put: (table, columns, rows) => {
      const [name = "", inner = ""] = table.split(".");
      const database = databases[name as DatabaseName];
      if (!database || !BACKUP_TABLES[name as DatabaseName].kept.includes(inner))
        throw new AppError("invalid", `The backup has a table that this version does not know: ${table}`);
      requireColumns(database, inner, columns);
      const names = columns.map((column) => `"${column}"`).join(", ");
      const insert = database.query(
        `INSERT INTO "${inner}" (${names}) VALUES (${columns.map(() => "?").join(", ")})`,
      );
      try {
        for (const row of rows) insert.run(...(row as SQLQueryBindings[]));
      } catch (error) {
        throw new AppError("invalid", `A row of ${table} in the backup breaks the rules of its table`, {
          cause: error,
        });
      }
    },
    finish: () => {
      for (const [name, database] of Object.entries(databases)) {
        database.run("COMMIT");
        if (database.query("PRAGMA foreign_key_check").get())
          throw new AppError("invalid", "Rows of the backup refer to others that are not in it");
        database.transaction(() => migrate(database, name as DatabaseName))();
        // As a server leaves it.
        database.run("PRAGMA journal_mode = WAL");
      }
      close();
      return { main: join(folder, MAIN_FILE), activity: join(folder, ACTIVITY_FILE) };
    },
    close,
  };
}

/** Where it is closed it may be thrown away, so that it waits for no disk. */
function createDatabase(folder: string, name: DatabaseName, schema: Schema): Database {
  const path = join(folder, PLANS[name].file);
  closeSync(openSync(path, "wx", 0o600));
  const database = new Database(path, { readwrite: true, create: false, strict: true });
  database.run(
    "PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF; PRAGMA foreign_keys = OFF; PRAGMA trusted_schema = OFF",
  );
  migrate(database, name, schema[name]);
  // What a migration puts into a table is in the backup too.
  for (const table of BACKUP_TABLES[name].kept)
    if (hasTable(database, table)) database.run(`DELETE FROM "${table}"`);
  database.run("BEGIN");
  return database;
}

function hasTable(database: Database, table: string): boolean {
  return database.query("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?").get(table) !== null;
}

/** To be run in a transaction. @param to this program's own version unless it is given */
export function migrate(database: Database, name: DatabaseName, to: number = SCHEMA[name]): void {
  const { user_version: from } = database.query("PRAGMA user_version").get() as { user_version: number };
  if (from >= to) return;
  for (const migration of PLANS[name].migrations.slice(from, to))
    for (const statement of migration) database.run(statement);
  database.run(`PRAGMA user_version = ${to}`);
  if (name === "main" && to === SCHEMA.main) while (fillSlice(database));
}

/** A new and empty `chatelaine.db` that is to stay: as durable as one that a server makes. */
export function createEmpty(path: string): Database {
  closeSync(openSync(path, "wx", 0o600));
  const database = new Database(path, { readwrite: true, create: false, strict: true });
  database.run("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA trusted_schema = OFF");
  database.transaction(() => migrate(database, "main"))();
  return database;
}

function requireColumns(database: Database, table: string, columns: readonly string[]): void {
  const known = database.query("SELECT name FROM pragma_table_info(?)").all(table) as { name: string }[];
  const names = known.map(({ name }) => name);
  const fits = names.length === columns.length && names.every((name) => columns.includes(name));
  if (!fits)
    throw new AppError("invalid", `The columns of ${table} in the backup are not those of its version`);
}
