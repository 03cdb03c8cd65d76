/** The mark of a quarantine (`store/quarantine.ts`), read and written where no store is open yet. */
import type { Database } from "bun:sqlite";
import { quarantineOf } from "../quarantine.ts";
import { MARK } from "../schema.ts";
import type { Quarantine } from "../store.ts";

const READ = `SELECT value FROM meta WHERE name = '${MARK}'`;

export function readQuarantine(database: Database): Quarantine | undefined {
  const statement = database.prepare<{ value: string }, []>(READ);
  try {
    return quarantineOf(statement.get()?.value);
  } finally {
    statement.finalize();
  }
}

/** Begins it, or keeps the one that there is with the higher number. */
export function putQuarantine(database: Database, quarantine: Quarantine): Quarantine {
  const before = readQuarantine(database);
  const { expected, missing = before?.missing } = quarantine;
  const after = before ? { ...before, expected: Math.max(before.expected, expected), missing } : quarantine;
  database.run(`INSERT OR REPLACE INTO meta (name, value) VALUES ('${MARK}', ?)`, [JSON.stringify(after)]);
  return after;
}
