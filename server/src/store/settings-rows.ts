/** The settings as rows, one for each that was ever set. Stands alone because checks read them without Kysely. */
import type { Kysely } from "kysely";
import { DEFAULT_SETTINGS, type Settings } from "../domain/settings.ts";
import type { Tables } from "./tables.ts";

export function settingsOf(rows: readonly { readonly name: string; readonly value: string }[]): Settings {
  const set = rows.map(({ name, value }) => [name, JSON.parse(value)]);
  return { ...DEFAULT_SETTINGS, ...Object.fromEntries(set) };
}

export async function findSettings(db: Kysely<Tables>): Promise<Settings> {
  return settingsOf(await db.selectFrom("settings").select(["name", "value"]).execute());
}

export async function writeSettings(db: Kysely<Tables>, settings: Partial<Settings>): Promise<void> {
  for (const [name, value] of Object.entries(settings)) {
    const text = JSON.stringify(value);
    await db
      .insertInto("settings")
      .values({ name, value: text })
      .onConflict((conflict) => conflict.column("name").doUpdateSet({ value: text }))
      .execute();
  }
}
