/** One key with its last use, read on the main thread: cheaper than asking the reader thread, and never in its queue. */
import { Database } from "bun:sqlite";
import type { Key } from "../domain/key.ts";
import { BUSY_MS } from "./open-database.ts";
import { remembering } from "./remembering.ts";
import { keyOf } from "./rows.ts";
import type { KeyRow, KeyUseRow } from "./tables.ts";

const FIND_KEY = "SELECT * FROM keys WHERE id = ?";
/** In the other file, which commits without the stamp. */
const FIND_USE = "SELECT last_used_at, address, client FROM activity.key_use WHERE key_id = ?";

type Use = readonly [at: KeyUseRow["last_used_at"], address: string | null, client: string | null];

export interface DirectReads {
  findKey(id: number): Key | undefined;
  close(): void;
}

export function openDirectReads(
  { main, activity }: { readonly main: string; readonly activity: string },
  stamp: () => number,
): DirectReads {
  const database = new Database(main, { readonly: true, strict: true });
  database.run(`PRAGMA busy_timeout = ${BUSY_MS}; PRAGMA trusted_schema = OFF;`);
  database.query("ATTACH DATABASE ? AS activity").run(activity);
  const row = database.prepare<KeyRow, [number]>(FIND_KEY);
  const use = database.prepare<Use, [number]>(FIND_USE);
  const key = remembering((id) => {
    const found = row.get(id);
    return found ? keyOf(found) : undefined;
  }, stamp);
  return {
    findKey: (id) => {
      const found = key(id);
      const [last] = use.values(id) as unknown as Use[];
      if (!found || !last) return found;
      return { ...found, lastUsedAt: last[0], lastUsedAddress: last[1], lastUsedClient: last[2] };
    },
    close: () => database.close(),
  };
}
