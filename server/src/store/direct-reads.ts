/**
 * One key with its last use, read on the main thread: cheaper than asking the reader thread, and never in its queue. The very
 * same object is given again until something is committed to either file.
 */
import { Database } from "bun:sqlite";
import { AppError } from "../domain/errors.ts";
import type { Key } from "../domain/key.ts";
import { openCommitStamp } from "./commit-stamp.ts";
import { BUSY_MS } from "./open-database.ts";
import { remembering } from "./remembering.ts";
import { type KeyOwnerRow, keyOf, keyOwnerOf } from "./rows.ts";
import type { KeyRow, KeyUseRow } from "./tables.ts";

const FIND_KEY = `SELECT keys.*, users.locked_at, users.all_roles, users.all_scopes, users.ceilings
  FROM keys JOIN users ON users.id = keys.user_id WHERE keys.id = ?`;
/** In the other file, which has a stamp of its own. */
const FIND_USE = "SELECT last_used_at, address, client FROM activity.key_use WHERE key_id = ?";

type Use = readonly [at: KeyUseRow["last_used_at"], address: string | null, client: string | null];

export interface DirectReads {
  findKey(id: number): Key | undefined;
  findKeyId(name: string): number | undefined;
  close(): void;
}

export function openDirectReads(
  { main, activity }: { readonly main: string; readonly activity: string },
  stamp: () => number,
): DirectReads {
  const database = new Database(main, { readonly: true, strict: true });
  database.run(`PRAGMA busy_timeout = ${BUSY_MS}; PRAGMA trusted_schema = OFF;`);
  database.run("ATTACH DATABASE ? AS activity", [activity]);
  const row = database.prepare<KeyRow & KeyOwnerRow, [number]>(FIND_KEY);
  const named = database.prepare<{ id: number }, [string]>("SELECT id FROM keys WHERE name = ?");
  const use = database.prepare<Use, [number]>(FIND_USE);
  const version = database.prepare<{ data_version: number }, []>("PRAGMA activity.data_version");
  // The first read makes the WAL index.
  use.values(0);
  const useStamp = openCommitStamp(`${activity}-shm`, () => version.get()!.data_version);
  const findKey = (id: number): Key | undefined => {
    try {
      const found = row.get(id);
      if (!found) return undefined;
      const [last] = use.values(id) as unknown as Use[];
      const key = keyOf(found, keyOwnerOf(found));
      if (!last) return key;
      return { ...key, lastUsedAt: last[0], lastUsedAddress: last[1], lastUsedClient: last[2] };
    } catch (error) {
      throw unreadable(error);
    }
  };
  return {
    findKey: remembering(findKey, joined(stamp, useStamp.read)),
    findKeyId: (name) => {
      try {
        return named.get(name)?.id;
      } catch (error) {
        throw unreadable(error);
      }
    },
    close: () => {
      for (const statement of [row, named, use, version]) statement.finalize();
      database.close(true);
    },
  };
}

function unreadable(cause: unknown): AppError {
  return new AppError("unavailable", "The database cannot be read", { cause });
}

/** Moves when either does. */
function joined(first: () => number, second: () => number): () => number {
  let [one, other, both] = [-1, -1, 0];
  return () => {
    const [now, then] = [first(), second()];
    if (now === one && then === other) return both;
    [one, other] = [now, then];
    return ++both;
  };
}
