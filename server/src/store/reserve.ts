/**
 * Space held back on the disk, so that a full one never stops a revocation: each that meets a full disk is given a part of
 * it, and all is taken again when there is room (held by `full-disk.test.ts`).
 */
import { closeSync, fsyncSync, openSync, statSync, truncateSync, writeSync } from "node:fs";
import { join } from "node:path";

const RESERVE_BYTES = 512 * 1024;
/** More than the pages that one revocation adds to the write-ahead log. */
const PART_BYTES = 64 * 1024;

export interface Reserve {
  /** @returns whether there was something to give */
  release(): boolean;
  /** Takes what is missing. @returns whether all of it is held */
  take(): boolean;
}

export function holdReserve(folder: string): Reserve {
  const path = join(folder, "reserve");
  const held = (): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  return {
    release: () => {
      const size = held();
      if (size === 0) return false;
      truncateSync(path, Math.max(0, size - PART_BYTES));
      return true;
    },
    take: () => {
      const size = held();
      return size >= RESERVE_BYTES || grow(path, size);
    },
  };
}

/** All or nothing: what there is beyond stays for whoever needs it. */
function grow(path: string, from: number): boolean {
  let file: number | undefined;
  try {
    file = openSync(path, "a", 0o600);
    for (let left = RESERVE_BYTES - from; left > 0; ) left -= writeSync(file, Buffer.alloc(left, 1));
    fsyncSync(file);
    return true;
  } catch {
    if (file !== undefined) truncateSync(path, from);
    return false;
  } finally {
    if (file !== undefined) closeSync(file);
  }
}
