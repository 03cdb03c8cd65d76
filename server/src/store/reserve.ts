/**
 * Space held back on the disk, so that a full one never stops a revocation: it is given up when one meets a full disk,
 * and taken again when there is room.
 */
import { closeSync, existsSync, fsyncSync, openSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";

const RESERVE_BYTES = 256 * 1024;

export interface Reserve {
  /** @returns whether there was something to give */
  release(): boolean;
  /** Does nothing where it is held already or there is no room. */
  take(): void;
}

export function holdReserve(folder: string): Reserve {
  const path = join(folder, "reserve");
  return {
    release: () => {
      if (!existsSync(path)) return false;
      rmSync(path, { force: true });
      return true;
    },
    take: () => {
      if (existsSync(path)) return;
      let file: number | undefined;
      try {
        file = openSync(path, "w", 0o600);
        writeSync(file, Buffer.alloc(RESERVE_BYTES, 1));
        fsyncSync(file);
      } catch {
        rmSync(path, { force: true });
      } finally {
        if (file !== undefined) closeSync(file);
      }
    },
  };
}
