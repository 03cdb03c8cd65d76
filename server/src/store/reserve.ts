/**
 * Space held back on the disk, so that a full one never stops a revocation, a pause or a lock, down to the last key (held
 * by `full-disk.test.ts`).
 *
 * Each of them that meets a full disk is given a part of the reserve. When it is committed the write-ahead logs are
 * truncated (the writer's thread does it), and the reserve takes back what they gave up; what is gone for good is the audit
 * record and its like, some 800 bytes. So the reserve is as large as that for every key that lives, and what one
 * transaction needs at a time.
 */
import { closeSync, fsyncSync, openSync, statfsSync, statSync, truncateSync, writeSync } from "node:fs";
import { join } from "node:path";

/** For what is needed at a time: the pages of one transaction in the log, and the same again for the checkpoint. */
const LEAST_BYTES = 512 * 1024;
/** What stays of a key's revocation: its audit record, its row of the feed, entries of indexes. */
const KEY_BYTES = 1024;
/** More than the pages that one revocation adds to the write-ahead log. */
const PART_BYTES = 64 * 1024;
/** Two indexes of logs (32 KiB each), and what a start writes. */
export const OPENING_BYTES = 3 * PART_BYTES;
const CHUNK_BYTES = 1024 * 1024;
/** Processes on one folder count its keys at different moments: what one holds for keys made lately another leaves there. */
const SLACK_BYTES = 512 * KEY_BYTES;

/** What the reserve is to be, told the thread that keeps it. */
export interface Wanted {
  readonly path: string;
  readonly bytes: number;
}

export interface Reserve {
  wanted(): Wanted;
  /** Gives up a part. @returns whether there was something to give */
  release(): boolean;
  /** Whether nothing of it is given up. */
  isWhole(): boolean;
  /** As many keys live now. */
  resize(keys: number): void;
}

/** @param create a server keeps it; the command line only gives parts and takes them back */
export function holdReserve(folder: string, create: boolean): Reserve {
  const path = join(folder, "reserve");
  const held = (): number => sizeOf(path);
  let bytes = create ? Math.max(LEAST_BYTES, held()) : held();
  /** The most that was held, or should have been: what is wanted more for keys made lately was never given up. */
  let most = bytes;
  return {
    wanted: () => ({ path, bytes }),
    release: () => {
      const size = held();
      if (size === 0) return false;
      truncateSync(path, Math.max(0, size - PART_BYTES));
      return true;
    },
    isWhole: () => {
      const size = held();
      most = Math.max(most, size);
      return size >= Math.min(bytes, most);
    },
    resize: (keys) => {
      bytes = LEAST_BYTES + keys * KEY_BYTES;
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

/** As far as there is room, and by so many bytes at most; what is far too much is given up. */
export function fitReserve({ path, bytes }: Wanted, growBytesMax = Number.POSITIVE_INFINITY): void {
  const from = sizeOf(path);
  if (from > bytes + SLACK_BYTES) truncateSync(path, bytes);
  if (from >= bytes) return;
  const file = openSync(path, "a", 0o600);
  try {
    let left = Math.min(bytes - from, growBytesMax);
    while (left > 0) left -= writeSync(file, Buffer.alloc(Math.min(left, CHUNK_BYTES), 1));
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
