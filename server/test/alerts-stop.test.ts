import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { join } from "node:path";
import { makeInstallation, SYSTEM } from "./installation.ts";

/** Enough for several rounds of a comparison. */
const REVOKED = 20_000;
const MANY_REVOKED = `WITH RECURSIVE n (i) AS (SELECT 1000 UNION ALL SELECT i + 1 FROM n WHERE i < ${999 + REVOKED})
  INSERT INTO keys (id, name, user_id, username, description, tags, hint, created_at, created_by, expiry_told, revoked_at,
    revoked_reason, version)
  SELECT i, 'n' || i, ?, 'ada', '', '[]', '', 0, 'test', 0, 1, 'at once', 1 FROM n`;

test("A stop ends the first comparison of many alerts between two reads, and the next start goes on from there", async () => {
  await using folder = await makeInstallation();
  const first = await folder.open();
  const ada = await first.users.create(SYSTEM, { username: "ada", roles: ["KEY_HOLDER"] });
  using database = new Database(join(folder.path, "chatelaine.db"));
  database.run(MANY_REVOKED, [ada.id]);
  using activity = new Database(join(folder.path, "activity.db"));
  const known = (): number =>
    (activity.query("SELECT count(*) AS known FROM alerts").get() as { known: number }).known;
  first.alerts.start();
  await first.alerts.stop();
  expect(known()).toBeLessThan(REVOKED);
  const next = await folder.open();
  await next.alerts.compare();
  expect(known()).toBe(REVOKED);
});
