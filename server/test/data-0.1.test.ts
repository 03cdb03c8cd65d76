/** Promise 9: a data folder of 0.1 (`fixtures/data-0.1`) opens in today's code, whole, once, and however the migration ends. */
import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { copyFileSync, existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { run, serve } from "../../cli/test/chatelaine.ts";
import { INSTALLATION_SCHEMA } from "../src/store/sqlite/migrations.ts";
import { readStates } from "../src/store/sqlite/state-file.ts";
import known from "./fixtures/data-0.1/known.json";
import { SYSTEM } from "./installation.ts";
import { FIXTURE, placeFixture } from "./old-folder.ts";
import { auth, RestoredPlace } from "./place.ts";

const TEST_MS = 120_000;
const schemaOf = (place: RestoredPlace): number => {
  const database = new Database(join(place.data, "chatelaine.db"), { readonly: true });
  try {
    return (database.query("PRAGMA user_version").get() as { user_version: number }).user_version;
  } finally {
    database.close();
  }
};

test(
  "a data folder of 0.1 opens with everything in it, gets a state file, and a warning",
  async () => {
    await using place = new RestoredPlace();
    placeFixture(place);
    expect(schemaOf(place)).toBeLessThan(INSTALLATION_SCHEMA);
    const server = await place.serve();
    const url = server.urls[0]!;
    expect(place.said(/Nothing was known of this folder/)).toHaveLength(1);
    expect(readStates(place.state)).toMatchObject([{ seq: expect.any(Number) }]);

    const answers: Record<string, boolean> = {};
    for (const [name, { text }] of Object.entries(known.keys))
      answers[name] = (await auth(url, text)) === 200;
    expect(answers).toEqual({
      ...{ good: true, "of-root": true, "ends-in-2099": true, reset: true },
      // From here it is not in the network that it is held to.
      narrowed: false,
      ...{
        expired: false,
        paused: false,
        revoked: false,
        "before-reset": false,
        deleted: false,
        "of-locked": false,
      },
    });
    const { keys, groups, audit, settings } = server.app;
    // What it did with clear text when it was made, and not what new installations do.
    expect((await settings.show(SYSTEM)).insecureTransportDialect).toBe("revoke");
    expect((await keys.list(SYSTEM, {})).rows.map(({ name }) => name).sort()).toEqual(
      [
        "good",
        "of-root",
        "narrowed",
        "ends-in-2099",
        "expired",
        "paused",
        "revoked",
        "reset",
        "of-locked",
      ].sort(),
    );
    expect(await keys.get(SYSTEM, known.keys.narrowed.id)).toMatchObject({
      scopes: ["dns:read"],
      allowedIps: ["192.0.2.0/24"],
      rateLimit: { limit: 100, windowSeconds: 60 },
    });
    expect(await keys.get(SYSTEM, known.keys.good.id)).toMatchObject({
      tags: ["web", "eu"],
      lastUsedAt: expect.any(Number),
    });
    expect((await groups.list(SYSTEM)).map(({ name }) => name)).toEqual(["ops"]);
    expect((await audit.list(SYSTEM, {})).rows.length).toBeGreaterThan(10);
    const signIn = await fetch(`${url}/api/v1/session`, {
      method: "POST",
      headers: { "Content-Type": "application/json", Origin: url },
      body: JSON.stringify({ username: "root", password: known.password }),
    });
    expect(signIn.status).toBe(200);
    expect((await keys.resume(SYSTEM, known.keys.paused.id)).pausedAt).toBeNull();
    expect(await auth(url, known.keys.paused.text)).toBe(200);
    const made = await keys.create(SYSTEM, { name: "after", username: "ada" });
    expect(made.key.id).toBeGreaterThan(known.keys["of-locked"].id);
    expect(await auth(url, made.secret.text)).toBe(200);
  },
  TEST_MS,
);

test(
  "of several starts at once on a folder of 0.1 one migrates, also where some are killed in it",
  async () => {
    await using place = new RestoredPlace();
    placeFixture(place);
    for (let round = 0; round < 4; round++) {
      const child = Bun.spawn(
        [
          process.execPath,
          join(import.meta.dir, "../../cli/src/main.ts"),
          "key",
          "list",
          "--data",
          place.data,
          "--state",
          place.state,
        ],
        { stdout: "ignore", stderr: "ignore" },
      );
      await Bun.sleep(100 + round * 120);
      child.kill("SIGKILL");
      await child.exited;
    }
    const more = ["--state", place.state];
    const servers = await Promise.all([serve(place.data, more), serve(place.data, more)]);
    for (const { http } of servers) {
      expect(await auth(http, known.keys.good.text)).toBe(200);
      expect(await auth(http, known.keys.revoked.text)).not.toBe(200);
    }
    await Promise.all(servers.map((server) => server.stop()));
    expect(schemaOf(place)).toBeGreaterThanOrEqual(INSTALLATION_SCHEMA);
    expect(readStates(place.state)).toHaveLength(1);
    const listed = await run(["key", "list", "--json", "--data", place.data, ...more]);
    expect(JSON.parse(listed.stdout)).toHaveLength(9);
    expect(existsSync(join(place.data, "chatelaine.db-wal"))).toBe(false);
  },
  TEST_MS,
);

for (const where of ["in its place", "at another path"])
  test(
    `a folder of 0.1 that is put back ${where} after the upgrade is known for what it is`,
    async () => {
      await using place = new RestoredPlace();
      placeFixture(place);
      const first = await place.serve();
      await first.app.keys.revoke(SYSTEM, known.keys.good.id, "stolen");
      await place.stop();
      if (where === "at another path") {
        rmSync(place.data, { recursive: true });
        place.data = join(place.base, "elsewhere");
        placeFixture(place);
      }
      for (const name of ["chatelaine.db", "activity.db"])
        copyFileSync(join(FIXTURE, name), join(place.data, name));
      const again = await place.serve();
      expect(await auth(again.urls[0]!, known.keys.good.text)).toBe(503);
      expect(again.app.store.quarantine()).toMatchObject({ why: "behind" });
    },
    TEST_MS,
  );
