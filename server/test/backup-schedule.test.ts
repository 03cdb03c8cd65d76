/** Backups that a server writes by itself. Time is moved; disks and files are real. */
import { Database } from "bun:sqlite";
import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { cpSync, mkdirSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Local, openLocal } from "../src/app.ts";
import { createSchedule, forgetSchedule } from "../src/backup/backup.ts";
import { readHead } from "../src/backup/format.ts";
import { createLog, type Log } from "../src/log.ts";
import { backup, onSmallDisk, removeAll, restore, scratchFolder } from "./backup-app.ts";
import { type Folder, type MovedClock, makeInstallation, movedClock, QUIET, SYSTEM } from "./installation.ts";
import { openRest, until } from "./rest-app.ts";

setDefaultTimeout(30_000);
const HOUR_MS = 3_600_000;

describe("backups by themselves", () => {
  let scratch: string;
  let to: string;
  let folder: Folder;
  let clock: MovedClock;
  let lines: string[];
  let log: Log;
  let app: Local;
  const scheduleOf = (keep = 3) =>
    createSchedule(
      { everyMs: 24 * HOUR_MS, to, keep },
      { ...app, fingerprint: app.secrets.fingerprint, clock, log },
    );
  const files = () => readdirSync(to).sort();

  beforeEach(async () => {
    scratch = scratchFolder();
    to = join(scratch, "backups");
    folder = await makeInstallation();
    clock = movedClock();
    lines = [];
    log = createLog("info", "text", (line) => lines.push(line));
    app = await folder.open({ clock });
  });
  afterEach(async () => {
    await folder[Symbol.asyncDispose]();
    removeAll(scratch);
  });

  test("are written at once, then whenever the last is old enough, also after a restart", async () => {
    const first = scheduleOf();
    expect(first.ageSeconds()).toBeNull();
    await first.tick();
    expect(files()).toEqual(["chatelaine-20300101T000000Z.backup"]);
    expect(statSync(to).mode & 0o777).toBe(0o700);
    clock.advance(24 * HOUR_MS - 1);
    await first.tick();
    expect([files().length, first.ageSeconds()]).toEqual([1, 86_400]);
    const second = scheduleOf();
    await second.tick();
    expect(files().length).toBe(1);
    clock.advance(1);
    await second.tick();
    expect(files().at(-1)).toBe("chatelaine-20300102T000000Z.backup");
    expect([second.ageSeconds(), second.failures()]).toEqual([0, 0]);
    expect(lines.join("")).toContain("Wrote a backup path=");
  });

  test("are as many as are to stay; nothing of anybody else is deleted", async () => {
    mkdirSync(to);
    const foreign = await makeInstallation();
    await using _ = foreign;
    const others = [
      "chatelaine-20200101T000000Z.backup",
      "chatelaine-20200102T000000Z.backup",
      "notes.txt",
      "today.backup",
    ];
    await backup(await foreign.open(), join(to, others[0]!));
    writeFileSync(join(to, others[1]!), "no backup at all");
    writeFileSync(join(to, others[2]!), "notes");
    await backup(app, join(to, others[3]!));
    const schedule = scheduleOf(2);
    for (let day = 0; day < 5; day++) {
      await schedule.tick();
      clock.advance(24 * HOUR_MS);
    }
    const own = ["chatelaine-20300104T000000Z.backup", "chatelaine-20300105T000000Z.backup"];
    expect(files()).toEqual([...others, ...own].sort());
  });

  test("go into one folder with those of another installation of the same master secret, and neither touches the other's", async () => {
    const twin = join(scratch, "twin");
    mkdirSync(twin, { mode: 0o700 });
    cpSync(join(folder.path, "secret"), join(twin, "secret"));
    const state = `${twin}.state`;
    await (await folder.serve({ data: twin, state })).close();
    const other = await openLocal({ data: twin, state }, { log: QUIET, clock });
    const ofTwin = createSchedule(
      { everyMs: 24 * HOUR_MS, to, keep: 1 },
      { ...other, fingerprint: other.secrets.fingerprint, clock, log },
    );
    const own = scheduleOf(1);
    const owners = () =>
      files().map((name) => [name, readHead(readFileSync(join(to, name))).manifest.installation] as const);
    const [one, two] = [app.store.installation(), other.store.installation()];
    expect([app.secrets.fingerprint, one === two]).toEqual([other.secrets.fingerprint, false]);
    await own.tick();
    // At the same instant too.
    await ofTwin.tick();
    expect(owners()).toEqual([
      ["chatelaine-20300101T000000Z.backup", one],
      ["chatelaine-20300101T000001Z.backup", two],
    ]);
    clock.advance(24 * HOUR_MS);
    await ofTwin.tick();
    expect(owners()).toEqual([
      ["chatelaine-20300101T000000Z.backup", one],
      ["chatelaine-20300102T000000Z.backup", two],
    ]);
    expect([own.ageSeconds(), ofTwin.ageSeconds()]).toEqual([86_400, 0]);
    await other.close();
  });

  test("leave no drafts of a process that was killed, and touch those of one that may live", async () => {
    mkdirSync(to);
    const draft = (id: string) => join(to, `.chatelaine-20300101T000000Z.backup.1.${id}.partial`);
    const [old, young] = [draft(crypto.randomUUID()), draft(crypto.randomUUID())];
    for (const path of [old, young]) writeFileSync(path, "half");
    const long = Date.now() / 1000 - 2 * 86_400;
    utimesSync(old, long, long);
    await scheduleOf().tick();
    expect(files().filter((name) => name.endsWith(".partial"))).toEqual([young.slice(to.length + 1)]);
  });

  test("that somebody deleted, or that a wrong clock put into the future, count as missing", async () => {
    const schedule = scheduleOf();
    clock.advance(400 * 24 * HOUR_MS);
    await schedule.tick();
    clock.advance(-400 * 24 * HOUR_MS);
    await schedule.tick();
    expect(files()).toEqual(["chatelaine-20300101T000000Z.backup", "chatelaine-20310205T000000Z.backup"]);
    removeAll(join(to, files()[0]!));
    clock.advance(HOUR_MS);
    await schedule.tick();
    expect(files()[0]).toBe("chatelaine-20300101T010000Z.backup");
  });

  test("that fail are logged, counted, shown among the alerts until one succeeds, and tried again", async () => {
    writeFileSync(to, "no folder");
    const schedule = scheduleOf();
    const kinds = async () =>
      (await app.alerts.list(SYSTEM, 10)).entries.map(({ kind, text }) => `${kind}: ${text}`);
    await schedule.tick();
    expect([schedule.failures(), schedule.ageSeconds()]).toEqual([1, null]);
    expect(lines.filter((line) => line.includes("The backup failed"))).toHaveLength(1);
    expect(await kinds()).toEqual([
      expect.stringMatching(/^backup_failed: The last backup failed: .*EEXIST/),
    ]);
    // Not again at once, and not as another alert.
    await schedule.tick();
    expect(schedule.failures()).toBe(1);
    clock.advance(2 * 24 * HOUR_MS + 1);
    await schedule.tick();
    expect(schedule.failures()).toBe(2);
    expect((await kinds()).map((one) => one.split(":")[0])).toEqual(["backup_failed", "backup_old"]);
    expect((await kinds())[1]).toBe("backup_old: No backup has been written yet.");
    removeAll(to);
    clock.advance(600_000);
    await schedule.tick();
    expect([await kinds(), files().length]).toEqual([[], 1]);
  });

  test("are missed once they are twice as old as they should be, in every process on the folder", async () => {
    const schedule = scheduleOf();
    await schedule.tick();
    const other = await folder.open({ clock });
    clock.advance(48 * HOUR_MS);
    expect((await other.alerts.list(SYSTEM, 10)).kinds).toEqual([]);
    clock.advance(1);
    expect((await other.alerts.list(SYSTEM, 10)).entries).toMatchObject([
      {
        kind: "backup_old",
        level: "warning",
        text: "The last backup is of 2030-01-01T00:00:00.000Z.",
        key: null,
      },
    ]);
    await forgetSchedule(other.store);
    expect((await app.alerts.list(SYSTEM, 10)).entries).toEqual([]);
  });

  test("begin to be missed, and end, once in the webhook", async () => {
    await app.settings.change(SYSTEM, {
      webhookUrl: "http://127.0.0.1:9/x",
      webhookSecret: "a secret of the webhook",
    });
    const bodies = async () =>
      (await app.store.listDeliveries(10)).map(({ kind, body }) => [kind, JSON.parse(body).alerts[0]?.kind]);
    await scheduleOf().tick();
    clock.advance(49 * HOUR_MS);
    for (let turn = 0; turn < 2; turn++) await app.alerts.compare();
    expect(await bodies()).toEqual([["alerts.raised", "backup_old"]]);
    await scheduleOf().tick();
    for (let turn = 0; turn < 2; turn++) await app.alerts.compare();
    expect(await bodies()).toEqual([
      ["alerts.cleared", "backup_old"],
      ["alerts.raised", "backup_old"],
    ]);
  });

  test("are not written of data that waits to be accepted", async () => {
    const file = await backup(app, join(scratch, "a.backup"));
    await app.close();
    await restore(folder, file, { asItWas: true });
    app = await folder.open({ clock, log });
    const schedule = scheduleOf();
    await schedule.tick();
    expect(() => files()).toThrow("ENOENT");
    await app.restore.accept(SYSTEM);
    await app.feed.follow();
    await schedule.tick();
    expect(files().length).toBe(1);
  });

  test("end with the server, without a failure and without a file that is half", async () => {
    const database = new Database(join(folder.path, "activity.db"));
    database.run(`INSERT INTO records (id, at, event, action, description, door, details, success)
      WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60000)
      SELECT hex(randomblob(16)), i, 'LOGOUT', 'x', hex(randomblob(100)), 'rest', '{}', 1 FROM n`);
    database.close();
    const schedule = scheduleOf();
    const writing = schedule.tick();
    await until(() => {
      try {
        return files().some((name) => name.endsWith(".partial"));
      } catch {
        return false;
      }
    });
    await schedule.stop();
    await writing;
    expect([files(), schedule.failures(), lines.join("")]).toEqual([[], 0, ""]);
    await schedule.tick();
    expect(files()).toEqual([]);
  });
});

