/**
 * Brings an installation back from a backup. Everything is checked before anything changes: that the file is whole, that this
 * version knows its form and its tables, that it is of the master secret and the installation of the folder, and that
 * nobody serves the folder.
 *
 * Where the folder has a database that can be read, nothing comes back that it knows to have ended; where it has none, or where
 * the operator wants the backup as it was, the data waits in quarantine to be accepted. Before the database is changed a
 * backup of it is written beside it. Held by `server/test/backup-restore.test.ts` and `cli/test/backup.test.ts`.
 */
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { recordOf } from "../activity/audit.ts";
import {
  CA_FILES,
  FILES_TABLE,
  instantOfName,
  openBackup,
  type WholeBackup,
  writeSafetyBackup,
} from "../backup/backup.ts";
import { deriveSecrets, openMasterSecret, type Random, type Secrets } from "../crypto.ts";
import type { Caller } from "../domain/caller.ts";
import { AppError } from "../domain/errors.ts";
import { findMasterSecret, putMasterSecret } from "../installation.ts";
import {
  carryOutRestore,
  createImage,
  findPresent,
  isActivityReadable,
  isServed,
  leaveWhole,
  lockRestores,
  type Outcome,
  type Present,
  previewRestore,
  RESTORED,
  type RestoreJob,
  SCHEMA,
  served,
  whoseFolder,
} from "../store/sqlite/archive.ts";
import { type Move, placeFiles } from "./place.ts";

export interface FromBackup {
  readonly by: Caller;
  readonly file: string;
  readonly folder: string;
  readonly stateFolder: string | null;
  /** Takes the backup as it is, whatever ended since. */
  readonly asItWas: boolean;
  /** Changes nothing, and says what would happen. */
  readonly dryRun: boolean;
  /** Asked only where the master secret is needed from the backup. */
  readonly passphrase: () => Promise<string>;
  readonly now: number;
  readonly random: Random;
}

export interface FromBackupResult extends Outcome {
  readonly backup: WholeBackup;
  readonly present: Present;
  /** Of a dry run: whether a server, or another command, has the folder open. */
  readonly isServed: boolean;
  /** What the database was before, as a backup. */
  readonly before: string | undefined;
  /** Where the files that were there went. */
  readonly aside: string | undefined;
}

const WORK_FOLDER = "restore-work";
const DATABASES = { main: "chatelaine.db", activity: "activity.db" } as const;
const NAMED_MAX = 200;
/** The last is of an index of the log that cannot grow. */
const FULL_CODES: ReadonlySet<string> = new Set([
  "SQLITE_FULL",
  "ENOSPC",
  "EDQUOT",
  "SQLITE_IOERR_WRITE",
  "SQLITE_IOERR_SHMSIZE",
]);
const FULL_DISK = /disk is full|ENOSPC/i;

/** Throws AppError, one clear line, with nothing changed. */
export async function restoreFromBackup(options: FromBackup): Promise<FromBackupResult> {
  try {
    return await restoreChecked(options);
  } catch (error) {
    if ((error instanceof AppError && error.code === "storage_full") || !isOutOfSpace(error)) throw error;
    const full = options.dryRun ? tmpdir() : options.folder;
    throw new AppError("storage_full", `There is no space in ${full} for the restore`, { cause: error });
  } finally {
    // Reading alone makes a log beside a database.
    await leaveWhole(Object.values(DATABASES).map((name) => join(options.folder, name)));
  }
}

/** Whether a full disk is at the bottom of it, whichever step met it. */
function isOutOfSpace(error: unknown): boolean {
  const { code = "", message, cause } = error as { code?: string; message: string; cause?: unknown };
  if (FULL_CODES.has(code) || FULL_DISK.test(message)) return true;
  return cause !== undefined && isOutOfSpace(cause);
}

async function restoreChecked(options: FromBackup): Promise<FromBackupResult> {
  const { folder, dryRun } = options;
  const backup = await openBackup(options.file);
  requireKnownSchema(backup);
  const present = findPresent(folder);
  requireSameInstallation(backup, present, options);
  const { secrets, master } = await secretsFor(backup, options);
  backup.requireMadeWith(secrets);
  if (dryRun) {
    return inFolder(mkdtempSync(join(tmpdir(), "chatelaine-restore-")), async (work) => {
      const { job } = await prepare(backup, present, { ...options, work });
      const isOpen = present.kind === "readable" && isServed(folder);
      return {
        ...previewRestore(job),
        backup,
        present,
        isServed: isOpen,
        before: undefined,
        aside: undefined,
      };
    });
  }
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const unlock = lockRestores(folder);
  try {
    const work = join(folder, WORK_FOLDER);
    rmSync(work, { recursive: true, force: true });
    mkdirSync(work, { mode: 0o700 });
    return await inFolder(work, () => carryOut(backup, present, { ...options, work, secrets, master }));
  } finally {
    unlock();
  }
}

