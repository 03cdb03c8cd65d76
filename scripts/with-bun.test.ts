import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

const here = join(import.meta.dir, "..");
const TOOLS =
  "sh sed grep awk cksum readlink dirname cat ls ln rm mkdir rmdir mv sleep uname tr head env".split(" ");
let folder: string;
let clone: string;
/** A PATH with what every system has, and neither Bun nor npm. */
let bare: string;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "chatelaine-launcher-"));
  clone = join(folder, "clone");
  bare = join(folder, "bin");
  mkdirSync(bare);
  for (const tool of TOOLS) symlinkSync(Bun.which(tool) as string, join(bare, tool));
  for (const file of ["bin/chatelaine", "scripts/with-bun.sh"]) {
    mkdirSync(dirname(join(clone, file)), { recursive: true });
    copyFileSync(join(here, file), join(clone, file));
  }
  write("cli/src/main.ts", 'console.log(process.argv.slice(2).join("|"), process.env.FROM_DOTENV ?? "");');
  write("package.json", JSON.stringify({ devDependencies: { bun: Bun.version } }, null, 2));
  write("bunfig.toml", "[install]\nexact = true\n");
  // A lock file without packages: what is tried here is the launcher, not the registry.
  write("bun.lock", '{\n  "lockfileVersion": 1,\n  "workspaces": { "": {} },\n  "packages": {}\n}\n');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function write(file: string, text: string): void {
  mkdirSync(dirname(join(clone, file)), { recursive: true });
  writeFileSync(join(clone, file), text);
}

/** As a prepared clone has it, with this very Bun. */
async function writeStamp(): Promise<void> {
  const sum = Bun.spawnSync(["sh", "-c", `cksum < '${join(clone, "bun.lock")}'`]);
  write("node_modules/.chatelaine-stamp", `${sum.stdout.toString().trim()}\n${process.execPath}\n`);
}

interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function launch(args: string[], env: Record<string, string> = {}, cwd = folder): Promise<Outcome> {
  const child = Bun.spawn([join(clone, "bin/chatelaine"), ...args], {
    cwd,
    env: { PATH: bare, HOME: folder, ...env },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [out, err] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  return { code: await child.exited, out: out.trim(), err: err.trim() };
}

describe("a prepared clone", () => {
  test("becomes the program, with its arguments as they are and in silence", async () => {
    await writeStamp();
    expect(await launch(["a", "b c", ""])).toEqual({ code: 0, out: "a|b c|", err: "" });
  });

  test("works through symbolic links, from any folder", async () => {
    await writeStamp();
    symlinkSync("../clone/bin/chatelaine", join(bare, "inner"));
    symlinkSync("inner", join(bare, "chatelaine"));
    const child = Bun.spawn(["chatelaine", "x"], {
      cwd: "/",
      env: { PATH: bare, HOME: folder },
      stdout: "pipe",
    });
    expect((await new Response(child.stdout).text()).trim()).toBe("x");
  });

  test("takes no configuration from the folder one stands in", async () => {
    await writeStamp();
    writeFileSync(join(folder, ".env"), "FROM_DOTENV=yes\n");
    writeFileSync(join(folder, "bunfig.toml"), 'preload = ["./evil.ts"]\n');
    writeFileSync(join(folder, "evil.ts"), 'console.log("evil");');
    expect((await launch(["x"])).out).toBe("x");
  });

  test("writes nothing", async () => {
    await writeStamp();
    await launch(["x"]);
    expect(existsSync(join(clone, ".tools"))).toBe(false);
  });
});

describe("a clone without Bun", () => {
  test("says in one line what is missing where npm is missing as well", async () => {
    const { code, out, err } = await launch(["x"]);
    expect({ code, out }).toEqual({ code: 1, out: "" });
    expect(err).toMatch(/^chatelaine: Bun .* is missing, and npm .*$/);
    expect(existsSync(join(clone, ".tools/lock"))).toBe(false);
  });

  test("says in one line that npm could not fetch it", async () => {
    symlinkSync("/bin/false", join(bare, "npm"));
    const { code, err } = await launch(["x"]);
    expect(code).toBe(1);
    expect(err.split("\n").at(-1)).toMatch(/^chatelaine: npm could not fetch @oven\/bun-/);
  });

  test("asks npm for the baseline build where the processor has no AVX2", async () => {
    if (process.platform !== "linux" || process.arch !== "x64") return;
    rmSync(join(bare, "grep"));
    writeScript(join(bare, "grep"), `case "$*" in *avx2*) exit 1 ;; esac\nexec ${Bun.which("grep")} "$@"`);
    symlinkSync("/bin/false", join(bare, "npm"));
    expect((await launch(["x"])).err).toMatch(/bun-linux-x64(-musl)?-baseline@/);
  });

  test("takes CHATELAINE_BUN, and refuses one that does not run", async () => {
    const refused = await launch(["x"], { CHATELAINE_BUN: "/bin/false" });
    expect(refused.code).toBe(1);
    expect(refused.err).toStartWith("chatelaine: CHATELAINE_BUN=/bin/false is no Bun");
  });

  test("passes over a Bun on PATH that is older, or of another major version", async () => {
    const [major = 1, minor = 0] = Bun.version.split(".").map(Number);
    for (const version of [`${major}.${minor - 1}.9`, `${major + 1}.0.0`, `${major - 1}.99.0`]) {
      writeScript(join(bare, "bun"), `printf %s ${version}`);
      expect((await launch(["x"])).err).toContain("is missing");
    }
  });
});

function writeScript(file: string, body: string): void {
  rmSync(file, { force: true });
  writeFileSync(file, `#!/bin/sh\n${body}\n`);
  chmodSync(file, 0o755);
}

describe("preparing a clone", () => {
  test("is done once by four that start at the same time, past a dead process's lock", async () => {
    const count = join(folder, "installs");
    const fake = `case "$1" in
  -e) printf %s ${Bun.version} ;;
  install) echo install >> ${count}; sleep 0.3; mkdir -p node_modules ;;
  *) exec ${process.execPath} "$@" ;;
esac`;
    writeScript(join(bare, "bun"), fake);
    mkdirSync(join(clone, ".tools"));
    symlinkSync("999999999", join(clone, ".tools/lock"));
    const all = await Promise.all(["a", "b", "c", "d"].map((name) => launch([name])));
    expect(all.map(({ code, out }) => [code, out])).toEqual(["a", "b", "c", "d"].map((name) => [0, name]));
    expect(readFileSync(count, "utf8")).toBe("install\n");
  });

  test("is done again when bun.lock has changed", async () => {
    await writeStamp();
    writeFileSync(join(clone, "bun.lock"), "changed");
    expect((await launch(["x"])).err).toContain("is missing");
  });
});
