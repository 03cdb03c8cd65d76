/** ETag and If-Match at the REST API: every operation that the contract marks, whatever way it takes; and If-None-Match for files. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type Operation, takesIfMatch } from "@chatelaine/contract/operations/operation";
import { operationList } from "@chatelaine/contract/operations/operations";
import { bearer, openRest, type RestApp, SYSTEM } from "./rest-app.ts";
import { NEW_PASSWORD } from "./stale-callers.ts";

let rest: RestApp;
let admin: Record<string, string>;
let made = 0;

beforeAll(async () => {
  rest = await openRest();
  admin = bearer(await rest.key("ada", "admin"));
  await rest.user("member", ["KEY_HOLDER"]);
});
afterAll(() => rest[Symbol.asyncDispose]());

interface Thing {
  /** Where it is read, and what is done to it. */
  readonly path: string;
  readonly headers: Record<string, string>;
}

async function makeKey(): Promise<Thing> {
  const { key } = await rest.app.keys.create(SYSTEM, { name: `key ${made++}`, username: "ada" });
  return { path: `/keys/${key.id}`, headers: admin };
}

async function makePausedKey(): Promise<Thing> {
  const thing = await makeKey();
  await rest.app.keys.pause(SYSTEM, Number(thing.path.split("/")[2]));
  return thing;
}

const makeSelf = async (): Promise<Thing> => ({
  path: "/keys/self",
  headers: bearer(await rest.key("member", `self ${made++}`)),
});

async function makeUser(): Promise<Thing> {
  const { username } = await rest.user(`user${made++}`, ["KEY_HOLDER"]);
  return { path: `/users/${username}`, headers: admin };
}

async function makeLockedUser(): Promise<Thing> {
  const thing = await makeUser();
  const { id } = await rest.app.users.get(SYSTEM, { username: thing.path.split("/")[2]! });
  await rest.app.users.lock(SYSTEM, id);
  return thing;
}

async function makeGroup(...members: string[]): Promise<Thing> {
  const name = `group${made++}`;
  const { groups } = rest.app;
  await groups.create(SYSTEM, { name, roles: [], scopes: [] });
  for (const username of members) await groups.addMember(SYSTEM, { name, username });
  return { path: `/groups/${name}`, headers: admin };
}

interface Change {
  readonly make: () => Promise<Thing>;
  /** Below the thing's path. */
  readonly below?: string;
  /** Another one at every call, so that it changes something. */
  readonly body?: () => object;
}

const CHANGES: Readonly<Record<string, Change>> = {
  "keys.update": { make: makeKey, body: () => ({ description: `changed ${made++}` }) },
  "keys.reset": { make: makeKey, below: "/reset", body: () => ({}) },
  "keys.pause": { make: makeKey, below: "/pause" },
  "keys.resume": { make: makePausedKey, below: "/resume" },
  "keys.revoke": { make: makeKey, below: "/revoke", body: () => ({ reason: "over" }) },
  "keys.remove": { make: makeKey },
  "self.reset": { make: makeSelf, below: "/reset", body: () => ({}) },
  "self.revoke": { make: makeSelf, below: "/revoke", body: () => ({ reason: "over" }) },
  "users.update": { make: makeUser, body: () => ({ full_name: `Changed ${made++}` }) },
  "users.remove": { make: makeUser },
  "users.setPassword": { make: makeUser, below: "/password", body: () => ({ password: NEW_PASSWORD }) },
  "users.lock": { make: makeUser, below: "/lock" },
  "users.unlock": { make: makeLockedUser, below: "/lock" },
  "groups.update": { make: makeGroup, body: () => ({ scopes: [`s${made++}:read`] }) },
  "groups.remove": { make: () => makeGroup("member") },
  "groups.addMember": { make: makeGroup, below: "/members/member" },
  "groups.removeMember": { make: () => makeGroup("member"), below: "/members/member" },
  "settings.update": {
    make: async () => ({ path: "/settings", headers: admin }),
    body: () => ({ session_idle_minutes: 30 + (made++ % 60) }),
  },
};

const read = async ({ path, headers }: Thing) => {
  const { status, headers: answered, json } = await rest.send(`GET ${path}`, { headers });
  return { status, tag: answered.get("etag"), json };
};

const ask = ({ method }: Operation, { below = "", body }: Change, { path, headers }: Thing, match: string) =>
  rest.send(`${method} ${path}${below}`, { headers: { ...headers, "If-Match": match }, body: body?.() });

