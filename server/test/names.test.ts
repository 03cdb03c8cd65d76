/**
 * Texts that name something are kept in NFC and neither begin nor end with a blank, by whichever door they come; and what is
 * asked in another form is found.
 */
import { Database } from "bun:sqlite";
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { run } from "../../cli/test/chatelaine.ts";
import { makeInstallation } from "./installation.ts";
import { bearer, openRest, PASSWORD, type RestAnswer, type RestApp, SYSTEM } from "./rest-app.ts";
import { RpcClient } from "./rpc-client.ts";

setDefaultTimeout(60_000);
const NFD = "cafe\u0301";
const NFC = "caf\u00e9";
/** Each alone at an end; some of them show as nothing. */
const BLANKS = [" ", "\u00a0", "\u2003", "\u3000", "\u200b", "\u2060", "\ufeff", "\u2800", "\u3164"];

let rest: RestApp;
let rpc: RpcClient;
let auth: Record<string, string>;
let count = 0;

beforeAll(async () => {
  rest = await openRest();
  const key = await rest.key("ada", "of the test");
  auth = bearer(key);
  rpc = await RpcClient.connect(rest.url);
  await rpc.signIn("ada", key);
});
afterAll(async () => {
  rpc.close();
  await rest[Symbol.asyncDispose]();
});

/** undefined: it was refused, with a word on blanks at the field. */
type Kept = string | undefined;

interface Text {
  /** @returns what is kept of it */
  readonly give: (text: string) => Promise<Kept>;
  /** Where a blank at an end is no fault. */
  readonly takesBlanks?: true;
}

const REFUSAL = /must not begin or end with a blank/;

/** @param field of the error */
function kept(answer: RestAnswer, field: string, read: (json: never) => string): Kept {
  if (answer.status < 300) return read(answer.json as never);
  expect([answer.status, answer.json.errors.map(({ path, message }: never) => [path, message])]).toEqual([
    422,
    [[field, expect.stringMatching(REFUSAL)]],
  ]);
  return undefined;
}

async function keptByRpc(method: string, params: unknown[], field: string, read: string): Promise<Kept> {
  const { result, error } = await rpc.call(method, ...params);
  if (!error) return (result as Record<string, string>)[read];
  expect(JSON.stringify(error.data?.extra)).toContain(field);
  expect(JSON.stringify(error.data?.extra)).toMatch(REFUSAL);
  return undefined;
}

async function keptByCommand(args: readonly string[], field: string, read: (json: never) => string) {
  const where = ["--data", rest.folder, "--state", `${rest.folder}.state`, "--json"];
  const { code, stdout, stderr } = await run([...args, ...where]);
  if (code === 0) return read(JSON.parse(stdout) as never);
  expect(stderr).toMatch(new RegExp(`^chatelaine: ${field}: .*${REFUSAL.source}`, "m"));
  return undefined;
}

const newKey = async () =>
  (await rest.app.keys.create(SYSTEM, { name: `key ${count++}`, username: "ada" })).key.id;
const newUser = () => rest.app.users.create(SYSTEM, { username: `user${count++}` });

