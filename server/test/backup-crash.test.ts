/**
 * A restore that is killed at any of its steps leaves a folder that opens, as it was or as it is to be, or that is refused
 * until the same restore is run again. Each step is a system call that changes a file; strace kills the process when it
 * makes it (R24). `CHATELAINE_TEST_ROUNDS` of 100 or more takes every step, else some of each kind.
 */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { cpSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openLocal } from "../src/app.ts";
import { readConfig } from "../src/config.ts";
import { AppError } from "../src/domain/errors.ts";
import { createServer } from "../src/server.ts";
import { backup, made, makeTemplate, PASSPHRASE, removeAll, restore, scratchFolder } from "./backup-app.ts";
import { QUIET, SYSTEM } from "./installation.ts";

setDefaultTimeout(600_000);
const SCRIPT = new URL("./backup-crash-script.ts", import.meta.url).pathname;
const CALLS = ["rename", "unlink", "fsync", "ftruncate", "mkdir", "pwrite64"] as const;
/** Of calls that are made more often, the one in the middle and the last two: those put files into their places. */
const STEPS_OF_EACH = 3;
const isLong = Number(process.env.CHATELAINE_TEST_ROUNDS ?? 0) >= 100;
const scratch = scratchFolder();
beforeAll(() => makeTemplate(scratch));
afterAll(() => removeAll(scratch));

interface Place {
  readonly path: string;
  readonly state: string;
}

async function traced(file: string, { path, state }: Place, ...flags: string[]): Promise<number> {
  const child = Bun.spawn(["strace", "-qq", ...flags, process.execPath, SCRIPT, file, path, state], {
    stdout: "ignore",
    stderr: "pipe",
  });
  const said = await new Response(child.stderr).text();
  const code = await child.exited;
  if (code === 1) throw new Error(said);
  return code;
}

/** How often the restore makes each call. */
async function countCalls(file: string, place: Place): Promise<Record<string, number>> {
  const log = join(scratch, "trace");
  await traced(file, place, "-o", log, "-e", `trace=${CALLS.join(",")}`);
  const lines = readFileSync(log, "utf8").split("\n");
  return Object.fromEntries(
    CALLS.map((call) => [call, lines.filter((line) => line.startsWith(`${call}(`)).length]),
  );
}

function stepsOf(count: number): number[] {
  const all = Array.from({ length: count }, (_, step) => step + 1);
  if (isLong || count <= STEPS_OF_EACH) return all;
  return [Math.ceil(count / 2), count - 1, count];
}

/** Names of the keys that live; `refused` and `none` where nothing opens. */
async function whatOpens(place: Place): Promise<string> {
  try {
    const app = await openLocal({ data: place.path, state: place.state }, { log: QUIET });
    const { rows } = await app.keys.list(SYSTEM, {});
    const said = rows.map(({ name, revokedAt }) => (revokedAt === null ? name : `${name} revoked`));
    const isWaiting = app.store.quarantine() !== undefined;
    await app.close();
    return `${said.sort().join(", ")}${isWaiting ? ", waiting" : ""}`;
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    if (error.message.includes("has not ended")) return "refused";
    if (error.message.includes("There is no Chatelaine")) return "none";
    if (error.message.includes("cannot be opened")) return "unreadable";
    throw error;
  }
}

async function killAtEachStep(
  file: string,
  fresh: () => Place,
  allowed: readonly string[],
  last: string,
): Promise<void> {
  const counts = await countCalls(file, fresh());
  const seen = new Set<string>();
  for (const call of CALLS) {
    for (const step of stepsOf(counts[call]!)) {
      const place = fresh();
      const code = await traced(
        file,
        place,
        "-e",
        `trace=${call}`,
        "-e",
        `inject=${call}:signal=SIGKILL:when=${step}`,
      );
      const opens = await whatOpens(place);
      expect([call, step, code, allowed.includes(opens) ? "" : opens]).toEqual([call, step, 137, ""]);
      seen.add(opens);
      if (opens === "refused") await expectRefused(place);
      await restore(place, file, { passphrase: PASSPHRASE });
      expect([call, step, await whatOpens(place)]).toEqual([call, step, last]);
      for (const left of ["restoring", "restore-work", "restore.lock"])
        expect([call, step, left, existsSync(join(place.path, left))]).toEqual([call, step, left, false]);
      removeAll(place.path, place.state);
    }
  }
  // Else it was never killed in between.
  expect([...seen].sort()).toEqual([...allowed].sort());
}

/** By a server too, which would make a new installation where there is none. */
async function expectRefused({ path, state }: Place): Promise<void> {
  const config = readConfig({ data: path, state, http: "127.0.0.1:0", https: "off" }, {});
  const refused = await createServer(config, { log: QUIET }).catch((error: AppError) => error);
  expect(refused).toBeInstanceOf(AppError);
  expect((refused as AppError).details).toEqual({ exitCode: 78 });
}

describe("a restore that is killed", () => {
  let turn = 0;
  const copyOf = (folder: Place) => () => {
    const path = join(scratch, `copy-${++turn}`);
    cpSync(folder.path, path, { recursive: true });
    removeAll(join(path, "installation"));
    return { path, state: `${path}.state` };
  };

  test("over a database leaves it as it was, or as it is to be", async () => {
    const { folder, key, file } = await made();
    await using _ = folder;
    const app = await folder.open();
    await app.keys.revoke(SYSTEM, key.id, "since");
    await app.keys.create(SYSTEM, { name: "later", username: "ada" });
    await app.close();
    await killAtEachStep(file, copyOf(folder), ["ci revoked, later", "ci revoked"], "ci revoked");
  });

  test("into an empty folder leaves none, or one that is refused, or one that waits", async () => {
    const { folder } = await made();
    await using _ = folder;
    const app = await folder.open();
    const file = await backup(app, join(scratch, "with-secret.backup"), PASSPHRASE);
    await app.close();
    const fresh = () => {
      const path = join(scratch, `empty-${++turn}`);
      return { path, state: `${path}.state` };
    };
    await killAtEachStep(file, fresh, ["none", "refused", "ci, waiting"], "ci, waiting");
  });

  test("over a database that cannot be read leaves a folder that is refused, or one that waits", async () => {
    const { folder, file } = await made();
    await using _ = folder;
    const broken = copyOf(folder)();
    writeFileSync(join(broken.path, "chatelaine.db"), crypto.getRandomValues(new Uint8Array(50_000)));
    await killAtEachStep(file, copyOf(broken), ["unreadable", "refused", "ci, waiting"], "ci, waiting");
  });
});
