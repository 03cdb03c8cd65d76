/** A server as a child process on a folder of its own, and a client of its JSON-RPC API. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const LAUNCHER = new URL("../bin/chatelaine", import.meta.url).pathname;
const READY_MS_MAX = 30_000;

export interface Node {
  readonly url: string;
  /** Empty without https. */
  readonly secureUrl: string;
  readonly pid: number;
  /** From the start of the process until it says that it is ready. */
  readonly readyMs: number;
  residentBytes(): number;
  stop(): Promise<void>;
}

export function makeFolder(): string {
  return mkdtempSync(join(tmpdir(), "chatelaine-bench-"));
}

/** The installation in such a folder. */
export function placeIn(folder: string): { data: string; state: string } {
  return { data: folder, state: `${folder}.state` };
}

export function dropFolder(folder: string): void {
  const { data, state } = placeIn(folder);
  for (const path of [data, state]) rmSync(path, { recursive: true, force: true });
}

export async function startNode(folder: string, { https = false } = {}): Promise<Node> {
  const port = freePort();
  const secure = https ? `127.0.0.1:${freePort()}` : "off";
  const began = performance.now();
  const args = [LAUNCHER, "serve", ...placeArgs(folder), "--http", `127.0.0.1:${port}`, "--https", secure];
  const child = Bun.spawn([...args, "--anonymous-rate", "0", "--log-level", "warn"], {
    stdout: "ignore",
    stderr: "inherit",
  });
  const url = `http://127.0.0.1:${port}`;
  while (!(await isReady(url))) {
    if (performance.now() - began > READY_MS_MAX) throw new Error("The server did not get ready");
    await Bun.sleep(5);
  }
  return {
    url,
    secureUrl: https ? `https://${secure}` : "",
    pid: child.pid,
    readyMs: performance.now() - began,
    residentBytes: () => residentBytes(child.pid),
    stop: async () => {
      child.kill("SIGTERM");
      await child.exited;
    },
  };
}

/** Runs the command line on the folder; throws when it fails. @returns what it printed */
export async function command(folder: string, args: readonly string[], input = ""): Promise<string> {
  const child = Bun.spawn([LAUNCHER, ...args, ...placeArgs(folder)], {
    stdin: Buffer.from(input),
    stderr: "pipe",
  });
  const [out, error] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  if ((await child.exited) !== 0) throw new Error(`${args.join(" ")}: ${error}`);
  return out.trim();
}

function placeArgs(folder: string): string[] {
  const { data, state } = placeIn(folder);
  return ["--data", data, "--state", state];
}

export interface RpcConnection {
  call(method: string, params: readonly unknown[]): Promise<unknown>;
  close(): void;
}

export async function connectRpc(url: string): Promise<RpcConnection> {
  const socket = new WebSocket(`${url.replace("http", "ws")}/api/current`);
  await new Promise((resolve, reject) => {
    socket.onopen = resolve;
    socket.onerror = () => reject(new Error("The socket did not open"));
  });
  let next = 1;
  const waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  socket.onmessage = ({ data }) => {
    const { id, result, error } = JSON.parse(data);
    const asked = waiting.get(id);
    waiting.delete(id);
    if (error) asked?.reject(new Error(error.data?.reason ?? error.message));
    else asked?.resolve(result);
  };
  return {
    call: (method, params) =>
      new Promise((resolve, reject) => {
        const id = next++;
        waiting.set(id, { resolve, reject });
        socket.send(JSON.stringify({ jsonrpc: "2.0", id, method, params }));
      }),
    close: () => socket.close(),
  };
}

export function freePort(): number {
  const probe = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response() });
  const { port } = probe;
  probe.stop(true);
  return port!;
}

async function isReady(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/readyz`)).ok;
  } catch {
    return false;
  }
}

/** Linux, proc(5); NaN elsewhere. */
function residentBytes(pid: number): number {
  try {
    const line = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"));
    return Number(line?.[1]) * 1024;
  } catch {
    return Number.NaN;
  }
}
