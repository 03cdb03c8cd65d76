/**
 * Whether the database in the data folder is the one that this machine knows, asked at each start, before anything is served.
 *
 * Known are the state file (`state-file.ts`), outside the folder, and the file `installation` in it. An empty database where one
 * was used, and one of another installation, are refused; one that is behind its state file, lacks the last change that
 * is known there, or has lost its log, is put into quarantine; one that is unknown (of 0.1, or moved here) gets its files and a
 * warning. Nothing is written before the answer is known. Held by `server/test/restored.test.ts` and
 * `server/test/refused-starts.test.ts`.
 */
import type { Database } from "bun:sqlite";
import {
  closeSync,
  existsSync,
  lstatSync,
  openSync,
  readFileSync,
  readSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join, resolve } from "node:path";
import { AppError } from "../../domain/errors.ts";
import type { Log } from "../../log.ts";
import type { Quarantine } from "../store.ts";
import { metaOf, readAsItIs, versionOf } from "./as-it-is.ts";
import { isSameFolder, isWithin } from "./folders.ts";
import { hasRecord, isCarriedOver, type LastChange, lastChange } from "./last-change.ts";
import { INSTALLATION_SCHEMA, MIGRATIONS } from "./migrations.ts";
import { putQuarantine, readQuarantine } from "./quarantine-mark.ts";
import { type KnownState, readStates, type StateHead, statePath, writeState } from "./state-file.ts";

export const MAIN_FILE = "chatelaine.db";
export const ACTIVITY_FILE = "activity.db";
const MARKER_FILE = "installation";
/** `EX_CONFIG` of sysexits.h: starting again does not help. */
const EXIT_CONFIG = 78;

/** What is known of the folder without its database. */
export interface Known {
  /** As `realpath` has it. */
  readonly folder: string;
  /** Of the file `installation`. */
  readonly marker: string | undefined;
  readonly states: readonly KnownState[];
}

export interface Opened {
  /** The data folder, as `realpath` has it. */
  readonly folder: string;
  readonly installation: string;
  /** What the state file of this installation says first; undefined where none is kept. */
  readonly head: StateHead | undefined;
}

/**
 * Read before the database is looked at: what is known was made after it. Throws where the folders are such that a rollback,
 * or the loss of a log, could not be noticed.
 */
export function readKnown(folder: string, stateFolder: string | null): Known {
  if (stateFolder !== null) refuseNested(folder, stateFolder);
  refuseLinked(folder);
  const real = existsSync(folder) ? realpathSync(folder) : resolve(folder);
  return {
    folder: real,
    marker: readMarker(real),
    states: stateFolder === null ? [] : readStates(stateFolder),
  };
}

/** What is put back as a whole would put back the file that notices it. */
function refuseNested(folder: string, stateFolder: string): void {
  if (!isWithin(stateFolder, folder) && !isWithin(folder, stateFolder)) return;
  throw refusal(
    `Of the data folder ${folder} and the state folder ${stateFolder} one is in the other, so an older copy that is put back brings its state file with it and is not noticed. --state names a folder beside the data folder, or is \`off\`.`,
  );
}

/** Nothing here looks for log and index beside another file, and a copy of the folder would lack all three. */
function refuseLinked(folder: string): void {
  for (const name of [MAIN_FILE, ACTIVITY_FILE])
    for (const end of ["", "-wal", "-shm"]) {
      const file = join(folder, `${name}${end}`);
      if (!lstatSync(file, { throwIfNoEntry: false })?.isSymbolicLink()) continue;
      throw refusal(
        `${file} is a symbolic link, and SQLite keeps its log beside the file that it leads to. Move that file here, with the -wal and -shm beside it where there are any; the data folder as a whole may be a link.`,
      );
    }
}

/**
 * Throws where the database is missing or empty although one was used in this folder, or with this master secret.
 * @param fingerprint undefined: there is no master secret yet
 */
export function refuseEmptied(known: Known, fingerprint?: string): void {
  if (isEmpty(join(known.folder, MAIN_FILE))) refuseEmpty(known, fingerprint);
}

/** The same for a database that turned out to hold nothing. */
export function refuseEmpty({ folder, marker, states }: Known, fingerprint: string | undefined): void {
  const file = join(folder, MAIN_FILE);
  const used = states.filter(({ seq }) => seq > 0);
  const here = used.find((state) => isSameFolder(state.folder, folder));
  const lost = "Mount or restore what is missing";
  if (here)
    throw refusal(
      `${file} is missing or empty, but an installation with ${here.seq} changes is known there (${here.path}). ${lost}; to begin a new installation, remove that file.`,
    );
  if (marker !== undefined)
    throw refusal(
      `${file} is missing or empty, but ${join(folder, MARKER_FILE)} says that there was one. ${lost}; to begin a new installation, empty the folder.`,
    );
  const elsewhere = used.find((state) => state.fingerprint === fingerprint);
  if (elsewhere)
    throw refusal(
      `${file} is missing or empty, but its master secret is known from an installation with ${elsewhere.seq} changes in ${elsewhere.folder} (${elsewhere.path}). ${lost}; to begin a new installation, take another secret or remove that file.`,
    );
}

