/**
 * What this machine remembers of an installation outside its data folder: its id, its folder, and of its last change the number
 * and an audit record. A database that comes with a lower number, or lacks that record, was put back from an older copy or has
 * gone on from one (`opening.ts` decides what follows).
 *
 * One file an installation, named by its id. Its first line tells what it is about and is written whole, by fsync and
 * rename; each change appends a line after its COMMIT has returned, so the file may lag behind the database and never
 * leads it. An append is not fsynced: it survives the end of the process at once, and a power loss from a second later on
 * (`sync`). Lines that cannot be read are passed over, and the highest number counts, so several processes may append.
 *
 * Some lines say as well how far the database file has come without its log (`log-of-file.ts`): this may lag too.
 * Held by `server/test/restored.test.ts`, `server/test/refused-starts.test.ts` and `server/test/crash.test.ts`.
 */
import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import type { LastChange } from "./last-change.ts";

/** Written whole again beyond this: some 6 000 changes. */
const FILE_BYTES_MAX = 256 * 1024;
const VERSION = 1;
const SUFFIX = ".state";

/** What the first line says. */
export interface StateHead {
  readonly installation: string;
  /** The data folder, as `realpath` has it. */
  readonly folder: string;
  /** Of the master secret. */
  readonly fingerprint: string;
}

/** The last change that is known: its number, and its record unless an older version wrote the file. */
export interface KnownState extends StateHead, LastChange {
  readonly path: string;
  /** When it was noted, milliseconds since the epoch. */
  readonly at: number;
  /** This change is in the database file itself; undefined: an older version wrote the state file. */
  readonly inFile: LastChange | undefined;
}

/** Every state file in the folder that can be read; none where there is no such folder. */
export function readStates(stateFolder: string): KnownState[] {
  let names: string[];
  try {
    names = readdirSync(stateFolder);
  } catch {
    return [];
  }
  return names
    .filter((name) => name.endsWith(SUFFIX))
    .flatMap((name) => readState(join(stateFolder, name)) ?? []);
}

export function statePath(stateFolder: string, installation: string): string {
  return join(stateFolder, `${installation}${SUFFIX}`);
}

function readState(path: string): KnownState | undefined {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
  const lines = text.split("\n").map(parseLine);
  const head = lines.find((line) => typeof line.installation === "string");
  if (!head) return undefined;
  let last: LastChange & { at: number } = { seq: 0, at: 0, record: undefined };
  let inFile: LastChange | undefined;
  for (const line of lines) {
    const change = changeIn(line);
    if (change && change.seq >= last.seq) last = { ...change, at: Number(line.at) };
    const carried = changeIn(line.inFile);
    if (carried && carried.seq >= (inFile?.seq ?? 0)) inFile = carried;
  }
  const { installation, folder, fingerprint } = head;
  return {
    path,
    installation: String(installation),
    folder: String(folder),
    fingerprint: String(fingerprint),
    ...last,
    inFile,
  };
}

function changeIn(value: unknown): LastChange | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { seq, record } = value as Readonly<Record<string, unknown>>;
  if (!Number.isSafeInteger(seq)) return undefined;
  return { seq: Number(seq), record: typeof record === "string" ? record : undefined };
}

/** An empty one for what is no object: cut short by a power loss, or empty. */
function parseLine(line: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

/** Writes the whole file: whole or not at all, and on the disk when it returns. Throws where that cannot be. */
export function writeState(
  stateFolder: string,
  head: StateHead,
  last: LastChange & Pick<KnownState, "at" | "inFile">,
): void {
  mkdirSync(stateFolder, { recursive: true, mode: 0o700 });
  const path = statePath(stateFolder, head.installation);
  const draft = `${path}.${process.pid}.new`;
  const { installation, folder, fingerprint } = head;
  const line = JSON.stringify({ version: VERSION, installation, folder, fingerprint, ...last });
  try {
    withFile(draft, "w", (file) => {
      writeSync(file, `${line}\n`);
      fsyncSync(file);
    });
    renameSync(draft, path);
  } finally {
    rmSync(draft, { force: true });
  }
}

export interface Noted extends LastChange {
  /** It is in the database file itself. */
  readonly isInFile?: boolean;
}

export interface StateNotes {
  /**
   * Appends what `last` says (undefined: nothing), unless it was noted before. Throws where it cannot be written; the next
   * call tries again.
   */
  note(last: () => Noted | undefined): void;
  /** Waits until what was noted is on the disk. */
  sync(): void;
}

/** For the thread that commits. */
export function openStateNotes(stateFolder: string, head: StateHead): StateNotes {
  const path = statePath(stateFolder, head.installation);
  let noted: LastChange = { seq: -1, record: undefined };
  let inFile: LastChange | undefined;
  let isSynced = true;
  /** @returns false where somebody else wrote the file whole meanwhile, and this line is lost with the old one */
  const append = ({ seq, record, isInFile }: Noted): boolean => {
    const said = { seq, at: Date.now(), record, ...(isInFile ? { inFile: { seq, record } } : {}) };
    // A line that was cut short before this one ends here.
    const line = `\n${JSON.stringify(said)}\n`;
    return withFile(path, constants.O_WRONLY | constants.O_APPEND, (file) => {
      if (writeSync(file, line) < line.length) throw new Error("The disk is full");
      const { ino, dev, size } = fstatSync(file);
      if (size > FILE_BYTES_MAX) return false;
      const named = statSync(path, { throwIfNoEntry: false });
      return named?.ino === ino && named.dev === dev;
    });
  };
  const isNews = ({ seq, isInFile }: Noted): boolean =>
    seq > noted.seq || (isInFile === true && seq > (inFile?.seq ?? -1));
  return {
    note: (lastChange) => {
      // Read again after each writing: what others noted in a file that was replaced meanwhile is in the database.
      for (let last = lastChange(); last && isNews(last); last = lastChange()) {
        const { seq, isInFile } = last;
        // The first record of a number stays: later ones are of what is no change, such as a backup, which has not its own.
        const { record } = seq === noted.seq ? noted : last;
        const carried = isInFile ? { seq, record } : (inFile ?? readState(path)?.inFile);
        if (existsSync(path) && append({ seq, record, isInFile })) isSynced = false;
        else writeState(stateFolder, head, { seq, record, at: Date.now(), inFile: carried });
        if (seq > noted.seq) noted = { seq, record };
        if (isInFile) inFile = carried;
      }
    },
    sync: () => {
      if (isSynced) return;
      withFile(path, "r", fsyncSync);
      isSynced = true;
    },
  };
}

function withFile<Result>(path: string, flags: string | number, work: (file: number) => Result): Result {
  const file = openSync(path, flags, 0o600);
  try {
    return work(file);
  } finally {
    closeSync(file);
  }
}
