/** A service as a child process, on Bun and on Node 20. A machine without Node gets it from npm, in a folder of its own. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export const RUNTIMES = ["Bun", "Node 20"] as const;
export type Runtime = (typeof RUNTIMES)[number];

const NODE = "20.20.2";
const READY_MS_MAX = 30_000;

export function temporaryFolder(): string {
  return mkdtempSync(join(tmpdir(), "chatelaine-client-"));
}

/** @param folder where Node is put if it must be brought */
export function findRuntime(runtime: Runtime, folder: string): string {
  if (runtime === "Bun") return process.execPath;
  const found = Bun.which("node");
  if (found && versionOf(found).startsWith("v20.")) return found;
  // The package `node` is this one and a script that needs Node to run.
  const name = `node-${process.platform}-${process.arch}`;
  writeFileSync(join(folder, "package.json"), JSON.stringify({ dependencies: { [name]: NODE } }));
  Bun.spawnSync([process.execPath, "install"], { cwd: folder, stdout: "ignore", stderr: "inherit" });
  const brought = join(folder, "node_modules", name, "bin/node");
  if (versionOf(brought) !== `v${NODE}`) throw new Error("There is no Node 20, and npm did not bring it");
  return brought;
}

function versionOf(program: string): string {
  return Bun.spawnSync([program, "--version"]).stdout.toString().trim();
}

export interface Guarded extends AsyncDisposable {
  /** Address by the name of the framework. */
  readonly urls: Readonly<Record<"hono" | "express" | "fastify", string>>;
}

export async function startGuarded(runtime: Runtime, url: string, options: object = {}): Promise<Guarded> {
  const folder = temporaryFolder();
  const built = join(folder, "service.mjs");
  const target = runtime === "Bun" ? "bun" : "node";
  const { outputs } = await Bun.build({
    entrypoints: [join(import.meta.dir, "guarded-service.ts")],
    target,
    format: "esm",
  });
  await Bun.write(built, outputs[0]!);
  const args = [findRuntime(runtime, folder), built, url, JSON.stringify(options)];
  const child = Bun.spawn(args, { stdout: "pipe", stderr: "inherit", timeout: READY_MS_MAX });
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const { value = "" } = await reader.read();
  return {
    urls: JSON.parse(value),
    [Symbol.asyncDispose]: async () => {
      child.kill("SIGKILL");
      await child.exited;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