const TEXTS: Readonly<Record<string, Text>> = {
  "POST /keys name": {
    give: async (name) =>
      kept(await send("POST /keys", { name, username: "ada" }), "name", ({ name }) => name),
  },
  "PATCH /keys name": {
    give: async (name) =>
      kept(await send(`PATCH /keys/${await newKey()}`, { name }), "name", ({ name }) => name),
  },
  "POST /keys/reset name": {
    give: async (name) =>
      kept(await send(`POST /keys/${await newKey()}/reset`, { name }), "name", ({ name }) => name),
  },
  "POST /keys tag": {
    give: async (tag) => {
      const body = { name: `key ${count++}`, username: "ada", tags: ["first", tag] };
      return kept(await send("POST /keys", body), "tags.1", ({ tags }) => tags[1]);
    },
  },
  "PATCH /keys tag": {
    give: async (tag) =>
      kept(await send(`PATCH /keys/${await newKey()}`, { tags: [tag] }), "tags.0", ({ tags }) => tags[0]),
  },
  "PATCH /keys description": {
    takesBlanks: true,
    give: async (description) =>
      kept(
        await send(`PATCH /keys/${await newKey()}`, { description }),
        "description",
        ({ description }) => description,
      ),
  },
  "POST /keys/revoke reason": {
    takesBlanks: true,
    give: async (reason) =>
      kept(
        await send(`POST /keys/${await newKey()}/revoke`, { reason }),
        "reason",
        ({ revoked_reason }) => revoked_reason,
      ),
  },
  "POST /users full_name": {
    give: async (full_name) =>
      kept(
        await send("POST /users", { username: `user${count++}`, full_name }),
        "full_name",
        ({ full_name }) => full_name,
      ),
  },
  "PATCH /users full_name": {
    give: async (full_name) =>
      kept(
        await send(`PATCH /users/${(await newUser()).username}`, { full_name }),
        "full_name",
        ({ full_name }) => full_name,
      ),
  },
  "api_key.create name": {
    give: (name) => keptByRpc("api_key.create", [{ name, username: "ada" }], "name", "name"),
  },
  "api_key.update name": {
    give: async (name) => keptByRpc("api_key.update", [await newKey(), { name }], "name", "name"),
  },
  "user.create full_name": {
    give: (full_name) => {
      const given = { username: `user${count++}`, full_name, password_disabled: true };
      return keptByRpc("user.create", [given], "full_name", "full_name");
    },
  },
  "user.update full_name": {
    give: async (full_name) =>
      keptByRpc("user.update", [(await newUser()).id, { full_name }], "full_name", "full_name"),
  },
  "key create --name": {
    give: (name) =>
      keptByCommand(["key", "create", "--user", "ada", "--name", name], "name", ({ name }) => name),
  },
  "key edit --name": {
    give: async (name) =>
      keptByCommand(["key", "edit", String(await newKey()), "--name", name], "name", ({ name }) => name),
  },
  "key edit --tag": {
    give: async (tag) =>
      keptByCommand(["key", "edit", String(await newKey()), "--tag", tag], "tags.0", ({ tags }) => tags[0]),
  },
  "user create --full-name": {
    give: (name) => {
      const args = ["user", "create", `user${count++}`, "--role", "KEY_HOLDER", "--full-name", name];
      return keptByCommand(args, "fullName", ({ full_name }) => full_name);
    },
  },
  "POST /setup full_name": {
    give: async (full_name) => {
      await using folder = await makeInstallation();
      const server = await folder.serve();
      const token = await server.makeSetupToken();
      const answer = await fetch(`${server.urls[0]}/api/v1/setup`, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ token, username: "first", password: PASSWORD, full_name }),
      });
      const text = await answer.text();
      const told = { status: answer.status, headers: answer.headers, text, json: JSON.parse(text) };
      if (answer.status >= 300) return kept(told, "full_name", () => "");
      return (await server.app.users.get(SYSTEM, { username: "first" })).fullName;
    },
  },
};

const send = (route: string, body: object): Promise<RestAnswer> => rest.send(route, { headers: auth, body });

describe("texts that name something", () => {
  for (const [way, { give, takesBlanks }] of Object.entries(TEXTS)) {
    test(`${way}: is kept in NFC`, async () => {
      const end = ` ${count++}`;
      expect(await give(NFD + end)).toBe(NFC + end);
    });
    test(`${way}: ${takesBlanks ? "may" : "must not"} begin or end with a blank`, async () => {
      // Starting a process or a server for each would take minutes: what they meet is one rule.
      const some = /^(key|user|POST .setup)/.test(way) ? BLANKS.slice(0, 1) : BLANKS;
      for (const blank of some)
        for (const text of [`${blank}x${count}`, `x${count++}${blank}`]) {
          const found = await give(text);
          if (takesBlanks) expect(found?.trim()).toBe(text.trim());
          else expect([JSON.stringify(text), found]).toEqual([JSON.stringify(text), undefined]);
        }
    });
  }

  test("a name that is taken in another form is taken", async () => {
    expect((await send("POST /keys", { name: `${NFC} taken`, username: "ada" })).status).toBe(201);
    const again = await send("POST /keys", { name: `${NFD} taken`, username: "ada" });
    expect([again.status, again.json.code]).toEqual([409, "name_taken"]);
  });
});

