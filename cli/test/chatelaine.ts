/** The command line as a child process, on a data folder of its own. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export const MAIN = join(import.meta.dir, "../src/main.ts");
/** Nothing here takes that long; what hangs is ended. */
const END_AFTER_MS = 30_000;

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly stdin?: string | Uint8Array;
  readonly env?: Readonly<Record<string, string>>;
}

export function temporaryFolder(): string {
  return mkdtempSync(join(tmpdir(), "chatelaine-cli-"));
}

/** Nothing but where programs are, and where state files go. */
export const BARE = {
  PATH: process.env.PATH ?? "",
  HOME: "/nonexistent",
  CHATELAINE_STATE: process.env.CHATELAINE_STATE ?? "off",
};

/** Without the configuration of whoever runs the tests. */
function environment(env: RunOptions["env"] = {}): Record<string, string> {
  return { ...BARE, USER: "tester", ...env };
}

export async function run(args: readonly string[], { stdin = "", env }: RunOptions = {}): Promise<Ran> {
  const child = Bun.spawn([process.execPath, MAIN, ...args], {
    stdin: typeof stdin === "string" ? new TextEncoder().encode(stdin) : stdin,
    stdout: "pipe",
    stderr: "pipe",
    env: environment(env),
    timeout: END_AFTER_MS,
    killSignal: "SIGKILL",
  });
  const [stdout, stderr, code] = await Promise.all([
    textOf(child.stdout),
    textOf(child.stderr),
    child.exited,
  ]);
  return { code, stdout, stderr };
}

export interface Serving {
  /** What it said before it was ready. */
  readonly said: string;
  readonly http: string;
  readonly pid: number;
  /** Sends SIGTERM unless told otherwise, and waits for the end. */
  stop(signal?: NodeJS.Signals): Promise<Ran>;
}

/** Starts a server and waits until it has said where it listens. */
export async function serve(
  data: string,
  args: readonly string[] = [],
  env?: RunOptions["env"],
): Promise<Serving> {
  const child = Bun.spawn(
    [process.execPath, MAIN, "serve", "--data", data, "--http", "127.0.0.1:0", "--https", "off", ...args],
    {
      stdout: "pipe",
      stderr: "pipe",
      env: environment(env),
      timeout: 2 * END_AFTER_MS,
      killSignal: "SIGKILL",
    },
  );
  const stderr = textOf(child.stderr);
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let said = "";
  while (!said.includes("Listening on")) {
    const { done, value } = await reader.read();
    if (done) throw new Error(`serve ended: ${await stderr}`);
    said += value;
  }
  const http = /Listening on (http:\S+)/.exec(said)?.[1] ?? "";
  const stop = async (signal: NodeJS.Signals = "SIGTERM"): Promise<Ran> => {
    child.kill(signal);
    const code = await child.exited;
    return { code, stdout: said, stderr: await stderr };
  };
  return { said, http, pid: child.pid, stop };
}

export interface Installation {
  readonly data: string;
  /** Runs a command on it. */
  run(args: readonly string[], options?: RunOptions): Promise<Ran>;
  /** Runs a command that must succeed, and reads its JSON. */
  json<Shape = Record<string, unknown>>(args: readonly string[], options?: RunOptions): Promise<Shape>;
  remove(): void;
}

/** A data folder as the first `serve` leaves it, with the administrator root. */
export async function install(): Promise<Installation> {
  const folder = temporaryFolder();
  const data = join(folder, "data");
  const runHere: Installation["run"] = (args, options) => run(["--data", data, ...args], options);
  const json = async <Shape>(args: readonly string[], options?: RunOptions): Promise<Shape> => {
    const { code, stdout, stderr } = await runHere([...args, "--json"], options);
    if (code !== 0) throw new Error(`${args.join(" ")} ended with ${code}: ${stderr}`);
    return JSON.parse(stdout) as Shape;
  };
  await (await serve(data)).stop();
  await json(["user", "create", "root", "--role", "FULL_ADMIN"]);
  return { data, run: runHere, json, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

export function textOf(stream: ReadableStream<Uint8Array>): Promise<string> {
  return new Response(stream as ReadableStream).text();
}
