/**
 * The latest instant by which anybody on this folder has judged, kept over restarts: eight bytes of a file that all processes
 * map, as counters of rates are. Where the file cannot be had, this process remembers for itself alone.
 */
import { existsSync, linkSync, mkdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { RATES_FOLDER } from "./rate-counters.ts";

const FILE = "latest-instant";
const PAGE_BYTES = 4_096;

export interface LatestInstant {
  /** 0: none yet. */
  read(): number;
  write(instant: number): void;
}

export function openLatestInstant(folder: string): LatestInstant {
  const kept = mapped(join(folder, RATES_FOLDER)) ?? new Float64Array(1);
  return {
    read: () => kept[0]!,
    write: (instant) => {
      kept[0] = instant;
    },
  };
}

/** Written out before it is mapped, so that a full disk is no fault in the middle of a request. */
function mapped(folder: string): Float64Array | undefined {
  const path = join(folder, FILE);
  try {
    if (!existsSync(path)) {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      const draft = `${path}.${process.pid}.new`;
      try {
        writeFileSync(draft, new Uint8Array(PAGE_BYTES), { mode: 0o600, flush: true });
        if (!existsSync(path)) linkSync(draft, path);
      } finally {
        rmSync(draft, { force: true });
      }
    }
    if (statSync(path).size !== PAGE_BYTES) return undefined;
    const bytes = Bun.mmap(path, { shared: true });
    const found = new Float64Array(bytes.buffer, bytes.byteOffset, 1);
    return Number.isFinite(found[0]) && found[0]! >= 0 ? found : undefined;
  } catch {
    return undefined;
  }
}
