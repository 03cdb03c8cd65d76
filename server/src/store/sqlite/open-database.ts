/** Makes, checks and migrates the two database files, before anything else opens them. */
import { Database } from "bun:sqlite";
import { closeSync, existsSync, openSync, statfsSync } from "node:fs";
import { join } from "node:path";
import { AppError } from "../../domain/errors.ts";
import type { SettingsPatch } from "../../domain/settings.ts";
import type { Log } from "../../log.ts";
import { versionOf } from "./as-it-is.ts";
import { fillSlice } from "./fill-search-text.ts";
import { refuseForeignLog } from "./log-of-file.ts";
import { ACTIVITY_MIGRATIONS, MIGRATIONS, type Migration } from "./migrations.ts";
import {
  ACTIVITY_FILE,
  isDamagedLog,
  judgeOpened,
  MAIN_FILE,
  type Opened,
  readKnown,
  refuseEmpty,
  refuseForeign,
  refuseNewer,
  refuseOtherSecret,
} from "./opening.ts";

export const BUSY_MS = 2_000;
/** Below it, a race in WAL checkpoints can corrupt the file. */
const SQLITE_LEAST = [3, 51, 3] as const;
/** `f_type` of statfs(2): NFS, SMB, CIFS, SMB2, AFS, Ceph, 9p, Lustre, GPFS. Their locks cannot be trusted. */
const NETWORK_FILE_SYSTEMS: ReadonlyMap<number, string> = new Map([
  [0x6969, "NFS"],
  [0x517b, "SMB"],
  [0xff534d42, "CIFS"],
  [0xfe534d42, "SMB2"],
  [0x5346414f, "AFS"],
  [0x00c36400, "Ceph"],
  [0x01021997, "9p"],
  [0x0bd00bd0, "Lustre"],
  [0x47504653, "GPFS"],
]);

export interface PrepareOptions {
  readonly folder: string;
  /** Of the master secret. */
  readonly fingerprint: string;
  /** Makes the databases where there are none. */
  readonly create: boolean;
  /** Of a database that is made now. */
  readonly firstSettings?: SettingsPatch | undefined;
  /** Where the state file is kept; null: nowhere. */
  readonly stateFolder: string | null;
  readonly now: number;
  readonly log: Log;
}

export interface Prepared extends Opened {
  /** Paths. */
  readonly main: string;
  readonly activity: string;
}

/** Migrates and judges both files. Throws AppError unavailable or invalid with one clear line. */
export function prepareDatabases(options: PrepareOptions): Prepared {
  const { folder, fingerprint, create } = options;
  const files = { main: join(folder, MAIN_FILE), activity: join(folder, ACTIVITY_FILE) };
  if (!create && !existsSync(files.main))
    throw new AppError("unavailable", `There is no Chatelaine in ${folder}`);
  refuseNetwork(folder);
  refuseOldSqlite();
  const known = readKnown(folder, options.stateFolder);
  refuseForeign(known, fingerprint);
  const isLogDamaged = isDamagedLog(`${files.main}-wal`);
  if (!isLogDamaged) refuseForeignLog(files.main, known, [folder, options.stateFolder ?? folder]);
  let opened: Opened | undefined;
  migrate(files.main, MIGRATIONS, {
    before: (version) => {
      if (version === 0) refuseEmpty(known, fingerprint);
    },
    made: (database) => putFirstSettings(database, options.firstSettings ?? {}),
    filled: (database) => {
      const slice = database.transaction(() => fillSlice(database));
      while (slice.immediate());
    },
    after: (database, schemaBefore) => {
      checkFingerprint(database, fingerprint, folder);
      opened = judgeOpened(database, { ...options, known, schemaBefore, isLogDamaged });
    },
  });
  migrate(files.activity, ACTIVITY_MIGRATIONS, {});
  return { ...files, ...opened! };
}

function refuseNetwork(folder: string): void {
  const name = NETWORK_FILE_SYSTEMS.get(Number(statfsSync(folder).type) >>> 0);
  if (name)
    throw new AppError(
      "unavailable",
      `${folder} is on a network file system (${name}); SQLite needs a local one`,
    );
}

function refuseOldSqlite(): void {
  const database = new Database(":memory:");
  const { version } = database.query("SELECT sqlite_version() AS version").get() as { version: string };
  database.close();
  const parts = version.split(".").map(Number);
  const differing = SQLITE_LEAST.findIndex((least, place) => parts[place] !== least);
  if (differing >= 0 && parts[differing]! < SQLITE_LEAST[differing]!) {
    throw new AppError(
      "unavailable",
      `SQLite ${version} is too old; ${SQLITE_LEAST.join(".")} or newer is needed`,
    );
  }
}

/** Two processes that start at once: one migrates, the other finds it done. */
function migrate(
  path: string,
  migrations: readonly Migration[],
  steps: {
    /** Told the version that was found, before anything is written. */
    readonly before?: (version: number) => void;
    /** In the transaction that makes the first tables. */
    readonly made?: (database: Database) => void;
    readonly after?: (database: Database, versionBefore: number) => void;
    /** Last: what is to be put into them slice by slice. */
    readonly filled?: (database: Database) => void;
  },
): void {
  if (!existsSync(path)) {
    steps.before?.(0);
    closeSync(openSync(path, "a", 0o600));
  }
  const database = new Database(path, { readwrite: true, create: false, strict: true });
  try {
    database.run(`PRAGMA busy_timeout = ${BUSY_MS * 5}`);
    const known = versionOf(database);
    steps.before?.(known);
    refuseNewer(path, known, migrations.length);
    database.run("PRAGMA synchronous = FULL");
    if (known < migrations.length) {
      database.run("PRAGMA journal_mode = WAL");
      database
        .transaction(() => {
          const isNew = versionOf(database) === 0;
          for (let version = versionOf(database); version < migrations.length; version++) {
            for (const statement of migrations[version]!) database.run(statement);
          }
          if (isNew) steps.made?.(database);
          database.run(`PRAGMA user_version = ${migrations.length}`);
        })
        .immediate();
    }
    steps.after?.(database, known);
    steps.filled?.(database);
  } catch (error) {
    if (error instanceof AppError) throw error;
    throw new AppError("unavailable", `${path} cannot be opened: ${(error as Error).message}`, {
      cause: error,
    });
  } finally {
    database.close();
  }
}

function putFirstSettings(database: Database, settings: SettingsPatch): void {
  const put = database.query("INSERT INTO settings (name, value) VALUES (?, ?)");
  for (const [name, value] of Object.entries(settings)) put.run(name, JSON.stringify(value));
}

function checkFingerprint(database: Database, fingerprint: string, folder: string): void {
  const find = database.query("SELECT value FROM meta WHERE name = 'secret_fingerprint'");
  if (!find.get()) {
    database
      .query("INSERT OR IGNORE INTO meta (name, value) VALUES ('secret_fingerprint', ?)")
      .run(fingerprint);
  }
  const { value } = find.get() as { value: string };
  refuseOtherSecret(value, fingerprint, folder);
}
