/** Nobody overwrites another's change unseen: what a change was decided on is judged in the change's own transaction. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { bearer, openRest, type RestAnswer, type RestApp } from "./rest-app.ts";

let rest: RestApp;
let auth: Record<string, string>;
let made = 0;

beforeAll(async () => {
  rest = await openRest();
  auth = bearer(await rest.key("ada", "admin"));
});
afterAll(() => rest[Symbol.asyncDispose]());

const send = async (route: string, body?: unknown): Promise<RestAnswer> => {
  const answer = await rest.send(route, { headers: auth, ...(body !== undefined && { body }) });
  return answer;
};
const good = async (route: string, body?: unknown): Promise<RestAnswer> => {
  const answer = await send(route, body);
  if (answer.status >= 300) throw new Error(`${route}: ${answer.text}`);
  return answer;
};

interface Thing {
  readonly path: string;
  /** Its name in the feed of names that rise. */
  readonly name: string;
  readonly version: number;
}

/** What is there now. */
const versionOf = async (path: string): Promise<number> => (await good(`GET ${path}`)).json.version;

const fresh = (): string => `thing${++made}`;
const makeKey = async (): Promise<Thing> => {
  const name = fresh();
  const { id, version } = (await good("POST /keys", { name, username: "ada" })).json;
  return { path: `/keys/${id}`, name, version };
};
const makeUser = async (): Promise<Thing> => {
  const username = fresh();
  const { version } = (await good("POST /users", { username, roles: ["KEY_HOLDER"] })).json;
  return { path: `/users/${username}`, name: username, version };
};
const makeGroup = async (): Promise<Thing> => {
  const name = fresh();
  const { version } = (await good("POST /groups", { name, scopes: ["dns:read"] })).json;
  return { path: `/groups/${name}`, name, version };
};
const theSettings = async (): Promise<Thing> => ({
  path: "/settings",
  name: "settings",
  version: (await good("PATCH /settings", { session_hours: 24 })).json.version,
});

interface Kind {
  readonly make: () => Promise<Thing>;
  /** What I am about to change. */
  readonly mine: (thing: Thing, version: number) => Promise<RestAnswer>;
  readonly theirs: Readonly<Record<string, (thing: Thing) => Promise<unknown>>>;
  /** Whoever asks for it twice gets it twice. */
  readonly isRepeatable?: true;
  /** Whether mine has come through. */
  readonly isMine: (shown: RestAnswer["json"]) => boolean;
}

const patch = (body: object) => (thing: Thing) => good(`PATCH ${thing.path}`, body);
const remove = (thing: Thing) => good(`DELETE ${thing.path}`);
const KINDS: Readonly<Record<string, Kind>> = {
  "PATCH of a key": {
    make: makeKey,
    mine: ({ path }, version) => send(`PATCH ${path}`, { description: "mine", version }),
    theirs: { other: patch({ tags: ["theirs"] }), same: patch({ description: "theirs" }), deleted: remove },
    isMine: ({ description }) => description === "mine",
  },
  "reset of a key": {
    make: makeKey,
    mine: ({ path }, version) => send(`POST ${path}/reset`, { description: "mine", version }),
    theirs: { other: patch({ tags: ["theirs"] }), same: patch({ description: "theirs" }), deleted: remove },
    isMine: ({ description }) => description === "mine",
  },
  "PATCH of a user": {
    make: makeUser,
    mine: ({ path }, version) => send(`PATCH ${path}`, { scopes: ["mine:read"], version }),
    theirs: {
      other: patch({ email: "theirs@example.org" }),
      same: patch({ scopes: ["theirs:read"] }),
      "by a lock": ({ path }) => good(`POST ${path}/lock`),
      "by a group": async ({ name }) => good(`PUT ${(await makeGroup()).path}/members/${name}`),
      deleted: remove,
    },
    isMine: ({ scopes }) => scopes.includes("mine:read"),
  },
  "PATCH of a group": {
    make: makeGroup,
    mine: ({ path }, version) => send(`PATCH ${path}`, { scopes: ["mine:read"], version }),
    theirs: {
      other: patch({ roles: ["KEY_HOLDER"] }),
      same: patch({ scopes: ["theirs:read"] }),
      "by a member": ({ path }) => good(`PUT ${path}/members/ada`),
      deleted: remove,
    },
    isMine: ({ scopes }) => scopes.includes("mine:read"),
  },
  "a new member of a group": {
    make: makeGroup,
    mine: ({ path }, version) => send(`PUT ${path}/members/ada?version=${version}`),
    theirs: {
      other: patch({ roles: ["KEY_HOLDER"] }),
      same: async ({ path }) => good(`PUT ${path}/members/${(await makeUser()).name}`),
      deleted: remove,
    },
    isRepeatable: true,
    isMine: ({ members }) => members.includes("ada"),
  },
  "a member taken out of a group": {
    make: async () => {
      const group = await makeGroup();
      return { ...group, version: (await good(`PUT ${group.path}/members/ada`)).json.version };
    },
    mine: ({ path }, version) => send(`DELETE ${path}/members/ada?version=${version}`),
    theirs: {
      other: patch({ roles: ["KEY_HOLDER"] }),
      same: async ({ path }) => good(`PUT ${path}/members/${(await makeUser()).name}`),
      deleted: remove,
    },
    isRepeatable: true,
    isMine: ({ members }) => !members.includes("ada"),
  },
  "PATCH of the settings": {
    make: theSettings,
    mine: ({ path }, version) => send(`PATCH ${path}`, { session_hours: 7 + (version % 2), version }),
    theirs: { other: patch({ key_days_max: 30 }), same: patch({ session_hours: 12 }) },
    isMine: ({ session_hours }) => session_hours === 7 || session_hours === 8,
  },
};

