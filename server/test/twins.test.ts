/**
 * Users and groups are unique without regard to case, at every door and between processes. Those of an older version that differ in
 * case alone stay, work, and are told of until they are renamed.
 */
import { Database } from "bun:sqlite";
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "../../cli/test/chatelaine.ts";
import { twinsAlert } from "../src/domain/alert.ts";
import type { Server } from "../src/server.ts";
import { backup, restore } from "./backup-app.ts";
import known from "./fixtures/data-0.1/known.json";
import { PASSWORD, SYSTEM } from "./installation.ts";
import { addTwins, placeFixture } from "./old-folder.ts";
import { auth, RestoredPlace } from "./place.ts";
import { RpcClient } from "./rpc-client.ts";
import { startSecond } from "./second-server.ts";

setDefaultTimeout(120_000);

interface Refused {
  /** HTTP status, JSON-RPC code, or exit code; 0 where it was done. */
  readonly code: number;
  /** As it was told, the name taken out. */
  readonly words: string;
}

class Old implements AsyncDisposable {
  readonly place = new RestoredPlace();
  server!: Server;
  rpc!: RpcClient;
  #headers: Record<string, string> = {};

  /** With `ada`, `Ada`, `root` and others, and the groups `ops` and `OPS`. */
  static async open(): Promise<Old> {
    const old = new Old();
    placeFixture(old.place);
    addTwins(old.place, "users", ["ada", "Ada"]);
    addTwins(old.place, "groups", ["ops", "OPS"]);
    old.server = await old.place.serve();
    const { secret } = await old.app.keys.create(SYSTEM, { name: "of the test", username: "root" });
    old.#headers = { Authorization: `Bearer ${secret.text}`, "Content-Type": "application/json" };
    old.rpc = await RpcClient.connect(old.url);
    await old.rpc.signIn("root", secret.text);
    await old.app.users.create(SYSTEM, { username: "bob", roles: ["KEY_HOLDER"] });
    await old.app.groups.create(SYSTEM, { name: "dev", roles: [], scopes: [] });
    return old;
  }

  get app() {
    return this.server.app;
  }

  get url(): string {
    return this.server.urls[0]!;
  }

