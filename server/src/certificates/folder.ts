/** Files that change as a whole, and a lock between the processes that change them. */
import {
  closeSync,
  fsyncSync,
  linkSync,
  openSync,
  readFileSync,
  renameSync,
  statSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { AppError } from "../domain/errors.ts";

const LOCK_POLL_MS = 20;
const LOCK_WAIT_MS = 20_000;
/** Issuing takes milliseconds: an older lock is a dead process's, even where its id has been given to another. */
const LOCK_STALE_MS = 10_000;

let counter = 0;
const freshName = (file: string): string => `${file}.${process.pid}.${++counter}`;

/** Readers see the old content or the new, and after a power cut one of the two. */
export function replaceFile(file: string, content: string | Uint8Array, mode: number): void {
  const temporary = freshName(file);
  writeNew(temporary, content, mode);
  renameSync(temporary, file);
}

function writeNew(file: string, content: string | Uint8Array, mode: number): void {
  const descriptor = openSync(file, "wx", mode);
  try {
    writeSync(descriptor, typeof content === "string" ? Buffer.from(content) : content);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** The lock is a file that holds its owner's process id; linking makes it appear with its content, or not at all. */
export async function withFolderLock<T>(lock: string, act: () => Promise<T>): Promise<T> {
  await takeLock(lock);
  try {
    return await act();
  } finally {
    unlinkSync(lock);
  }
}

async function takeLock(lock: string): Promise<void> {
  const mine = freshName(lock);
  writeNew(mine, String(process.pid), 0o600);
  try {
    const deadline = performance.now() + LOCK_WAIT_MS;
    while (!tryLink(mine, lock)) {
      if (performance.now() > deadline) throw new AppError("unavailable", `Another process holds ${lock}`);
      if (isStale(lock)) breakLock(lock);
      else await sleep(LOCK_POLL_MS);
    }
  } finally {
    unlinkSync(mine);
  }
}

function tryLink(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

function isStale(lock: string): boolean {
  try {
    const pid = Number(readFileSync(lock, "utf8"));
    return !isAlive(pid) || Date.now() - statSync(lock).mtimeMs > LOCK_STALE_MS;
  } catch {
    // Gone in this moment: the next try sees.
    return false;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** Moved away before it is removed: what turns out to be a successor's lock goes back. */
function breakLock(lock: string): void {
  const aside = freshName(`${lock}.stale`);
  try {
    renameSync(lock, aside);
  } catch {
    return;
  }
  if (!isStale(aside)) tryLink(aside, lock);
  unlinkSync(aside);
}
