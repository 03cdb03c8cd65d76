/**
 * A file of a fixed size that all processes on the folder map, and so share without a write to any disk. It is written out in
 * zeros before it is mapped, so that a full disk is an error here and not a fault in the middle of a request.
 */
import { existsSync, linkSync, mkdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

/** To be called before it is mapped. Of several who make it, one does and all have that one. Throws where it has another size. */
export function prepareMapped(path: string, bytes: number): void {
  if (!existsSync(path)) makeFile(path, bytes);
  const { size } = statSync(path);
  if (size !== bytes) throw new Error(`${path} has ${size} bytes, not ${bytes}`);
}

function makeFile(path: string, bytes: number): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const draft = `${path}.${process.pid}.new`;
  try {
    writeFileSync(draft, new Uint8Array(bytes), { mode: 0o600, flush: true });
    linkOrKeep(draft, path);
  } finally {
    rmSync(draft, { force: true });
  }
}

function linkOrKeep(draft: string, path: string): void {
  try {
    linkSync(draft, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
}
