/** R35: what happens to a server whose files are moved, deleted or exchanged while it runs. */
import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { run } from "../../cli/test/chatelaine.ts";
import { AppError } from "../src/domain/errors.ts";
import { readStates } from "../src/store/sqlite/state-file.ts";
import { askDoors } from "./doors.ts";
import { SYSTEM } from "./installation.ts";
import { auth, fill, RestoredPlace, signIn, writeInto } from "./place.ts";
import { until } from "./rest-app.ts";

const TEST_MS = 120_000;
const REFUSED = /^503( unavailable)?$|^-32001 \[EAGAIN\] A database file was exchanged/;

/** What is done to the folder, and undone. */
interface Exchange {
  readonly act: (place: RestoredPlace, copy: string) => void;
  readonly undo?: (place: RestoredPlace) => void;
}

const aside = (place: RestoredPlace, name: string): string => join(place.base, `aside-${name}`);
const moveAway = (name: string): Exchange => ({
  act: (place) => renameSync(join(place.data, name), aside(place, name)),
  undo: (place) => renameSync(aside(place, name), join(place.data, name)),
});

const WAYS: Readonly<Record<string, Exchange>> = {
  "a copy moved over the database, without its log": {
    act: (place, copy) => {
      for (const end of ["-wal", "-shm"]) rmSync(join(place.data, `chatelaine.db${end}`));
      renameSync(join(copy, "chatelaine.db"), join(place.data, "chatelaine.db"));
    },
  },
  "the database moved away": moveAway("chatelaine.db"),
  "the database deleted": { act: (place) => rmSync(join(place.data, "chatelaine.db")) },
  "the other database deleted": { act: (place) => rmSync(join(place.data, "activity.db")) },
  "its log deleted": { act: (place) => rmSync(join(place.data, "chatelaine.db-wal")) },
  "its index deleted": { act: (place) => rmSync(join(place.data, "chatelaine.db-shm")) },
  "the folder moved away": {
    act: (place) => renameSync(place.data, aside(place, "data")),
    undo: (place) => renameSync(aside(place, "data"), place.data),
  },
  "the folder deleted": { act: (place) => rmSync(place.data, { recursive: true }) },
  "a copy in the folder's place": {
    act: (place, copy) => {
      renameSync(place.data, aside(place, "data"));
      renameSync(copy, place.data);
    },
    undo: (place) => {
      rmSync(place.data, { recursive: true });
      renameSync(aside(place, "data"), place.data);
    },
  },
};

describe("a running server whose files are exchanged", () => {
  for (const [name, { act, undo }] of Object.entries(WAYS)) {
    test(
      `${name}: nothing is checked, written or read${undo ? ", until it is put back" : ""}`,
      async () => {
        await using place = new RestoredPlace();
        const server = await place.serve();
        const url = server.urls[0]!;
        const shown = await fill(server);
        const cookie = await signIn(url);
        await place.stop();
        const copy = place.copy("copy");
        const again = await place.serve();
        const here = again.urls[0]!;
        // Kept in memory, and still not answered.
        expect(await auth(here, shown.key)).toBe(200);
        expect(place.lines).toEqual([]);
        act(place, copy);

        await until(async () => (await auth(here, shown.key)) === 503);
        for (const [door, answer] of Object.entries(await askDoors(here, { ...shown, cookie })))
          expect({ door, answer }).toEqual({ door, answer: expect.stringMatching(REFUSED) });
        expect((await fetch(`${here}/healthz`)).status).toBe(200);
        await until(async () => (await fetch(`${here}/readyz`)).status === 503);
        const { keys } = again.app;
        await expect(keys.create(SYSTEM, { name: "lost", username: "ada" })).rejects.toMatchObject({
          code: "unavailable",
        });
        await expect(keys.revoke(SYSTEM, shown.second.id, "lost")).rejects.toMatchObject({
          code: "unavailable",
        });
        expect(place.said(/exchanged or deleted/)).toMatchObject([{ level: "error" }]);

        if (!undo) return;
        undo(place);
        await until(async () => (await auth(here, shown.key)) === 200);
        await keys.revoke(SYSTEM, shown.second.id, "kept");
        expect(await auth(here, shown.second.text)).toBe(401);
      },
      TEST_MS,
    );
  }

  test(
    "no method of the store answers from files that are not there any more",
    async () => {
      await using place = new RestoredPlace();
      const server = await place.serve();
      await fill(server);
      const { store } = server.app;
      rmSync(join(place.data, "chatelaine.db"));
      store.poll();
      await until(() => place.said(/exchanged/).length > 0 || (store.poll(), false));
      // The number of the installation is known from the start, and does not change.
      const seesItself = ["poll", "quarantine", "settled", "installation", "close"];
      for (const [name, method] of Object.entries(store) as [string, (...args: unknown[]) => unknown][]) {
        if (seesItself.includes(name)) continue;
        const asked = async () => method({}, 1, 1, 0);
        expect({ name, error: await asked().catch((error) => error.code) }).toEqual({
          name,
          error: "unavailable",
        });
      }
    },
    TEST_MS,
  );

  test(
    "the command line does not say that something is revoked in a file that the server does not look at",
    async () => {
      await using place = new RestoredPlace();
      const first = await place.serve();
      const shown = await fill(first);
      await place.stop();
      const copy = place.copy("copy");
      const server = await place.serve();
      const revoke = () =>
        run(["key", "revoke", "2", "--reason", "stolen", "--data", place.data, "--state", place.state]);
      renameSync(place.data, aside(place, "data"));
      renameSync(copy, place.data);
      const refused = await revoke();
      expect(refused).toMatchObject({ code: 1, stdout: "" });
      expect(refused.stderr).toContain(`process ${process.pid}) has another database open`);
      expect(refused.stderr).not.toContain("Revoked");

      await server.close();
      const again = await place.serve();
      expect(await revoke()).toMatchObject({ code: 0 });
      expect(await auth(again.urls[0]!, shown.second.text)).toBe(401);
      // What a server that was killed left behind holds up nobody.
      await place.stop();
      const killed = { pid: 2 ** 22 - 1, started: "1", folder: place.data, main: "0:0" };
      await Bun.write(join(place.state, "4194303-1.server"), JSON.stringify(killed));
      const third = await run(["key", "pause", "1", "--data", place.data, "--state", place.state]);
      expect(third).toMatchObject({ code: 0 });
      await place.serve();
      expect(existsSync(join(place.state, "4194303-1.server"))).toBe(false);
    },
    TEST_MS,
  );
});

