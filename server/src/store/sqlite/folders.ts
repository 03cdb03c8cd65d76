/**
 * Whether two names lead to the same folder, or one into the other. Links, bind mounts and names inside of a container differ
 * and mean the same, so device and inode are asked wherever the names alone do not say so.
 */
import { realpathSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { identityOf } from "./same-files.ts";

export function isSameFolder(one: string, other: string): boolean {
  if (one === other) return true;
  const identity = findIdentity(one);
  return identity !== undefined && identity === findIdentity(other);
}

/** undefined: it is not there, or out of reach. */
function findIdentity(path: string): string | undefined {
  try {
    return identityOf(path);
  } catch {
    return undefined;
  }
}

/** Whether it is the folder itself, or somewhere below it. Neither needs to be there. */
export function isWithin(path: string, folder: string): boolean {
  const real = realOf(folder);
  for (let at = realOf(path); ; at = dirname(at)) {
    if (isSameFolder(at, real)) return true;
    if (at === dirname(at)) return false;
  }
}

/** As `realpath` has it; what is not there yet keeps its name. */
function realOf(path: string): string {
  const whole = resolve(path);
  try {
    return realpathSync(whole);
  } catch {
    const above = dirname(whole);
    return above === whole ? whole : join(realOf(above), basename(whole));
  }
}