/** What the start of the process is refused for, once and for all. */
export function refusal(message: string): AppError {
  return new AppError("invalid", message, { details: { exitCode: EXIT_CONFIG } });
}

export interface OpeningOptions {
  readonly known: Known;
  readonly stateFolder: string | null;
  readonly fingerprint: string;
  /** Version of its schema when it was found; 0: it is new. */
  readonly schemaBefore: number;
  /** Whether its write-ahead log could not be read. */
  readonly isLogDamaged: boolean;
  /** A server starts: what is missing is made. */
  readonly create: boolean;
  readonly now: number;
  readonly log: Log;
}

/** Judges a database that is migrated. Throws where it is another installation's. */
export function judgeOpened(database: Database, options: OpeningOptions): Opened {
  const { known, create, log } = options;
  const { installation, isAdopted } = identify(database, options);
  const state = known.states.find((one) => one.installation === installation);
  const last = lastChange(database);
  const inFile = isCarriedOver(database) ? last : state?.inFile;
  const [found, missing] = [last.seq, state?.record];
  const expected = Math.max(found, state?.seq ?? 0);
  const isBehind = expected > found || isAdopted;
  const lacks = isBehind ? "behind" : hasRecord(database, missing) ? undefined : "apart";
  const why = options.isLogDamaged ? "damaged_log" : lacks;
  if (why) putQuarantine(database, { why, found, expected, missing, since: options.now });
  const quarantine = readQuarantine(database);
  if (quarantine) tellQuarantine(quarantine, state, log);
  if (create) writeMarker(known, installation);
  const now = { installation, state, last: quarantine ? undefined : { ...last, inFile } };
  return { folder: known.folder, installation, head: keepState(now, options) };
}

/**
 * Makes or renews the state file where a server starts.
 * @param now.last undefined: in quarantine, where the file keeps the change that is waited for
 * @returns what changes are noted under; undefined where they are not
 */
function keepState(
  now: {
    readonly installation: string;
    readonly state: KnownState | undefined;
    readonly last: (LastChange & Pick<KnownState, "inFile">) | undefined;
  },
  { known, stateFolder, fingerprint, create, log, ...options }: OpeningOptions,
): StateHead | undefined {
  const { installation, state, last } = now;
  if (stateFolder === null) {
    if (create)
      log.warn(
        "No state file is kept: a rollback of the whole folder cannot be noticed; --state names a folder for it",
      );
    return undefined;
  }
  if (state && isCopyOf(state, known.folder)) {
    const original = state.folder;
    log.warn("This folder is a copy of an installation that is still there; its changes are not noted", {
      original,
    });
    return undefined;
  }
  const head = { installation, folder: known.folder, fingerprint };
  if (!create) return state && head;
  const isNew = options.schemaBefore === 0;
  try {
    for (const { path, folder, seq: before } of known.states)
      if (isNew && before === 0 && isSameFolder(folder, known.folder)) rmSync(path, { force: true });
    if (last)
      writeState(stateFolder, head, { ...last, at: state?.seq === last.seq ? state.at : options.now });
  } catch (error) {
    log.warn(
      "The state file cannot be written: a rollback of the whole folder cannot be noticed; --state names a folder for it",
      { folder: stateFolder, error },
    );
    return undefined;
  }
  if (!state && !isNew)
    log.warn(
      "Nothing was known of this folder on this machine, which is right after an upgrade from 0.1 or a move; from now on an older copy of it is noticed",
      { state: statePath(stateFolder, installation) },
    );
  return head;
}

/**
 * Throws where the database is another installation's, has another secret, or is of a newer version: read as it is, before a backup is
 * written or a table is changed, so that it stays as it is for its owner.
 */
export function refuseForeign(known: Known, fingerprint: string): void {
  const path = join(known.folder, MAIN_FILE);
  if (isEmpty(path)) return;
  let found: { readonly schema: number; readonly fingerprint?: string; readonly installation?: string };
  try {
    found = readAsItIs(path, (database) => {
      const schema = versionOf(database);
      if (schema === 0) return { schema };
      const [installation, secret] = ["installation", "secret_fingerprint"].map((name) =>
        metaOf(database, name),
      );
      return {
        schema,
        ...(installation ? { installation } : {}),
        ...(secret ? { fingerprint: secret } : {}),
      };
    });
  } catch {
    // Opening it says why.
    return;
  }
  refuseNewer(path, found.schema, MIGRATIONS.length);
  if (found.schema === 0) return;
  if (found.fingerprint !== undefined) refuseOtherSecret(found.fingerprint, fingerprint, known.folder);
  requireKnown({ known, fingerprint, schemaBefore: found.schema }, found.installation);
}

export function refuseNewer(path: string, schema: number, newest: number): void {
  if (schema > newest)
    throw new AppError(
      "unavailable",
      `${path} was made by a newer Chatelaine (schema ${schema}, this one knows ${newest})`,
    );
}

export function refuseOtherSecret(found: string, fingerprint: string, folder: string): void {
  if (found !== fingerprint)
    throw refusal(`The master secret is not the one that the database in ${folder} was made with`);
}

