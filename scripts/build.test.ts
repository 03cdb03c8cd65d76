import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { VERSION } from "../server/src/version.ts";

const root = join(import.meta.dir, "..");
let folder: string;
let executable: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "chatelaine-build-"));
  executable = join(folder, "chatelaine");
  const env = { ...process.env, CHATELAINE_DIST: folder };
  const build = Bun.spawn(["sh", "scripts/build.sh", "this"], {
    cwd: root,
    env,
    stdout: "ignore",
    stderr: "pipe",
  });
  const error = await new Response(build.stderr).text();
  if ((await build.exited) !== 0) throw new Error(error);
}, 120_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** In an empty folder and environment: nothing of the clone can help it. */
function start(...args: string[]) {
  const env = {
    PATH: "",
    HOME: folder,
    CHATELAINE_DATA: join(folder, "data"),
    CHATELAINE_STATE: join(folder, "state"),
  };
  return Bun.spawn([executable, ...args], {
    cwd: folder,
    env,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
}

describe("the single executable", () => {
  test("tells the one version", async () => {
    const child = start("--version");
    expect((await new Response(child.stdout).text()).trim()).toBe(VERSION);
    expect(await child.exited).toBe(0);
  });

  test("serves, its Workers, its own certificate, the screens and the reference included, and ends in good order", async () => {
    const socket = join(folder, "http.sock");
    const child = start("serve", "--http", `unix:${socket}`, "--https", "127.0.0.1:0");
    try {
      expect(await waitForReady(child, socket)).toBe(200);
      expect(existsSync(join(folder, "data/tls/ca.pem"))).toBe(true);
      for (const path of ["/", "/api/docs/current/rest", "/api/docs/assets/scalar.js"]) {
        const { status } = await fetch(`http://localhost${path}`, { unix: socket });
        expect([path, status]).toEqual([path, 200]);
      }
      const file = join(folder, "one.backup");
      expect(await start("backup", file).exited).toBe(0);
      expect(await start("backup", "--verify", file).exited).toBe(0);
    } finally {
      child.kill("SIGTERM");
    }
    expect(await child.exited).toBe(0);
  }, 30_000);
});

async function waitForReady(child: { exitCode: number | null }, socket: string): Promise<number | undefined> {
  for (let tries = 0; tries < 400 && child.exitCode === null; tries++) {
    const answer = await fetch("http://localhost/readyz", { unix: socket }).catch(() => undefined);
    if (answer !== undefined) return answer.status;
    await Bun.sleep(25);
  }
  return undefined;
}
