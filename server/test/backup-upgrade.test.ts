/** Before a database is migrated to a new version, a backup of it is written, which that version can bring back. */
import { Database } from "bun:sqlite";
import { afterAll, afterEach, beforeAll, beforeEach, expect, setDefaultTimeout, test } from "bun:test";
import { copyFileSync, existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openBackup } from "../src/backup/backup.ts";
import { AppError } from "../src/domain/errors.ts";
import { createLog } from "../src/log.ts";
import { ACTIVITY_MIGRATIONS, MIGRATIONS, type Migration } from "../src/store/sqlite/migrations.ts";
import { VERSION } from "../src/version.ts";
import {
  ask,
  type Made,
  made,
  makeTemplate,
  removeAll,
  restore,
  scratchFolder,
  signIn,
} from "./backup-app.ts";
import { type Folder, movedClock, PASSWORD, SYSTEM } from "./installation.ts";

setDefaultTimeout(30_000);
const scratch = scratchFolder();
beforeAll(() => makeTemplate(scratch));
afterAll(() => removeAll(scratch));

/** Migrations of version 0.1.0. */
const OLD = { main: MIGRATIONS.slice(0, 4), activity: ACTIVITY_MIGRATIONS.slice(0, 3) };

/** Puts a database of an older schema with the same rows in the place of one. Everything is in its log, as 0.1 left it. */
function makeOld(path: string, migrations: readonly Migration[]): void {
  const old = new Database(`${path}.old`, { create: true });
  old.run("PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0; PRAGMA foreign_keys = OFF");
  for (const migration of migrations) for (const statement of migration) old.run(statement);
  old.run(`PRAGMA user_version = ${migrations.length}`);
  old.query("ATTACH DATABASE ? AS new").run(path);
  const columns = (schema: string, table: string) =>
    (old.query(`SELECT name FROM ${schema}.pragma_table_info('${table}')`).all() as { name: string }[]).map(
      ({ name }) => name,
    );
  const tables = old.query("SELECT name FROM main.sqlite_schema WHERE type = 'table'").all() as {
    name: string;
  }[];
  for (const { name } of tables) {
    const known = new Set(columns("new", name));
    const names = columns("main", name).filter((column) => known.has(column));
    if (name !== "sqlite_sequence")
      old.run(`INSERT INTO main.${name} (${names}) SELECT ${names} FROM new.${name}`);
  }
  old.run("DETACH DATABASE new");
  if (migrations === OLD.main) old.run("DELETE FROM meta WHERE name <> 'secret_fingerprint'");
  removeAll(path);
  for (const end of ["", "-wal"]) copyFileSync(`${path}.old${end}`, `${path}${end}`);
  old.close();
  removeAll(`${path}.old`);
}

let one: Made;
let folder: Folder;
const backupsIn = (path: string) => readdirSync(path).filter((name) => name.endsWith(".backup"));
const versionOf = (name: string): number => {
  const database = new Database(join(folder.path, name), { readonly: true });
  const { user_version } = database.query("PRAGMA user_version").get() as { user_version: number };
  database.close();
  return user_version;
};

beforeEach(async () => {
  one = await made();
  folder = one.folder;
  makeOld(join(folder.path, "chatelaine.db"), OLD.main);
  makeOld(join(folder.path, "activity.db"), OLD.activity);
  removeAll(join(folder.path, "installation"), folder.state);
});
afterEach(() => folder[Symbol.asyncDispose]());

