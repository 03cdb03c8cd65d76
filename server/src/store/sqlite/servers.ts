/**
 * Which servers run on a data folder, and which files they have open: for the command line, which must not say that
 * something is revoked in a file that a running server does not look at (held by `server/test/exchanged.test.ts`).
 *
 * Each server keeps a note beside the state file, outside the folder that may be exchanged as a whole, or in the data folder
 * where no state file is kept. The note of a process that is gone counts for nothing, and the next server removes it.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { AppError } from "../../domain/errors.ts";
import { isSameFolder } from "./folders.ts";

const SUFFIX = ".server";

interface RunningServer {
  readonly pid: number;
  /** The data folder, as `realpath` has it. */
  readonly folder: string;
  /** Identity of `chatelaine.db`, as `same-files.ts` has it. */
  readonly main: string | undefined;
}

interface Note extends RunningServer {
  /** When the process was started, in the system's own count: another one may get its number. */
  readonly started: string | undefined;
}

let count = 0;

/** @returns removes the note. Does nothing where it cannot be written. */
export function noteServer(notesFolder: string, server: Omit<RunningServer, "pid">): () => void {
  for (const path of listNotes(notesFolder)) {
    const note = readNote(path);
    if (note && isSameFolder(note.folder, server.folder) && !isAlive(note)) rmSync(path, { force: true });
  }
  const note: Note = { pid: process.pid, started: startOf(process.pid), ...server };
  const path = join(notesFolder, `${process.pid}-${++count}${SUFFIX}`);
  try {
    mkdirSync(notesFolder, { recursive: true, mode: 0o700 });
    writeFileSync(path, JSON.stringify(note), { mode: 0o600 });
  } catch {
    return () => {};
  }
  return () => rmSync(path, { force: true });
}

/** Those that run on this data folder. */
export function findServers(notesFolders: readonly string[], folder: string): RunningServer[] {
  return notesFolders
    .flatMap((notesFolder) => listNotes(notesFolder))
    .flatMap((path) => readNote(path) ?? [])
    .filter((note) => isSameFolder(note.folder, folder) && isAlive(note));
}

function listNotes(notesFolder: string): string[] {
  try {
    const names = readdirSync(notesFolder).filter((name) => name.endsWith(SUFFIX));
    return names.map((name) => join(notesFolder, name));
  } catch {
    return [];
  }
}

function readNote(path: string): Note | undefined {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as Note;
  } catch {
    // Being written, or removed meanwhile.
    return undefined;
  }
}

function isAlive({ pid, started }: Note): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EPERM") return false;
  }
  return started === startOf(pid);
}

/** `starttime` of proc(5); undefined on other systems. */
function startOf(pid: number): string | undefined {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The name of the program stands in brackets and may have blanks in it.
    return fields.slice(fields.lastIndexOf(")") + 2).split(" ")[19];
  } catch {
    return undefined;
  }
}

/**
 * Throws unavailable where a server runs on the folder that has another file open: it would not see the change.
 * @param main identity of `chatelaine.db` as this process has it open
 */
export function requireSameServers(
  notesFolders: readonly string[],
  folder: string,
  main: string | undefined,
): void {
  const other = findServers(notesFolders, folder).find((server) => server.main !== main);
  if (!other) return;
  throw new AppError(
    "unavailable",
    `The server that runs on ${folder} (process ${other.pid}) has another database open than the one that is there now; restart it first`,
  );
}
