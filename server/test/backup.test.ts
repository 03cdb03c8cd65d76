/** R24, the first half: what a backup is, and that no damage to it goes unseen. */
import { Database } from "bun:sqlite";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createBackups, openBackup } from "../src/backup/backup.ts";
import { writeWhole } from "../src/backup/file.ts";
import { FIRST_LINE } from "../src/backup/format.ts";
import { AppError, errorCode } from "../src/domain/errors.ts";
import { inspectBackup } from "../src/restore/restore.ts";
import { BACKUP_TABLES } from "../src/store/sqlite/backup-tables.ts";
import { backup, PASSPHRASE, removeAll, restore, scratchFolder, unpacked } from "./backup-app.ts";
import { type Folder, makeInstallation, PASSWORD, SYSTEM } from "./installation.ts";
import { bearer, openRest } from "./rest-app.ts";

const codeOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => "ok",
    (error: unknown) => (error instanceof AppError ? `${error.code}: ${error.message}` : String(error)),
  );

/** Of what a backup could be written over and no server changes by itself meanwhile. */
const contentOf = (folder: string): string[] =>
  ["secret", "installation", "chatelaine.db"].map((name) => readFileSync(join(folder, name), "latin1"));

describe("a backup", () => {
  let scratch: string;
  let folder: Folder;
  let file: string;
  let whole: Buffer;

  beforeAll(async () => {
    scratch = scratchFolder();
    folder = await makeInstallation();
    const app = await folder.open();
    await app.users.create(SYSTEM, { username: "ada", roles: ["FULL_ADMIN"] });
    await app.keys.create(SYSTEM, { name: "ci", username: "ada", tags: ["größe"] });
    file = await backup(app, join(scratch, "whole.backup"));
    whole = readFileSync(file);
  });
  afterAll(async () => {
    await folder[Symbol.asyncDispose]();
    removeAll(scratch);
  });

  test("is readable by its owner alone, and leaves nothing beside it", () => {
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readdirSync(scratch)).toEqual(["whole.backup"]);
  });

  test("is whole, and says whose it is and of when", async () => {
    const { backup: found, isOurs } = await inspectBackup(file, folder.path);
    expect(isOurs).toBe(true);
    expect(found.manifest).toMatchObject({ users: 1, keys: 1, change: 2, secret: null });
    expect(found.manifest.installation).toBe(readFileSync(join(folder.path, "installation"), "utf8").trim());
    const summed = new Bun.CryptoHasher("sha256").update(whole.subarray(0, -72)).digest("hex");
    expect([found.sha256, found.bytes]).toEqual([summed, whole.length]);
  });

  test("with any bit of it flipped is found to be damaged", async () => {
    const path = join(scratch, "flipped.backup");
    for (let at = 0; at < whole.length; at++) {
      const flipped = Buffer.from(whole);
      flipped[at]! ^= 1 << (at % 8);
      writeFileSync(path, flipped);
      const said = await codeOf(openBackup(path));
      expect([at, said.startsWith("invalid: ")]).toEqual([at, true]);
    }
  });

  test("that was cut off anywhere, or goes on, is found to be damaged", async () => {
    const path = join(scratch, "cut.backup");
    for (let length = 0; length < whole.length; length += length < 400 ? 1 : 13) {
      writeFileSync(path, whole.subarray(0, length));
      expect([length, (await codeOf(openBackup(path))).startsWith("invalid: ")]).toEqual([length, true]);
    }
    writeFileSync(path, Buffer.concat([whole, Buffer.from("\n")]));
    expect(await codeOf(openBackup(path))).toStartWith("invalid: ");
  });

  test("is known from everything that is none", async () => {
    const database = join(scratch, "a.db");
    new Database(database).run("CREATE TABLE t (x)");
    const nonsense: Record<string, string | Uint8Array> = {
      empty: "",
      text: "chatelaine\n",
      random: crypto.getRandomValues(new Uint8Array(50_000)),
      magic: "chatelaine backup 1\n",
      endless: `chatelaine backup 1\n${"x".repeat(200_000)}`,
      newer: whole.toString("latin1").replace("chatelaine backup 1", "chatelaine backup 2"),
      json: 'chatelaine backup 1\n{"at": 1}\n',
    };
    for (const [name, content] of Object.entries(nonsense)) {
      const path = join(scratch, name);
      writeFileSync(path, content, "latin1");
      expect([name, (await codeOf(openBackup(path))).slice(0, 9)]).toEqual([name, "invalid: "]);
    }
    expect(await codeOf(openBackup(join(scratch, "newer")))).toContain(
      "A newer Chatelaine wrote this backup",
    );
    expect(await codeOf(openBackup(database))).toBe("invalid: This is no backup of Chatelaine");
    expect(await codeOf(openBackup(scratch))).toStartWith("invalid: ");
    expect(await codeOf(openBackup(join(scratch, "missing")))).toStartWith("unavailable: ");
  });

  test("replaces no file unless it is asked to, and nothing that is no ordinary file", async () => {
    const app = await folder.open();
    const write = (path: string, replace: boolean) =>
      codeOf(app.backups.write(SYSTEM, { kind: "file", path, replace }));
    expect(await write(file, false)).toStartWith("conflict: ");
    expect(readFileSync(file).equals(whole)).toBe(true);
    mkdirSync(join(scratch, "folder"));
    expect(await write(join(scratch, "folder"), true)).toStartWith("conflict: ");
    expect(await write("/dev/null", true)).toStartWith("conflict: ");
    expect(await write(join(scratch, "missing/folder"), false)).toStartWith("unavailable: ");
    expect(await write(join(scratch, "again.backup"), false)).toBe("ok");
    expect(await write(join(scratch, "again.backup"), true)).toBe("ok");
    writeFileSync(join(scratch, "empty"), "");
    expect(await write(join(scratch, "empty"), true)).toBe("ok");
    writeFileSync(join(scratch, "letter"), "Dear all, chatelaine backup 1\n");
    expect(await write(join(scratch, "letter"), true)).toContain("is no backup");
  });

  test("takes the name of no file of the program, there or not, by whatever way to it", async () => {
    const app = await folder.open();
    const link = join(scratch, "link");
    symlinkSync(folder.path, link);
    mkdirSync(join(folder.path, "tls"), { recursive: true });
    const here = readdirSync(folder.path);
    expect(here).toContain("secret");
    const later = ["chatelaine.db-journal", "restoring", "tls/ca.key.sealed", "of-a-later-version"];
    const states = readdirSync(folder.state).map((name) => join(folder.state, name));
    expect(states).not.toEqual([]);
    const paths = [folder.path, link].flatMap((way) => [...here, ...later].map((name) => join(way, name)));
    const before = contentOf(folder.path);
    for (const path of [...paths, ...states])
      for (const replace of [true, false]) {
        const target = { kind: "file", path, replace } as const;
        const said = await codeOf(app.backups.write(SYSTEM, target));
        expect({ path, said }).toEqual({ path, said: expect.stringMatching(/^conflict: /) });
      }
    expect(contentOf(folder.path)).toEqual(before);
    expect(await codeOf(backup(app, join(link, "here.backup")))).toBe("ok");
    rmSync(join(folder.path, "here.backup"));
  });

  test("that fails half-way leaves the file before it, and no draft", async () => {
    const path = join(scratch, "kept.backup");
    writeFileSync(path, `${FIRST_LINE}before`);
    const failing = writeWhole(path, { replace: true }, async (sink) => {
      await sink.write(Buffer.from("half"));
      throw new Error("no more");
    });
    expect(await codeOf(failing)).toContain("no more");
    expect(readFileSync(path, "utf8")).toBe(`${FIRST_LINE}before`);
    expect(readdirSync(scratch).filter((name) => name.endsWith(".partial"))).toEqual([]);
  });

  test("is recorded before it is whole; where that fails there is none", async () => {
    const app = await folder.open();
    const { rows } = await app.audit.list(SYSTEM, {});
    expect(rows.find(({ details }) => details.file === file)).toMatchObject({
      ...{ action: "backup.create", description: "Write a backup", username: "tester" },
      details: { users: 1, keys: 1, change: 2, with_secret: false },
    });
    const database = new Database(join(folder.path, "chatelaine.db"));
    database.run("CREATE TRIGGER no_audit BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'no audit'); END");
    const path = join(scratch, "unrecorded.backup");
    const failed = app.backups.write(SYSTEM, { kind: "file", path, replace: false });
    expect(await failed.then(() => "ok", errorCode)).toBe("internal");
    expect(readdirSync(scratch)).not.toContain("unrecorded.backup");
    database.run("DROP TRIGGER no_audit");
    database.close();
  });

  test("ends where its target takes nothing any more, and leaves no draft", async () => {
    const app = await folder.open();
    const impatient = createBackups({ ...app, folder: folder.path, patienceMs: 20 });
    const stuck = impatient.write(SYSTEM, { kind: "stream", sink: { write: () => new Promise(() => {}) } });
    expect(await codeOf(stuck)).toStartWith("unavailable: The target took nothing");
    const hanging = writeWhole(join(scratch, "stuck.backup"), { replace: false }, async () => {
      throw new AppError("unavailable", "late");
    });
    expect(await codeOf(hanging)).toBe("unavailable: late");
    expect(readdirSync(scratch).filter((name) => name.includes("stuck"))).toEqual([]);
  });

  test("knows every table of both databases", async () => {
    for (const [name, path] of [
      ["main", "chatelaine.db"],
      ["activity", "activity.db"],
    ] as const) {
      const database = new Database(join(folder.path, path), { readonly: true });
      const rows = database
        .query(
          "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name",
        )
        .all() as { name: string }[];
      database.close();
      const { kept, ended, own } = BACKUP_TABLES[name];
      expect([...kept, ...ended, ...own].sort()).toEqual(rows.map((row) => row.name));
    }
  });
});

