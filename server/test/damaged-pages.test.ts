/** F21: what cannot be read is "unavailable" at every door, never a fault of ours and never a word about the key. */
import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { closeSync, copyFileSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { askDoors } from "./doors.ts";
import { SYSTEM } from "./installation.ts";
import { auth, fill, RestoredPlace } from "./place.ts";
import { until } from "./rest-app.ts";

const TEST_MS = 120_000;
const PAGE_BYTES = 4_096;

/** Overwrites the first page of a table or an index. */
function damage(place: RestoredPlace, name: string): void {
  const file = join(place.data, "chatelaine.db");
  const database = new Database(file, { readonly: true });
  const { page } = database.query("SELECT rootpage AS page FROM sqlite_schema WHERE name = ?").get(name) as {
    page: number;
  };
  database.close();
  const handle = openSync(file, "r+");
  writeSync(handle, Buffer.alloc(PAGE_BYTES, 0xa5), 0, PAGE_BYTES, (page - 1) * PAGE_BYTES);
  closeSync(handle);
}

const BY_KEY = /^(?!sign-in of a browser$|auth\.login$|PASSWORD_PLAIN$)/;
/** What each damage must stop; what does not need the page may go on. */
const DAMAGES: Readonly<Record<string, RegExp>> = {
  keys: BY_KEY,
  secrets: BY_KEY,
  users: /./,
  secrets_key: BY_KEY,
  settings: /sign-in of a browser/,
};
const UNAVAILABLE = /^503( unavailable)?$|^-32001 \[EAGAIN\] The database can(not| not) be (read|reached)/;

for (const [name, stopped] of Object.entries(DAMAGES)) {
  test(
    `a damaged page of ${name} is unavailable, and the server is not ready`,
    async () => {
      await using place = new RestoredPlace();
      const first = await place.serve();
      const shown = await fill(first);
      await place.stop();
      damage(place, name);

      const server = await place.serve();
      const url = server.urls[0]!;
      const answers = await askDoors(url, shown);
      for (const [door, answer] of Object.entries(answers)) {
        const expected = stopped.test(door) ? UNAVAILABLE : /^(200|SUCCESS|SCRAM_RESPONSE|true)$|^503|EAGAIN/;
        expect({ door, answer }).toEqual({ door, answer: expect.stringMatching(expected) });
      }
      const { keys } = server.app;
      await expect(keys.create(SYSTEM, { name: "one more", username: "ada" })).rejects.toMatchObject({
        code: "unavailable",
      });
      await until(async () => (await fetch(`${url}/readyz`)).status === 503);
      expect((await fetch(`${url}/healthz`)).status).toBe(200);
      await server.close();
    },
    TEST_MS,
  );
}

test(
  "an older copy that is written over the file of a running server is noticed by the next change",
  async () => {
    await using place = new RestoredPlace();
    const first = await place.serve();
    const shown = await fill(first);
    await place.stop();
    const copy = place.copy("copy");
    const server = await place.serve();
    const url = server.urls[0]!;
    const { keys } = server.app;
    for (let turn = 0; turn < 50; turn++)
      await keys.create(SYSTEM, { name: `later-${turn}`, username: "ada" });
    await keys.revoke(SYSTEM, shown.second.id, "stolen");
    await place.local().then((local) => local.store.probe());
    copyFileSync(join(copy, "chatelaine.db"), join(place.data, "chatelaine.db"));
    const made = await keys.create(SYSTEM, { name: "after", username: "ada" }).then(
      () => "made",
      (error) => error.code,
    );
    expect(made).toBeOneOf(["made", "unavailable"]);
    const answers = Object.entries(await askDoors(url, shown));
    for (const [door, answer] of answers)
      expect({ door, answer }).toEqual({
        door,
        answer: expect.stringMatching(/^(200|SUCCESS|SCRAM_RESPONSE|true)$|^503|EAGAIN/),
      });
    expect(await auth(url, shown.second.text)).not.toBe(200);
    if (answers.some(([, answer]) => UNAVAILABLE.test(answer)))
      await until(async () => (await fetch(`${url}/readyz`)).status === 503);
  },
  TEST_MS,
);
