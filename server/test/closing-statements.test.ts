/** Every transaction ends with its audit records and then its rows of the feed: nothing of the keys' database is written after them. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import type { WorkerRequest } from "../src/store/sqlite/worker.ts";
import { bearer, openRest, type RestApp, SYSTEM } from "./rest-app.ts";

type Post = (message: unknown, ...more: unknown[]) => void;

const prototype = Worker.prototype as unknown as { postMessage: Post };
const post = prototype.postMessage;
const writers = new WeakSet<object>();
let written: string[] = [];
let rest: RestApp;

beforeAll(async () => {
  prototype.postMessage = function (this: object, message: unknown, ...more: unknown[]): void {
    const { request } = message as { request: WorkerRequest };
    if (request.kind === "open" && request.role === "writer") writers.add(this);
    if (writers.has(this) && request.kind === "run" && request.database === "main") written.push(request.sql);
    post.call(this, message, ...more);
  };
  rest = await openRest();
});
afterAll(async () => {
  await rest[Symbol.asyncDispose]();
  prototype.postMessage = post;
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
    written = [];
    await act();
    const begun = written.lastIndexOf("BEGIN IMMEDIATE");
    const inside = written.slice(begun + 1, written.indexOf("COMMIT", begun));
    const records = inside.findIndex((sql) => sql.startsWith('insert into "audit"'));
    const fed = inside.findIndex((sql) => sql.startsWith('insert into "changes"'));
    expect([at, records > 0, fed > records]).toEqual([at, true, true]);
    const after = inside.slice(fed).filter((sql) => !/^(insert into|delete from) "changes"/.test(sql));
    expect([at, after]).toEqual([at, []]);
    const between = inside.slice(records, fed).filter((sql) => !sql.startsWith('insert into "audit"'));
    expect([at, between]).toEqual([at, []]);
  }
});
