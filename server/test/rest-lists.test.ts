import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { AuditEntry } from "@chatelaine/contract/operations/system";
import { bearer, openRest, type RestApp, SYSTEM } from "./rest-app.ts";

let rest: RestApp;
let auth: Record<string, string>;

beforeAll(async () => {
  rest = await openRest();
  await rest.user("bob", ["KEY_HOLDER"]);
  await rest.key("ada", "admin");
  // A key that asks moves in the order by last use, as soon as its use is written.
  auth = await rest.browser("ada");
  for (let n = 0; n < 24; n++) {
    const expiresAt = n % 3 === 0 ? null : Date.now() + n * 86_400_000;
    await rest.app.keys.create(SYSTEM, {
      name: `key ${String(n).padStart(2, "0")}`,
      username: n % 2 ? "bob" : "ada",
      expiresAt,
      tags: n % 4 ? [] : ["Fourth", `n${n}`],
      scopes: n % 5 === 0 ? null : n % 5 === 1 ? [] : ["dns:read", ...(n % 2 ? ["dns:write"] : [])],
      description: n === 5 ? "A <b>bold</b> 100% word_1" : "",
    });
  }
});
afterAll(() => rest[Symbol.asyncDispose]());

interface ListPage {
  readonly entries: readonly {
    id: number;
    name: string;
    username: string;
    status: string;
    expires_at: string | null;
    tags: string[];
    scopes: string[] | null;
  }[];
  readonly total: number;
  readonly next: string | null;
  readonly previous: string | null;
}

const list = async (query: string): Promise<ListPage> =>
  (await rest.send(`GET /keys?${query}`, { headers: auth })).json;
const names = (page: ListPage) => page.entries.map(({ name }) => name);

/** All pages one after the other, by `next`; `between` happens between two. */
async function walk(
  query: string,
  between: (page: number) => Promise<unknown> = async () => {},
): Promise<string[]> {
  const seen: string[] = [];
  let cursor = "";
  for (let page = 0; page < 50; page++) {
    const { entries, next } = await list(`${query}${cursor}`);
    seen.push(...entries.map(({ name }) => name));
    if (next === null) return seen;
    await between(page);
    cursor = `&cursor=${next}`;
  }
  throw new Error("The list has no end");
}

describe("pages", () => {
  for (const order of [
    "name",
    "-name",
    "id",
    "-created_at",
    "expires_at",
    "-expires_at",
    "last_used_at",
    "-last_used_at",
    "status",
    "-status",
    "username,-name",
    "-hint",
    "tags",
    "-tags",
    "scopes",
    "-scopes",
  ]) {
    test(`ordered by ${order} hold everything once, forwards and backwards`, async () => {
      const whole = names(await list(`order=${order}&limit=1000`));
      expect(whole.length).toBe(25);
      expect(await walk(`order=${order}&limit=7`)).toEqual(whole);
      const pages: ListPage[] = [await list(`order=${order}&limit=7`)];
      while (pages.at(-1)!.next)
        pages.push(await list(`order=${order}&limit=7&cursor=${pages.at(-1)!.next}`));
      let back = pages.at(-1)!;
      for (const page of pages.slice(0, -1).reverse()) {
        back = await list(`order=${order}&limit=7&cursor=${back.previous}`);
        expect(names(back)).toEqual(names(page));
      }
      expect([pages[0]!.previous, back.previous, back.total]).toEqual([null, null, 25]);
    });
  }

  test("stay what they are while keys come and go", async () => {
    const before = names(await list("order=name&limit=1000"));
    const made: number[] = [];
    const seen = await walk("order=name&limit=5", async (page) => {
      for (const name of [`a${page}`, `zz${page}`]) {
        made.push((await rest.app.keys.create(SYSTEM, { name, username: "ada" })).key.id);
      }
      const gone = made.find((id) => id % 3 === 0);
      if (gone !== undefined && page === 2) await rest.app.keys.remove(SYSTEM, gone);
    });
    expect(new Set(seen).size).toBe(seen.length);
    expect(before.filter((name) => !seen.includes(name))).toEqual([]);
    for (const id of made) await rest.app.keys.remove(SYSTEM, id).catch(() => undefined);
  });

  test("may be asked for by offset too, and are 50 long unless asked otherwise", async () => {
    const whole = names(await list("order=name&limit=1000"));
    const page = await list("order=name&offset=10&limit=5");
    expect(names(page)).toEqual(whole.slice(10, 15));
    expect(names(await list(`order=name&limit=5&cursor=${page.next}`))).toEqual(whole.slice(15, 20));
    expect(
      (await rest.send(`GET /keys?offset=1&order=name&cursor=${page.next}`, { headers: auth })).status,
    ).toBe(422);
    expect((await rest.send(`GET /keys?order=-name&cursor=${page.next}`, { headers: auth })).status).toBe(
      422,
    );
  });

  test("by tags and scopes go word by word, a list before those that go on after it, all scopes last", async () => {
    const tags = (await list("order=tags&limit=1000")).entries.map((key) => key.tags.join(" "));
    expect(tags.filter((words) => words !== "")).toEqual([
      "Fourth n0",
      "Fourth n12",
      "Fourth n16",
      "Fourth n20",
      "Fourth n4",
      "Fourth n8",
    ]);
    expect(tags.lastIndexOf("")).toBe(18);
    const scopes = (await list("order=scopes&limit=1000")).entries.map(
      (key) => key.scopes?.join(" ") ?? "all",
    );
    expect([...new Set(scopes)]).toEqual(["", "dns:read", "dns:read dns:write", "all"]);
  });

  test("never-ending keys stand last when ordered by their end", async () => {
    const ends = (await list("order=expires_at&limit=1000")).entries.map(({ expires_at }) => expires_at);
    expect(ends.indexOf(null)).toBe(ends.filter((end) => end !== null).length);
  });
});

