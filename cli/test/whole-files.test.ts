/** R35: after every orderly end of every process on the folder, each database is one file, and that file is all of it. */
import { Database } from "bun:sqlite";
import { afterAll, beforeAll, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { copyFileSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import {
  listKeys,
  install as makeBenchFolder,
  makeOwners,
  readSecrets,
  writeKeys,
} from "../../bench/installation.ts";
import { placeIn } from "../../bench/node.ts";
import { type Installation, install, run, serve, temporaryFolder } from "./chatelaine.ts";

const TEST_MS = 240_000;
const PASSWORD = "a long password";
let here: Installation;

beforeAll(async () => {
  here = await install();
}, TEST_MS);
afterAll(() => here.remove());

/** Names of what SQLite keeps beside a database that is open. */
function besides(): string[] {
  return readdirSync(here.data).filter((name) => /-(wal|shm|journal)$/.test(name));
}

/** As from a copy of one file, and nothing else. */
function readAlone<Row>(sql: string, file = "chatelaine.db"): Row[] {
  const folder = temporaryFolder();
  try {
    copyFileSync(join(here.data, file), join(folder, "copy.db"));
    const database = new Database(join(folder, "copy.db"));
    try {
      expect(database.query("PRAGMA integrity_check").all()).toEqual([{ integrity_check: "ok" }]);
      return database.query(sql).all() as Row[];
    } finally {
      database.close();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const lastChange = (): number => readAlone<{ seq: number }>("SELECT max(seq) AS seq FROM changes")[0]!.seq;

interface Way {
  readonly args: string;
  readonly stdin?: string;
  readonly code?: number;
}

/** Every command that opens the folder, in an order in which each can do what it is for. */
const WAYS: Readonly<Record<string, Way>> = {
  "user create": { args: "user create ada --role KEY_HOLDER --password-stdin", stdin: PASSWORD },
  "user list": { args: "user list" },
  "user show": { args: "user show ada" },
  "user lock": { args: "user lock ada" },
  "user unlock": { args: "user unlock ada" },
  "user set-roles": { args: "user set-roles ada KEY_HOLDER" },
  "user set-ceilings": { args: "user set-ceilings ada --rate 100/m" },
  "user set-password": { args: "user set-password ada --password-stdin", stdin: `${PASSWORD} too` },
  "group create": { args: "group create dns --scope dns:read" },
  "group list": { args: "group list" },
  "group edit": { args: "group edit dns --scope dns:write" },
  "group add": { args: "group add dns ada" },
  "group remove": { args: "group remove dns ada" },
  "group delete": { args: "group delete dns" },
  "key create": { args: "key create --user ada --name one" },
  "key list": { args: "key list" },
  "key show": { args: "key show 1" },
  "key edit": { args: "key edit 1 --tag web" },
  "key reset": { args: "key reset 1" },
  "key pause": { args: "key pause 1" },
  "key resume": { args: "key resume 1" },
  "key verify": { args: "key verify --stdin", stdin: "1-nonsense\n", code: 1 },
  "key revoke": { args: "key revoke 1 --reason gone" },
  "key delete": { args: "key delete 1" },
  "settings show": { args: "settings show" },
  "settings set": { args: "settings set key_days_max 365" },
  "auth api_key create": { args: "auth api_key create name=two username=root" },
  "auth api_key query": { args: "auth api_key query" },
  "auth api_key get_instance": { args: "auth api_key get_instance 2" },
  "auth api_key update": { args: "auth api_key update 2 name=three" },
  "auth api_key delete": { args: "auth api_key delete 2" },
  "user delete": { args: "user delete ada" },
  why: { args: "why 00000000-0000-4000-8000-000000000000", code: 1 },
  "setup-link": { args: "setup-link", code: 1 },
  backup: { args: "backup -" },
  restore: { args: "restore --accept", code: 1 },
  doctor: { args: "doctor --proxy http://127.0.0.1:9", code: 1 },
};
/** They open no data folder, or serve. */
const OTHERS = ["serve", "proxy", "help"];

/** Names of the commands below one, as its help lists them. */
async function listCommands(above: readonly string[] = []): Promise<string[]> {
  const { stdout } = await run([...above, "--help"]);
  const names = [...(stdout.split("\nCommands:\n")[1] ?? "").matchAll(/^ {2}([a-z][a-z_-]*)/gm)].map(
    (match) => match[1]!,
  );
  const below = names.filter((name) => name !== "help");
  if (below.length === 0) return [above.join(" ")];
  return (await Promise.all(below.map((name) => listCommands([...above, name])))).flat();
}

test(
  "every command that there is has a row",
  async () => {
    const commands = await listCommands();
    const known = [...Object.keys(WAYS), ...OTHERS];
    expect(
      commands.filter((name) => !known.some((row) => name === row || name.startsWith(`${row} `))),
    ).toEqual([]);
  },
  TEST_MS,
);

for (const [name, { args, stdin = "", code = 0 }] of Object.entries(WAYS)) {
  test(
    `${name} leaves whole files`,
    async () => {
      const ran = await here.run(args.split(" "), { stdin });
      expect({ ...ran, stdout: "" }).toMatchObject({ code });
      expect(besides()).toEqual([]);
      expect(lastChange()).toBeGreaterThan(0);
    },
    TEST_MS,
  );
}

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  test(
    `serve ends by ${signal} and leaves whole files, with what was done and counted last`,
    async () => {
      const server = await serve(here.data);
      const made = await here.run(["key", "create", "--user", "root", "--name", `by ${signal}`]);
      const key = made.stdout.trim();
      const headers = { Authorization: `Bearer ${key}` };
      expect((await fetch(`${server.http}/auth`, { headers })).status).toBe(200);
      expect((await fetch(`${server.http}/api/v1/keys`, { headers })).status).toBe(200);
      expect(besides()).toContain("chatelaine.db-wal");
      expect((await server.stop(signal)).code).toBe(0);
      expect(besides()).toEqual([]);
      const id = Number(key.split("-")[0]);
      expect(readAlone(`SELECT name FROM keys WHERE id = ${id}`)).toEqual([{ name: `by ${signal}` }]);
      expect(readAlone(`SELECT uses FROM key_use WHERE key_id = ${id}`, "activity.db")).not.toEqual([]);
    },
    TEST_MS,
  );
}

test(
  "of two servers and commands on one folder, the last to end leaves whole files",
  async () => {
    const [one, two] = [await serve(here.data), await serve(here.data)];
    const commands = ["a", "b", "c"].map((name) =>
      here.run(["key", "create", "--user", "root", "--name", name]),
    );
    await Promise.all([one.stop(), ...commands]);
    expect(besides()).toContain("chatelaine.db-wal");
    await two.stop();
    expect(besides()).toEqual([]);
    // At the same instant, too.
    for (let turn = 0; turn < 5; turn++) {
      await Promise.all(["list", "list", "list"].map((name) => here.run(["key", name])));
      expect(besides()).toEqual([]);
    }
    expect(readAlone("SELECT name FROM keys WHERE name IN ('a', 'b', 'c')")).toHaveLength(3);
  },
  TEST_MS,
);

test(
  "what the measurements put into a folder is in whole files too",
  async () => {
    const folder = temporaryFolder();
    const { state } = placeIn(folder);
    try {
      await makeBenchFolder(folder);
      const keys = listKeys(await makeOwners(folder, 3, {}), 10, (place) => ({
        name: `bulk-${place}`,
        createdAt: place,
        expiresAt: null,
      }));
      const secretOf = () => ({ digest: randomBytes(32), sealed: randomBytes(128), salt: randomBytes(16) });
      writeKeys(folder, readSecrets(folder), { keys, secretOf, now: Date.now() });
      expect(readdirSync(folder).filter((name) => name.includes("-"))).toEqual([]);
      const database = new Database(join(folder, "chatelaine.db"), { readonly: true });
      expect(database.query("SELECT count(*) AS keys FROM keys").get()).toEqual({ keys: 11 });
      database.close();
    } finally {
      for (const path of [folder, state]) rmSync(path, { recursive: true, force: true });
    }
  },
  TEST_MS,
);
