/**
 * The database that is in a data folder before a restore: read as it is where a server may run on it, or held by an
 * exclusive lock of SQLite, under which nobody else can open it (held by `backup-restore.test.ts`).
 */
import { Database } from "bun:sqlite";
import { existsSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { AppError } from "../../domain/errors.ts";
import { metaOf, readAsItIs, versionOf } from "./as-it-is.ts";
import { ACTIVITY_MIGRATIONS, MIGRATIONS } from "./migrations.ts";
import { ACTIVITY_FILE, isDamagedLog, MAIN_FILE } from "./opening.ts";

/** What stands in the folder, as far as a restore must know. */
export type Present =
  | { readonly kind: "none" }
  /** It cannot be read, so nothing that it knows can be kept. */
  | { readonly kind: "unreadable"; readonly why: string }
  | {
      readonly kind: "readable";
      readonly meta: Readonly<Record<string, string>>;
      /** What was in its log is lost. */
      readonly isLogDamaged: boolean;
    };

const LOCK_FILE = "restore.lock";
const LOCK_WAIT_MS = 2_000;

export function findPresent(folder: string): Present {
  const path = join(folder, MAIN_FILE);
  if ((statSync(path, { throwIfNoEntry: false })?.size ?? 0) === 0 && !existsSync(`${path}-wal`))
    return { kind: "none" };
  const isLogDamaged = isDamagedLog(`${path}-wal`);
  let database: Database | undefined;
  try {
    database = new Database(path, { readonly: true, strict: true });
    database.run(`PRAGMA busy_timeout = ${LOCK_WAIT_MS}; PRAGMA trusted_schema = OFF`);
    const schema = versionOf(database);
    if (schema > MIGRATIONS.length)
      return { kind: "unreadable", why: `a newer Chatelaine made it (schema ${schema})` };
    if (schema === 0) return { kind: "unreadable", why: "it has no tables" };
    const fault = faultOf(database);
    if (fault !== "ok") return { kind: "unreadable", why: fault };
    const rows = readAll<{ name: string; value: string }>(database, "SELECT name, value FROM meta");
    return {
      kind: "readable",
      isLogDamaged,
      meta: Object.fromEntries(rows.map((row) => [row.name, row.value])),
    };
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    if (code?.startsWith("SQLITE_BUSY")) throw served(folder);
    return { kind: "unreadable", why: message };
  } finally {
    database?.close();
  }
}

/** A copy that is of one moment and may be written to. @param path where there is nothing yet */
export function copyPresent(folder: string, path: string): Database {
  const source = new Database(join(folder, MAIN_FILE), { readonly: true, strict: true });
  try {
    source.run(`PRAGMA busy_timeout = ${LOCK_WAIT_MS}`);
    const copy = source.prepare("VACUUM INTO ?");
    copy.run(path);
    copy.finalize();
  } finally {
    source.close();
  }
  return new Database(path, { readwrite: true, create: false, strict: true });
}

/** Opens it so that nobody else can. Throws conflict while a server, or another command, has it open. */
export function holdPresent(folder: string): Database {
  const database = new Database(join(folder, MAIN_FILE), { readwrite: true, create: false, strict: true });
  try {
    database.run(
      `PRAGMA busy_timeout = ${LOCK_WAIT_MS}; PRAGMA locking_mode = EXCLUSIVE; PRAGMA synchronous = FULL; PRAGMA trusted_schema = OFF`,
    );
    database.run("BEGIN EXCLUSIVE");
    database.run("COMMIT");
    return database;
  } catch (error) {
    database.close();
    if ((error as { code?: string }).code?.startsWith("SQLITE_BUSY")) throw served(folder);
    throw new AppError("unavailable", `The database in ${folder} cannot be opened`, { cause: error });
  }
}

/** Whether somebody else has it open, as far as a file shows that may be no database any more. */
export function isServed(folder: string): boolean {
  try {
    holdPresent(folder).close();
    return false;
  } catch (error) {
    return error instanceof AppError && error.code === "conflict";
  }
}

export function served(folder: string): AppError {
  return new AppError(
    "conflict",
    `Chatelaine runs on ${folder}; stop it first, such as by \`systemctl stop chatelaine\`. --dry-run works beside it.`,
  );
}

/** Restores into one folder take turns. Throws conflict where one runs. @returns the way out */
export function lockRestores(folder: string): () => void {
  const path = join(folder, LOCK_FILE);
  const database = new Database(path, { readwrite: true, create: true, strict: true });
  try {
    database.run("PRAGMA busy_timeout = 0; PRAGMA journal_mode = OFF; PRAGMA locking_mode = EXCLUSIVE");
    database.run("BEGIN EXCLUSIVE");
  } catch (error) {
    const isHeld = (error as { code?: string }).code?.startsWith("SQLITE_BUSY") ?? false;
    if (!isHeld) rmSync(path, { force: true });
    database.close();
    if (isHeld) throw new AppError("conflict", `Another restore into ${folder} runs`, { cause: error });
    throw new AppError("unavailable", `${path} cannot be written`, { cause: error });
  }
  return () => {
    rmSync(path, { force: true });
    database.close();
  };
}

/** Whether `activity.db` is there and whole; there is nothing in it without which keys could not be served. */
export function isActivityReadable(folder: string): boolean {
  const path = join(folder, ACTIVITY_FILE);
  if (!existsSync(path)) return false;
  let database: Database | undefined;
  try {
    database = new Database(path, { readonly: true, strict: true });
    const schema = versionOf(database);
    return schema > 0 && schema <= ACTIVITY_MIGRATIONS.length && faultOf(database) === "ok";
  } catch {
    return false;
  } finally {
    database?.close();
  }
}

/** @returns undefined where both databases are of this version, or there is none of this master secret. */
export function findOlderSchema(
  folder: string,
  fingerprint: string,
): { readonly schema: number; readonly files: { main: string; activity: string | undefined } } | undefined {
  const main = readHeader(join(folder, MAIN_FILE), true);
  if (!main || main.schema === 0 || main.fingerprint !== fingerprint) return undefined;
  const path = join(folder, ACTIVITY_FILE);
  const activity = readHeader(path, false);
  const activitySchema = activity?.schema ?? 0;
  const isOlder =
    main.schema < MIGRATIONS.length || (activitySchema > 0 && activitySchema < ACTIVITY_MIGRATIONS.length);
  if (!isOlder || main.schema > MIGRATIONS.length) return undefined;
  const files = { main: join(folder, MAIN_FILE), activity: activitySchema > 0 ? path : undefined };
  return { schema: main.schema, files };
}

/** @returns undefined where it cannot be read: who opens it then says why */
function readHeader(
  path: string,
  hasMeta: boolean,
): { readonly schema: number; readonly fingerprint: string | undefined } | undefined {
  if (!existsSync(path)) return undefined;
  try {
    return readAsItIs(path, (database) => {
      const schema = versionOf(database);
      const fingerprint = hasMeta && schema > 0 ? metaOf(database, "secret_fingerprint") : undefined;
      return { schema, fingerprint };
    });
  } catch {
    return undefined;
  }
}

/** @returns `ok`, or what is wrong with the file */
function faultOf(database: Database): string {
  return readAll<{ quick_check: string }>(database, "PRAGMA quick_check(1)")[0]!.quick_check;
}

/** A statement that is not finalized would keep the file open, and locked, beyond `close`. */
function readAll<Row>(database: Database, sql: string): Row[] {
  const statement = database.prepare(sql);
  try {
    return statement.all() as Row[];
  } finally {
    statement.finalize();
  }
}
