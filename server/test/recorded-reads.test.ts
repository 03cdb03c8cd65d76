/** Reads that are worth a record: verifiers of others' keys, SCRAM key files, exports. Once for a read, not for a row. */
import { Database } from "bun:sqlite";
import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { join } from "node:path";
import type { AuditRecord } from "../src/domain/audit.ts";
import { bearer, openRest, type RestApp, SYSTEM } from "./rest-app.ts";
import { RpcClient } from "./rpc-client.ts";

const KEYS = 250;
let rest: RestApp;
let rpc: RpcClient;
let admin: string;
let other: string;
let told: Set<string>;

beforeAll(async () => {
  rest = await openRest();
  await rest.user("bob", ["KEY_HOLDER"]);
  admin = await rest.key("ada", "ada's");
  other = await rest.key("bob", "bob's");
  copyKeys(idOf(other), KEYS);
  rpc = await RpcClient.connect(rest.url);
  await rpc.signIn("ada", admin);
});

afterAll(async () => {
  rpc.close();
  await rest[Symbol.asyncDispose]();
});

beforeEach(async () => {
  told = new Set((await records()).map(({ id }) => id));
});

async function records(): Promise<readonly AuditRecord[]> {
  const where = {
    kind: "test",
    path: ["action"],
    op: "in",
    fold: false,
    value: ["key.verifiers", "key.scram", "audit.export"],
  } as const;
  return (await rest.app.audit.list(SYSTEM, { where, limit: 0 })).rows;
}

async function fresh(): Promise<readonly AuditRecord[]> {
  return (await records()).filter(({ id }) => !told.has(id));
}

/** Entries alone, without secrets: there are more of them than are opened at a time. */
function copyKeys(id: number, count: number): void {
  using database = new Database(join(rest.folder, "chatelaine.db"));
  const columns = (database.query("PRAGMA table_info(keys)").all() as { name: string }[])
    .map(({ name }) => name)
    .filter((name) => name !== "id" && name !== "name");
  database
    .query(
      `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?2)
       INSERT INTO keys (id, name, ${columns}) SELECT 1000 + i, 'many ' || i, ${columns} FROM keys, n WHERE id = ?1`,
    )
    .run(id, count);
}

const idOf = (text: string): number => Number(text.split("-")[0]);

test("a list that shows verifiers of others' keys is one record, with who and how many", async () => {
  const rows = await rpc.result<{ stored_key: string }[]>("api_key.query");
  expect(rows).toHaveLength(KEYS + 2);
  expect(rows.filter(({ stored_key }) => stored_key.length === 88)).toHaveLength(2);
  const [record, ...more] = await fresh();
  expect(more).toEqual([]);
  expect(record).toMatchObject({
    event: "METHOD_CALL",
    action: "key.verifiers",
    username: "ada",
    door: "websocket",
    success: true,
    details: { count: KEYS + 1 },
  });
  expect(record?.details.ids).toHaveLength(100);
  expect(record?.details.ids).toContain(idOf(other));
});

test.each<[string, string, (readonly unknown[])[], number]>([
  ["one key of another", "api_key.get_instance", [[2]], 1],
  ["an edit of another's key", "api_key.update", [[2, { name: "bob's own" }]], 1],
  ["members that are no secrets", "api_key.query", [[[], { select: ["id", "name"] }]], 0],
  ["a count", "api_key.query", [[[], { count: true }]], 0],
  ["one's own key", "api_key.get_instance", [[1]], 0],
  ["one's own keys", "api_key.my_keys", [[]], 0],
  ["a key just made for another", "api_key.create", [[{ name: "new", username: "bob" }]], 0],
  ["a key of another just reset", "api_key.update", [[3, { reset: true }]], 0],
])("%s: what is recorded", async (_words, method, calls, count) => {
  for (const params of calls) await rpc.result(method, ...params);
  const found = await fresh();
  expect(found.map(({ action, details }) => [action, details.count])).toEqual(
    Array.from({ length: count }, () => ["key.verifiers", 1]),
  );
});

test("who sees verifiers masked reads none", async () => {
  await rest.user("rita", ["READONLY_ADMIN"]);
  const reader = await RpcClient.connect(rest.url);
  await reader.signIn("rita", await rest.key("rita", "rita's"));
  await reader.result("api_key.query");
  reader.close();
  expect(await fresh()).toEqual([]);
});

test("a SCRAM key file is recorded with its key, at both doors, and never with the text", async () => {
  await rpc.result("api_key.convert_raw_key", other);
  await rest.send("POST /keys/scram", { headers: bearer(admin), body: { key: other } });
  await rest.send("POST /keys/scram", { headers: bearer(admin), body: { key: `999999-${"x".repeat(64)}` } });
  const found = await fresh();
  expect(found.map(({ action, target, door }) => [action, target?.id, door]).sort()).toEqual([
    ["key.scram", idOf(other), "rest"],
    ["key.scram", idOf(other), "websocket"],
  ]);
  expect(JSON.stringify(found)).not.toContain(other.slice(-30));
});

test("an export is recorded once, with the names of its filters alone", async () => {
  const looked = "something secret that somebody looks for";
  for (const format of ["jsonl", "csv"])
    await rest.send(`GET /audit/export?format=${format}&q=${encodeURIComponent(looked)}`, {
      headers: bearer(admin),
    });
  expect((await rest.send("GET /audit/export", { headers: bearer(other) })).status).toBe(403);
  const found = (await fresh()).toSorted(({ details: a }, { details: b }) =>
    a.format! < b.format! ? -1 : 1,
  );
  expect(found.map(({ action, username, details }) => [action, username, details])).toEqual(
    ["csv", "jsonl"].map((format) => ["audit.export", "ada", { format, filters: ["q"] }]),
  );
  expect(JSON.stringify(await records())).not.toContain(looked);
});
