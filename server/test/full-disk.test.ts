import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const SCRIPT = new URL("./full-disk-script.ts", import.meta.url).pathname;

/** Runs the script with its folder on a disk of 4 MiB, in a mount namespace of its own (util-linux's unshare). */
async function onSmallDisk(folder: string): Promise<unknown> {
  const flags = process.getuid?.() === 0 ? ["--mount"] : ["--mount", "--map-root-user"];
  const steps = 'mount -t tmpfs -o size=4m,mode=700 none "$1" && exec "$2" "$3" "$1"';
  const child = Bun.spawn(["unshare", ...flags, "sh", "-c", steps, "sh", folder, process.execPath, SCRIPT], {
    stdout: "pipe",
    stderr: "pipe",
  });
  const [out, error] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  if ((await child.exited) !== 0) throw new Error(`No small disk could be had: ${error}`);
  return JSON.parse(out);
}

test.skipIf(process.platform !== "linux")(
  "a full disk refuses changes and loses nothing, checks and revocations go on, and it heals without a restart",
  async () => {
    const folder = mkdtempSync(join(tmpdir(), "chatelaine-disk-"));
    try {
      expect(await onSmallDisk(folder)).toEqual({
        refused: ["storage_full"],
        ready: 503,
        alive: 200,
        checked: "ok",
        revoked: ["ok"],
        afterRevocation: "revoked",
        healed: "ok",
        kept: ["after", "before-0", "before-1", "before-2", "before-3", "before-4"],
      });
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
  { timeout: 60_000 },
);