type Whose = Pick<OpeningOptions, "known" | "fingerprint" | "schemaBefore">;

/** Which installation it is; one that had no id yet is the one that is known to have its folder and secret. */
function identify(database: Database, options: Whose): { installation: string; isAdopted: boolean } {
  const own = metaOf(database, "installation")!;
  const installation = requireKnown(options, own) ?? own;
  const isAdopted = installation !== own;
  if (isAdopted) database.run("UPDATE meta SET value = ? WHERE name = 'installation'", [installation]);
  return { installation, isAdopted };
}

/**
 * Throws where another installation is known in the folder.
 * @param own what the database says; a new one, and one that was of an older schema, has just been given it
 * @returns undefined: nothing is known
 */
function requireKnown(
  { known, fingerprint, schemaBefore }: Whose,
  own: string | undefined,
): string | undefined {
  const { folder, marker, states } = known;
  const isOld = schemaBefore < INSTALLATION_SCHEMA;
  const used = states.filter(({ seq }) => seq > 0);
  const here =
    used.find((one) => isSameFolder(one.folder, folder))?.installation ??
    marker ??
    // Of 0.1, and at another path: nothing but the secret says whose it is.
    (isOld ? used.find((one) => one.fingerprint === fingerprint)?.installation : undefined);
  if (here === undefined || here === own || schemaBefore === 0) return own;
  const isSameSecret = states.some((one) => one.installation === here && one.fingerprint === fingerprint);
  if (isOld && isSameSecret) return here;
  const source = states.find((one) => one.installation === here)?.path ?? join(folder, MARKER_FILE);
  throw refusal(
    `The database in ${folder} is of another installation (${own ?? "without a name"}) than the one that is known there (${here}). Put the right one back; if this one is to take its place, remove ${source} and ${join(folder, MARKER_FILE)}.`,
  );
}

function tellQuarantine(
  { why, found, expected, since }: Quarantine,
  state: KnownState | undefined,
  log: Log,
): void {
  const words = {
    behind: "The database is older than the last change that is known of it",
    apart:
      "The database lacks the last change that is known of it, because it is an older copy that has gone on by itself",
    damaged_log: "The write-ahead log of the database is damaged, and changes in it are lost",
    restored: "The database was restored from a backup",
  }[why];
  log.error(
    `${words}: keys are not checked and nobody signs in until \`chatelaine restore --accept\` is run on this machine`,
    {
      lastChange: found,
      lastKnownChange: expected,
      ...(state ? { knownAt: new Date(state.at).toISOString(), state: state.path } : {}),
      since: new Date(since).toISOString(),
    },
  );
}

/** Whether the folder that the state file is about is still there beside this one. */
export function isCopyOf(state: KnownState, folder: string): boolean {
  return !isSameFolder(state.folder, folder) && readMarker(state.folder) === state.installation;
}

/** By its size alone: to open and close the file would drop the locks that this process has on it. */
function isEmpty(file: string): boolean {
  return (statSync(file, { throwIfNoEntry: false })?.size ?? 0) === 0;
}

/** Whether the file is a log of which SQLite can read nothing at all (sqlite.org/fileformat2.html, 4.1). */
export function isDamagedLog(file: string): boolean {
  if (!isHeaderDamaged(file)) return false;
  // Another process may just be writing it.
  Bun.sleepSync(LOG_SECOND_LOOK_MS);
  return isHeaderDamaged(file);
}

const LOG_SECOND_LOOK_MS = 50;

function isHeaderDamaged(file: string): boolean {
  let handle: number;
  try {
    handle = openSync(file, "r");
  } catch {
    return false;
  }
  try {
    const header = Buffer.alloc(LOG_HEADER_BYTES + 1);
    if (readSync(handle, header, 0, header.length, 0) <= LOG_HEADER_BYTES) return false;
    const magic = header.readUInt32BE(0);
    if (magic !== 0x377f0682 && magic !== 0x377f0683) return true;
    const [low, high] = logChecksum(header.subarray(0, LOG_HEADER_BYTES - 8), magic === 0x377f0682);
    return low !== header.readUInt32BE(24) || high !== header.readUInt32BE(28);
  } finally {
    closeSync(handle);
  }
}

const LOG_HEADER_BYTES = 32;

function logChecksum(bytes: Buffer, isLittleEndian: boolean): [number, number] {
  const word = (at: number): number => (isLittleEndian ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at));
  let [low, high] = [0, 0];
  for (let at = 0; at < bytes.length; at += 8) {
    low = (low + word(at) + high) >>> 0;
    high = (high + word(at + 4) + low) >>> 0;
  }
  return [low, high];
}

function readMarker(folder: string): string | undefined {
  try {
    return readFileSync(join(folder, MARKER_FILE), "utf8").trim() || undefined;
  } catch {
    return undefined;
  }
}

function writeMarker({ folder, marker }: Known, installation: string): void {
  if (marker === installation) return;
  const draft = join(folder, `${MARKER_FILE}.${process.pid}.new`);
  writeFileSync(draft, `${installation}\n`, { mode: 0o600, flush: true });
  renameSync(draft, join(folder, MARKER_FILE));
}
