import { expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { version } from "../../package.json";
import { MAIN, run, temporaryFolder, textOf } from "./chatelaine.ts";

const GROUPS: readonly (readonly [group: string, commands: readonly string[]])[] = [
  ["user", ["create", "list", "show", "lock", "unlock", "set-roles", "set-password", "delete"]],
  ["group", ["create", "list", "edit", "delete", "add", "remove"]],
  ["key", ["create", "list", "show", "edit", "reset", "pause", "resume", "revoke", "delete", "verify"]],
  ["settings", ["show", "set"]],
  ["auth api_key", ["create", "query", "get_instance", "update", "delete"]],
];
const COMMANDS = [
  "serve",
  "setup-link",
  "proxy",
  "doctor",
  ...GROUPS.flatMap(([group, names]) => names.map((name) => `${group} ${name}`)),
];

test("--version prints the version of package.json alone", async () => {
  expect(await run(["--version"])).toEqual({ code: 0, stdout: `${version}\n`, stderr: "" });
});

test("help names every command, and every command has help with an example", async () => {
  const top = await run(["--help"]);
  expect(top.code).toBe(0);
  for (const name of ["serve", "user", "group", "key", "setup-link", "auth", "settings"])
    expect(top.stdout).toContain(`\n  ${name}`);
  const helps = await Promise.all(COMMANDS.map((command) => run([...command.split(" "), "--help"])));
  helps.forEach((help, index) => {
    expect({ command: COMMANDS[index], code: help.code, stderr: help.stderr }).toEqual({
      command: COMMANDS[index],
      code: 0,
      stderr: "",
    });
    expect(help.stdout).toStartWith(`Usage: chatelaine ${COMMANDS[index]} `);
    expect(help.stdout).toMatch(new RegExp(`\\nExamples?:\\n  \\$ .*chatelaine ${COMMANDS[index]}`));
    expect(help.stdout).toContain("--data <dir>");
    // Of a value that is no text.
    expect(help.stdout).not.toContain("(default: {");
  });
});

const WRONG: readonly (readonly [args: string, says: string])[] = [
  ["", "Usage: chatelaine"],
  ["key", "Usage: chatelaine key"],
  ["nonsense", "unknown command 'nonsense'"],
  ["key craete", "Did you mean create?"],
  ["key list --nope", "unknown option '--nope'"],
  ["key list more", "too many arguments"],
  ["key show", "missing required argument 'id'"],
  ["key show 0", "An id is a whole number from 1 to 2147483647"],
  ["key show 07", "An id is a whole number"],
  ["key show 7x", "An id is a whole number"],
  ["key show 2147483648", "An id is a whole number"],
  ["key show 1e3", "An id is a whole number"],
  ["key show -1", "An id is a whole number"],
  ["key create --name ci", "required option '--user <name>' not specified"],
  ["key create --user root", "required option '--name <text>' not specified"],
  ["key create --user root --name ci --expires 2030-02-30", "option '--expires <when>'"],
  ["key create --user root --name ci --expires 90", "option '--expires <when>'"],
  ["key edit 7", "nothing to change"],
  ["key revoke 7", "required option '--reason <text>' not specified"],
  ["key verify 7-abc", "never comes as an argument"],
  ["user create ada", "required option '--role <role...>' not specified"],
  ["user create ada --role ADMIN", "The roles are FULL_ADMIN"],
  ["user create ada --role KEY_HOLDER --password secret-of-ada", "unknown option '--password'"],
  ["user create ada --role KEY_HOLDER --password=secret-of-ada", "unknown option '--password'"],
  ["user set-roles ada", "missing required argument 'roles'"],
  ["user set-password ada", "--password-stdin"],
  ["user set-password ada secret-of-ada", "too many arguments"],
  ["group edit dns", "nothing to change"],
  ["settings set insecure_transport", "Give either a value or --file"],
  ["auth api_key create name=ci", "name= and username= are needed"],
  ["auth api_key create name=ci username=root allowlist=[]", "Expected name=, username=, expires_at="],
  ["auth api_key create name=ci username=root expires_at={:1}", "broken JSON"],
  ["auth api_key get_instance seven", "An id is a whole number"],
  ["auth api_key query id,nothing", "No field nothing"],
  ["auth api_key query id WHERE id = 7", "WHERE:"],
  ["setup-link --http nowhere", "--http: expected ADDRESS:PORT"],
  ["--data", "argument missing"],
];

test("wrong usage says what is wrong in a line, and ends with exit code 2", async () => {
  const answers = await Promise.all(WRONG.map(([args]) => run(args.split(" ").filter((arg) => arg !== ""))));
  answers.forEach(({ code, stdout, stderr }, index) => {
    const [args, says] = WRONG[index]!;
    expect({ args, code, stdout }).toEqual({ args, code: 2, stdout: "" });
    expect(stderr).toContain(says);
    expect(stderr).not.toContain("secret-of-ada");
    expect(stderr).not.toMatch(/\n\s+at /);
  });
});

test("a missing argument, an unknown command and an unknown option are followed by the usage line", async () => {
  for (const [args, usage] of [
    ["key show", "Usage: chatelaine key show [options] <id>"],
    ["key nonsense", "Usage: chatelaine key [options] [command]"],
    ["key create --nope", "Usage: chatelaine key create --user <name> --name <text> [options]"],
  ] as const) {
    expect((await run(args.split(" "))).stderr.trimEnd().split("\n").at(-1)).toBe(usage);
  }
});

test("where there is no data folder, every command says so and none makes one", async () => {
  const folder = temporaryFolder();
  try {
    const data = join(folder, "none");
    for (const args of [
      ["key", "list"],
      ["user", "create", "ada", "--role", "KEY_HOLDER"],
      ["setup-link"],
      ["settings", "show"],
    ]) {
      const { code, stdout, stderr } = await run([...args, "--data", data]);
      expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
      expect(stderr).toBe(
        `chatelaine: There is no Chatelaine in ${data}. \`chatelaine serve\` makes one; --data names another.\n`,
      );
    }
    expect(await Array.fromAsync(new Bun.Glob("*").scan({ cwd: folder, onlyFiles: false }))).toEqual([]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test("the data folder comes from the flag, else the environment", async () => {
  const named = async (args: readonly string[], env: Record<string, string>): Promise<string | undefined> =>
    /no Chatelaine in (\S+)\. /.exec((await run([...args, "key", "list"], { env })).stderr)?.[1];
  const env = { CHATELAINE_DATA: "/nonexistent/env", XDG_DATA_HOME: "/nonexistent/xdg" };
  expect(await named(["--data", "/nonexistent/flag"], env)).toBe("/nonexistent/flag");
  expect(await named([], env)).toBe("/nonexistent/env");
});

test("wrong flags of serve are told one a line, each by its name, with exit code 2", async () => {
  const { code, stdout, stderr } = await run(
    [
      "serve",
      "--data",
      "/nonexistent/none",
      "--http",
      "nowhere",
      "--cert",
      "a.pem",
      "--anonymous-rate",
      "many",
    ],
    { env: { CHATELAINE_LOG_LEVEL: "loud" } },
  );
  expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  const lines = stderr.trimEnd().split("\n");
  expect(lines).toHaveLength(4);
  for (const flag of ["--http", "--cert and --key", "--anonymous-rate", "--log-level"]) {
    expect(lines.some((line) => line.startsWith(`chatelaine: ${flag}`))).toBe(true);
  }
});

test.skipIf(process.platform !== "linux")(
  "an input without end is refused, not read to its end",
  async () => {
    const child = Bun.spawn([process.execPath, MAIN, "key", "verify", "--data", "/nonexistent"], {
      stdin: Bun.file("/dev/zero"),
      stderr: "pipe",
    });
    expect(await textOf(child.stderr)).toBe("chatelaine: Standard input is too long.\n");
    expect(await child.exited).toBe(2);
  },
);
