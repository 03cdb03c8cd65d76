/**
 * Proof that nobody has committed anything to the keys' database, at the price of a few loads from memory.
 *
 * SQLite keeps a header of 48 bytes at the front of the WAL index (`-shm`), which every process on the file maps and which
 * every commit of any of them rewrites before it returns (sqlite.org/walformat.html, section 2): counter of changes,
 * frames, salt, checksum. `PRAGMA data_version` compares the same bytes behind a few system calls. Mapped here a second time, read-only,
 * they are compared at once. A header caught half written differs from both states, so it only costs a read too many.
 *
 * The file is opened once and never closed: closing any handle of a file drops all POSIX locks that this process has on
 * it, SQLite's own included. Where the header cannot be had, `PRAGMA data_version` is asked each time; where it is
 * found to miss a change that `data_version` saw, it is given up for good (`prove`).
 */
import { type CString, dlopen, type Pointer, toArrayBuffer } from "bun:ffi";

export interface CommitStamp {
  /** The same number as before only if nothing was committed since. */
  read(): number;
  /** Commits to the file, counted from anywhere; undefined where the header cannot be had. */
  commits(): number | undefined;
  /**
   * Told of each `data_version`, so that a header that missed a change is found out. @returns false if it did
   * @param before what `read` gave just before that version was asked for
   */
  prove(dataVersion: number, before: number): boolean;
}

const HEADER_WORDS = 12;
/** The only layout there has ever been; another number means another plan. */
const LAYOUT = 3_007_000;
const O_RDONLY_CLOEXEC = 0o2000000;
const PROT_READ = 1;
const MAP_SHARED = 1;
const LIBRARIES = ["libc.so.6", "libc.musl-x86_64.so.1", "libc.musl-aarch64.so.1"];
/** Of rows that are given again. */
const KEPT_MAX = 10_000;
// Words of the header: iChange, mxFrame, aSalt[0], aCksum[0], aCksum[1].
const [CHANGE, FRAMES, SALT, SUM_LOW, SUM_HIGH] = [2, 4, 8, 10, 11] as const;

export function openCommitStamp(shmPath: string, dataVersion: () => number): CommitStamp {
  return createCommitStamp(mapHeader(shmPath), dataVersion);
}

export function createCommitStamp(header: Uint32Array | undefined, dataVersion: () => number): CommitStamp {
  let words = header?.[0] === LAYOUT ? header : undefined;
  let stamp = 1;
  let [change, frames, salt, low, high] = [-1, -1, -1, -1, -1];
  let version = dataVersion();
  let proven = { version, stamp: 0 };
  const read = (): number => {
    if (words === undefined) {
      const now = dataVersion();
      if (now !== version) stamp++;
      version = now;
      return stamp;
    }
    const same =
      words[CHANGE] === change &&
      words[FRAMES] === frames &&
      words[SALT] === salt &&
      words[SUM_LOW] === low &&
      words[SUM_HIGH] === high;
    if (same) return stamp;
    change = words[CHANGE]!;
    frames = words[FRAMES]!;
    salt = words[SALT]!;
    low = words[SUM_LOW]!;
    high = words[SUM_HIGH]!;
    return ++stamp;
  };
  return {
    read,
    commits: () => words?.[CHANGE],
    prove: (now, before) => {
      const last = proven;
      if (now === last.version) return true;
      proven = { version: now, stamp: before };
      // What was committed since is in the header now, and cannot have been when it was read before the last version.
      if (words === undefined || read() !== last.stamp) return true;
      words = undefined;
      stamp++;
      return false;
    },
  };
}

/** @returns undefined where this machine has no such thing. */
function mapHeader(path: string): Uint32Array | undefined {
  if (process.platform !== "linux") return undefined;
  for (const library of LIBRARIES) {
    try {
      const { symbols } = dlopen(library, {
        open: { args: ["cstring", "i32"], returns: "i32" },
        mmap: { args: ["ptr", "usize", "i32", "i32", "i32", "i64"], returns: "ptr" },
      });
      const name = Buffer.from(`${path}\0`);
      const file = symbols.open(name as unknown as CString, O_RDONLY_CLOEXEC);
      if (file < 0) return undefined;
      const at = symbols.mmap(null, HEADER_WORDS * 4, PROT_READ, MAP_SHARED, file, 0);
      if (at === null || Number(at) === -1) return undefined;
      return new Uint32Array(toArrayBuffer(at as Pointer, 0, HEADER_WORDS * 4));
    } catch {
      // Another C library: the next name.
    }
  }
  return undefined;
}

/**
 * Rows that were read before, given again only while each call proves that nothing was committed since.
 * @param stamp the same number as before only if nothing was committed since
 */
export function cachedUntilCommit<Row>(read: (id: number) => Row, stamp: () => number): (id: number) => Row {
  const kept = new Map<number, Row>();
  let keptUnder = -1;
  return (id) => {
    const now = stamp();
    if (now !== keptUnder) {
      kept.clear();
      keptUnder = now;
    }
    const known = kept.get(id);
    if (known !== undefined) return known;
    const row = read(id);
    if (kept.size >= KEPT_MAX) kept.clear();
    // A commit between the stamp and the read has changed the stamp: the next call forgets this row.
    kept.set(id, row);
    return row;
  };
}
