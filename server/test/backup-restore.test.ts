/** R24, the second half: what comes back by a restore, where it waits to be accepted, and what it refuses. */
import { Database } from "bun:sqlite";
import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  setDefaultTimeout,
  test,
} from "bun:test";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { AppError } from "../src/domain/errors.ts";
import { BACKUP_TABLES } from "../src/store/sqlite/backup-tables.ts";
import {
  ask,
  backup,
  type Made,
  made,
  makeTemplate,
  onSmallDisk,
  PASSPHRASE,
  removeAll,
  restore,
  scratchFolder,
  signIn,
  withManifest,
} from "./backup-app.ts";
import { makeInstallation, movedClock, PASSWORD, SYSTEM } from "./installation.ts";

setDefaultTimeout(30_000);
const scratch = scratchFolder();
beforeAll(() => makeTemplate(scratch));
afterAll(() => removeAll(scratch));

const codeOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => "ok",
    (error: unknown) => (error instanceof AppError ? `${error.code}: ${error.message}` : String(error)),
  );

describe("a restore", () => {
  let one: Made;
  beforeEach(async () => {
    one = await made();
  });
  afterEach(() => one.folder[Symbol.asyncDispose]());

  test("brings back what was changed by mistake, and gives no number twice", async () => {
    const app = await one.folder.open();
    await app.keys.update(SYSTEM, one.key.id, { name: "renamed", tags: ["wrong"] });
    const { key: later } = await app.keys.create(SYSTEM, { name: "later", username: "ada" });
    await app.users.create(SYSTEM, { username: "newcomer", roles: [] });
    await app.close();
    const { report, before } = await restore(one.folder, one.file);
    expect(report.gone.map(({ kind, name }) => `${kind} ${name}`)).toEqual(["user newcomer", "key later"]);
    expect(report.changed).toEqual([{ kind: "key", id: one.key.id, name: "ci", fields: ["name", "tags"] }]);
    expect(existsSync(before!)).toBe(true);
    const again = await one.folder.open();
    expect((await again.keys.list(SYSTEM, {})).rows.map(({ name, tags }) => [name, tags])).toEqual([
      ["ci", []],
    ]);
    const next = await again.keys.create(SYSTEM, { name: "next", username: "ada" });
    expect(next.key.id).toBeGreaterThan(later.id);
    const { rows: records } = await again.audit.list(SYSTEM, {});
    const record = records.find(({ action }) => action === "restore.from_backup");
    expect(record).toMatchObject({ username: "tester", success: true });
    expect(record!.details).toMatchObject({
      ...{ quarantine: false, as_it_was: false, relation: "after", before },
      gone: [{ name: "newcomer" }, { name: "later" }],
      totals: { kept_dead: 0, gone: 2, changed: 1, revived: 0 },
    });
  });

  test("keeps the audit log of what happened since, and goes on beyond both numbers of changes", async () => {
    const app = await one.folder.open();
    await app.keys.revoke(SYSTEM, one.key.id, "evidence");
    await app.close();
    await restore(one.folder, one.file);
    const database = new Database(join(one.folder.path, "chatelaine.db"), { readonly: true });
    const actions = database.query("SELECT action FROM audit ORDER BY seq").all() as { action: string }[];
    const { seq } = database.query("SELECT max(seq) AS seq FROM changes").get() as { seq: number };
    database.close();
    expect(actions.map(({ action }) => action).slice(-3)).toEqual([
      ...["backup.create", "key.revoke", "restore.from_backup"],
    ]);
    expect(seq).toBeGreaterThan(6);
    expect(readFileSync(join(one.folder.state, readdirSync(one.folder.state)[0]!), "utf8")).toContain(
      `"seq":${seq},`,
    );
  });

  test("ends every session, setup link and remembered request of both", async () => {
    const server = await one.folder.serve();
    const answer = await fetch(`${server.urls[0]}/api/v1/session`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ username: "root", password: PASSWORD }),
    });
    const cookie = answer.headers.get("set-cookie")!.split(";")[0]!;
    const file = await backup(server.app, join(scratch, "with-session.backup"), PASSPHRASE);
    await server.close();
    const database = new Database(join(one.folder.path, "chatelaine.db"));
    database.run(
      `INSERT INTO setup_tokens VALUES (x'01', 9e15); INSERT INTO once VALUES (x'01', x'02', 1, 9e15);
       INSERT INTO tokens (id, digest, user_id, login_id, login_at, ttl_ms, created_at, used_at, ends_at,
         secure, match_address, opens_sessions, single_use)
       VALUES ('t', x'03', 1, 'l', 1, 1, 1, 1, 9000000000000000, 1, 0, 1, 1)`,
    );
    database.close();
    await restore(one.folder, file);
    const empty = { path: join(scratch, "ended"), state: null };
    await restore(empty, file, { passphrase: PASSPHRASE });
    for (const path of [one.folder.path, empty.path]) {
      const restored = new Database(join(path, "chatelaine.db"), { readonly: true });
      for (const table of BACKUP_TABLES.main.ended)
        expect([table, restored.query(`SELECT * FROM ${table}`).all()]).toEqual([table, []]);
      restored.close();
    }
    const again = await one.folder.serve();
    const { status } = await fetch(`${again.urls[0]}/api/v1/keys`, { headers: { Cookie: cookie } });
    expect(status).toBe(401);
  });

  test("of a dry run says the same, beside a server, and changes nothing", async () => {
    const server = await one.folder.serve();
    await server.app.keys.revoke(SYSTEM, one.key.id, "lost");
    const files = () => readdirSync(one.folder.path, { recursive: true }).sort();
    const before = files();
    const said = await restore(one.folder, one.file, { dryRun: true });
    expect(said).toMatchObject({ isServed: true, isQuarantined: false, before: undefined });
    expect(said.report.keptDead).toEqual([{ kind: "key", id: one.key.id, name: "ci", because: ["revoked"] }]);
    expect(files()).toEqual(before);
    expect(
      (await server.app.audit.list(SYSTEM, {})).rows.some(({ action }) => action.startsWith("restore")),
    ).toBe(false);
    await server.close();
    const done = await restore(one.folder, one.file);
    expect(done.report).toEqual(said.report);
  });

  test("is refused while a server, or another restore, has the folder", async () => {
    const server = await one.folder.serve();
    expect(await codeOf(restore(one.folder, one.file))).toMatch(/^conflict: .*stop it first/);
    await server.close();
    const both = await Promise.allSettled([restore(one.folder, one.file), restore(one.folder, one.file)]);
    expect(both.map(({ status }) => status)).toContain("fulfilled");
    expect((await one.folder.open()).users).toBeDefined();
  });

  test("of the backup as it was revives what ended, and waits to be accepted", async () => {
    const app = await one.folder.open();
    await app.keys.revoke(SYSTEM, one.key.id, "by mistake");
    await app.close();
    const { report, isQuarantined, before } = await restore(one.folder, one.file, { asItWas: true });
    expect([isQuarantined, report.revived]).toEqual([true, [{ kind: "key", id: one.key.id, name: "ci" }]]);
    expect(existsSync(before!)).toBe(true);
    const server = await one.folder.serve();
    expect([await ask(server, one.text), await signIn(server, "root", PASSWORD)]).toEqual([503, 503]);
    const local = await one.folder.open();
    await local.restore.accept(SYSTEM);
    await local.close();
    await server.app.feed.follow();
    expect(await ask(server, one.text)).toBe(200);
  });

  test("into an empty folder waits to be accepted, with the secret, the CA and the use of keys", async () => {
    const server = await one.folder.serve({ https: "127.0.0.1:0" });
    await ask(server, one.text);
    await server.app.usage.flush();
    const file = await backup(server.app, join(scratch, "whole.backup"), PASSPHRASE);
    const caPem = server.caPem!;
    await server.close();
    const place = { path: join(scratch, "machine"), state: join(scratch, "machine.state") };
    const wrong = await codeOf(restore(place, file, { passphrase: "another long passphrase" }));
    expect(wrong).toBe("invalid: The passphrase does not open the master secret of the backup");
    expect(existsSync(join(place.path, "chatelaine.db"))).toBe(false);
    const result = await restore(place, file, { passphrase: PASSPHRASE });
    expect(result).toMatchObject({ relation: "none", isQuarantined: true, present: { kind: "none" } });
    expect(readdirSync(place.path).sort()).toEqual(["activity.db", "chatelaine.db", "secret", "tls"]);
    for (const name of ["activity.db", "chatelaine.db", "secret", "tls/ca.key.sealed"])
      expect([name, statSync(join(place.path, name)).mode & 0o077]).toEqual([name, 0]);
    const other = await one.folder.serve({ data: place.path, state: place.state, https: "127.0.0.1:0" });
    expect([await ask(other, one.text), other.caPem]).toEqual([503, caPem]);
    const accepting = await one.folder.open();
    expect(await codeOf(accepting.restore.accept(SYSTEM))).toStartWith("conflict");
    await other.app.restore.accept(SYSTEM);
    await other.app.feed.follow();
    expect(await ask(other, one.text)).toBe(200);
    const report = await other.app.usage.report(SYSTEM, one.key.id, 0);
    expect(JSON.stringify(report)).toContain('"ok":2');
  });

  test("where the database cannot be read moves it aside, and waits to be accepted", async () => {
    const path = join(one.folder.path, "chatelaine.db");
    const broken: Record<string, () => void> = {
      random: () => writeFileSync(path, crypto.getRandomValues(new Uint8Array(100_000))),
      damaged: () => {
        const bytes = readFileSync(path);
        writeFileSync(path, bytes.fill(7, 8_192));
      },
      newer: () => {
        const database = new Database(path);
        database.run("PRAGMA user_version = 999");
        database.close();
      },
      gone: () => removeAll(path),
    };
    const whole = join(scratch, "whole.db");
    cpSync(path, whole);
    for (const [name, damage] of Object.entries(broken)) {
      cpSync(whole, path);
      damage();
      const { present, isQuarantined, aside } = await restore(one.folder, one.file);
      expect([name, present.kind, isQuarantined]).toEqual([
        name,
        name === "gone" ? "none" : "unreadable",
        true,
      ]);
      expect([name, aside !== undefined]).toEqual([name, true]);
      const app = await one.folder.open();
      expect((await app.keys.list(SYSTEM, {})).rows.map((row) => row.name)).toEqual(["ci"]);
      await app.close();
      removeAll(
        ...readdirSync(one.folder.path)
          .filter((entry) => entry.startsWith("replaced-"))
          .map((entry) => join(one.folder.path, entry)),
      );
    }
  });

  test("over a folder that was itself put back takes the newer of the two, secrets included", async () => {
    const old = join(scratch, "old-folder");
    removeAll(old);
    cpSync(one.folder.path, old, { recursive: true });
    const app = await one.folder.open();
    const { secret } = await app.keys.reset(SYSTEM, one.key.id);
    const newer = await backup(app, join(scratch, "newer.backup"));
    await app.close();
    removeAll(one.folder.path);
    cpSync(old, one.folder.path, { recursive: true });
    const { relation, isQuarantined } = await restore(one.folder, newer);
    expect([relation, isQuarantined]).toEqual(["before", false]);
    // Without what the machine knows, nothing says that the backup is of the last change.
    const elsewhere = { path: join(scratch, "older-elsewhere"), state: null };
    removeAll(elsewhere.path);
    cpSync(old, elsewhere.path, { recursive: true });
    const alone = await restore(elsewhere, newer);
    expect([alone.relation, alone.isQuarantined]).toEqual(["before", true]);
    const server = await one.folder.serve();
    expect([await ask(server, one.text), await ask(server, secret.text)]).toEqual([401, 200]);
  });

  test("waits where the machine knows of changes that neither has", async () => {
    const old = join(scratch, "older-folder");
    removeAll(old);
    cpSync(one.folder.path, old, { recursive: true });
    const app = await one.folder.open();
    await app.keys.revoke(SYSTEM, one.key.id, "known to the state file alone");
    await app.close();
    removeAll(one.folder.path);
    cpSync(old, one.folder.path, { recursive: true });
    expect(await restore(one.folder, one.file)).toMatchObject({ isQuarantined: true });
    expect(await ask(await one.folder.serve(), one.text)).toBe(503);
  });

  test("waits where both have gone on apart, and what ended in either stays dead", async () => {
    const copy = join(scratch, "apart-folder");
    removeAll(copy);
    cpSync(one.folder.path, copy, { recursive: true });
    const app = await one.folder.open();
    await app.keys.pause(SYSTEM, one.key.id);
    const file = await backup(app, join(scratch, "apart.backup"));
    await app.close();
    removeAll(one.folder.path);
    cpSync(copy, one.folder.path, { recursive: true });
    const other = await one.folder.open();
    await other.users.update(SYSTEM, 2, { locked: true });
    await other.close();
    expect(await restore(one.folder, file)).toMatchObject({ relation: "apart", isQuarantined: true });
    const restored = await one.folder.open();
    expect((await restored.keys.get(SYSTEM, one.key.id)).pausedAt).not.toBeNull();
    expect((await restored.users.get(SYSTEM, { id: 2 })).lockedAt).not.toBeNull();
  });
});