test("serve writes them, shows their age, serves on where they fail, and shows that on /alerts", async () => {
  const scratch = scratchFolder();
  const to = join(scratch, "backups");
  {
    await using rest = await openRest({ backupEvery: "1h", backupTo: to, keep: "2" });
    const metrics = async () => (await fetch(`${rest.url}/metrics`)).text();
    await until(async () => /^chatelaine_backup_age_seconds \d+$/m.test(await metrics()));
    expect(await metrics()).toMatch(/^chatelaine_backup_failures_total 0$/m);
    expect(readdirSync(to)).toHaveLength(1);
    expect((await rest.send("GET /alerts", { headers: await rest.browser("ada") })).json.entries).toEqual([]);
  }
  mkdirSync(join(scratch, "closed"));
  writeFileSync(join(scratch, "closed/file"), "");
  {
    await using rest = await openRest(
      { backupEvery: "1h", backupTo: join(scratch, "closed/file") },
      { log: createLog("error", "text", () => {}) },
    );
    const headers = await rest.browser("ada");
    await until(async () => (await rest.send("GET /alerts", { headers })).json.total > 0);
    const { kinds, entries } = (await rest.send("GET /alerts", { headers })).json;
    expect(kinds).toEqual([
      {
        ...{ kind: "backup_failed", level: "warning", count: 1 },
        mend: { operation: "audit.list", query: { action: "backup.create" } },
      },
    ]);
    expect(entries[0].text).toStartWith("The last backup failed: ");
    const metrics = await (await fetch(`${rest.url}/metrics`)).text();
    expect(metrics).toMatch(/^chatelaine_backup_failures_total [1-9]/m);
    expect(metrics).not.toContain("chatelaine_backup_age_seconds");
    expect(await rest.key("ada", "served on")).toMatch(/^\d+-/);
  }
  removeAll(scratch);
});

test("a target that is full raises the alert, leaves no half file, and harms nothing", async () => {
  const scratch = scratchFolder();
  const out = await onSmallDisk(scratch, "64k", "backup-full-script.ts");
  expect(out).toEqual({
    alerts: ["backup_failed: There is no space for"],
    left: ["filler"],
    made: "ok",
    healed: [["chatelaine-20300101T001000Z.backup"], []],
  });
  removeAll(scratch);
});
