/**
 * The settings as rows, one for each that was ever set, and one for the version of them all. Checks read them without
 * Kysely.
 */
import type { Kysely } from "kysely";
import { DEFAULT_SETTINGS, type Settings, type SettingsPatch } from "../domain/settings.ts";
import type { Tables } from "./schema.ts";

export function settingsOf(rows: readonly { readonly name: string; readonly value: string }[]): Settings {
  const set = rows.map(({ name, value }) => [name, JSON.parse(value)]);
  return { ...DEFAULT_SETTINGS, ...Object.fromEntries(set) };
}

export async function findSettings(db: Kysely<Tables>): Promise<Settings> {
  return settingsOf(await db.selectFrom("settings").select(["name", "value"]).execute());
}

/** @returns false when they are not at this version any more */
export async function writeSettings(
  db: Kysely<Tables>,
  from: number,
  settings: SettingsPatch,
): Promise<boolean> {
  const to = JSON.stringify(from + 1);
  const { numInsertedOrUpdatedRows } = await db
    .insertInto("settings")
    .values({ name: "version", value: to })
    .onConflict((conflict) =>
      conflict.column("name").doUpdateSet({ value: to }).where("settings.value", "=", JSON.stringify(from)),
    )
    .executeTakeFirst();
  if (!numInsertedOrUpdatedRows) return false;
  for (const [name, value] of Object.entries(settings)) {
    const text = JSON.stringify(value);
    await db
      .insertInto("settings")
      .values({ name, value: text })
      .onConflict((conflict) => conflict.column("name").doUpdateSet({ value: text }))
      .execute();
  }
  return true;
}
