/**
 * Whether the log that is found at a start is the log of the file that it lies beside. SQLite asks only whether the log is
 * whole: where an older copy was put in the place of the file, and the log that a crash left was forgotten, it lays the newer
 * pages over the older ones. What is read then is neither, and the number of the last change, which the log brings along, looks right
 * (held by `server/test/refused-starts.test.ts`).
 *
 * The file is read without its log and compared with what the state file says was in it. Where nothing is known of that, or the
 * file cannot be read alone (a crash while the log was carried into it), the whole is looked through, indexes with their tables.
 */
import type { Database } from "bun:sqlite";
import { MARK } from "../schema.ts";
import { hasLog, metaOf, readAsItIs, readWithoutLog, versionOf } from "./as-it-is.ts";
import { hasRecord, type LastChange, lastChange } from "./last-change.ts";
import { isCopyOf, type Known, refusal } from "./opening.ts";
import { findServers } from "./servers.ts";

const TRIES = 3;
/** Somebody may just be carrying the log into the file. */
const BETWEEN_MS = 20;

/** Throws where they do not belong together. @param notesFolders where running servers are noted */
export function refuseForeignLog(path: string, known: Known, notesFolders: readonly string[]): void {
  if (!hasLog(path)) return;
  let seen: ReturnType<typeof readSeen>;
  try {
    seen = readAsItIs(path, readSeen);
  } catch (error) {
    if (isCorrupt(error)) throw apart(path);
    // Opening it says why.
    return;
  }
  const state = known.states.find((one) => one.installation === seen?.installation);
  // What waits, or will, is served to nobody.
  if (!seen || seen.isWaiting || seen.last.seq < (state?.seq ?? 0)) return;
  const inFile = state && !isCopyOf(state, known.folder) ? state.inFile : undefined;
  const answer = inFile ? hasInFile(path, inFile) : undefined;
  if (answer === true) return;
  if (answer === false) throw apart(path);
  // Under a running server the log was judged when that one started.
  if (findServers(notesFolders, known.folder).length > 0) return;
  if (!isSound(path)) throw apart(path);
}

function readSeen(database: Database) {
  if (versionOf(database) === 0) return undefined;
  return {
    installation: metaOf(database, "installation"),
    isWaiting: metaOf(database, MARK) !== undefined,
    last: lastChange(database),
  };
}

/** @returns undefined: this cannot be said of the file alone */
function hasInFile(path: string, known: LastChange): boolean | undefined {
  for (let tries = 0; tries < TRIES; tries++) {
    if (tries > 0) Bun.sleepSync(BETWEEN_MS);
    try {
      const answer = readWithoutLog(path, (database) => {
        // Accepted since: the log alone says so.
        if (metaOf(database, MARK) !== undefined) return true;
        if (lastChange(database).seq < known.seq) return false;
        return hasRecord(database, known.record) ? true : undefined;
      });
      if (answer !== undefined) return answer;
    } catch {
      // Some of its pages are newer than others.
    }
  }
  return undefined;
}

function isSound(path: string): boolean {
  try {
    return readAsItIs(path, (database) => {
      const row = database.query("PRAGMA integrity_check(1)").get() as { integrity_check: string };
      return row.integrity_check === "ok";
    });
  } catch (error) {
    return !isCorrupt(error);
  }
}

function isCorrupt(error: unknown): boolean {
  return String((error as { code?: unknown }).code).startsWith("SQLITE_CORRUPT");
}

function apart(path: string): Error {
  return refusal(
    `${path} and the log beside it (${path}-wal) do not belong together: the file is older than its log, or damaged, as where a copy was put in its place after a crash. Put the right file back; to go on with this one, move the -wal and -shm away from it.`,
  );
}