test("taken while four write, each is of one moment: every key has its secret, its record and its number", async () => {
  const scratch = scratchFolder();
  const empty = join(scratch, "empty");
  const folder = await makeInstallation();
  try {
    const [app, other] = [await folder.open(), await folder.open()];
    await app.users.create(SYSTEM, { username: "root", roles: ["FULL_ADMIN"] });
    let isOver = false;
    let made = 0;
    const write = async (writer: number): Promise<void> => {
      for (let turn = 0; !isOver; turn++) {
        const { key } = await other.keys.create(SYSTEM, { name: `${writer}-${turn}`, username: "root" });
        if (turn % 3 === 0) await other.keys.remove(SYSTEM, key.id);
        made++;
      }
    };
    const writers = Array.from({ length: 4 }, (_, writer) => write(writer));
    const files: string[] = [];
    for (let turn = 0; turn < 3; turn++) {
      const before = made;
      files.push(await backup(app, join(scratch, `${turn}.backup`), turn === 2 ? PASSPHRASE : undefined));
      while (made < before + 4) await Bun.sleep(1);
    }
    isOver = true;
    await Promise.all(writers);
    for (const file of files) {
      const lines = (await unpacked(file)).trim().split("\n");
      const rowsOf = (table: string): unknown[][] => {
        const from = lines.findIndex((line) => line.startsWith(`{"table":"${table}"`)) + 1;
        const length = lines.slice(from).findIndex((line) => line.startsWith("{"));
        return lines.slice(from, from + length).map((line) => JSON.parse(line));
      };
      const keys = rowsOf("main.keys");
      const { manifest } = await openBackup(file);
      const records = rowsOf("main.audit").filter((row) => row.includes("key.create"));
      const removed = rowsOf("main.audit").filter((row) => row.includes("key.delete"));
      expect(manifest.keys).toBe(keys.length);
      expect(
        rowsOf("main.secrets")
          .map((row) => row[1])
          .sort(),
      ).toEqual(keys.map((row) => row[0]).sort());
      expect(records.length - removed.length).toBe(keys.length);
      // A change for the user, and one for each key that was made or removed.
      expect(manifest.change).toBe(1 + records.length + removed.length);
    }
    const last = await openBackup(files[2]!);
    await restore({ path: empty, state: null }, files[2]!, { passphrase: PASSPHRASE });
    const database = new Database(join(empty, "chatelaine.db"), { readonly: true });
    expect(database.query("SELECT count(*) AS total FROM keys").get()).toEqual({ total: last.manifest.keys });
    expect(database.query("PRAGMA integrity_check").get()).toEqual({ integrity_check: "ok" });
    database.close();
  } finally {
    await folder[Symbol.asyncDispose]();
    removeAll(scratch);
  }
}, 60_000);

