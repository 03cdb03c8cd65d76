/** Another process that reads the keys' database for long, again and again: as long as it does, the log cannot begin again. */
import { Database } from "bun:sqlite";

const READS_MS = 300;
const RESTS_MS = 2;

const [, , path = ""] = process.argv;
const database = new Database(path, { readonly: true });
for (let isFirst = true; ; isFirst = false) {
  database.run("BEGIN");
  database.query("SELECT count(*) FROM sqlite_schema").get();
  if (isFirst) process.stdout.write("reads\n");
  await Bun.sleep(READS_MS);
  database.run("COMMIT");
  await Bun.sleep(RESTS_MS);
}
