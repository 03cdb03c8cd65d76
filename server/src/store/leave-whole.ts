/**
 * The last process to leave the data folder leaves each database whole, in one file, so that a copy of it is a copy of
 * everything (held by `cli/test/whole-files.test.ts`).
 *
 * SQLite does so by itself when the last connection closes that may write. It does not where that one only reads (a command
 * that only looks), nor where two close at the same instant, because each sees the other: hence one more connection, a few
 * times. Where somebody else stays, nothing happens.
 */
import { Database } from "bun:sqlite";
import { statSync } from "node:fs";

const TRIES = 3;
const BETWEEN_MS = 10;

/** Nothing of this process may have the files open. */
export async function leaveWhole(paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    for (let tries = 0; tries < TRIES && hasLog(path); tries++) {
      if (tries > 0) await Bun.sleep(BETWEEN_MS * (0.5 + Math.random()));
      openAndClose(path);
    }
  }
}

function hasLog(path: string): boolean {
  return statSync(`${path}-wal`, { throwIfNoEntry: false }) !== undefined;
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
