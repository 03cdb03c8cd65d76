import { Database } from "bun:sqlite";
import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createCommitStamp, openCommitStamp } from "./commit-stamp.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "chatelaine-stamp-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function open() {
  const path = join(folder, "test.db");
  const writer = new Database(path);
  writer.run("PRAGMA journal_mode = WAL");
  writer.run("CREATE TABLE t (a INTEGER)");
  const reader = new Database(path, { readonly: true });
  const version = reader.prepare<{ data_version: number }, []>("PRAGMA data_version");
  const dataVersion = () => version.get()!.data_version;
  dataVersion();
  return { path, writer, reader, dataVersion };
}

test("the stamp stays while nobody commits, and differs after each commit of any connection", () => {
  const { path, writer, reader, dataVersion } = open();
  const stamp = openCommitStamp(`${path}-shm`, dataVersion);
  let before = stamp.read();
  expect(stamp.read()).toBe(before);
  const other = new Database(path);
  for (const act of [
    () => writer.run("INSERT INTO t VALUES (1)"),
    () => other.run("UPDATE t SET a = 2"),
    () => writer.run("PRAGMA user_version = 7"),
    () => writer.transaction(() => writer.run("DELETE FROM t"))(),
  ]) {
    act();
    const after = stamp.read();
    expect(after).not.toBe(before);
    expect(stamp.read()).toBe(after);
    before = after;
  }
  writer.run("PRAGMA wal_checkpoint(TRUNCATE)");
  writer.run("INSERT INTO t VALUES (3)");
  expect(stamp.read()).not.toBe(before);
  expect(stamp.prove(dataVersion(), stamp.read())).toBe(true);
  for (const each of [writer, reader, other]) each.close();
});

test("a commit of another process shows before that process says that it is done", async () => {
  const { path, writer, reader, dataVersion } = open();
  const stamp = openCommitStamp(`${path}-shm`, dataVersion);
  const code = `const { Database } = require("bun:sqlite"); const db = new Database(${JSON.stringify(path)});
    for (const line of require("fs").readFileSync(0, "utf8").trim().split("\\n")) { db.run("INSERT INTO t VALUES (1)"); console.log(line); }`;
  const before = stamp.read();
  const child = Bun.spawn([process.execPath, "-e", code], { stdin: Buffer.from("done\n"), stdout: "pipe" });
  expect(await new Response(child.stdout).text()).toBe("done\n");
  expect(stamp.read()).not.toBe(before);
  for (const each of [writer, reader]) each.close();
});

test("where there is no header of this plan, data_version is asked each time", () => {
  let version = 1;
  for (const header of [undefined, new Uint32Array(12)]) {
    const stamp = createCommitStamp(header, () => version);
    const before = stamp.read();
    expect(stamp.read()).toBe(before);
    version++;
    expect(stamp.read()).not.toBe(before);
  }
});

test("a header that misses a change that data_version saw is given up", () => {
  const header = new Uint32Array(12);
  header[0] = 3_007_000;
  let version = 1;
  const stamp = createCommitStamp(header, () => version);
  const before = stamp.read();
  version++;
  expect(stamp.prove(version, stamp.read())).toBe(true);
  version++;
  expect(stamp.prove(version, stamp.read())).toBe(false);
  const given = stamp.read();
  expect(given).not.toBe(before);
  version++;
  expect(stamp.read()).not.toBe(given);
});

test("a commit between a version and the header that is read after it is no miss", () => {
  const header = new Uint32Array(12);
  header[0] = 3_007_000;
  let version = 1;
  const stamp = createCommitStamp(header, () => version);
  const commit = (): void => {
    version++;
    header[2]!++;
  };
  commit();
  const [before, asked] = [stamp.read(), version];
  commit();
  expect(stamp.prove(asked, before)).toBe(true);
  expect(stamp.prove(version, stamp.read())).toBe(true);
});