test("the first start of a version writes a backup before it migrates, once, and says so", async () => {
  const lines: string[] = [];
  const server = await folder.serve({}, { log: createLog("info", "text", (line) => lines.push(line)) });
  expect(await ask(server, one.text)).toBe(200);
  const [name] = backupsIn(folder.path);
  expect(name).toMatch(new RegExp(`^before-${VERSION.replaceAll(".", "\\.")}-\\d{8}T\\d{6}Z\\.backup$`));
  const path = join(folder.path, name!);
  expect(lines.join("")).toContain(
    `Wrote a backup before the upgrade path=${path} schema=${OLD.main.length}`,
  );
  const { manifest } = await openBackup(path);
  expect(manifest).toMatchObject({ installation: null, schema: { main: 4, activity: 3 }, users: 2, keys: 1 });
  const { rows } = await server.app.audit.list(SYSTEM, {});
  expect(rows.find(({ details }) => details.file === path)).toMatchObject({
    ...{ action: "backup.create", description: `Write a backup before the upgrade to ${VERSION}` },
  });
  await server.close();
  await (await folder.serve()).close();
  expect(backupsIn(folder.path)).toEqual([name!]);
});

test("a command of a new version writes it too; a server with a folder for backups writes it there", async () => {
  await (await folder.open()).close();
  expect(backupsIn(folder.path)).toHaveLength(1);
  removeAll(...backupsIn(folder.path).map((name) => join(folder.path, name)));
  makeOld(join(folder.path, "activity.db"), OLD.activity);
  const to = join(scratch, "elsewhere");
  const server = await folder.serve({ backupEvery: "1h", backupTo: to });
  expect(backupsIn(folder.path)).toEqual([]);
  expect(backupsIn(to).some((name) => name.startsWith("before-"))).toBe(true);
  await server.close();
});

test("without it there is no upgrade, and the database stays as it was", async () => {
  const to = join(scratch, "no-folder");
  writeFileSync(to, "");
  const refused = await folder.serve({ backupEvery: "1h", backupTo: to }).catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(AppError);
  expect((refused as AppError).message).toMatch(
    /^The upgrade to .* waits for a backup, which fails: .*EEXIST/,
  );
  expect([versionOf("chatelaine.db"), versionOf("activity.db")]).toEqual([4, 3]);
  expect(existsSync(join(folder.path, "reserve"))).toBe(true);
});

test("of all that are written before something, three stay, and what is named otherwise", async () => {
  const clock = movedClock();
  mkdirSync(join(folder.path, "before-0.0.9-20200101T000000Z.backup.mine"));
  for (let day = 0; day < 5; day++) {
    await (await folder.open({ clock })).close();
    clock.advance(86_400_000);
    makeOld(join(folder.path, "chatelaine.db"), OLD.main);
  }
  const days = backupsIn(folder.path).map((name) => /(\d{8})T/.exec(name)?.[1]);
  expect(days.sort()).toEqual(["20300103", "20300104", "20300105"]);
  expect(existsSync(join(folder.path, "before-0.0.9-20200101T000000Z.backup.mine"))).toBe(true);
});

test("it comes back over the upgraded database, and into an empty folder with the same secret", async () => {
  const server = await folder.serve();
  await server.app.keys.revoke(SYSTEM, one.key.id, "since the upgrade");
  const [name] = backupsIn(folder.path);
  await server.close();
  const file = join(scratch, "before.backup");
  copyFileSync(join(folder.path, name!), file);
  const { relation, report } = await restore(folder, file);
  expect([relation, report.keptDead.map(({ because }) => because)]).toEqual(["after", [["revoked"]]]);
  const place = { path: join(scratch, "fresh"), state: join(scratch, "fresh.state") };
  mkdirSync(place.path, { mode: 0o700 });
  copyFileSync(join(folder.path, "secret"), join(place.path, "secret"));
  expect(await restore(place, file)).toMatchObject({ isQuarantined: true });
  const other = await folder.serve({ data: place.path, state: place.state });
  await other.app.restore.accept(SYSTEM);
  await other.app.feed.follow();
  expect([await ask(other, one.text), await signIn(other, "root", PASSWORD)]).toEqual([200, 200]);
});

test("two that start at once upgrade once, with a backup", async () => {
  const both = await Promise.all([folder.open(), folder.open()]);
  expect((await both[0]!.keys.list(SYSTEM, {})).rows).toHaveLength(1);
  expect(backupsIn(folder.path).length).toBeGreaterThan(0);
  expect(versionOf("chatelaine.db")).toBe(MIGRATIONS.length);
});
