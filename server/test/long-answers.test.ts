/** Lists that are asked for whole at JSON-RPC: so many at a time, until their clients have taken them, and none too large for memory. */
import { Database } from "bun:sqlite";
import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { LIST_CHARS_MAX, SEARCHES_EACH_MAX } from "@chatelaine/contract/limits";
import { RawSocket } from "./raw-socket.ts";
import { openRest, type RestApp } from "./rest-app.ts";
import { RpcClient } from "./rpc-client.ts";

const RECORD_CHARS = 65_536;
/** A list of so many is taken by no socket's buffers at once, and is none too large. */
const SOME = 400;
const RECORDS = LIST_CHARS_MAX / RECORD_CHARS + 1;
const MANY_RECORDS = `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${RECORDS})
  INSERT INTO records (id, at, event, action, description, door, details, success)
  SELECT printf('%08d-0000-4000-8000-000000000000', i), ?, 'METHOD_CALL', 'much', CASE WHEN i <= ${SOME} THEN 'some' ELSE 'more' END,
    'rest', json_object('call', json_object('method', 'much', 'params', json_array(hex(zeroblob(${RECORD_CHARS / 2}))))), 1 FROM n`;

let rest: RestApp;
let key: string;

beforeAll(async () => {
  rest = await openRest();
  key = await rest.key("ada", "ci");
  using database = new Database(join(rest.folder, "activity.db"));
  database.run(MANY_RECORDS, [Date.now()]);
});
afterAll(() => rest[Symbol.asyncDispose]());

async function signedIn(): Promise<RpcClient> {
  const rpc = await RpcClient.connect(rest.url);
  await rpc.signIn("ada", key);
  return rpc;
}

const recordsWith = (member: string, value: string, limit = 0) => ({
  "query-filters": [[`event_data.${member}`, "=", value]],
  "query-options": { limit },
});

test("a list that is too large for memory is refused with what to do, and a part of it is answered", async () => {
  const rpc = await signedIn();
  const { error } = await rpc.call("audit.query", recordsWith("method", "much"));
  expect(error?.data?.reason).toBe(
    "[EPERM] The list is larger than 64 MiB; ask for less at a time, with limit and offset",
  );
  expect(await rpc.result<unknown[]>("audit.query", recordsWith("method", "much", 20))).toHaveLength(20);
  rpc.close();
});

test("a client that does not take its list keeps its place, and gives it back when it goes", async () => {
  const idle: RawSocket[] = [];
  for (let at = 0; at < SEARCHES_EACH_MAX; at++) {
    const raw = await RawSocket.open(rest.url);
    const data = { mechanism: "API_KEY_PLAIN", username: "ada", api_key: key };
    raw.call(1, "auth.login_ex", data);
    await raw.until((text) => text.includes("SUCCESS"));
    // No more is taken than what comes first.
    raw.socket.once("data", () => raw.socket.pause());
    raw.call(2, "audit.query", recordsWith("description", "some"));
    await raw.until((text) => text.length > 0);
    idle.push(raw);
  }
  const rpc = await signedIn();
  const order: string[] = [];
  const list = rpc.result<unknown[]>("user.query").then((users) => {
    order.push("list");
    return users;
  });
  // Asked for after it, and answered before it: the list waits, a page does not.
  await rpc.result("user.query", [], { limit: 10 });
  await rpc.result("api_key.query", [], { limit: 10 });
  order.push("pages");
  for (const raw of idle) raw.socket.destroy();
  expect(await list).toHaveLength(1);
  expect(order).toEqual(["pages", "list"]);
  rpc.close();
});
