/**
 * The latest instant by which anybody on this folder has judged, kept over restarts: eight bytes of a file that all processes
 * map, as counters of rates are. Where the file cannot be had, this process remembers for itself alone.
 */
import { join } from "node:path";
import { prepareMapped } from "./mapped-file.ts";
import { RATES_FOLDER } from "./rate-counters.ts";

const FILE = "latest-instant";
const PAGE_BYTES = 4_096;

export interface LatestInstant {
  /** 0: none yet. */
  read(): number;
  write(instant: number): void;
}

export function openLatestInstant(folder: string): LatestInstant {
  const kept = mapped(join(folder, RATES_FOLDER, FILE)) ?? new Float64Array(1);
  return {
    read: () => kept[0]!,
    write: (instant) => {
      kept[0] = instant;
    },
  };
}

function mapped(path: string): Float64Array | undefined {
  try {
    prepareMapped(path, PAGE_BYTES);
    const bytes = Bun.mmap(path, { shared: true });
    const found = new Float64Array(bytes.buffer, bytes.byteOffset, 1);
    return Number.isFinite(found[0]) && found[0]! >= 0 ? found : undefined;
  } catch {
    return undefined;
  }
}
