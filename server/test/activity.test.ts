import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { join } from "node:path";
import type { Note } from "../src/activity/audit.ts";
import { createLog } from "../src/log.ts";
import { parseFilters } from "../src/truenas/query-filters.ts";
import { makeInstallation, movedClock, SYSTEM } from "./installation.ts";

const NOTE: Note = {
  event: "AUTHENTICATION",
  action: "API_KEY",
  description: "Sign in by key",
  success: false,
};
const SIGN_INS = parseFilters([["event", "=", "AUTHENTICATION"]]);
const HOUR_MS = 3_600_000;
/** So many batches until old ones are cut. */
const BATCHES = 16;

test("sign-ins that cannot be recorded at the moment wait, and none is recorded twice", async () => {
  await using folder = await makeInstallation();
  const { audit, usage, store } = await folder.open({ log: createLog("error", "text", () => {}) });
  using database = new Database(join(folder.path, "activity.db"));
  database.run("CREATE TRIGGER no_record BEFORE INSERT ON records BEGIN SELECT RAISE(ABORT, 'no'); END");
  audit.note(NOTE);
  const seen = { address: null, client: null, host: null };
  usage.note(7, "ok", seen);
  await Promise.all([audit.flush(), usage.flush()]);
  database.run("DROP TRIGGER no_record");
  database.run("CREATE TRIGGER no_use BEFORE INSERT ON key_use BEGIN SELECT RAISE(ABORT, 'no'); END");
  audit.note(NOTE);
  await Promise.all([audit.flush(), usage.flush()]);
  usage.note(7, "ok", { ...seen, address: "192.0.2.7" });
  await usage.flush();
  database.run("DROP TRIGGER no_use");
  await usage.flush();
  expect((await audit.list(SYSTEM, {})).rows.filter(({ event }) => event === "AUTHENTICATION")).toHaveLength(
    2,
  );
  expect(database.query("SELECT uses, address FROM key_use").all()).toEqual([
    { uses: 2, address: "192.0.2.7" },
  ]);
  await store.probe();
});

test("sign-ins that come while others are being recorded are recorded too, each once", async () => {
  await using folder = await makeInstallation();
  const { audit } = await folder.open();
  for (let round = 0; round < 20; round++) {
    audit.note(NOTE);
    const written = audit.flush();
    await Promise.resolve();
    await Promise.resolve();
    for (let more = 0; more < 5; more++) audit.note(NOTE);
    await written;
  }
  const { total } = await audit.list(SYSTEM, { where: SIGN_INS, want: "count" });
  expect(total).toBe(20 * 6);
});

test("counters of guesses are forgotten when their time is over, networks that an account is known from are not", async () => {
  const clock = movedClock();
  await using folder = await makeInstallation();
  const { audit, store } = await folder.open({ clock });
  for (const bucket of ["network|192.0.2.7", "account|ada", "known|ada|192.0.2.7"])
    await store.countGuess(bucket, clock.now(), HOUR_MS);
  clock.advance(2 * HOUR_MS);
  await store.countGuess("account|bob", clock.now(), HOUR_MS);
  for (let batch = 0; batch < BATCHES; batch++) {
    audit.note(NOTE);
    await audit.flush();
  }
  using database = new Database(join(folder.path, "activity.db"), { readonly: true });
  const left = database.query<{ bucket: string }, []>("SELECT bucket FROM guesses ORDER BY bucket").all();
  expect(left.map(({ bucket }) => bucket)).toEqual(["account|bob", "known|ada|192.0.2.7"]);
});
