/** The end of a quarantine (`quarantine.ts`), in the transaction of who accepts it; apart from the other changes for its size. */
import type { Kysely } from "kysely";
import { GAP } from "./last-change.ts";
import { type Quarantine, quarantineOf } from "./quarantine.ts";
import { ACCEPTED, MARK, type Tables } from "./tables.ts";

/** @returns undefined where there is none */
export async function acceptRestored(db: Kysely<Tables>, now: number): Promise<Quarantine | undefined> {
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
  await db
    .insertInto("changes")
    .values({
      seq,
      at: now,
      kind: "settings",
      action: "changed",
      entity_id: 0,
      name: "settings",
      user_id: null,
      ends: 0,
      spares: null,
    })
    .execute();
  return quarantine;
}
