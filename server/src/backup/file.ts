/**
 * A file that is there whole or not at all: written beside its place under a name of its own, readable by its owner alone, on the
 * disk before it gets its name.
 */
import { constants } from "node:fs";
import { type FileHandle, link, lstat, open, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { AppError } from "../domain/errors.ts";
import { isWithin } from "../store/sqlite/archive.ts";
import { FIRST_WORDS } from "./format.ts";

export interface Sink {
  write(bytes: Uint8Array): Promise<void>;
}

const TIDY_MS_MAX = 2_000;
const PARTIAL = ".partial";
const SUFFIX = ".backup";
const NO_LINKS: ReadonlySet<string> = new Set(["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK"]);

/**
 * @param options.replace a backup of that name, or an empty file; never anything else, of the program or not
 * Throws AppError conflict (there is something), storage_full, unavailable.
 */
export async function writeWhole(
  path: string,
  options: { readonly replace: boolean },
  write: (sink: Sink) => Promise<void>,
): Promise<void> {
  await requireFree(path, options.replace);
  const folder = dirname(path);
  const draft = join(folder, `.${basename(path)}.${process.pid}.${crypto.randomUUID()}${PARTIAL}`);
  let file: FileHandle | undefined;
  try {
    file = await open(draft, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600);
    await write(sinkOf(file));
    await file.sync();
    await file.close();
    file = undefined;
    await giveName(draft, path, options.replace);
    await syncFolder(folder);
  } catch (error) {
    throw fileError(error, path);
  } finally {
    await tidy(file, draft);
  }
}

/** A disk that takes nothing any more must not hold up a caller that gave up on it. */
async function tidy(file: FileHandle | undefined, draft: string): Promise<void> {
  const closed = file?.close().catch(() => undefined);
  const removed = rm(draft, { force: true }).catch(() => undefined);
  let timer: Timer | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, TIDY_MS_MAX);
  });
  await Promise.race([Promise.all([closed, removed]), late]);
  clearTimeout(timer);
}

/** A link refuses a name that is taken meanwhile; where the disk knows none (FAT, some network folders) the first look counts. */
async function giveName(draft: string, path: string, replace: boolean): Promise<void> {
  if (!replace) {
    try {
      await link(draft, path);
      return;
    } catch (error) {
      if (!NO_LINKS.has((error as NodeJS.ErrnoException).code ?? "")) throw error;
    }
  }
  await rename(draft, path);
}

/** What a process that was killed has left behind. */
export function isPartial(name: string): boolean {
  return name.startsWith(".") && name.endsWith(PARTIAL);
}

async function requireFree(path: string, replace: boolean): Promise<void> {
  const found = await lstat(path).catch(() => undefined);
  if (found === undefined) return;
  if (!found.isFile()) throw new AppError("conflict", `${path} is there and is no ordinary file`);
  if (!replace) throw new AppError("conflict", `${path} is there already; --force replaces it`);
  // Of an empty one, as mktemp makes it, nothing is lost.
  if (found.size === 0 || (await isBackup(path))) return;
  throw new AppError(
    "conflict",
    `${path} is there and is no backup, so it is not replaced; name another file, or remove this one first`,
  );
}

/** By its first bytes: an old or damaged one is one too. */
async function isBackup(path: string): Promise<boolean> {
  const first = Buffer.from(FIRST_WORDS);
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    const { buffer } = await file.read(Buffer.alloc(first.length), 0, first.length, 0);
    return buffer.equals(first);
  } finally {
    await file.close();
  }
}

/**
 * Throws conflict where a backup would take a name that the program itself gives in the data folder, or may give in a later
 * version: everything there but `*.backup`.
 */
export function refuseOwnName(path: string, dataFolder: string): void {
  if (path.endsWith(SUFFIX) || !isWithin(dirname(path), dataFolder)) return;
  throw new AppError(
    "conflict",
    `${path} is in the data folder, where a backup has a name that ends in ${SUFFIX}; better write it to another disk`,
  );
}

function sinkOf(file: FileHandle): Sink {
  return {
    write: async (bytes) => {
      for (let at = 0; at < bytes.length; ) {
        const { bytesWritten } = await file.write(bytes, at);
        at += bytesWritten;
      }
    },
  };
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, constants.O_RDONLY);
  try {
    await handle.sync();
  } catch (error) {
    // Some disks sync no folders.
    if (!["EINVAL", "ENOTSUP"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
  } finally {
    await handle.close();
  }
}

function fileError(error: unknown, path: string): AppError {
  if (error instanceof AppError) return error;
  const { code = "" } = error as NodeJS.ErrnoException;
  if (code === "EEXIST") return new AppError("conflict", `${path} is there already; --force replaces it`);
  if (code === "ENOSPC" || code === "EDQUOT")
    return new AppError("storage_full", `There is no space for ${path}`, { cause: error });
  return new AppError("unavailable", `${path} cannot be written (${code || (error as Error).message})`, {
    cause: error,
  });
}
