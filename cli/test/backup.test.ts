/** `chatelaine backup` and `chatelaine restore`, as one runs them. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Installation, install, run, serve, temporaryFolder } from "./chatelaine.ts";

setDefaultTimeout(90_000);
const PASSPHRASE = "a long passphrase for backups";

let folder: string;
let one: Installation;
let key: string;

beforeAll(async () => {
  folder = temporaryFolder();
  one = await install();
  key = (await one.json<{ key: string }>(["key", "create", "--user", "root", "--name", "ci"])).key;
});
afterAll(() => {
  one.remove();
  Bun.spawnSync(["rm", "-rf", folder]);
});

const ask = async (http: string): Promise<number> =>
  (await fetch(`${http}/auth`, { headers: { Authorization: `Bearer ${key}` } })).status;

describe("chatelaine backup", () => {
  test("writes a file while the server runs, for its owner alone, and replaces none unasked", async () => {
    const file = join(folder, "a.backup");
    const server = await serve(one.data);
    const first = await one.run(["backup", file]);
    expect(first).toMatchObject({ code: 0, stdout: "" });
    expect(first.stderr).toStartWith(`Wrote ${file}: 1 user, 1 key, up to change 2, `);
    expect(first.stderr).toContain("The master secret is not in it: keep it elsewhere");
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const again = await one.run(["backup", file]);
    expect([again.code, again.stderr]).toEqual([
      1,
      `chatelaine: ${file} is there already; --force replaces it\n`,
    ]);
    const forced = await one.json(["backup", file, "--force"]);
    expect(forced).toMatchObject({ file, users: 1, keys: 1, with_secret: false, bytes: statSync(file).size });
    expect(await ask(server.http)).toBe(200);
    await server.stop();
  });

  test("writes to standard output what --verify finds whole, and what a bit in it spoils", async () => {
    const file = join(folder, "piped.backup");
    const piped = Bun.spawn(
      [
        "sh",
        "-c",
        '"$1" "$2" --data "$3" backup - > "$4"',
        "sh",
        process.execPath,
        join(import.meta.dir, "../src/main.ts"),
        one.data,
        file,
      ],
      {
        env: { PATH: process.env.PATH ?? "", HOME: "/nonexistent", CHATELAINE_STATE: join(folder, "state") },
        stdout: "ignore",
        stderr: "pipe",
      },
    );
    expect([await piped.exited, await new Response(piped.stderr).text()]).toEqual([
      0,
      expect.stringContaining("Wrote the backup: 1 user,"),
    ]);
    const whole = await one.json(["backup", "--verify", file]);
    expect(whole).toMatchObject({
      file,
      keys: 1,
      made_with_this_secret: true,
      sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    const said = await run(["backup", "--verify", file, "--data", join(folder, "nowhere")]);
    expect([said.code, said.stderr]).toEqual([
      0,
      expect.stringContaining("Whether it is ours was not looked at"),
    ]);
    const bytes = readFileSync(file);
    bytes[bytes.length >> 1]! ^= 4;
    writeFileSync(file, bytes);
    const damaged = await one.run(["backup", "--verify", file]);
    expect([damaged.code, damaged.stderr]).toEqual([
      1,
      "chatelaine: The backup is damaged: its checksum differs\n",
    ]);
    expect((await one.run(["backup", "-", "--json"])).code).toBe(2);
  });

  test("takes a passphrase from standard input, a file or the environment, long enough, and never an argument", async () => {
    const passphraseFile = join(folder, "passphrase");
    writeFileSync(passphraseFile, `${PASSPHRASE}\n`);
    const ways: [string[], { stdin?: string; env?: Record<string, string> }][] = [
      [["--passphrase-stdin"], { stdin: PASSPHRASE }],
      [["--passphrase-file", passphraseFile], {}],
      [[], { env: { CHATELAINE_PASSPHRASE: PASSPHRASE } }],
    ];
    for (const [args, options] of ways) {
      const file = join(folder, "secret.backup");
      const made = await one.json<{ with_secret: boolean }>(
        ["backup", file, "--force", "--with-secret", ...args],
        options,
      );
      expect(made.with_secret).toBe(true);
      expect(readFileSync(file, "latin1")).not.toContain(
        readFileSync(join(one.data, "secret"), "utf8").trim(),
      );
    }
    const file = join(folder, "unwritten.backup");
    const none = await one.run(["backup", file, "--with-secret"]);
    expect([none.code, none.stderr]).toEqual([
      2,
      expect.stringContaining("--passphrase-stdin, --passphrase-file or CHATELAINE_PASSPHRASE"),
    ]);
    const short = await one.run(["backup", file, "--with-secret", "--passphrase-stdin"], { stdin: "short" });
    expect([short.code, short.stderr]).toEqual([2, expect.stringContaining("at least 12 characters")]);
    const argument = await one.run(["backup", file, "--with-secret", `--passphrase=${PASSPHRASE}`]);
    expect([argument.code, argument.stderr.includes(PASSPHRASE)]).toEqual([2, false]);
    expect(existsSync(file)).toBe(false);
  });
});

describe("chatelaine restore", () => {
  test("says what would come back, refuses beside a server, and keeps dead what was revoked", async () => {
    const file = join(folder, "b.backup");
    await one.run(["backup", file]);
    await one.run(["key", "revoke", "1", "--reason", "lost"]);
    await one.run(["key", "create", "--user", "root", "--name", "later"]);
    const server = await serve(one.data);
    const refused = await one.run(["restore", file]);
    expect([refused.code, refused.stderr]).toEqual([
      1,
      expect.stringMatching(/^chatelaine: Chatelaine runs on .*; stop it first.*\n$/),
    ]);
    const dry = await one.run(["restore", "--dry-run", file]);
    expect(dry.code).toBe(0);
    for (const words of [
      ...["Stay dead or narrower (1):\n  key 1 ci: revoked\n", "Made since, and gone (1):\n  key 2 later\n"],
      ...[
        "The folder would hold 1 user and 1 key, 0 of them good.",
        "A server runs on this folder",
        "Nothing was changed.",
      ],
    ])
      expect(dry.stdout).toContain(words);
    expect(await one.json(["restore", "--dry-run", file])).toMatchObject({
      ...{
        restored: false,
        present: "readable",
        relation: "after",
        quarantine: false,
        served: true,
        revived: [],
      },
      kept_dead: [{ kind: "key", id: 1, name: "ci", because: ["revoked"] }],
      gone: [{ kind: "key", id: 2, name: "later" }],
    });
    await server.stop();
    const done = await one.json<{ backup_before: string }>(["restore", file]);
    expect(done).toMatchObject({ restored: true, quarantine: false, good_keys: 0, administrators: 1 });
    expect(existsSync(done.backup_before)).toBe(true);
    expect(
      (await one.json<{ name: string; status: string }[]>(["key", "list"])).map(({ name, status }) => [
        name,
        status,
      ]),
    ).toEqual([["ci", "revoked"]]);
    const again = await serve(one.data);
    expect(await ask(again.http)).toBeGreaterThanOrEqual(401);
    await again.stop();
    await one.run(["restore", "--as-it-was", done.backup_before]);
    expect((await one.json<{ name: string }[]>(["key", "list"])).map(({ name }) => name)).toEqual([
      "ci",
      "later",
    ]);
    expect((await one.run(["restore", "--accept"])).stderr).toContain("Accepted.");
  });

  test("brings an installation to another machine, which serves it once it is accepted", async () => {
    const file = join(folder, "moving.backup");
    await one.run(["key", "update", "1", "--reset"]);
    const { key: text } = await one.json<{ key: string }>([
      "key",
      "create",
      "--user",
      "root",
      "--name",
      "moved",
    ]);
    await one.run(["backup", file, "--with-secret", "--passphrase-stdin"], { stdin: PASSPHRASE });
    const data = join(folder, "machine");
    const env = { CHATELAINE_STATE: join(folder, "machine.state") };
    const wrong = await run(["restore", file, "--data", data, "--passphrase-stdin"], {
      stdin: "another passphrase",
      env,
    });
    expect([wrong.code, wrong.stderr]).toEqual([
      1,
      "chatelaine: The passphrase does not open the master secret of the backup\n",
    ]);
    expect(existsSync(data)).toBe(false);
    const done = await run(["restore", file, "--data", data, "--passphrase-stdin"], {
      stdin: PASSPHRASE,
      env,
    });
    expect(done.code).toBe(0);
    for (const words of [
      "There is no database in the folder: what ended since is not known.",
      "  key 3 moved",
      "run `chatelaine restore --accept`",
    ])
      expect(done.stdout).toContain(words);
    const server = await serve(data, [], env);
    const status = async () =>
      (await fetch(`${server.http}/auth`, { headers: { Authorization: `Bearer ${text}` } })).status;
    expect(await status()).toBe(503);
    expect((await run(["restore", "--accept", "--data", data], { env })).stderr).toContain("Accepted.");
    for (let tries = 0; tries < 100 && (await status()) !== 200; tries++) await Bun.sleep(20);
    expect(await status()).toBe(200);
    await server.stop();
  });

  test("is wrong usage without a backup, or with one beside --accept", async () => {
    for (const args of [
      ["restore"],
      ["restore", "--accept", "file"],
      ["restore", "--accept", "--dry-run"],
      ["backup"],
      ["backup", "--verify", "--force", "file"],
    ]) {
      const { code, stderr } = await one.run(args);
      expect([args, code, stderr.startsWith("chatelaine: ")]).toEqual([args, 2, true]);
    }
  });

  test("of what is no backup, or is not there, is one line, and makes no folder", async () => {
    const data = join(folder, "unmade");
    mkdirSync(join(folder, "a folder"), { recursive: true });
    writeFileSync(join(folder, "nonsense"), crypto.getRandomValues(new Uint8Array(1_000)));
    for (const file of ["a folder", "nonsense", "missing"]) {
      const { code, stdout, stderr } = await run(["restore", join(folder, file), "--data", data]);
      expect([file, code, stdout]).toEqual([file, 1, ""]);
      expect(stderr).toMatch(/^chatelaine: .+\n$/);
    }
    expect(existsSync(data)).toBe(false);
  });
});

test("serve writes backups by itself, and says what is wrong with their flags", async () => {
  const to = join(folder, "by-itself");
  const wrong = await run([
    "serve",
    "--data",
    one.data,
    "--backup-every",
    "often",
    "--backup-to",
    to,
    "--keep",
    "0",
  ]);
  expect([wrong.code, wrong.stderr]).toEqual([
    2,
    expect.stringMatching(/^chatelaine: --backup-every: expected a time such as 24h/),
  ]);
  const alone = await run(["serve", "--data", one.data], { env: { CHATELAINE_BACKUP_EVERY: "1h" } });
  expect([alone.code, alone.stderr]).toEqual([
    2,
    "chatelaine: --backup-every and --backup-to belong together\n",
  ]);
  const keep = await run([
    "serve",
    "--data",
    one.data,
    "--backup-every",
    "1h",
    "--backup-to",
    to,
    "--keep",
    "none",
  ]);
  expect([keep.code, keep.stderr]).toEqual([
    2,
    'chatelaine: --keep: expected a whole number from 1 to 99999, not "none"\n',
  ]);
  const server = await serve(one.data, ["--backup-every", "24h", "--backup-to", to]);
  const written = () => (existsSync(to) ? readdirSync(to).filter((name) => name.endsWith(".backup")) : []);
  for (let tries = 0; tries < 500 && written().length === 0; tries++) await Bun.sleep(20);
  const { code, stderr } = await server.stop();
  expect([code, written()]).toEqual([0, [expect.stringMatching(/^chatelaine-\d{8}T\d{6}Z\.backup$/)]]);
  expect(stderr).toContain("Wrote a backup");
  expect(await one.json(["backup", "--verify", join(to, written()[0]!)])).toMatchObject({
    made_with_this_secret: true,
  });
});
