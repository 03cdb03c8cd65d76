/** The write-ahead log of a served database goes back to its size once nobody reads what it holds. */
import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { statSync } from "node:fs";
import { join } from "node:path";
import { makeInstallation } from "./installation.ts";
import { until } from "./rest-app.ts";

const LOG_BYTES_MAX = 8 * 1024 * 1024;
const ROWS = 24;

for (const name of ["chatelaine.db", "activity.db"]) {
  test(`the log of ${name} grows beside a long reader, and shrinks after it while the server runs`, async () => {
    await using folder = await makeInstallation();
    await folder.serve();
    const path = join(folder.path, name);
    const logBytes = (): number => statSync(`${path}-wal`).size;
    const reader = new Database(path, { readonly: true });
    reader.run("BEGIN");
    reader.query("SELECT count(*) FROM sqlite_schema").get();
    const writer = new Database(path);
    writer.run("PRAGMA busy_timeout = 2000");
    writer.run("CREATE TABLE long_text (text TEXT)");
    for (let row = 0; row < ROWS; row++)
      writer.run("INSERT INTO long_text VALUES (?)", ["x".repeat(512 * 1024)]);
    expect(logBytes()).toBeGreaterThan(LOG_BYTES_MAX);
    reader.run("COMMIT");
    await until(() => logBytes() <= LOG_BYTES_MAX);
    expect(writer.query("SELECT count(*) AS rows FROM long_text").get()).toEqual({ rows: ROWS });
    for (const each of [reader, writer]) each.close();
  }, 60_000);
}