/** Whose data is written over that of a running server, with more changes than it has. */
const OTHERS: Readonly<Record<string, (place: RestoredPlace) => Promise<void>>> = {
  "another branch of it": async (place) => {
    place.putBack(join(place.base, "old"));
    const { state } = place;
    place.state = join(place.base, "another");
    const branch = await place.serve();
    for (let turn = 0; turn < 9; turn++)
      await branch.app.keys.create(SYSTEM, { name: `branch-${turn}`, username: "ada" });
    await place.stop();
    place.state = state;
  },
  "another installation": async (place) => {
    const { state } = place;
    place.state = join(place.base, "another");
    rmSync(place.data, { recursive: true });
    const server = await place.serve();
    await fill(server);
    for (let turn = 0; turn < 9; turn++)
      await server.app.keys.create(SYSTEM, { name: `other-${turn}`, username: "ada" });
    await place.stop();
    place.state = state;
  },
};
/** How it is written. */
const HOW: Readonly<Record<string, (from: string, to: string) => void>> = {
  "by cp over the file": (from, to) => writeFileSync(to, readFileSync(from)),
  "by one transaction in it": (from, to) => writeInto(to, from),
};

describe("other data with more changes, written into the file of a running server", () => {
  for (const [whose, make] of Object.entries(OTHERS))
    for (const [how, write] of Object.entries(HOW))
      test(
        `${whose}, ${how}: nothing is checked or written any more, nor after a restart`,
        async () => {
          await using place = new RestoredPlace();
          const shown = await fill(await place.serve());
          await place.stop();
          place.copy("old");
          const begun = await place.serve();
          await begun.app.keys.revoke(SYSTEM, shown.second.id, "stolen");
          await place.stop();
          const right = place.copy("right");
          await make(place);
          const other = place.copy("other");
          place.putBack(right);
          const server = await place.serve();
          const url = server.urls[0]!;
          const known = readStates(place.state).find(({ seq }) => seq > 0)!;
          expect(await auth(url, shown.key)).toBe(200);

          const file = join(place.data, "chatelaine.db");
          write(join(other, "chatelaine.db"), file);
          await until(async () => (await auth(url, shown.key)) === 503);
          expect(await auth(url, shown.second.text)).toBe(503);
          await until(async () => (await fetch(`${url}/readyz`)).status === 503);
          await expect(
            server.app.keys.create(SYSTEM, { name: "lost", username: "ada" }),
          ).rejects.toMatchObject({ code: "unavailable" });
          expect(place.said(/exchanged or deleted/)).toMatchObject([{ level: "error" }]);
          await place.stop();

          // Nothing of it was taken for ours.
          expect(readStates(place.state)).toContainEqual(known);
          const again = await place.serve().catch((error: AppError) => error);
          if (again instanceof AppError) expect(again.details).toMatchObject({ exitCode: 78 });
          else expect(await auth(again.urls[0]!, shown.second.text)).toBe(503);
        },
        TEST_MS,
      );

  test(
    "what two servers and the command line write in turn is not other data",
    async () => {
      await using place = new RestoredPlace();
      const [one, two] = [await place.serve(), await place.serve()];
      const shown = await fill(one);
      for (let turn = 0; turn < 30; turn++) {
        await one.app.keys.create(SYSTEM, { name: `one-${turn}`, username: "ada" });
        await two.app.keys.create(SYSTEM, { name: `two-${turn}`, username: "ada" });
        const database = new Database(join(place.data, "chatelaine.db"));
        database.run(`PRAGMA wal_checkpoint(${turn % 2 === 0 ? "PASSIVE" : "TRUNCATE"})`);
        database.close();
        await Bun.sleep(50);
        expect([await auth(one.urls[0]!, shown.key), await auth(two.urls[0]!, shown.key)]).toEqual([
          200, 200,
        ]);
      }
      expect(place.said(/exchanged/)).toEqual([]);
    },
    TEST_MS,
  );
});

test(
  "counters of rate limits that are deleted under a server give nothing anew, to no process, and the log says so",
  async () => {
    await using place = new RestoredPlace();
    const server = await place.serve();
    await fill(server);
    const rateLimit = { limit: 2, windowSeconds: 86_400 };
    const { secret } = await server.app.keys.create(SYSTEM, { name: "counted", username: "ada", rateLimit });
    const use = (url: string) => auth(url, secret.text);
    const [url] = server.urls as [string];
    expect([await use(url), await use(url), await use(url)]).toEqual([200, 200, 429]);
    rmSync(join(place.data, "rates"), { recursive: true });
    await until(async () => place.said(/^Counters of rate limits were deleted or replaced/).length === 1);
    const other = await place.serve();
    expect([await use(url), await use(other.urls[0]!)]).toEqual([429, 429]);
  },
  TEST_MS,
);
