/** Data folders of older versions, and twins in them: users and groups whose names differ in case alone, as 0.1 let them be made. */
import { Database } from "bun:sqlite";
import { chmodSync, copyFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import type { RestoredPlace } from "./place.ts";

export const FIXTURE = new URL("./fixtures/data-0.1/", import.meta.url).pathname;
export const SCHEMA_8 = new URL("./fixtures/data-schema-8/", import.meta.url).pathname;

export function placeFixture(place: RestoredPlace, fixture = FIXTURE): void {
  mkdirSync(place.data, { mode: 0o700 });
  for (const name of ["chatelaine.db", "activity.db", "secret"]) {
    copyFileSync(join(fixture, name), join(place.data, name));
    chmodSync(join(place.data, name), 0o600);
  }
}

/** Rows like that of the first name, under the others. To be done before a server of today opens the folder. */
export function addTwins(
  place: RestoredPlace,
  table: "users" | "groups",
  [like, ...others]: readonly [string, ...string[]],
): void {
  const database = new Database(join(place.data, "chatelaine.db"), { readwrite: true, strict: true });
  try {
    const known = database.query(`SELECT name FROM pragma_table_info('${table}') WHERE name <> 'id'`).all();
    const columns = (known as { name: string }[]).map(({ name }) => name);
    const key = table === "users" ? "username" : "name";
    const values = columns.map((column) => (column === key ? "?1" : column)).join(", ");
    const insert = database.query(
      `INSERT INTO ${table} (${columns.join(", ")}) SELECT ${values} FROM ${table} WHERE ${key} = ?2`,
    );
    for (const name of others) insert.run(name, like);
    insert.finalize();
  } finally {
    database.close();
  }
}
