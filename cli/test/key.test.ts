import { afterAll, beforeAll, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { BARE, type Installation, install, MAIN, serve, temporaryFolder, textOf } from "./chatelaine.ts";

const KEY_TEXT = /^[1-9]\d*-CK1[0-9A-Za-z]{61}$/;
let here: Installation;

beforeAll(async () => {
  here = await install();
  await here.json(["user", "create", "ada", "--role", "KEY_HOLDER", "--full-name", "Ada"]);
});
afterAll(() => here?.remove());

interface Shape {
  readonly id: number;
  readonly name: string;
  readonly key?: string;
  readonly [member: string]: unknown;
}

function make(name: string, ...more: string[]): Promise<Shape> {
  return here.json<Shape>(["key", "create", "--user", "ada", "--name", name, ...more]);
}

test("a new key stands alone on standard output; what is said of it goes to standard error", async () => {
  const { code, stdout, stderr } = await here.run([
    "key",
    "create",
    "--user",
    "ada",
    "--name",
    "piped",
    "--expires",
    "90d",
  ]);
  expect(code).toBe(0);
  const text = stdout.replace(/\n$/, "");
  expect(text).toMatch(KEY_TEXT);
  expect(stderr).toContain('"piped", of ada expires');
  expect(stderr).not.toContain(text);
});

test("as JSON a new key has its text once, and lists, reads and changes never show it again", async () => {
  const made = await make(
    "json",
    "--description",
    "for CI",
    "--tag",
    "web",
    "--tag",
    "eu",
    "--expires",
    "2099-01-31",
  );
  expect(Object.keys(made).slice(0, 4)).toEqual(["id", "name", "username", "key"]);
  expect(made.key).toMatch(KEY_TEXT);
  expect(made).toMatchObject({
    name: "json",
    username: "ada",
    description: "for CI",
    tags: ["web", "eu"],
    status: "active",
    expires_at: "2099-01-31T00:00:00.000Z",
    revoked: false,
    revoked_reason: null,
    last_used_at: null,
    roles: null,
    scopes: null,
    allowed_ips: null,
    rate_limit: null,
  });
  const id = String(made.id);
  const { key: text, ...shown } = made;
  expect(await here.json(["key", "show", id])).toEqual(shown);
  const everything = await Promise.all([
    here.run(["key", "list"]),
    here.run(["key", "show", id]),
    here.run(["key", "edit", id, "--no-tags"]),
  ]);
  for (const { stdout, stderr } of everything) expect(stdout + stderr).not.toContain(text!.slice(-20));
});

test("an edit changes what is given and nothing else", async () => {
  const { id } = await make(
    "edited",
    "--description",
    "old",
    "--tag",
    "a",
    "--allow-ip",
    "10.0.0.0/8",
    "--role",
    "KEY_HOLDER",
  );
  const edit = (...args: string[]) => here.json<Shape>(["key", "edit", String(id), ...args]);
  expect(await edit("--name", "edited 2")).toMatchObject({
    name: "edited 2",
    description: "old",
    tags: ["a"],
    allowed_ips: ["10.0.0.0/8"],
    roles: ["KEY_HOLDER"],
  });
  expect(await edit("--tag", "b", "--tag", "c", "--expires", "2w")).toMatchObject({
    tags: ["b", "c"],
    description: "old",
    expires_at: expect.any(String),
  });
  expect(await edit("--no-tags", "--any-ip", "--all-roles", "--expires", "never")).toMatchObject({
    tags: [],
    allowed_ips: null,
    roles: null,
    expires_at: null,
    name: "edited 2",
  });
  const limits = await edit("--rate", "100/m", "--no-roles", "--no-scopes", "--allow-ip", "::1");
  expect(limits).toMatchObject({
    rate_limit: { limit: 100, window_seconds: 60 },
    roles: [],
    scopes: [],
    allowed_ips: ["::1"],
  });
  expect(await edit("--name", "edited 3")).toMatchObject({
    rate_limit: limits.rate_limit,
    roles: [],
    scopes: [],
  });
  expect(await edit("--no-rate", "--all-roles", "--all-scopes")).toMatchObject({
    rate_limit: null,
    roles: null,
    scopes: null,
  });
  expect(await edit("--manages-sign-in")).toMatchObject({ manages_sign_in: true, name: "edited 3" });
  expect(await edit("--tag", "d")).toMatchObject({ manages_sign_in: true });
  expect(await edit("--no-manages-sign-in")).toMatchObject({ manages_sign_in: false });
  expect(await make("terraform", "--allow-ip", "10.0.0.0/8", "--manages-sign-in")).toMatchObject({
    manages_sign_in: true,
  });
  const service = await make("service", "--no-roles", "--no-scopes", "--rate", "5000/d");
  expect(service).toMatchObject({
    roles: [],
    scopes: [],
    rate_limit: { limit: 5_000, window_seconds: 86_400 },
  });
});

test("a key is paused, resumed, revoked with a reason, reset and deleted, and verify tells each", async () => {
  const { id, key } = await make("life");
  const verify = async (text = key!) =>
    JSON.parse((await here.run(["key", "verify", "--json"], { stdin: `${text}\n` })).stdout);
  expect(await verify()).toMatchObject({
    valid: true,
    key: { id, name: "life", expires_at: null },
    user: { username: "ada", full_name: "Ada" },
  });
  expect(await here.json(["key", "pause", String(id)])).toMatchObject({ status: "paused" });
  expect(await verify()).toEqual({ valid: false, reason: "paused" });
  expect(await here.json(["key", "resume", String(id)])).toMatchObject({ status: "active" });
  expect(await verify()).toMatchObject({ valid: true });
  expect(await here.json(["key", "revoke", String(id), "--reason", "Found in a log"])).toMatchObject({
    status: "revoked",
    revoked_reason: "Found in a log",
  });
  expect(await verify()).toEqual({ valid: false, reason: "revoked" });
  const reset = await here.run(["key", "reset", String(id), "--expires", "1y"]);
  expect(reset.stdout.trimEnd()).toMatch(KEY_TEXT);
  expect(await verify()).toEqual({ valid: false, reason: "unknown" });
  expect(await verify(reset.stdout)).toMatchObject({ valid: true });
  expect((await here.run(["key", "delete", String(id)])).code).toBe(0);
  expect(await verify(reset.stdout)).toEqual({ valid: false, reason: "unknown" });
  expect(await here.run(["key", "show", String(id)])).toMatchObject({ code: 1, stdout: "" });
});

test("verify says whose a good key is with exit code 0, and why a bad one is not with 1", async () => {
  const { id, key } = await make("checked");
  const verify = (stdin: string) => here.run(["key", "verify", "--stdin"], { stdin });
  expect(await verify(key!)).toEqual({
    code: 0,
    stdout: `valid: key ${id}, "checked", of ada, never expires\n`,
    stderr: "",
  });
  const mistyped = `${key!.slice(0, -10)}${key!.at(-10) === "x" ? "y" : "x"}${key!.slice(-9)}`;
  for (const [text, says] of [
    [mistyped, "a character in it is wrong"],
    [key!.slice(key!.indexOf("-") + 1), "its beginning is missing"],
    ["hello", "that is no key"],
    ["", "that is no key"],
    [`${id}-${"a".repeat(64)}`, "unknown"],
  ] as const) {
    const { code, stdout } = await verify(text);
    expect({ text, code }).toEqual({ text, code: 1 });
    expect(stdout).toStartWith("not valid: ");
    expect(stdout).toContain(says);
  }
});

test("what is refused names its field in one line, with exit code 1 and nothing on standard output", async () => {
  await make("taken");
  for (const [args, says] of [
    [["create", "--user", "ada", "--name", "taken"], "name"],
    [["create", "--user", "nobody", "--name", "x1"], "User does not exist"],
    [["create", "--user", "ada", "--name", "x2", "--expires", "2020-01-31"], "past"],
    [["create", "--user", "ada", "--name", "x3", "--allow-ip", "10.0.0.0/99"], ""],
    [["create", "--user", "ada", "--name", ""], "name: "],
    [["list", "--user", "nobody"], ""],
    [["pause", "2147483647"], ""],
  ] as const) {
    const { code, stdout, stderr } = await here.run(["key", ...args]);
    expect({ args, code, stdout }).toEqual({ args, code: 1, stdout: "" });
    expect(stderr).toMatch(/^chatelaine: .+\n$/);
    expect(stderr).toContain(says);
  }
  const two = await here.run([
    "key",
    "create",
    "--user",
    "nobody",
    "--name",
    "taken",
    "--expires",
    "2020-01-31",
  ]);
  expect(two.stderr.trimEnd().split("\n").length).toBeGreaterThan(1);
  expect(two.stderr).not.toMatch(/\n\s+at /);
});

test("a list is a table for people and JSON for machines, of one user if asked for", async () => {
  const { id } = await here.json<Shape>(["key", "create", "--user", "root", "--name", "root's own"]);
  const listed = await here.json<Shape[]>(["key", "list", "--user", "root"]);
  expect(listed.map((key) => key.id)).toEqual([id]);
  const { stdout } = await here.run(["key", "list", "--user", "root"]);
  const [head, row] = stdout.split("\n");
  expect(head).toMatch(/^ID +NAME +USER +STATUS +EXPIRES +LAST USED$/);
  expect(row?.indexOf("root's own")).toBe(head?.indexOf("NAME"));
  const all = await here.json<Shape[]>(["key", "list"]);
  expect(all.length).toBeGreaterThan(1);
  expect(all.map((key) => key.id)).toEqual(all.map((key) => key.id).toSorted((a, b) => a - b));
});

test("text of others cannot steer the terminal", async () => {
  const { id } = await make("steering", "--description", "\u001b[2J\u202eevil\nline");
  const { stdout } = await here.run(["key", "show", String(id)]);
  expect(stdout).toContain("\\u{1b}[2J\\u{202e}evil\\u{a}line");
  expect(stdout).not.toContain("\u001b");
});

test("a reader that goes away is no failure", async () => {
  const child = Bun.spawn(
    [
      "sh",
      "-c",
      `"$0" "$1" --data "$2" key list --json | true`,
      process.execPath,
      `${import.meta.dir}/../src/main.ts`,
      here.data,
    ],
    { stdout: "pipe", stderr: "pipe", env: BARE },
  );
  expect({ code: await child.exited, stderr: await textOf(child.stderr) }).toEqual({ code: 0, stderr: "" });
});

test("a secret that its reader is not there to take is a failure that says how to get another one", async () => {
  const { id } = await make("unread");
  const folder = temporaryFolder();
  try {
    const empty = join(folder, "empty");
    await (await serve(empty)).stop();
    for (const { data = here.data, command, again = /Key \d+ is there, but nobody has its text/ } of [
      { command: ["key", "reset", String(id)] },
      { command: ["key", "reset", String(id), "--json"] },
      { command: ["key", "create", "--user", "root", "--name", "unread-2"] },
      { command: ["auth", "api_key", "update", String(id), "reset=true"] },
      { data: empty, command: ["setup-link"], again: /Ask for another link/ },
      { data: empty, command: ["setup-link", "--json"], again: /Ask for another link/ },
    ]) {
      // A pipe whose reader is gone before the command starts.
      const script = `mkfifo "$0"; exec 3<>"$0"; exec 4>"$0"; exec 3<&-; rm "$0"; exec "$@" >&4 4<&-`;
      const args = [process.execPath, MAIN, "--data", data, ...command];
      const child = Bun.spawn(["sh", "-c", script, join(folder, "pipe"), ...args], {
        stdout: "pipe",
        stderr: "pipe",
        env: BARE,
      });
      const said = await textOf(child.stderr);
      expect([command, await child.exited]).toEqual([command, 1]);
      expect(said).toStartWith("chatelaine: Standard output cannot be written (EPIPE). ");
      expect([command, said]).toEqual([command, expect.stringMatching(again)]);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("a full disk below standard output is a failure", async () => {
  const child = Bun.spawn(
    [
      "sh",
      "-c",
      `"$0" "$1" --data "$2" key list > /dev/full`,
      process.execPath,
      `${import.meta.dir}/../src/main.ts`,
      here.data,
    ],
    { stdout: "pipe", stderr: "pipe", env: BARE },
  );
  expect(await child.exited).toBe(1);
  expect(await textOf(child.stderr)).toMatch(/^chatelaine: .+\n$/);
});

test("keys made while a server runs on the folder count at once, and the other way round", async () => {
  const server = await serve(here.data);
  try {
    const { id, key } = await make("beside");
    expect((await here.run(["key", "verify"], { stdin: key })).code).toBe(0);
    await here.json(["key", "revoke", String(id), "--reason", "test"]);
    expect((await here.run(["key", "verify"], { stdin: key })).code).toBe(1);
  } finally {
    expect((await server.stop()).code).toBe(0);
  }
});
