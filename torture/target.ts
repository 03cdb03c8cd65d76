/** The server under attack: a real process on a folder of its own, behind a proxy that it trusts, with its log in a file. */
import { Database } from "bun:sqlite";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const LAUNCHER = new URL("../bin/chatelaine", import.meta.url).pathname;
const READY_MS_MAX = 30_000;
const PASSWORD = "a long password for honest people";
const AUDIT_FILL = `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
  INSERT INTO records (id, at, event, action, description, door, details, success)
  SELECT printf('%08d-0000-4000-8000-000000000000', i), ?2, 'METHOD_CALL', 'torture', 'Somebody did something with key ' || i,
    'rest', json_object('call', json_object('method', 'torture', 'params', json_array(hex(zeroblob(200))))), 1 FROM n`;

export interface Credentials {
  readonly url: string;
  readonly password: string;
  /** Of `honest`, an administrator at work. */
  readonly key: string;
  /** Of `insider`, who is signed in and attacks all the same. */
  readonly insiderKey: string;
}

/** What attacks may fill. */
export interface Sizes {
  readonly databases: number;
  readonly log: number;
  readonly resident: number;
  /** Seconds of processor that the server has used. */
  readonly processor: number;
}

export interface Target extends AsyncDisposable {
  readonly credentials: Credentials;
  sizes(): Sizes;
}

/** @param auditRecords that searches have to go through */
export async function openTarget(auditRecords: number): Promise<Target> {
  const folder = mkdtempSync(join(tmpdir(), "chatelaine-torture-"));
  const places = ["--data", join(folder, "data"), "--state", join(folder, "state")];
  const log = join(folder, "log");
  const port = freePort();
  const url = `http://127.0.0.1:${port}`;
  const run = async (args: readonly string[], input = ""): Promise<string> => {
    const child = Bun.spawn([LAUNCHER, ...args, ...places], { stdin: Buffer.from(input), stderr: "pipe" });
    const out = await new Response(child.stdout).text();
    if ((await child.exited) !== 0) throw new Error(await new Response(child.stderr).text());
    return out.trim();
  };
  const serve = Bun.spawn(
    [
      LAUNCHER,
      "serve",
      ...places,
      "--http",
      `127.0.0.1:${port}`,
      "--https",
      "off",
      "--trusted-proxy",
      "127.0.0.1",
    ],
    { stdout: "ignore", stderr: Bun.file(log) },
  );
  // Whatever becomes of this process.
  process.on("exit", () => serve.kill("SIGKILL"));
  const close = async (): Promise<void> => {
    serve.kill("SIGKILL");
    await serve.exited;
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const began = performance.now();
    while (
      !(await fetch(`${url}/readyz`).then(
        ({ ok }) => ok,
        () => false,
      ))
    ) {
      if (performance.now() - began > READY_MS_MAX || serve.exitCode !== null)
        throw new Error(`The server did not get ready: ${readFileSync(log, "utf8").slice(0, 500)}`);
      await Bun.sleep(20);
    }
    for (const user of ["honest", "insider"])
      await run(["user", "create", user, "--role", "FULL_ADMIN", "--password-stdin"], PASSWORD);
    const key = await run(["key", "create", "--user", "honest", "--name", "honest"]);
    const insiderKey = await run(["key", "create", "--user", "insider", "--name", "insider"]);
    if (auditRecords > 0) {
      using database = new Database(join(folder, "data", "activity.db"));
      database.run("PRAGMA busy_timeout = 10000");
      database.run(AUDIT_FILL, [auditRecords, Date.now()]);
    }
    return {
      credentials: { url, password: PASSWORD, key, insiderKey },
      sizes: () => ({
        databases: readdirSync(join(folder, "data"))
          .filter((name) => /\.db(-wal)?$/.test(name))
          .reduce((sum, name) => sum + statSync(join(folder, "data", name)).size, 0),
        log: statSync(log).size,
        resident: residentBytes(serve.pid),
        processor: processorSeconds(serve.pid),
      }),
      [Symbol.asyncDispose]: close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

function freePort(): number {
  const probe = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response() });
  const { port } = probe;
  probe.stop(true);
  return port!;
}

/** Linux, proc(5); NaN elsewhere. */
function residentBytes(pid: number): number {
  try {
    return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) * 1024;
  } catch {
    return Number.NaN;
  }
}

/** The 14th and 15th field, in hundredths of a second; NaN elsewhere. */
function processorSeconds(pid: number): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return (Number(fields[11]) + Number(fields[12])) / 100;
  } catch {
    return Number.NaN;
  }
}