describe("a stolen backup (R21)", () => {
  test("holds no secret, and none of its values opens any door", async () => {
    const scratch = scratchFolder();
    await using rest = await openRest();
    const text = await rest.key("ada", "stolen");
    const { Cookie: cookie = "" } = await rest.browser("ada");
    const [cookieName, cookieValue] = cookie.split("=");
    const token = await rest.app.setup.makeToken(SYSTEM).catch(() => "none");
    await rest.app.settings.change(SYSTEM, {
      webhookUrl: "https://hooks.example/x",
      webhookSecret: "a secret of the webhook",
    });
    const file = await backup(rest.app, join(scratch, "stolen.backup"), PASSPHRASE);
    const master = readFileSync(join(rest.folder, "secret"), "utf8").trim();
    const content = readFileSync(file, "latin1") + (await unpacked(file));
    const secrets = [text.split("-")[1]!, cookieValue!, PASSWORD, master, "a secret of the webhook", token];
    for (const secret of secrets)
      for (const spelt of [secret, btoa(secret), Buffer.from(secret, "hex").toString("base64")])
        expect(spelt.length < 8 || !content.includes(spelt)).toBe(true);

    const values = new Set<string>();
    const collect = (value: unknown): void => {
      if (typeof value === "string") values.add(value);
      else if (typeof value === "object" && value !== null) Object.values(value).forEach(collect);
    };
    for (const line of (await unpacked(file)).trim().split("\n")) collect(JSON.parse(line));
    const tried = [...values].flatMap((value) => [value, Buffer.from(value, "base64").toString("hex")]);
    expect(tried.length).toBeGreaterThan(50);
    const sendable = tried.filter((value) => /^[\x21-\x7e]{1,4000}$/.test(value));
    const accepted: string[] = [];
    for (const value of sendable) {
      const headers = [
        bearer(value),
        bearer(`1-${value}`),
        { "X-API-Key": `1-${value}` },
        { Cookie: `${cookieName}=${value}` },
      ];
      for (const each of headers) {
        const { status } = await rest.send("GET /keys/self", { headers: each });
        if (status === 200) accepted.push(value);
      }
    }
    for (const value of sendable.slice(0, 20)) {
      const answer = await rest.send("POST /session", { body: { username: "ada", password: value } });
      if (answer.status < 300) accepted.push(value);
    }
    expect(accepted).toEqual([]);
    removeAll(scratch);
  }, 120_000);
});