describe("If-Match", () => {
  test("is known by every change of one thing", () => {
    expect(Object.keys(CHANGES).toSorted()).toEqual(
      operationList
        .filter(takesIfMatch)
        .map(({ name }) => name)
        .toSorted(),
    );
  });

  for (const operation of operationList.filter(takesIfMatch))
    test(`is judged by ${operation.name}`, async () => {
      const change = CHANGES[operation.name]!;
      const thing = await change.make();
      const before = await read(thing);
      const tag = before.tag!;
      for (const other of ['"0"', '"0.0"', `W/${tag}`, '"0", "x"', '""']) {
        const refused = await ask(operation, change, thing, other);
        expect([other, refused.status, refused.json.code]).toEqual([other, 412, "precondition_failed"]);
      }
      for (const wrong of ["3", '"', `${tag} ${tag}`, "*, *", ""]) {
        const { status, json } = await ask(operation, change, thing, wrong);
        expect([wrong, status, json.code]).toEqual([wrong, 400, "malformed_request"]);
      }
      expect((await read(thing)).tag).toBe(tag);
      const good = await ask(operation, change, thing, `, "0" ,,W/"1", ${tag}, `);
      expect([good.status, good.json.code]).toEqual([operation.status, undefined]);
      const after = await read(thing);
      if (after.status === 200) expect(after.tag).not.toBe(tag);
      const answered = good.headers.get("etag");
      if (answered !== null) expect(after.status === 200 ? after.tag : answered).toBe(answered);
      const whatever = await change.make();
      expect((await ask(operation, change, whatever, "*")).status).toBe(operation.status);
    });

  test("lets one of several at once pass", async () => {
    const thing = await makeKey();
    const { tag } = await read(thing);
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, at) =>
        rest.send(`PATCH ${thing.path}`, {
          headers: { ...admin, "If-Match": tag! },
          body: { description: `by ${at}` },
        }),
      ),
    );
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, ...Array(7).fill(412)]);
  });

  test("is asked after everything else: who may not, and what is not there", async () => {
    const { path } = await makeKey();
    const match = { "If-Match": '"0"' };
    const member = bearer(await rest.key("member", `asks ${made++}`));
    expect((await rest.send(`DELETE ${path}`, { headers: { ...member, ...match } })).status).toBe(404);
    expect((await rest.send("DELETE /keys/999999", { headers: { ...admin, ...match } })).status).toBe(404);
    const user = await makeUser();
    expect((await rest.send(`DELETE ${user.path}`, { headers: { ...member, ...match } })).status).toBe(403);
  });
});

describe("the ETag", () => {
  test("of a key is its version, by each of the two ways that read it", async () => {
    const { path } = await makeKey();
    await rest.send(`PATCH ${path}`, { headers: admin, body: { description: "again" } });
    const short = await rest.send(`GET ${path}`, { headers: admin });
    const long = await rest.send(`GET ${path}?latest_use=1`, { headers: admin });
    expect([short.json.version, short.headers.get("etag"), long.headers.get("etag")]).toEqual([
      2,
      '"2"',
      '"2"',
    ]);
  });

  test("of a user and a group names whom it is of: another one of the same name has another", async () => {
    for (const make of [makeUser, makeGroup]) {
      const thing = await make();
      const before = await read(thing);
      expect(before.tag).toBe(`"${before.json.id}.${before.json.version}"`);
      await rest.send(`DELETE ${thing.path}`, { headers: admin });
      const [, kind, name] = thing.path.split("/");
      const body = kind === "users" ? { username: name, roles: ["KEY_HOLDER"] } : { name };
      const again = await rest.send(`POST /${kind}`, { headers: admin, body });
      expect(again.status).toBe(201);
      expect(again.headers.get("etag")).not.toBe(before.tag);
      const late = { ...admin, "If-Match": before.tag! };
      expect((await rest.send(`DELETE ${thing.path}`, { headers: late })).status).toBe(412);
    }
  });

  test("may be read by pages that may call, and their If-Match is let through", async () => {
    await using open = await openRest({ allowOrigin: ["https://tools.example"] });
    const headers = { Origin: "https://tools.example" };
    const asked = await open.send("OPTIONS /keys/1", { headers });
    expect(asked.headers.get("access-control-allow-headers")).toContain("If-Match");
    const key = bearer(await open.key("ada", "page"));
    const answer = await open.send("GET /keys/1", { headers: { ...headers, ...key } });
    expect(answer.headers.get("access-control-expose-headers")).toContain("ETag");
  });
});

describe("If-None-Match of a file that the reader has", () => {
  for (const [words, match, status] of [
    ["its tag", (tag: string) => tag, 304],
    ["its tag, weakened by a proxy", (tag: string) => `W/${tag}`, 304],
    ["a list", (tag: string) => `"x",W/"y" , ${tag}`, 304],
    ["a list with empty elements", (tag: string) => `, "x",,${tag} , ,`, 304],
    ["any", () => "*", 304],
    ["another", () => '"x"', 200],
    ["no list of tags", (tag: string) => `${tag} or so`, 200],
  ] as const)
    test(`${words}: ${status}`, async () => {
      const page = { headers: { Accept: "text/html" } };
      const tag = (await fetch(`${rest.url}/keys`, page)).headers.get("etag")!;
      const headers = { Accept: "text/html", "If-None-Match": match(tag) };
      const again = await fetch(`${rest.url}/keys`, { headers });
      expect([again.status, again.headers.get("etag")]).toEqual([status, tag]);
    });
});