describe("filters", () => {
  test("by owner, status, tag and expiry", async () => {
    expect((await list("username=bob")).total).toBe(12);
    expect((await list("username=bob,ada")).total).toBe(25);
    expect((await list("tag=Fourth")).total).toBe(6);
    expect(names(await list("tag=Fourth&tag=n8"))).toEqual(["key 08"]);
    const [key] = (await list("q=key%2001")).entries;
    await rest.app.keys.pause(SYSTEM, key!.id);
    expect(names(await list("status=paused"))).toEqual(["key 01"]);
    expect((await list("status=active")).total).toBe(24);
    expect((await list("status=paused,active")).total).toBe(25);
    await rest.app.keys.resume(SYSTEM, key!.id);
    expect((await list("status=expires_soon")).total).toBe(5);
    expect(
      (await list(`expires_before=${new Date(Date.now() + 3.5 * 86_400_000).toISOString()}`)).total,
    ).toBe(2);
  });

  test("by words, which are text and nothing else", async () => {
    expect(names(await list("q=KEY%2007"))).toEqual(["key 07"]);
    expect(names(await list(`q=${encodeURIComponent("100% <B>")}`))).toEqual(["key 05"]);
    expect((await list("q=word_1")).total).toBe(1);
    expect((await list(`q=${encodeURIComponent(".*")}`)).total).toBe(0);
    expect((await list("q=fourth")).total).toBe(6);
    expect((await list("q=fourth%20n8")).total).toBe(1);
  });

  test("by the query language", async () => {
    const filter = (json: unknown) => list(`order=name&filter=${encodeURIComponent(JSON.stringify(json))}`);
    expect((await filter([["name", "~", "key 0[0-4]"]])).total).toBe(5);
    expect(
      (
        await filter([
          [
            "OR",
            [
              ["name", "=", "key 00"],
              ["name", "$", "23"],
            ],
          ],
        ])
      ).total,
    ).toBe(2);
    expect(
      (await filter([["expires_at.$date", "<", new Date(Date.now() + 3.5 * 86_400_000).toISOString()]]))
        .total,
    ).toBe(2);
    expect((await filter([["tags", "rin", "Fourth"]])).total).toBe(6);
  });

  test("a holder sees his own keys alone, whatever he asks for", async () => {
    const headers = bearer(await rest.key("bob", "bobs"));
    for (const query of ["", "username=ada", "q=key", "filter=[]", "ids=1,2,3,4,5"]) {
      const { json } = await rest.send(`GET /keys?${query}`, { headers });
      expect(json.entries.every(({ username }: { username: string }) => username === "bob")).toBe(true);
    }
  });
});

test("users are listed, found and filtered", async () => {
  const users = async (query: string) => (await rest.send(`GET /users?${query}`, { headers: auth })).json;
  await rest.user("nobody", []);
  expect(
    (await users("order=username")).entries.map(({ username }: { username: string }) => username),
  ).toEqual(["ada", "bob", "nobody"]);
  expect((await users("has_role=1")).total).toBe(2);
  expect((await users("has_role=0")).total).toBe(1);
  expect((await users("role=KEY_HOLDER&q=BO")).total).toBe(1);
  expect((await users("locked=1")).total).toBe(0);
});

test("the audit log is listed by cursor and exported whole", async () => {
  const page = async (cursor: string) =>
    (await rest.send(`GET /audit?action=key.create&limit=10${cursor}`, { headers: auth })).json;
  const first = await page("");
  const second = await page(`&cursor=${first.next}`);
  const ids = [...first.entries, ...second.entries].map(({ id }: { id: string }) => id);
  expect(new Set(ids).size).toBe(20);
  const file = await rest.send("GET /audit/export?action=key.create&format=jsonl", { headers: auth });
  const lines = file.text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(lines.length).toBe(first.total);
  for (const line of lines) expect(AuditEntry.safeParse(line).error).toBeUndefined();
  expect(ids.every((id) => lines.some((line) => line.id === id))).toBe(true);
});

test("an entry of the audit log is read by its number, a change as well as a sign-in", async () => {
  for (const event of ["METHOD_CALL", "AUTHENTICATION"]) {
    const [entry] = (await rest.send(`GET /audit?event=${event}&limit=1`, { headers: auth })).json.entries;
    const read = await rest.send(`GET /audit/${entry.id}`, { headers: auth });
    expect([read.status, read.json]).toEqual([200, entry]);
  }
  const unknown = await rest.send(`GET /audit/${crypto.randomUUID()}`, { headers: auth });
  expect([unknown.status, unknown.json.code]).toEqual([404, "not_found"]);
  const holder = await rest.browser("bob");
  const [entry] = (await rest.send("GET /audit?limit=1", { headers: auth })).json.entries;
  expect((await rest.send(`GET /audit/${entry.id}`, { headers: holder })).json.code).toBe("role_missing");
});
