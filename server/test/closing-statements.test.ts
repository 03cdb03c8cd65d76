/** Every transaction ends with its audit records and then its rows of the feed: nothing of the keys' database is written after them. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { bearer, openRest, type RestApp, SYSTEM } from "./rest-app.ts";
import { type WatchedWriter, watchWriter } from "./watched-writer.ts";

let watched: WatchedWriter;
let rest: RestApp;

beforeAll(async () => {
  watched = watchWriter();
  rest = await openRest();
});
afterAll(async () => {
  await rest[Symbol.asyncDispose]();
  watched.stop();
});

test("whatever is changed, users with keys and groups with members too", async () => {
  const { keys, users, groups } = rest.app;
  const auth = bearer(await rest.key("ada", "admin"));
  const bob = await rest.user("bob", ["KEY_HOLDER"]);
  const { key } = await keys.create(SYSTEM, { name: "bobs", username: "bob" });
  const acts: readonly (() => Promise<unknown>)[] = [
    () => groups.create(SYSTEM, { name: "ops", roles: ["API_KEY_READ"], scopes: [] }),
    () => groups.addMember(SYSTEM, { name: "ops", username: "bob" }),
    () => groups.update(SYSTEM, "ops", { roles: ["API_KEY_READ", "ACCOUNT_READ"] }),
    () => users.update(SYSTEM, bob.id, { username: "robert", roles: ["API_KEY_WRITE"] }),
    () => keys.update(SYSTEM, key.id, { description: "again" }),
    () => keys.reset(SYSTEM, key.id, {}),
    () => rest.send(`POST /keys/${key.id}/pause`, { headers: auth }),
    () => keys.revoke(SYSTEM, key.id, "lost"),
    () => users.lock(SYSTEM, bob.id),
    () => groups.remove(SYSTEM, "ops"),
    () => keys.remove(SYSTEM, key.id),
    () => users.remove(SYSTEM, bob.id),
  ];
  for (const [at, act] of acts.entries()) {
    watched.written = [];
    await act();
    const begun = watched.written.lastIndexOf("BEGIN IMMEDIATE");
    const inside = watched.written.slice(begun + 1, watched.written.indexOf("COMMIT", begun));
    const records = inside.findIndex((sql) => sql.startsWith('insert into "audit"'));
    const fed = inside.findIndex((sql) => sql.startsWith('insert into "changes"'));
    expect([at, records > 0, fed > records]).toEqual([at, true, true]);
    const after = inside.slice(fed).filter((sql) => !/^(insert into|delete from) "changes"/.test(sql));
    expect([at, after]).toEqual([at, []]);
    const between = inside.slice(records, fed).filter((sql) => !sql.startsWith('insert into "audit"'));
    expect([at, between]).toEqual([at, []]);
  }
});
