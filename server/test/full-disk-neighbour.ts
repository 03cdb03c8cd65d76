/** What other programs do to a disk: takes every byte that is free; run as a program, every 2 ms until it is stopped. */
import { closeSync, openSync, writeSync } from "node:fs";

const EVERY_MS = 2;

export function fill(filler: string): void {
  const file = openSync(filler, "a");
  try {
    for (const size of [65_536, 4_096, 512, 1]) {
      try {
        for (;;) writeSync(file, Buffer.alloc(size));
      } catch {
        // Full for pieces of this size.
      }
    }
  } finally {
    closeSync(file);
  }
}

if (import.meta.main) {
  const [, , filler = ""] = process.argv;
  fill(filler);
  process.stdout.write("full\n");
  setInterval(() => fill(filler), EVERY_MS);
}
