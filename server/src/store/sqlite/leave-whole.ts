/**
 * The last process to leave the data folder leaves each database whole, in one file, so that a copy of it is a copy of
 * everything (held by `cli/test/whole-files.test.ts`).
 *
 * SQLite does so by itself when the last connection closes that may write. It does not where that one only reads (a command
 * that only looks), nor where two close at the same instant, because each sees the other: hence one more connection, a few
 * times. Where somebody else stays, nothing happens.
 */
import { Database } from "bun:sqlite";
import { statfsSync } from "node:fs";
import { dirname } from "node:path";
import { logBytes } from "./as-it-is.ts";
import { OPENING_BYTES } from "./reserve.ts";

const TRIES = 3;
const BETWEEN_MS = 10;

/**
 * Nothing of this process may have the files open.
 * @param release gives up a part of what is held back for a full disk; false: there is nothing left
 */
export async function leaveWhole(
  paths: readonly string[],
  release: () => boolean = () => false,
): Promise<void> {
  for (const path of paths) {
    for (let tries = 0; tries < TRIES && isLogLeft(path); tries++) {
      if (tries > 0) await Bun.sleep(BETWEEN_MS * (0.5 + Math.random()));
      openAndClose(path);
    }
    if (!isLogLeft(path) || !isFull(path)) continue;
    while (isInTheWay(path) && release());
    // The index of the log, of which who is alone makes no use.
    if (!isLogLeft(path)) openAndClose(path);
  }
}

/** An empty one is left too. */
function isLogLeft(path: string): boolean {
  return logBytes(path) !== undefined;
}

function openAndClose(path: string): void {
  try {
    const database = new Database(path, { readwrite: true, create: false, strict: true });
    try {
      // Until it is read, the log is not opened and stays.
      database.run("SELECT 1 FROM sqlite_schema");
    } finally {
      database.close(true);
    }
  } catch {
    // A full disk, a damaged file: what is in the log stays there, and the next start reads it.
  }
}

/** Whether what is in the log, and the files that SQLite makes to read it, might not find room. */
function isFull(path: string): boolean {
  const { bavail, bsize } = statfsSync(dirname(path));
  return bavail * bsize < (logBytes(path) ?? 0) + OPENING_BYTES;
}

/** Tries once more. @returns whether it is for want of room that the log stays, and not because somebody else has it open */
function isInTheWay(path: string): boolean {
  try {
    const database = new Database(path, { readwrite: true, create: false, strict: true });
    try {
      // Alone it needs no index of the log on the disk. Closing would not say why it fails.
      database.run("PRAGMA busy_timeout = 0; PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; COMMIT");
      database.run("PRAGMA wal_checkpoint(TRUNCATE)");
    } finally {
      database.close(true);
    }
    return isLogLeft(path);
  } catch (error) {
    return /^SQLITE_(FULL|IOERR|CANTOPEN)/.test(String((error as { code?: unknown }).code));
  }
}
