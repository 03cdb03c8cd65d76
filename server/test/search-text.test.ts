/** What a search looks into is given to the rows of an older schema slice by slice. */
import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { join } from "node:path";
import { UNFILLED } from "../src/store/schema.ts";
import { fillSlice, SLICE_ROWS } from "../src/store/sqlite/fill-search-text.ts";
import { MIGRATIONS } from "../src/store/sqlite/migrations.ts";
import { placeFixture, SCHEMA_8 } from "./old-folder.ts";
import { RestoredPlace } from "./place.ts";

const KEYS = 3 * SLICE_ROWS;
const MANY = `WITH RECURSIVE n (i) AS (SELECT 1000 UNION ALL SELECT i + 1 FROM n WHERE i < ${999 + KEYS})
  INSERT INTO keys (id, name, user_id, username, description, tags, hint, created_at, created_by, expiry_told, version)
  SELECT i, 'Größe ' || i, 2, 'ada', 'Words', '["Ünal"]', '', 0, 'test', 0, 1 FROM n`;
const filled = (database: Database): number =>
  (database.query("SELECT count(*) AS n FROM keys WHERE search_text <> ''").get() as { n: number }).n;

test("one slice at a time, each of so many rows, and on from where a start was stopped", async () => {
  await using place = new RestoredPlace();
  placeFixture(place, SCHEMA_8);
  const path = join(place.data, "chatelaine.db");
  {
    using database = new Database(path, { readwrite: true, strict: true });
    database.run(MANY);
    database.transaction(() => {
      for (const statement of MIGRATIONS[8]!) database.run(statement);
      database.run("PRAGMA user_version = 9");
    })();
    const slice = database.transaction(() => fillSlice(database));
    expect(filled(database)).toBe(0);
    let before = 0;
    for (let turn = 0; turn < 4; turn++) {
      expect(slice.immediate()).toBe(true);
      const now = filled(database);
      expect(now - before).toBeLessThanOrEqual(SLICE_ROWS);
      before = now;
    }
    expect(before).toBeGreaterThan(0);
    expect(before).toBeLessThan(KEYS);
  }
  // What is stopped here, a start goes on with.
  await place.serve();
  using database = new Database(path, { readonly: true });
  expect(filled(database)).toBe(KEYS + 10);
  expect(database.query("SELECT 1 FROM meta WHERE name = ?").get(UNFILLED)).toBeNull();
  const { search_text } = database.query("SELECT search_text FROM keys WHERE id = 1000").get() as {
    search_text: string;
  };
  expect(search_text).toBe("ada\ngrösse 1000\nwords\nünal");
  const users = database.query("SELECT search_text FROM users ORDER BY id").values();
  expect(users.flat()).toContain("zoe\nzoë grossmann\nzoe@example.org");
});
