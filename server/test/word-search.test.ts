import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { bearer, openRest, type RestApp, SYSTEM } from "./rest-app.ts";

/** What names, descriptions and tags are made of: cases beyond ASCII, what LIKE and JSON mean something by, lines. */
const PARTS = ["ci", "CI-", "Straße", "STRASSE", "ſtraße", "Kelvin", "ΣΑΣ", "σας", "100%", "a_b", "axb"];
const MARKS = ['"', "\\", ",", "[", "]", "\n", "İ", "i", "é", "É", "日本", "😀"];

interface Made {
  readonly id: number;
  readonly name: string;
  readonly username: string;
  description: string;
  readonly tags: readonly string[];
}

let rest: RestApp;
let auth: Record<string, string>;
let made: Made[];

beforeAll(async () => {
  rest = await openRest();
  await rest.user("bob", ["KEY_HOLDER"]);
  auth = bearer(await rest.key("ada", "admin"));
  made = [{ id: 1, name: "admin", username: "ada", description: "", tags: [] }];
  const words = [...PARTS, ...MARKS.map((mark) => `x${mark}y`)];
  for (const [at, word] of words.entries()) {
    const next = words[(at + 5) % words.length]!;
    const username = at % 2 === 0 ? "ada" : "bob";
    const name = `${at} ${word.replaceAll("\n", " ")}`;
    const [description, tags] = [at % 3 === 0 ? `has\n${next}` : "", at % 3 === 1 ? [next, "last"] : []];
    const { key } = await rest.app.keys.create(SYSTEM, { name, username, description, tags });
    made.push({ id: key.id, name, username, description, tags });
  }
});
afterAll(() => rest[Symbol.asyncDispose]());

const folded = (text: string): string => text.toUpperCase().toLowerCase().replaceAll("ς", "σ");

function expected(q: string): number[] {
  const words = q.split(/\s+/).filter((word) => word !== "");
  const holds = ({ name, username, description, tags }: Made, word: string): boolean =>
    [name, username, description, ...tags].some((text) => folded(text).includes(folded(word)));
  const found = made.filter((key) => words.every((word) => holds(key, word) || String(key.id) === word));
  return found.map(({ id }) => id);
}

async function search(q: string, more = ""): Promise<{ ids: number[]; total: number; next: string | null }> {
  const { json, status } = await rest.send(`GET /keys?order=id&q=${encodeURIComponent(q)}${more}`, {
    headers: auth,
  });
  expect(status).toBe(200);
  return { ids: json.entries.map(({ id }: { id: number }) => id), total: json.total, next: json.next };
}

describe("A search for words finds every key that has them, in any case and script, and no other", () => {
  const asked = [
    ...PARTS,
    ...MARKS,
    ...PARTS.map((part) => part.toLowerCase()),
    "last",
    "a",
    "AS",
    "xyz",
    "ny",
    "zz",
  ];
  test.each([...asked, "ci a", "bob x", "% _", '","', "k\\"])("%j", async (q) => {
    const found = expected(q);
    expect(await search(q)).toEqual({ ids: found, total: found.length, next: null });
  });

  test("page by page as at once", async () => {
    const found = expected("x");
    expect(found.length).toBeGreaterThan(10);
    const seen: number[] = [];
    for (let cursor: string | null = ""; cursor !== null; ) {
      const page = await search("x", `&limit=4${cursor === "" ? "" : `&cursor=${cursor}`}`);
      expect(page.total).toBe(found.length);
      seen.push(...page.ids);
      cursor = page.next;
    }
    expect(seen).toEqual(found);
    for (const offset of [0, 3, found.length - 1, found.length, found.length + 9]) {
      const { ids, total } = await search("x", `&offset=${offset}`);
      expect([ids, total]).toEqual([found.slice(offset), found.length]);
    }
  });
});

test("A key is found by what an edit made of it", async () => {
  const key = made.find(({ description }) => description === "")!;
  for (const description of ["Größe", "plain", ""]) {
    await rest.app.keys.update(SYSTEM, key.id, { description });
    key.description = description;
    for (const q of ["GRÖSSE", "größe", "PLAIN"]) expect((await search(q)).ids).toEqual(expected(q));
  }
});

test("Keys are found by the name that their owner has now", async () => {
  const { users, keys } = rest.app;
  const { id } = await users.create(SYSTEM, { username: "before", roles: ["KEY_HOLDER"] });
  const { key } = await keys.create(SYSTEM, { name: "Größer", username: "before", tags: ["Ünal"] });
  await users.update(SYSTEM, id, { username: "After" });
  expect((await search("before")).ids).toEqual([]);
  for (const q of ["AFTER", "aFTer grösser", "ünal AFTER"]) expect((await search(q)).ids).toEqual([key.id]);
  await keys.remove(SYSTEM, key.id);
  await users.remove(SYSTEM, id);
});

test("Users are found by odd names too, and by an address that they may lack", async () => {
  const { users } = rest.app;
  await users.create(SYSTEM, { username: "zoe", roles: [], fullName: "Zoë Ünal", email: "Zoe@example.org" });
  await users.create(SYSTEM, { username: "max", roles: [], fullName: "Max Power" });
  const find = async (q: string): Promise<string[]> => {
    const { json } = await rest.send(`GET /users?order=username&q=${encodeURIComponent(q)}`, {
      headers: auth,
    });
    return json.entries.map(({ username }: { username: string }) => username);
  };
  expect(await find("ZOË")).toEqual(["zoe"]);
  expect(await find("ünal zoe@EXAMPLE")).toEqual(["zoe"]);
  expect(await find("power")).toEqual(["max"]);
  expect(await find("A")).toEqual(["ada", "max", "zoe"]);
});