describe("a restore is refused, with nothing changed, where the backup", () => {
  let one: Made;
  beforeEach(async () => {
    one = await made();
  });
  afterEach(() => one.folder[Symbol.asyncDispose]());
  const unchanged = async (work: Promise<unknown>, words: RegExp): Promise<void> => {
    const files = () =>
      readdirSync(one.folder.path, { withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map(({ name }) => [name, Bun.hash(readFileSync(join(one.folder.path, name)))]);
    const before = files();
    expect(await codeOf(work)).toMatch(words);
    expect(files()).toEqual(before);
  };

  test("is of newer tables", () =>
    unchanged(
      restore(
        one.folder,
        withManifest(one.file, (manifest) => Object.assign(manifest, { schema: { main: 999, activity: 1 } })),
      ),
      /^invalid: .*tables are newer \(schema 999/,
    ));

  test("was changed by somebody without the master secret", () =>
    unchanged(
      restore(
        one.folder,
        withManifest(one.file, (manifest) => Object.assign(manifest, { at: "2020-01-01T00:00:00Z" })),
      ),
      /^invalid: The backup was changed by somebody/,
    ));

  test("is of another master secret, or of another installation", async () => {
    await using other = await makeInstallation();
    const file = await backup(await other.open(), join(scratch, "foreign.backup"));
    await unchanged(restore(one.folder, file), /^conflict: The backup is of another installation/);
    removeAll(
      join(one.folder.path, "chatelaine.db"),
      join(one.folder.path, "installation"),
      one.folder.state,
    );
    await unchanged(restore(one.folder, file), /^invalid: The backup was made with another master secret/);
    cpSync(join(other.path, "secret"), join(one.folder.path, "secret"));
    const foreign = withManifest(file, (manifest) => {
      manifest.installation = null;
    });
    await unchanged(restore(one.folder, foreign), /^invalid: The backup was changed by somebody/);
  });

  test("has no master secret in it and there is none", async () => {
    mkdirSync(join(scratch, "secretless"), { recursive: true });
    const place = { path: join(scratch, "secretless"), state: null };
    expect(await codeOf(restore(place, one.file))).toMatch(
      /^invalid: The backup has no master secret in it; put the one/,
    );
    expect(readdirSync(place.path)).toEqual([]);
  });
});

test("a restore on a full disk says so, whatever is there and wherever it ends, and leaves nothing", async () => {
  const disk = scratchFolder();
  const said = (await onSmallDisk(disk, "8m", "restore-full-script.ts")) as Record<string, unknown>;
  removeAll(disk);
  expect(Object.keys(said).length).toBe(12);
  for (const [where, what] of Object.entries(said)) {
    const answer = expect.stringMatching(
      /^storage_full: There is no space (in DATA for the restore|for DATA\/.+)$/,
    );
    expect([where, what]).toEqual([where, { answer, left: [] }]);
  }
});

test("time that is moved is the time of the restore", async () => {
  const clock = movedClock();
  const { folder, file } = await made();
  await using _ = folder;
  await restore(folder, file, { now: clock.now() });
  const app = await folder.open();
  const [latest] = (await app.audit.list(SYSTEM, {})).rows.filter(
    ({ action }) => action === "restore.from_backup",
  );
  expect(latest!.at).toBe(clock.now());
});
