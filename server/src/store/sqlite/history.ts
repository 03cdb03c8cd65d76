/**
 * Whether a database that is open still goes on from what this process saw of it last, and not from something else that was written
 * over it: an older copy, a copy that went on by itself, another installation's. Numbers tell only the first. Every change has
 * its audit record, of a random id, and those are never cut: what lacks the last one that was seen has another history.
 *
 * What is written by a transaction shows in the database (`openHistory`). What is copied over the file itself (`cp`) does not: SQLite goes
 * on with its log, its index and what it has in memory, and lays them over the new file. For this the file is read without its log
 * (`watchFile`), whenever it is not as it was left. Held by `server/test/exchanged.test.ts` and `server/test/restored.test.ts`.
 */
import type { Database, Statement } from "bun:sqlite";
import { statSync } from "node:fs";
import { ACCEPTED } from "../schema.ts";
import { readWithoutLog } from "./as-it-is.ts";
import { isCarriedOver } from "./last-change.ts";
import { identityOf } from "./same-files.ts";

/** The newest record of the audit: where it stands, and its id. */
interface Newest {
  readonly place: number;
  readonly id: string;
}

/** One statement, so that all of it is of one moment. */
const LOOK = `SELECT
  (SELECT value FROM meta WHERE name = 'installation') AS installation,
  EXISTS (SELECT 1 FROM audit WHERE seq = ?1 AND id = ?2)
    OR EXISTS (SELECT 1 FROM meta WHERE name = '${ACCEPTED}' AND value = ?2) AS has,
  (SELECT seq FROM audit ORDER BY seq DESC LIMIT 1) AS place,
  (SELECT id FROM audit ORDER BY seq DESC LIMIT 1) AS id`;

interface Look {
  readonly installation: string | null;
  readonly has: 0 | 1;
  readonly place: number | null;
  readonly id: string | null;
}

const newestOf = ({ place, id }: Look): Newest | undefined =>
  place === null || id === null ? undefined : { place, id };

export interface History {
  /** Whether it goes on from what was seen last; then what is there now is what was seen. */
  goesOn(): boolean;
  close(): void;
}

/** From what is there now. */
export function openHistory(database: Database): History {
  const statement: Statement<Look, [number, string]> = database.prepare(LOOK);
  const first = statement.get(0, "")!;
  let seen = newestOf(first);
  return {
    goesOn: () => {
      const look = statement.get(seen?.place ?? 0, seen?.id ?? "")!;
      if (look.installation !== first.installation || (seen && look.has === 0)) return false;
      seen = newestOf(look) ?? seen;
      return true;
    },
    close: () => statement.finalize(),
  };
}

/** Before a file that seems to be another is taken for one: somebody may just be carrying the log into it. */
const SECOND_LOOK_MS = 50;
/** One after the other, of a file that does not change: it is no database of ours any more. */
const UNREADABLE_LOOKS = 3;

/**
 * For the writer's thread, outside of transactions.
 * @returns asks whether the file is still the one that is open; once it is not, it stays so, since what was read of it meanwhile is kept
 * in memory as if it were of the right one
 */
export function watchFile(database: Database): () => boolean {
  let isOther = false;
  const opened = identityOf(database.filename);
  /** Moved away, deleted or exchanged: `same-files.ts` sees it, and it may be put back. */
  const isMoved = (): boolean => identityOf(database.filename) !== opened;
  /** As of a moment when all of the log was in the file. */
  let carried: Look | undefined;
  let seenAs = "";
  let unreadable = 0;
  const see = (): void => {
    if (!carried) database.run("PRAGMA wal_checkpoint(PASSIVE)");
    const look = lookAt(database, undefined);
    // In this order: what is newer than the look may be in the log alone.
    if (isCarriedOver(database)) carried = look;
  };
  /** Has the file what was carried into it, and nothing that the database has not? */
  const judge = (): "ours" | "other" | "unreadable" => {
    try {
      const path = database.filename;
      const inFile = readWithoutLog(path, (file) => lookAt(file, carried && newestOf(carried)));
      if (inFile.installation !== carried?.installation || inFile.has === 0) return "other";
      const newest = newestOf(inFile);
      return newest === undefined || lookAt(database, newest).has === 1 ? "ours" : "other";
    } catch {
      return "unreadable";
    }
  };
  return () => {
    if (isOther) return false;
    if (isMoved()) return true;
    const before = tracesOf(database.filename);
    if (carried && before !== seenAs && judge() !== "ours") {
      Bun.sleepSync(SECOND_LOOK_MS);
      // Written again meanwhile: the next time tells.
      if (isMoved() || tracesOf(database.filename) !== before) return true;
      const seen = judge();
      if (seen === "unreadable") {
        // A log that somebody is carrying over, or has died at, leaves half of it. The records of the audit stand where they are.
        unreadable = isCarriedOver(database) ? unreadable + 1 : 0;
        if (unreadable < UNREADABLE_LOOKS) return true;
      }
      isOther = seen !== "ours";
      if (isOther) return false;
    }
    unreadable = 0;
    seenAs = before;
    see();
    return true;
  };
}

function lookAt(database: Database, newest: Newest | undefined): Look {
  const statement = database.prepare<Look, [number, string]>(LOOK);
  try {
    const look = statement.get(newest?.place ?? 0, newest?.id ?? "")!;
    return newest ? look : { ...look, has: 1 };
  } finally {
    statement.finalize();
  }
}

/** What writing to a file leaves behind. */
function tracesOf(path: string): string {
  const found = statSync(path, { bigint: true, throwIfNoEntry: false });
  return found ? `${found.ctimeNs} ${found.mtimeNs} ${found.size}` : "";
}