  async rest(route: string, body?: unknown): Promise<{ status: number; json: never; text: string }> {
    const [method, path] = route.split(" ") as [string, string];
    const answer = await fetch(`${this.url}/api/v1${path}`, {
      method,
      headers: this.#headers,
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await answer.text();
    return { status: answer.status, text, json: JSON.parse(text) as never };
  }

  async asRest(route: string, name: string, body: object): Promise<Refused> {
    const { status, json } = await this.rest(route, body);
    if (status < 300) return { code: 0, words: "" };
    const { code, errors, detail } = json as { code: string; detail: string; errors: unknown };
    return { code: status, words: without(name, JSON.stringify([code, detail, errors])) };
  }

  async asRpc(name: string, method: string, ...params: unknown[]): Promise<Refused> {
    const { error } = await this.rpc.call(method, ...params);
    if (!error) return { code: 0, words: "" };
    return {
      code: error.code,
      words: without(name, JSON.stringify([error.data?.reason, error.data?.extra])),
    };
  }

  async asCommand(name: string, ...args: string[]): Promise<Refused> {
    const more = ["--data", this.place.data, "--state", this.place.state];
    const { code, stderr } = await run([...args, ...more]);
    return { code, words: code === 0 ? "" : without(name, stderr) };
  }

  async named(kind: "user" | "group"): Promise<string[]> {
    const { users, groups } = this.app;
    if (kind === "group") return (await groups.list(SYSTEM)).map(({ name }) => name).sort();
    return (await users.list(SYSTEM, {})).rows.map(({ username }) => username).sort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.rpc.close();
    await this.place[Symbol.asyncDispose]();
  }
}

function without(name: string, text: string): string {
  return text.replaceAll(name, "NAME");
}

interface Way {
  readonly kind: "user" | "group";
  /** Makes one of that name, or gives it to one that was made for it. */
  readonly give: (old: Old, name: string) => Promise<Refused>;
}

let spare = 0;
/** Somebody to rename, who goes again. */
async function withSpare(old: Old, kind: Way["kind"], work: (name: string, id: number) => Promise<Refused>) {
  const name = `spare${spare++}`;
  const { users, groups } = old.app;
  const { id } =
    kind === "user"
      ? await users.create(SYSTEM, { username: name, roles: ["KEY_HOLDER"] })
      : await groups.create(SYSTEM, { name, roles: [], scopes: [] });
  return work(name, id);
}

const WAYS: Readonly<Record<string, Way>> = {
  "POST /users": {
    kind: "user",
    give: (old, name) => old.asRest("POST /users", name, { username: name, roles: ["KEY_HOLDER"] }),
  },
  "PATCH /users": {
    kind: "user",
    give: (old, name) =>
      withSpare(old, "user", (was) => old.asRest(`PATCH /users/${was}`, name, { username: name })),
  },
  "user.create": {
    kind: "user",
    give: (old, name) =>
      old.asRpc(name, "user.create", { username: name, full_name: "x", password_disabled: true }),
  },
  "user.update": {
    kind: "user",
    give: (old, name) =>
      withSpare(old, "user", (_, id) => old.asRpc(name, "user.update", id, { username: name })),
  },
  "chatelaine user create": {
    kind: "user",
    give: (old, name) => old.asCommand(name, "user", "create", name, "--role", "KEY_HOLDER"),
  },
  "POST /groups": { kind: "group", give: (old, name) => old.asRest("POST /groups", name, { name }) },
  "PATCH /groups": {
    kind: "group",
    give: (old, name) => withSpare(old, "group", (was) => old.asRest(`PATCH /groups/${was}`, name, { name })),
  },
  "chatelaine group create": {
    kind: "group",
    give: (old, name) => old.asCommand(name, "group", "create", name),
  },
  "chatelaine group edit": {
    kind: "group",
    give: (old, name) =>
      withSpare(old, "group", (was) => old.asCommand(name, "group", "edit", was, "--name", name)),
  },
};

describe("a name that differs in case alone is refused as an equal one is", () => {
  let old: Old;
  beforeAll(async () => {
    old = await Old.open();
  });
  afterAll(() => old[Symbol.asyncDispose]());

  for (const [way, { kind, give }] of Object.entries(WAYS))
    test(way, async () => {
      const [there, alike, third] = kind === "user" ? ["bob", "BoB", "aDA"] : ["dev", "Dev", "oPs"];
      const equal = await give(old, there!);
      expect(equal.code).not.toBe(0);
      expect(equal.words).toMatch(/exists already|name must be unique/);
      if (equal.code > 99) expect(equal.code).toBe(409);
      expect(await give(old, alike!)).toEqual(equal);
      // The other ones have no name in the index.
      expect(await give(old, third!)).toEqual(equal);
      const names = await old.named(kind);
      expect([names.includes(alike!), names.includes(third!)]).toEqual([false, false]);
      expect(await give(old, `New${spare++}`)).toEqual({ code: 0, words: "" });
    });

  test("who already has the name may change its case, and a look-up stays exact", async () => {
    const made = { username: "carol", roles: ["KEY_HOLDER"] as const, password: PASSWORD };
    await old.app.users.create(SYSTEM, made);
    const { secret } = await old.app.keys.create(SYSTEM, { name: "carol's", username: "carol" });
    expect((await old.rest("PATCH /users/carol", { username: "Carol" })).status).toBe(200);
    expect((await old.rest("GET /users/carol")).status).toBe(404);
    expect((await old.rest("GET /users/Carol")).status).toBe(200);
    const signIn = async (username: string) =>
      (await old.rest("POST /session", { username, password: PASSWORD })).status;
    expect([await signIn("carol"), await signIn("Carol")]).toEqual([401, 200]);
    const told = await fetch(`${old.url}/auth`, { headers: { Authorization: `Bearer ${secret.text}` } });
    expect(told.headers.get("remote-user")).toBe("Carol");
    expect((await old.rest("PATCH /groups/dev", { name: "Dev" })).status).toBe(200);
    expect((await old.rest("GET /groups/dev")).status).toBe(404);
    expect((await old.rest("PATCH /groups/Dev", { name: "dev" })).status).toBe(200);
  });
});

test("of two processes that make alike names at once, one does", async () => {
  await using old = await Old.open();
  await using second = await startSecond(old.place.data);
  const headers = { Authorization: `Bearer ${await keyOf(old)}`, "Content-Type": "application/json" };
  const post = async (url: string, path: string, body: object) =>
    (await fetch(`${url}/api/v1${path}`, { method: "POST", headers, body: JSON.stringify(body) })).status;
  for (let round = 0; round < 20; round++) {
    const users = [`racer${round}`, `Racer${round}`].map((username, at) =>
      post([old.url, second.url][at]!, "/users", { username, roles: ["KEY_HOLDER"] }),
    );
    const groups = [`team${round}`, `TEAM${round}`].map((name, at) =>
      post([second.url, old.url][at]!, "/groups", { name }),
    );
    expect([(await Promise.all(users)).sort(), (await Promise.all(groups)).sort()]).toEqual([
      [201, 409],
      [201, 409],
    ]);
  }
});

async function keyOf({ app }: Old): Promise<string> {
  return (await app.keys.create(SYSTEM, { name: `key ${spare++}`, username: "root" })).secret.text;
}

test("the index decides where nobody asked before, and it is told as the field's", async () => {
  await using old = await Old.open();
  const { store } = old.app;
  const fields = { roles: [], scopes: [], createdAt: 1 };
  const user = { ...fields, fullName: "", email: null, lockedAt: null, ceilings: null, passwordHash: null };
  const inserting = [
    store.transact("sign_in", (tx) => tx.insertUser({ username: "BOB", ...user })),
    store.transact("sign_in", (tx) => tx.insertGroup({ name: "DEV", ...fields })),
  ];
  for (const one of inserting) expect(await one.catch(({ code }) => code)).toBe("name_taken");
});

describe("twins of an older version", () => {
  test("work as before, and are told of until they are renamed or gone", async () => {
    await using old = await Old.open();
    expect(await auth(old.url, known.keys.good.text)).toBe(200);
    const both = (await old.app.users.list(SYSTEM, {})).rows.filter(({ username }) =>
      /^ada$/i.test(username),
    );
    expect(both.map(({ username }) => username).sort()).toEqual(["Ada", "ada"]);
    for (const username of ["ada", "Ada"]) {
      const { secret } = await old.app.keys.create(SYSTEM, { name: `${username}'s`, username });
      const told = await fetch(`${old.url}/auth`, { headers: { Authorization: `Bearer ${secret.text}` } });
      expect(told.headers.get("remote-user")).toBe(username);
      expect((await old.rest(`PATCH /users/${username}`, { full_name: "Ada L." })).status).toBe(200);
      expect((await old.rest(`PATCH /users/${username}`, { username: "ADA" })).status).toBe(409);
    }

    const alert = async () => {
      const { kinds, entries } = (await old.rest("GET /alerts")).json as {
        kinds: { kind: string; count: number; mend: { operation: string; query: { filter?: string } } }[];
        entries: { kind: string; text: string; key: null }[];
      };
      const one = kinds.find(({ kind }) => kind === "names_alike");
      return one && { ...one, text: entries.find(({ kind }) => kind === "names_alike")?.text };
    };
    const first = await alert();
    expect(first).toMatchObject({ count: 2, mend: { operation: "users.list" } });
    expect(first!.text).toContain("the users Ada and ada, the groups OPS and ops.");
    const { filter } = first!.mend.query;
    const listed = (await old.rest(`GET /users?${new URLSearchParams({ filter: filter! })}`)).json as {
      entries: { username: string }[];
    };
    expect(listed.entries.map(({ username }) => username).sort()).toEqual(["Ada", "ada"]);

    expect((await old.rest("PATCH /users/Ada", { username: "ada2" })).status).toBe(200);
    expect(await alert()).toMatchObject({ count: 1, mend: { operation: "groups.list", query: {} } });
    expect((await old.rest("DELETE /groups/OPS")).status).toBe(200);
    expect(await alert()).toBeUndefined();
    expect(await old.app.users.twins(SYSTEM)).toEqual([]);
    expect(foldedIn(old.place)).toMatchObject({ ada: "ada", ada2: "ada2", ops: "ops", root: "root" });
    // The name that was given up is free, the one that stayed is not.
    expect((await old.rest("POST /users", { username: "ADA2" })).status).toBe(409);
    expect((await old.rest("POST /users", { username: "ADA" })).status).toBe(409);
  });

  test("of three that are alike, two stay twins when one goes", async () => {
    await using place = new RestoredPlace();
    placeFixture(place);
    addTwins(place, "users", ["ada", "Ada", "ADA"]);
    const { app } = await place.serve();
    const { users } = app;
    const removed = async (username: string) =>
      users.remove(SYSTEM, (await users.get(SYSTEM, { username })).id);
    const twins = async () => (await app.users.twins(SYSTEM)).map(({ names }) => names);
    expect(await twins()).toEqual([["ADA", "Ada", "ada"]]);
    await removed("Ada");
    expect(await twins()).toEqual([["ADA", "ada"]]);
    const again = users.create(SYSTEM, { username: "Ada", roles: ["KEY_HOLDER"] });
    expect(await again.catch(({ code }) => code)).toBe("name_taken");
    await removed("ADA");
    expect(await twins()).toEqual([]);
    expect(foldedIn(place).ada).toBe("ada");
  });

  test("come back from a backup, into an empty folder and into one where they were renamed since", async () => {
    await using old = await Old.open();
    const scratch = mkdtempSync(join(tmpdir(), "chatelaine-twins-"));
    try {
      const file = await backup(old.app, join(scratch, "twins.backup"));
      const places = { fresh: new RestoredPlace(), here: old.place };
      expect((await old.rest("PATCH /users/Ada", { username: "ada2" })).status).toBe(200);
      old.rpc.close();
      await old.place.stop();
      const secret = Bun.file(join(old.place.data, "secret"));
      await Bun.write(join(places.fresh.data, "secret"), secret, { mode: 0o600, createPath: true });
      await restore({ path: places.fresh.data, state: places.fresh.state }, file, { asItWas: true });
      await restore({ path: places.here.data, state: places.here.state }, file);
      expect(foldedIn(places.fresh)).toMatchObject({
        ada: null,
        Ada: null,
        bob: "bob",
        ops: null,
        OPS: null,
      });
      // What they are called now stays.
      expect(foldedIn(places.here)).toMatchObject({ ada: "ada", ada2: "ada2", ops: null, OPS: null });
      await places.fresh[Symbol.asyncDispose]();
    } finally {
      rmSync(scratch, { recursive: true, force: true });
    }
  });

  test("doctor lists them", async () => {
    await using old = await Old.open();
    const args = ["doctor", "--data", old.place.data, "--state", old.place.state, "--json"];
    const told = async () => {
      const { stdout } = await run([...args, "--proxy", `${old.url}/nowhere`]);
      const { findings } = JSON.parse(stdout) as {
        findings: { check: string; words: string; result: string }[];
      };
      const { words, result } = findings.find(({ check }) => check === "names that differ in case alone")!;
      return { words, result };
    };
    expect(await told()).toEqual({ result: "hint", words: "users Ada and ada, groups OPS and ops" });
    await old.rest("DELETE /users/Ada");
    await old.rest("DELETE /groups/OPS");
    expect(await told()).toEqual({ result: "ok", words: "no two users, and no two groups" });
  });

  test("an alert of many says some, and that there are others", () => {
    const twins = Array.from({ length: 21 }, (_, at) => ({
      kind: "user" as const,
      names: [`A${at}`, `a${at}`],
      since: 1_000 + at,
    }));
    const { alert, count } = twinsAlert(twins)!;
    expect([count, alert.since, alert.text.match(/the users/g)?.length]).toEqual([21, 1_000, 20]);
    expect(alert.text).toContain(", and others. Rename");
  });
});

/** By name, what stands in the index. */
function foldedIn({ data }: RestoredPlace): Record<string, string | null> {
  const database = new Database(join(data, "chatelaine.db"), { readonly: true });
  try {
    const rows = database
      .query("SELECT username AS name, folded_name FROM users UNION ALL SELECT name, folded_name FROM groups")
      .all() as { name: string; folded_name: string | null }[];
    return Object.fromEntries(rows.map(({ name, folded_name }) => [name, folded_name]));
  } finally {
    database.close();
  }
}
