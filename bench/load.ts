/** Closed-loop load by wrk (Debian package `wrk`), and the CPU time of the process that answered. */
import { readFileSync } from "node:fs";

export interface LoadResult {
  readonly perSecond: number;
  /** User and system time of the server for one request; NaN off Linux. */
  readonly cpuMicroseconds: number;
  readonly failed: number;
}

const CONNECTIONS = 32;
const TICKS_PER_SECOND = 100;

/** @param pid of the server, for its CPU time */
export async function load(
  url: string,
  {
    pid,
    seconds = 3,
    headers = {},
  }: { readonly pid: number; readonly seconds?: number; readonly headers?: Record<string, string> },
): Promise<LoadResult> {
  const before = cpuSeconds(pid);
  const flags = Object.entries(headers).flatMap(([name, value]) => ["-H", `${name}: ${value}`]);
  const child = Bun.spawn(["wrk", "-t1", `-c${CONNECTIONS}`, `-d${seconds}s`, ...flags, url], {
    stderr: "inherit",
  });
  const text = await new Response(child.stdout).text();
  if ((await child.exited) !== 0) throw new Error(`wrk failed: ${text}`);
  const requests = Number(/(\d+) requests in/.exec(text)?.[1]);
  return {
    perSecond: Number(/Requests\/sec:\s+([\d.]+)/.exec(text)?.[1]),
    cpuMicroseconds: ((cpuSeconds(pid) - before) * 1e6) / requests,
    failed: Number(/Non-2xx or 3xx responses: (\d+)/.exec(text)?.[1] ?? 0),
  };
}

/** User and system time of a process so far: fields 14 and 15 of proc(5)'s stat. */
export function cpuSeconds(pid: number): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
      .replace(/^.*\) /, "")
      .split(" ");
    return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
  } catch {
    return Number.NaN;
  }
}