describe("what is asked in another form is found", () => {
  let id: number;
  let userId: number;
  beforeAll(async () => {
    const made = await send("POST /keys", { name: `Find ${NFC}`, username: "ada", tags: [`tag ${NFC}`] });
    id = made.json.id;
    const user = { username: "french", fullName: `Mme ${NFC}` };
    userId = (await rest.app.users.create(SYSTEM, user)).id;
  });
  const idsOf = async (path: string, query: Record<string, string>) => {
    const { status, json } = await rest.send(`GET ${path}?${new URLSearchParams(query)}`, { headers: auth });
    expect(status).toBe(200);
    return json.entries.map((entry: { id: number }) => entry.id);
  };
  const filtered = (...filter: unknown[]) => idsOf("/keys", { filter: JSON.stringify([filter]) });

  for (const filter of [
    ["name", "=", `Find ${NFD}`],
    ["name", "C=", `FIND CAFE\u0301`],
    ["name", "^", `Find ${NFD}`],
    ["name", "C^", `find ${NFD}`],
    ["name", "$", `nd ${NFD}`],
    ["name", "in", ["nothing", `Find ${NFD}`]],
    ["tags", "rin", `tag ${NFD}`],
  ])
    test(`by ${filter[0]} ${filter[1]}`, async () => {
      expect(await filtered(...filter)).toEqual([id]);
      // Keys have no tags there.
      if (filter[0] === "tags") return;
      expect(await rpc.result<{ id: number }[]>("api_key.query", [filter])).toMatchObject([{ id }]);
    });

  for (const filter of [
    ["name", "!=", `Find ${NFD}`],
    ["name", "!^", `Find ${NFD}`],
    ["name", "nin", [`Find ${NFD}`]],
    ["tags", "rnin", `tag ${NFD}`],
  ])
    test(`and is not among others, by ${filter[0]} ${filter[1]}`, async () => {
      const found = await filtered(...filter);
      expect([found.includes(id), found.length > 0]).toEqual([false, true]);
    });

  test("by words, by tag and by full name", async () => {
    expect(await idsOf("/keys", { q: `find ${NFD.toUpperCase()}` })).toEqual([id]);
    expect(await idsOf("/keys", { tag: `tag ${NFD}` })).toEqual([id]);
    expect(await idsOf("/users", { q: `mme ${NFD}` })).toEqual([userId]);
    expect(await idsOf("/users", { filter: JSON.stringify([["full_name", "=", `Mme ${NFD}`]]) })).toEqual([
      userId,
    ]);
    const { json } = await send("POST /keys/revoke", { tag: `tag ${NFD}`, dry_run: true });
    expect(json.keys.map((key: { id: number }) => key.id)).toEqual([id]);
  });

  test("by the WHERE of the command line", async () => {
    const args = ["auth", "api_key", "query", "id,name", "WHERE", "name", "==", `Find ${NFD}`];
    const { code, stdout, stderr } = await run([...args, "--json", "--data", rest.folder]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toContain(`Find ${NFC}`);
  });
});

test("what was stored in another form before is found, stays as it is, and is in NFC once it is changed", async () => {
  const { id } = (await rest.app.keys.create(SYSTEM, { name: "old", username: "ada" })).key;
  const user = await newUser();
  const file = new Database(join(rest.folder, "chatelaine.db"));
  file.query("UPDATE keys SET name = ?, tags = ? WHERE id = ?").run(`${NFD} old `, `["${NFD} "]`, id);
  file.query("UPDATE users SET full_name = ? WHERE id = ?").run(`${NFD} `, user.id);
  file.close();
  const query = { filter: JSON.stringify([["name", "=", `${NFD} old `]]) };
  const found = await rest.send(`GET /keys?${new URLSearchParams(query)}`, { headers: auth });
  expect(found.json.entries).toMatchObject([{ id }]);
  // What is sent as it stands there is no change.
  const same = { name: `${NFD} old `, tags: [`${NFD} `], description: "new" };
  const edited = await send(`PATCH /keys/${id}`, same);
  expect(edited.json).toMatchObject({ ...same, version: 2 });
  const renamed = await send(`PATCH /users/${user.username}`, { full_name: `${NFD} `, email: "a@b.example" });
  expect(renamed.json).toMatchObject({ full_name: `${NFD} `, email: "a@b.example" });
  expect((await send(`PATCH /keys/${id}`, { name: `${NFD} older` })).json.name).toBe(`${NFC} older`);
  expect((await send(`PATCH /users/${user.username}`, { full_name: NFD })).json.full_name).toBe(NFC);
});

test("a new key is not called as one whose name was stored in another form", async () => {
  const { id } = (await rest.app.keys.create(SYSTEM, { name: "other", username: "ada" })).key;
  const file = new Database(join(rest.folder, "chatelaine.db"));
  file.query("UPDATE keys SET name = ? WHERE id = ?").run(`${NFD} stored`, id);
  file.close();
  for (const form of [NFC, NFD]) {
    const { status } = await send("POST /keys", { name: `${form} stored`, username: "ada" });
    expect(status).toBe(409);
  }
});
