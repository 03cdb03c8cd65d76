/** Load on a server in a process of its own, with what it cost that process. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { median, quantile } from "./results.ts";

export interface LoadTarget {
  readonly name: string;
  readonly url: string;
  readonly pids: readonly number[];
  stop(): Promise<void>;
}

export interface Load {
  readonly seconds: number;
  /** Key texts, one a line, in no order: the load walks through them, so it picks at random without waiting for memory itself. */
  readonly keys: string;
  /** Where in the file it begins; at a random place unless set. */
  readonly from?: number;
  /** Share of requests with a key that is not good. */
  readonly bad?: number;
  /** `body`: as JSON to /api/v1/verify. */
  readonly as?: "bearer" | "body";
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Measured {
  readonly perSecond: number;
  readonly requests: number;
  readonly cpuMicroseconds: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Answers that were neither 2xx nor 401. */
  readonly errors: number;
}

export interface OpenMeasured {
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  /** Requests a second. */
  readonly reached: number;
}

const CONNECTIONS = 32;
export const WRK_THREADS = 1;

/** Of each figure the median. */
export function middle<Name extends string>(
  runs: readonly Readonly<Record<Name, number>>[],
): Record<Name, number> {
  const names = Object.keys(runs[0] ?? {}) as Name[];
  return Object.fromEntries(names.map((name) => [name, median(runs.map((one) => one[name]))])) as Record<
    Name,
    number
  >;
}

/** wrk, closed loop. CPU counts until the target is idle again. */
export async function measure(target: LoadTarget, load: Load): Promise<Measured> {
  const folder = mkdtempSync(join(tmpdir(), "chatelaine-load-"));
  try {
    const script = join(folder, "load.lua");
    writeFileSync(script, luaOf(target, load));
    const before = cpuMs(target.pids);
    const child = Bun.spawn(
      [
        "wrk",
        `-t${WRK_THREADS}`,
        `-c${CONNECTIONS}`,
        `-d${load.seconds}s`,
        "--latency",
        "-s",
        script,
        target.url,
      ],
      { stdout: "pipe", stderr: "inherit" },
    );
    const text = await new Response(child.stdout).text();
    if ((await child.exited) !== 0) throw new Error(`wrk failed: ${text}`);
    const spent = (await settled(target.pids)) - before;
    const [, requests = "0"] = /(\d+) requests in/.exec(text) ?? [];
    const perSecond = Number(/Requests\/sec:\s+([\d.]+)/.exec(text)?.[1]);
    const [, wrong = "0"] = /WRONG (\d+)/.exec(text) ?? [];
    return {
      perSecond,
      requests: Number(requests),
      cpuMicroseconds: (spent * 1000) / Number(requests),
      p50Ms: milliseconds(/ 50%\s+(\S+)/.exec(text)?.[1]),
      p99Ms: milliseconds(/ 99%\s+(\S+)/.exec(text)?.[1]),
      errors: Number(wrong),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** h2load at a steady rate. @returns quantiles in milliseconds */
export async function measureOpen(target: LoadTarget, load: Load, perSecond: number): Promise<OpenMeasured> {
  const folder = mkdtempSync(join(tmpdir(), "chatelaine-load-"));
  try {
    const log = join(folder, "log");
    const key = readFileSync(load.keys, "utf8").slice(0, 200).split("\n")[0]!;
    const rate = Math.max(1, Math.round(perSecond / CONNECTIONS));
    const args = [
      "--h1",
      "-t1",
      `-c${CONNECTIONS}`,
      `--rps=${rate}`,
      `-D${load.seconds}`,
      `--log-file=${log}`,
    ];
    const child = Bun.spawn(["h2load", ...args, "-H", `authorization: Bearer ${key}`, target.url], {
      stdout: "ignore",
      stderr: "ignore",
    });
    await child.exited;
    const times = readFileSync(log, "utf8")
      .trim()
      .split("\n")
      .map((line) => Number(line.split("\t")[2]) / 1000);
    return {
      p50: quantile(times, 0.5),
      p99: quantile(times, 0.99),
      p999: quantile(times, 0.999),
      reached: times.length / load.seconds,
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Whole requests are built before the clock starts, so that the load costs as little as it can. */
function luaOf(target: LoadTarget, { keys, from, bad = 0, as = "bearer", headers = {} }: Load): string {
  const { host, pathname, search } = new URL(target.url);
  const more = Object.entries(headers)
    .map(([name, value]) => `${name}: ${value}\\r\\n`)
    .join("");
  const path = `${pathname}${search}`;
  const build =
    as === "bearer"
      ? `"GET ${path} HTTP/1.1\\r\\nHost: ${host}\\r\\n${more}Authorization: Bearer " .. key .. "\\r\\n\\r\\n"`
      : `"POST ${path} HTTP/1.1\\r\\nHost: ${host}\\r\\n${more}Content-Type: application/json\\r\\nContent-Length: " .. (#key + 10) .. "\\r\\n\\r\\n{\\"key\\":\\"" .. key .. "\\"}"`;
  const start = from === undefined ? "math.random(#requests)" : `${from} % #requests`;
  return `local requests = {}
local place = 0
local function spoil(key)
  local last = key:sub(-1)
  return key:sub(1, -2) .. (last == "a" and "b" or "a")
end
function init(args)
  math.randomseed(os.time())
  for key in io.lines("${keys}") do
    if math.random() < ${bad} then key = spoil(key) end
    requests[#requests + 1] = ${build}
  end
  place = ${start}
end
function request()
  place = place % #requests + 1
  return requests[place]
end
function done(summary, latency) io.write("WRONG " .. (summary.errors.connect + summary.errors.read + summary.errors.timeout) .. "\\n") end
`;
}

const SETTLE_MS = 200;
const SETTLE_MS_MAX = 20_000;

/** What was put off counts too: its CPU time when it is idle again. */
async function settled(pids: readonly number[]): Promise<number> {
  const until = performance.now() + SETTLE_MS_MAX;
  for (let before = cpuMs(pids); ; ) {
    await Bun.sleep(SETTLE_MS);
    const now = cpuMs(pids);
    if (now - before < SETTLE_MS / 10 || performance.now() > until) return now;
    before = now;
  }
}

/** User and system, of all threads. Linux, proc(5): ticks of 10 ms. */
function cpuMs(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => {
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]!.split(" ");
    return sum + (Number(fields[11]) + Number(fields[12])) * 10;
  }, 0);
}

/** The process and its children. */
export function familyOf(pid: number): number[] {
  const children = readdirSync(`/proc/${pid}/task`).flatMap((task) =>
    readFileSync(`/proc/${pid}/task/${task}/children`, "utf8").trim().split(" ").filter(Boolean).map(Number),
  );
  return [pid, ...children.flatMap(familyOf)];
}

function milliseconds(text = ""): number {
  const [, value, unit] = /^([\d.]+)(us|ms|s)$/.exec(text) ?? [];
  return Number(value) * ({ us: 0.001, ms: 1, s: 1000 }[unit ?? ""] ?? Number.NaN);
}
