/**
 * Puts files of a restore into the data folder, each by a rename. While it is at it a file `restoring` says so, and nobody
 * opens the folder (`installation.ts`): an end in between leaves a folder that is refused, and the same restore again
 * makes it whole (held by `backup-crash.test.ts`). What was there before is moved aside and stays.
 */
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { RESTORING_FILE } from "../installation.ts";

export interface Move {
  /** A path on the same disk. */
  readonly from: string;
  /** Below the data folder, or a path of its own. */
  readonly to: string;
}

export interface Placing {
  readonly folder: string;
  /** Names in the data folder that must not stay. */
  readonly aside: readonly string[];
  readonly asideFolder: string;
  readonly moves: readonly Move[];
  /** What belongs to it beside. */
  finish(): void;
}

/** @returns whether something was moved aside */
export function placeFiles({ folder, aside, asideFolder, moves, finish }: Placing): boolean {
  const marker = join(folder, RESTORING_FILE);
  for (const { from } of moves) syncPath(from);
  writeFileSync(marker, "A restore has begun here and not ended.\n", { mode: 0o600, flush: true });
  syncPath(folder);
  const old = aside.filter((name) => existsSync(join(folder, name)));
  if (old.length > 0) mkdirSync(join(folder, asideFolder), { mode: 0o700, recursive: true });
  for (const name of old) renameSync(join(folder, name), join(folder, asideFolder, name));
  for (const { from, to } of moves) {
    mkdirSync(dirname(to), { recursive: true, mode: 0o700 });
    renameSync(from, to);
    syncPath(dirname(to));
  }
  finish();
  syncPath(folder);
  rmSync(marker);
  syncPath(folder);
  return old.length > 0;
}

function syncPath(path: string): void {
  const handle = openSync(path, "r");
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
