/**
 * Data that may be older than what was acknowledged is in quarantine: looked at and changed by the command line, judged by
 * nobody, until `chatelaine restore --accept`. The mark is in the database itself, so every process on it agrees.
 */
import type { Kysely } from "kysely";
import { AppError } from "../domain/errors.ts";
import { ACCEPTED, MARK, type Tables } from "./schema.ts";
import type { Quarantine } from "./store.ts";

/** A gap in the feed says to its followers, those that have seen all of it included, that everything may have changed. */
export const GAP = 2;

export function quarantineOf(value: string | undefined): Quarantine | undefined {
  return value === undefined ? undefined : (JSON.parse(value) as Quarantine);
}

export function restoreNotAccepted(): AppError {
  return new AppError(
    "restore_not_accepted",
    "The database was put back from an older copy; `chatelaine restore --accept` on its machine accepts it",
  );
}

/**
 * Ends it, in the transaction of who accepts it.
 * @returns the number that the feed goes on with besides; undefined where there is none
 */
export async function acceptRestored(
  db: Kysely<Tables>,
): Promise<{ readonly quarantine: Quarantine; readonly seq: number } | undefined> {
  const row = await db.deleteFrom("meta").where("name", "=", MARK).returning("value").executeTakeFirst();
  const quarantine = quarantineOf(row?.value);
  if (!quarantine) return undefined;
  if (quarantine.missing !== undefined) {
    await db.deleteFrom("meta").where("name", "=", ACCEPTED).execute();
    await db.insertInto("meta").values({ name: ACCEPTED, value: quarantine.missing }).execute();
  }
  await db.deleteFrom("web_sessions").execute();
  await db.deleteFrom("setup_tokens").execute();
  await db.deleteFrom("tokens").execute();
  const last = await db
    .selectFrom("changes")
    .select(({ fn }) => fn.max("seq").as("seq"))
    .executeTakeFirst();
  const seq = Math.max(Number(last?.seq ?? 0), quarantine.found, quarantine.expected) + GAP;
  return { quarantine, seq };
}
