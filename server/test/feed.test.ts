import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { join } from "node:path";
import type { Change } from "../src/activity/feed.ts";
import type { Local } from "../src/app.ts";
import type { InsecureTransportRule } from "../src/domain/settings.ts";
import { makeInstallation, PASSWORD, SYSTEM } from "./installation.ts";
import { RpcClient } from "./rpc-client.ts";

const OLD_ROWS = 3_000;

function addOldChanges(path: string): void {
  using database = new Database(join(path, "chatelaine.db"));
  const insert = database.prepare(
    "INSERT INTO changes (at, kind, action, entity_id, name, user_id, ends) VALUES (0, 'key', 'changed', 1, 'old', 1, 0)",
  );
  database.transaction(() => {
    for (let row = 0; row < OLD_ROWS; row++) insert.run();
  })();
}

async function change({ settings }: Local, times: number): Promise<void> {
  for (let time = 0; time < times; time++) {
    const insecureTransport: InsecureTransportRule = time % 2 === 0 ? "allow" : "refuse";
    await settings.change(SYSTEM, { insecureTransport });
  }
}

test("old changes leave the feed, the newest stay, and who follows it is told each of them once", async () => {
  await using folder = await makeInstallation();
  const local = await folder.open();
  addOldChanges(folder.path);
  const told: number[] = [];
  local.feed.subscribe(({ seq }) => told.push(seq));
  await local.feed.follow();
  await change(local, 300);
  await local.feed.follow();
  using database = new Database(join(folder.path, "chatelaine.db"), { readonly: true });
  const [kept] = database
    .query<{ total: number; oldest: number; newest: number }, []>(
      "SELECT count(*) AS total, min(seq) AS oldest, max(seq) AS newest FROM changes",
    )
    .all();
  expect(kept!.oldest).toBeGreaterThan(OLD_ROWS - 1_000);
  expect(kept!.total).toBe(kept!.newest - kept!.oldest + 1);
  expect(kept!.total).toBeGreaterThanOrEqual(1_000);
  expect(told).toEqual(Array.from(told, (_, at) => told[0]! + at));
  expect(told.at(-1)).toBe(kept!.newest);
});

test("who slept for longer than the feed is kept takes everything that anybody opened for ended", async () => {
  await using folder = await makeInstallation();
  const local = await folder.open();
  const ada = await local.users.create(SYSTEM, { username: "ada", roles: ["KEY_HOLDER"] });
  await local.feed.follow();
  const told: Change[] = [];
  local.feed.subscribe((one) => told.push(one));
  using database = new Database(join(folder.path, "chatelaine.db"));
  database.run("UPDATE sqlite_sequence SET seq = seq + 500 WHERE name = 'changes'");
  await change(local, 1);
  await local.feed.follow();
  expect(told.map(({ kind, userId, endsSessions }) => ({ kind, userId, endsSessions }))).toEqual([
    { kind: "group", userId: null, endsSessions: false },
    { kind: "settings", userId: null, endsSessions: false },
    { kind: "user", userId: ada.id, endsSessions: true },
    { kind: "settings", userId: null, endsSessions: false },
  ]);
});

test("who follows the feed has been told of all that was committed before, however many changes that are", async () => {
  await using folder = await makeInstallation();
  const server = await folder.serve();
  await server.app.users.create(SYSTEM, {
    username: "ada",
    roles: ["FULL_ADMIN"],
    password: PASSWORD,
  });
  const socket = await RpcClient.connect(server.urls[0]!);
  await socket.result("auth.login", "ada", PASSWORD);
  const { sessions } = server.app;
  const session = sessions.list(SYSTEM)[0]!;
  expect(await sessions.caller(session)).toMatchObject({ username: "ada" });
  using database = new Database(join(folder.path, "chatelaine.db"));
  // As a group of so many users leaves it, and then the end of all sessions.
  database.transaction(() => {
    database.run(`WITH RECURSIVE many (id) AS (SELECT 1000001 UNION ALL SELECT id + 1 FROM many WHERE id < 1025000)
      INSERT INTO changes (at, kind, action, entity_id, name, user_id, ends)
      SELECT 0, 'user', 'changed', id, 'member', id, 0 FROM many`);
    database.run(`INSERT INTO changes (at, kind, action, entity_id, name, user_id, ends)
      VALUES (0, 'session', 'removed', 0, '*', NULL, 1)`);
  })();
  await expect((async () => sessions.caller(session))()).rejects.toThrow("Session is expired");
});
