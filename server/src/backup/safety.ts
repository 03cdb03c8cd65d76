/** Backups that the program writes for itself before it changes a database as a whole: before an upgrade, before a restore. */
import { mkdirSync } from "node:fs";
import type { Secrets } from "../crypto.ts";
import { AppError } from "../domain/errors.ts";
import type { Log } from "../log.ts";
import { findOlderSchema, openSnapshot } from "../store/sqlite/archive.ts";
import { VERSION } from "../version.ts";
import { writeWhole } from "./file.ts";
import { keepNewest, ownPath } from "./kept.ts";
import { writeBackup } from "./write.ts";

/** The newest of them stay. */
const KEPT = 3;
const NAME = /^before-[\w.-]+-(\d{8}T\d{6}Z)\.backup$/;

export interface SafetyOptions {
  /** The data folder. */
  readonly folder: string;
  /** Where they are kept. */
  readonly to: string;
  /** What is to happen: `restore`, or a version. */
  readonly before: string;
  readonly files: { readonly main: string; readonly activity: string | undefined };
  readonly secrets: Pick<Secrets, "signBackup" | "fingerprint">;
  readonly now: number;
}

/** @returns its path. Throws storage_full or unavailable where it cannot be written. */
export async function writeSafetyBackup(options: SafetyOptions): Promise<string> {
  const { folder, to, before, files, secrets, now } = options;
  mkdirSync(to, { recursive: true, mode: 0o700 });
  const snapshot = await openSnapshot(files);
  const { installation = null } = snapshot.facts.meta;
  const owner = { installation, secretFingerprint: secrets.fingerprint };
  let path: string;
  try {
    path = await ownPath(`before-${before}`, now, { folder: to, owner });
    const content = { snapshot, secrets, folder, version: VERSION, at: now, secret: null };
    await writeWhole(path, { replace: true }, async (sink) => {
      await writeBackup(sink, content);
    });
  } finally {
    await snapshot.close();
  }
  await keepNewest({ folder: to, name: NAME, keep: KEPT, owner });
  return path;
}

/**
 * Where a database is of an older schema, which the next step migrates, writes a backup of it first.
 * @returns its path, undefined where nothing is to be migrated. Throws unavailable: without it there is no upgrade.
 */
export async function backupBeforeUpgrade(
  { folder, to, secrets, now }: Pick<SafetyOptions, "folder" | "to" | "secrets" | "now">,
  log: Log,
): Promise<string | undefined> {
  const old = findOlderSchema(folder, secrets.fingerprint);
  if (!old) return undefined;
  try {
    const path = await writeSafetyBackup({ folder, to, secrets, now, before: VERSION, files: old.files });
    log.info("Wrote a backup before the upgrade", { path, schema: old.schema, version: VERSION });
    return path;
  } catch (error) {
    const why = (error as Error).message;
    const text = `The upgrade to ${VERSION} waits for a backup, which fails: ${why}. Free some space, or start the server with --backup-every and --backup-to once`;
    throw new AppError("unavailable", text, { cause: error });
  }
}