export interface CheckedBackup {
  readonly backup: WholeBackup;
  /** Whether it was made with the master secret of the data folder; undefined: there is none. */
  readonly isOurs: boolean | undefined;
}

/** All that can be checked without restoring it. Throws AppError invalid or unavailable. */
export async function inspectBackup(file: string, folder: string): Promise<CheckedBackup> {
  const backup = await openBackup(file);
  requireKnownSchema(backup);
  const master = findMasterSecret(folder);
  const secrets = master && deriveSecrets(master);
  const isOurs = secrets && secrets.fingerprint === backup.manifest.secretFingerprint;
  if (isOurs) backup.requireMadeWith(secrets);
  return inFolder(mkdtempSync(join(tmpdir(), "chatelaine-backup-")), async (work) => {
    await loadImage(backup, work);
    return { backup, isOurs };
  });
}

async function inFolder<Result>(folder: string, act: (folder: string) => Promise<Result>): Promise<Result> {
  try {
    return await act(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function requireKnownSchema({ manifest: { schema, version } }: WholeBackup): void {
  if (schema.main <= SCHEMA.main && schema.activity <= SCHEMA.activity) return;
  throw new AppError(
    "invalid",
    `The backup is of Chatelaine ${version}, whose tables are newer (schema ${schema.main}, this one knows ${SCHEMA.main}); use that version or a newer one`,
  );
}

/** One of another installation would end all that is there. */
function requireSameInstallation(
  { manifest }: WholeBackup,
  present: Present,
  { folder, stateFolder }: FromBackup,
): void {
  const { here } = whoseFolder(folder, stateFolder);
  const there = present.kind === "readable" ? (present.meta.installation ?? here) : here;
  const { installation, secretFingerprint } = manifest;
  const isOther = installation !== null && there !== undefined && there !== installation;
  const mark = present.kind === "readable" ? present.meta.secret_fingerprint : undefined;
  if (!isOther && (mark === undefined || mark === secretFingerprint)) return;
  throw new AppError(
    "conflict",
    `The backup is of another installation (${installation ?? secretFingerprint}) than the one in ${folder} (${there ?? mark}); --data names an empty folder for it`,
  );
}

interface Opened {
  readonly secrets: Secrets;
  /** From the backup, to be put into the folder. */
  readonly master: Uint8Array | undefined;
}

async function secretsFor(
  { manifest }: WholeBackup,
  { folder, passphrase, random }: FromBackup,
): Promise<Opened> {
  const found = findMasterSecret(folder);
  if (found) return { secrets: deriveSecrets(found, random), master: undefined };
  if (!manifest.secret) {
    throw new AppError(
      "invalid",
      `The backup has no master secret in it; put the one with the fingerprint ${manifest.secretFingerprint} at ${join(folder, "secret")}, or name it by CHATELAINE_SECRET_FILE`,
    );
  }
  const master = await openMasterSecret(manifest.secret, await passphrase());
  if (!master) throw new AppError("invalid", "The passphrase does not open the master secret of the backup");
  return { secrets: deriveSecrets(master, random), master };
}

interface Prepared {
  readonly job: RestoreJob;
  readonly activity: string;
  /** Of the local CA. */
  readonly files: readonly { readonly name: string; readonly path: string }[];
}

async function prepare(
  backup: WholeBackup,
  present: Present,
  { work, folder, stateFolder, asItWas, now }: FromBackup & { readonly work: string },
): Promise<Prepared> {
  const { installation, change, numbers } = backup.manifest;
  const { image, activity, files } = await loadImage(backup, work);
  const job = { folder, work, present, image, asItWas, stateFolder, now };
  return { job: { ...job, backup: { installation, change, numbers } }, activity, files };
}

/** Puts the backup into two databases and some files in the work folder. */
async function loadImage(
  backup: WholeBackup,
  work: string,
): Promise<{ readonly image: string } & Pick<Prepared, "activity" | "files">> {
  const inner = join(work, "backup");
  mkdirSync(inner, { mode: 0o700 });
  const files: { name: string; path: string }[] = [];
  const image = createImage(inner, backup.manifest.schema);
  try {
    for await (const { table, columns, rows } of backup.content()) {
      if (table === FILES_TABLE)
        for (const [name, content] of rows) files.push(keepFile(inner, name, content));
      else image.put(table, columns, rows);
    }
    const { main, activity } = image.finish();
    return { image: main, activity, files };
  } finally {
    image.close();
  }
}

function keepFile(folder: string, name: unknown, content: unknown): { name: string; path: string } {
  const place = (CA_FILES as readonly unknown[]).indexOf(name);
  if (place < 0 || !(content instanceof Uint8Array))
    throw new AppError("invalid", `The backup has a file that this version does not know: ${String(name)}`);
  const path = join(folder, `file-${place}`);
  writeFileSync(path, content, { mode: 0o600 });
  return { name: String(name), path };
}

type Work = FromBackup & Opened & { readonly work: string };

async function carryOut(backup: WholeBackup, present: Present, options: Work): Promise<FromBackupResult> {
  const { folder, secrets, now, by, file } = options;
  if (present.kind !== "none" && isServed(folder)) throw served(folder);
  const prepared = await prepare(backup, present, options);
  const before = present.kind === "readable" ? await writeBefore(folder, secrets, now) : undefined;
  const done = carryOutRestore(prepared.job, (outcome) =>
    recordOf(by, now, noteOf(outcome, { file, backup, before, asItWas: options.asItWas })),
  );
  const aside = placeRest(present, prepared, { ...options, made: done.made });
  return { ...done, backup, present, isServed: false, before, aside };
}

function writeBefore(folder: string, secrets: Secrets, now: number): Promise<string> {
  const activity = isActivityReadable(folder) ? join(folder, DATABASES.activity) : undefined;
  const files = { main: join(folder, DATABASES.main), activity };
  return writeSafetyBackup({ folder, to: folder, before: "restore", files, secrets, now });
}

/** What is no change of the database: a new one, the use of keys, the local CA, the secret. */
function placeRest(
  present: Present,
  { activity, files }: Prepared,
  { folder, master, made, now }: Work & { readonly made: string | undefined },
): string | undefined {
  const moves: Move[] = [];
  const aside: string[] = [];
  if (present.kind !== "readable" || !isActivityReadable(folder)) {
    aside.push(...withLog(DATABASES.activity));
    moves.push({ from: activity, to: join(folder, DATABASES.activity) });
  }
  if (made !== undefined) {
    const authority = files.map(({ name, path }) => ({ from: path, to: join(folder, name) }));
    if (!authority.some(({ to }) => existsSync(to))) moves.push(...authority);
    aside.push(...withLog(DATABASES.main));
    moves.push({ from: made, to: join(folder, DATABASES.main) });
  }
  if (moves.length === 0 && !master) return undefined;
  const asideFolder = `replaced-${instantOfName(now)}`;
  const finish = (): void => {
    if (master) putMasterSecret(folder, master);
  };
  return placeFiles({ folder, aside, asideFolder, moves, finish }) ? join(folder, asideFolder) : undefined;
}

function withLog(name: string): string[] {
  return [name, `${name}-wal`, `${name}-shm`];
}

function noteOf(
  { relation, report, isQuarantined }: Outcome,
  more: { file: string; backup: WholeBackup; before: string | undefined; asItWas: boolean },
) {
  const { manifest } = more.backup;
  const some = <Item>(items: readonly Item[]): readonly Item[] => items.slice(0, NAMED_MAX);
  return {
    action: RESTORED,
    description: `Restore the backup of ${new Date(manifest.at).toISOString()}`,
    target: null,
    details: {
      ...{ file: more.file, change: manifest.change, as_it_was: more.asItWas, relation },
      ...{ quarantine: isQuarantined, before: more.before ?? null },
      revived: some(report.revived),
      kept_dead: some(report.keptDead),
      gone: some(report.gone),
      changed: some(report.changed),
      settings: report.settings,
      totals: {
        ...{ revived: report.revived.length, kept_dead: report.keptDead.length },
        ...{ gone: report.gone.length, changed: report.changed.length },
      },
    },
  };
}
