/**
 * What is held back on the disk, so that a full one never stops a revocation, a pause or a lock, down to the last key (held
 * by `full-disk.test.ts`).
 *
 * Most of it is inside the keys' database (`held-space.ts`), where nobody else can take it when it is given up. The rest is the file
 * `reserve`, for what cannot be inside: the files that SQLite makes when a database is opened, and a log that a long reader
 * keeps from beginning again.
 */
import { closeSync, fsyncSync, openSync, statfsSync, statSync, truncateSync, writeSync } from "node:fs";
import { join } from "node:path";
import { ROW_BYTES } from "./held-space.ts";

const PART_BYTES = 64 * 1024;
/** Two indexes of logs (32 KiB each), and what a start writes. */
export const OPENING_BYTES = 3 * PART_BYTES;
/** For a start, and one part more. */
const FILE_BYTES = OPENING_BYTES + PART_BYTES;
const LEAST_ROWS = 4;
/** What stays of a key's revocation: its audit record, its row of the feed, entries of indexes. */
const KEY_BYTES = 1024;
/** Of the log: many revocations, or the removal of one user and all their keys. */
const LEAST_LOG_BYTES = 512 * 1024;
const LOG_KEY_BYTES = 2 * 1024;
const LOG_BYTES_KEPT_MAX = 4 * 1024 * 1024;

/** What the reserve is to be, told the thread that keeps it. */
export interface ReserveSize {
  readonly path: string;
  readonly bytes: number;
  /** Of filler, in the keys' database; null: as many as there were before any was given up. */
  readonly rows: number | null;
  /** Of its log; null: as it is. */
  readonly logBytes: number | null;
}

export interface Reserve {
  wanted(): ReserveSize;
  /** Gives up a part of the file. @returns whether there was something to give */
  release(): boolean;
  /** Whether nothing of the file is given up. */
  isWhole(): boolean;
  /** As many keys live now. */
  resize(keys: number): void;
}

/** @param create a server keeps it; the command line only gives parts and takes them back */
export function holdReserve(folder: string, create: boolean): Reserve {
  const path = join(folder, "reserve");
  const bytes = create ? FILE_BYTES : Math.min(FILE_BYTES, sizeOf(path));
  let keys = 0;
  return {
    wanted: () => ({
      path,
      bytes,
      rows: create ? LEAST_ROWS + Math.ceil((keys * KEY_BYTES) / ROW_BYTES) : null,
      logBytes: create ? Math.min(LOG_BYTES_KEPT_MAX, LEAST_LOG_BYTES + keys * LOG_KEY_BYTES) : null,
    }),
    release: () => {
      const size = sizeOf(path);
      if (size === 0) return false;
      truncateSync(path, Math.max(0, size - PART_BYTES));
      return true;
    },
    isWhole: () => sizeOf(path) >= bytes,
    resize: (now) => {
      keys = now;
    },
  };
}

/**
 * On a full disk a part is given up for the files that SQLite makes beside a database when it opens it: else a process that
 * ends could not start again, and nobody could revoke.
 */
export function makeRoomToOpen(folder: string, reserve: Reserve): void {
  const free = (): number => {
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize;
  };
  while (free() < OPENING_BYTES && reserve.release());
}

/** As far as there is room; what is too much, as older versions kept it, is given up. */
export function fitReserve({ path, bytes }: Pick<ReserveSize, "path" | "bytes">): void {
  const from = sizeOf(path);
  if (from > bytes) truncateSync(path, bytes);
  if (from >= bytes) return;
  const file = openSync(path, "a", 0o600);
  try {
    for (let left = bytes - from; left > 0; ) left -= writeSync(file, Buffer.alloc(left, 1));
    fsyncSync(file);
  } catch {
    // The disk is full: this much it is.
  } finally {
    closeSync(file);
  }
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
