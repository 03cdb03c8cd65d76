/** What making a key costs the one writer: one commit, and at most eight statements in it, whoever asks and however. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { bearer, openRest, type RestApp } from "./rest-app.ts";
import { type WatchedWriter, watchWriter } from "./watched-writer.ts";

let watched: WatchedWriter;
let rest: RestApp;
let asked: Record<"key" | "browser", Record<string, string>>;

beforeAll(async () => {
  watched = watchWriter();
  rest = await openRest();
  asked = { key: bearer(await rest.key("ada", "admin")), browser: await rest.browser("ada") };
  // What is too old is dropped by one change in a minute.
  await make("first", { ...asked.key, "Idempotency-Key": crypto.randomUUID() });
});
afterAll(async () => {
  await rest[Symbol.asyncDispose]();
  watched.stop();
});

async function make(name: string, headers: Record<string, string>): Promise<number> {
  return (await rest.send("POST /keys", { headers, body: { name, username: "ada" } })).status;
}

test.each([
  ["key", false, 7],
  ["key", true, 8],
  ["browser", false, 7],
  ["browser", true, 8],
] as const)("asked by a %s, with an Idempotency-Key: %p", async (by, isRepeatable, statements) => {
  const name = `${by} ${isRepeatable}`;
  watched.written = [];
  expect(
    await make(name, { ...asked[by], ...(isRepeatable && { "Idempotency-Key": crypto.randomUUID() }) }),
  ).toBe(201);
  expect([watched.written.at(0), watched.written.at(-1)]).toEqual(["BEGIN IMMEDIATE", "COMMIT"]);
  const inside = watched.written.slice(1, -1);
  expect(inside.filter((sql) => /^(begin|commit)/i.test(sql))).toEqual([]);
  expect(inside.length, inside.join("\n")).toBe(statements);
  expect(inside.filter((sql) => /^delete/i.test(sql))).toEqual([]);
  // The feed is last.
  expect(inside.at(-1)).toMatch(/^insert into "changes"/);
});