describe.each(Object.entries(KINDS))("%s", (_, { make, mine, theirs, isRepeatable, isMine }) => {
  test("comes through on the version that is there, and its answer has the next", async () => {
    const thing = await make();
    const { status, json } = await mine(thing, thing.version);
    expect(status).toBe(200);
    expect(json.version).toBeGreaterThan(thing.version);
    expect(await versionOf(thing.path)).toBe(json.version);
    expect(isMine((await good(`GET ${thing.path}`)).json)).toBe(true);
  });

  for (const [what, change] of Object.entries(theirs))
    test(`is refused where somebody else has changed it meanwhile: ${what}`, async () => {
      const thing = await make();
      await change(thing);
      const refused = await mine(thing, thing.version);
      if (what === "deleted") {
        expect([refused.status, refused.json.code]).toEqual([404, "not_found"]);
        return;
      }
      expect([refused.status, refused.json.code]).toEqual([409, "conflict"]);
      const now = (await good(`GET ${thing.path}`)).json;
      expect(isMine(now)).toBe(false);
      expect((await mine(thing, now.version)).status).toBe(200);
    });

  test("comes through once where two come at the same time", async () => {
    const thing = await make();
    const both = await Promise.all([mine(thing, thing.version), mine(thing, thing.version)]);
    expect(both.map(({ status }) => status).sort()).toEqual([200, isRepeatable ? 200 : 409]);
  });

  test("is refused where it was decided on a version that is not there yet", async () => {
    const thing = await make();
    expect((await mine(thing, thing.version + 1)).json.code).toBe("conflict");
  });
});

describe("the version rises with whatever is shown", () => {
  const RISES: Readonly<Record<string, (user: Thing, group: Thing) => Promise<unknown>>> = {
    "a user's name": (user) => good(`PATCH ${user.path}`, { username: `${user.name}x` }),
    "a group's name": (_, group) => good(`PATCH ${group.path}`, { name: `${group.name}x` }),
    "what a group adds": (_, group) => good(`PATCH ${group.path}`, { scopes: ["mail:send"] }),
    "a membership, by the user": (user) => good(`PATCH ${user.path}`, { groups: [] }),
    "a membership, by the group": (user, group) => good(`DELETE ${group.path}/members/${user.name}`),
    "a deleted user": remove,
    "a deleted group": (_, group) => remove(group),
  };
  const find = async (list: string, thing: Thing): Promise<{ id: number; version: number }[]> =>
    (await good(`GET /${list}`)).json.entries.filter((one: { username?: string; name?: string }) =>
      (one.username ?? one.name ?? "").startsWith(thing.name),
    );
  for (const [what, change] of Object.entries(RISES))
    test(`of user and group: ${what}`, async () => {
      const [user, group] = [await makeUser(), await makeGroup()];
      await good(`PUT ${group.path}/members/${user.name}`);
      const look = async () => [await find("users", user), await find("groups", group)].flat();
      const before = await look();
      await change(user, group);
      const after = await look();
      expect(after.length).toBe(before.length - (what.startsWith("a deleted") ? 1 : 0));
      for (const one of after) {
        const was = before.find((other) => other.id === one.id && "members" in other === "members" in one);
        expect(one.version).toBeGreaterThan(was?.version ?? Number.NaN);
      }
    });

  test("and stays where nothing is changed", async () => {
    const [user, group] = [await makeUser(), await makeGroup()];
    const { version } = (await good(`PUT ${group.path}/members/${user.name}`)).json;
    const was = await versionOf(user.path);
    // Whoever asks again, on the version of before, gets what they wanted.
    expect((await good(`PUT ${group.path}/members/${user.name}?version=1`)).json.version).toBe(version);
    await good(`PATCH ${user.path}`, { groups: [group.name], version: was });
    await good(`PATCH ${group.path}`, { scopes: ["dns:read"], version });
    expect([await versionOf(user.path), await versionOf(group.path)]).toEqual([was, version]);
  });
});
