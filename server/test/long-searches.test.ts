import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { join } from "node:path";
import { SLICE_LENGTH } from "../src/domain/slices.ts";
import { parseFilters } from "../src/truenas/query-filters.ts";
import { makeInstallation, PASSWORD, SYSTEM } from "./installation.ts";

const KEYS = 20_000;
const SEARCHES = 6;
const NOBODY = { party: null };
const MANY_KEYS = `WITH RECURSIVE n (i) AS (SELECT 1000 UNION ALL SELECT i + 1 FROM n WHERE i < ${1_000 + KEYS})
  INSERT INTO keys (id, name, user_id, username, description, tags, hint, created_at, created_by, expiry_told, version)
  SELECT i, 'n' || i, ?, 'ada', 'a description of some length', '[]', '', 0, 'test', 0, 1 FROM n`;

test("searches of one who asks for much hold up neither sign-in by password and SCRAM nor a revocation", async () => {
  await using folder = await makeInstallation();
  const { users, keys, store } = await folder.open();
  const ada = await users.create(SYSTEM, {
    username: "ada",
    roles: ["KEY_HOLDER"],
    password: PASSWORD,
  });
  const { key } = await keys.create(SYSTEM, { username: "ada", name: "ci" });
  using database = new Database(join(folder.path, "chatelaine.db"));
  database.run(MANY_KEYS, [ada.id]);
  // Both threads run before it counts.
  await store.listKeys({ limit: 1 }, NOBODY);
  await store.findSecrets([key.id]);
  let searched = 0;
  const where = parseFilters([["description", "~", ".*(some|any) (size|height)$"]]);
  const searches = Array.from({ length: SEARCHES }, async () => {
    await store.listKeys({ where }, NOBODY);
    searched++;
  });
  expect(await store.findPassword("ada")).toBeDefined();
  expect((await store.findSecrets([key.id])).size).toBe(1);
  await keys.revoke(SYSTEM, key.id, "at once");
  expect(searched).toBeLessThan(SEARCHES);
  await Promise.all(searches);
});

test("a list of all keys comes whole and in order, and others have their turns while it is made", async () => {
  await using folder = await makeInstallation();
  const { users, store } = await folder.open();
  const ada = await users.create(SYSTEM, { username: "ada", roles: ["KEY_HOLDER"] });
  using database = new Database(join(folder.path, "chatelaine.db"));
  database.run(MANY_KEYS, [ada.id]);
  let turns = 0;
  let isOver = false;
  const turn = (): void => {
    turns++;
    if (!isOver) setImmediate(turn);
  };
  turn();
  const order = [{ path: ["id"], descending: true, nullsFirst: false }];
  const { rows } = await store.listKeys({ order }, NOBODY);
  isOver = true;
  expect(rows.map(({ id }) => id)).toEqual(Array.from({ length: KEYS + 1 }, (_, at) => 1_000 + KEYS - at));
  expect(turns).toBeGreaterThan(KEYS / SLICE_LENGTH);
});
