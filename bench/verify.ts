/**
 * Checks of keys beside what does less (nginx that answers nothing, HAProxy that looks up a map) and what does the same
 * (better-auth): requests a second, and what each costs the server's process. Runs alternate, medians are told.
 */

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { install } from "./installation.ts";
import { dropFolder, makeFolder, type Node, startNode } from "./node.ts";
import { figure, table } from "./results.ts";
import { guardRows, measureGuard } from "./verify-guard.ts";
import { fillKnown, type KnownKeys, makePair } from "./verify-keys.ts";
import {
  type Load,
  type LoadTarget,
  type Measured,
  measure,
  measureOpen,
  middle,
  WRK_THREADS,
} from "./verify-load.ts";
import { startBetterAuth, startHaproxy, startNginx, startNginxTls } from "./verify-rivals.ts";

const RUNS = Number(process.env.BENCH_RUNS ?? 5);
const SECONDS = Number(process.env.BENCH_SECONDS ?? 3);
const SIZES = (process.env.BENCH_KEYS ?? "1000,100000,1000000").split(",").map(Number);

type Row = readonly string[];
interface Contender {
  readonly target: LoadTarget;
  readonly load: Load;
  readonly name: string;
}

interface Compared {
  readonly rows: Row[];
  readonly auth: Measured;
  readonly nginx: Measured;
}

/** @returns tables for RESULTS.md */
export async function run(): Promise<string> {
  const parts = [
    `wrk -c32 with ${WRK_THREADS} thread on the same machine, ${RUNS} runs of ${SECONDS} s each, alternating; keys in random order. CPU is user and system of the server's process, all threads, until what was put off is done too.`,
  ];
  let small: Compared | undefined;
  for (const size of SIZES) {
    const compared = await compare(size);
    const keys = size.toLocaleString("en");
    const head = ["requests/s", "CPU us", "p50 ms", "p99 ms", "/auth against it", "CPU of /auth against it"];
    parts.push(table([`${keys} keys`, ...head], compared.rows));
    if (small)
      parts.push(
        `${keys} keys against ${SIZES[0]!.toLocaleString("en")}: ${ratio(compared.auth.perSecond, small.auth.perSecond)} of the requests a second; of nginx, whose work does not know how many keys there are, ${ratio(compared.nginx.perSecond, small.nginx.perSecond)}`,
      );
    small ??= compared;
  }
  return parts.join("\n\n");
}

async function compare(size: number): Promise<Compared> {
  const folder = makeFolder();
  const opened: { stop(): Promise<void> }[] = [];
  const open = <T extends { stop(): Promise<void> }>(one: T): T => {
    opened.push(one);
    return one;
  };
  try {
    await install(folder);
    const known = await fillKnown(folder, size);
    const pair = await makePair(folder);
    const node = open(await startNode(folder, { https: true }));
    const load: Load = { seconds: SECONDS, keys: known.file };
    const contenders = await contendersOf(node, known, load, open);
    await warm(node, load, size);
    const measured = await alternate(contenders);
    const auth = measured.get("Chatelaine /auth")!;
    const rows = [...measured].map(([name, one]) => rowOf(name, one, auth));
    rows.push(...(await extra(node, folder, { load, pair, auth })));
    const resident = figure(node.residentBytes() / 2 ** 20, "MiB");
    rows.push(["resident, all keys asked for", resident, "", "", "", "", ""]);
    return { rows, auth, nginx: measured.get(NGINX)! };
  } finally {
    for (const one of opened.reverse()) await one.stop();
    dropFolder(folder);
  }
}

const NGINX = "nginx `return 204`";

async function contendersOf(
  node: Node,
  known: KnownKeys,
  load: Load,
  open: (target: LoadTarget) => LoadTarget,
): Promise<Contender[]> {
  const own = (path: string, base = node.url): LoadTarget => ownTarget(node, base + path);
  const { secureUrl } = node;
  const contenders: Contender[] = [
    { name: NGINX, target: open(await startNginx()), load },
    { name: "HAProxy map", target: open(await startHaproxy(known.file)), load },
    { name: "Chatelaine /auth", target: own("/auth"), load },
    { name: "Chatelaine /auth, half bad keys", target: own("/auth"), load: { ...load, bad: 0.5 } },
    { name: "Chatelaine /api/v1/verify", target: own("/api/v1/verify"), load: { ...load, as: "body" } },
    { name: `${NGINX}, https`, target: open(await startNginxTls()), load },
    { name: "Chatelaine /auth, https", target: own("/auth", secureUrl), load },
    {
      name: "Chatelaine /api/v1/verify, https",
      target: own("/api/v1/verify", secureUrl),
      load: { ...load, as: "body" },
    },
  ];
  if (known.count > 1_000) return contenders;
  const { target, keys } = await startBetterAuth(known.count);
  return [...contenders, { name: "better-auth verifyApiKey", target: open(target), load: { ...load, keys } }];
}

function ownTarget(node: Node, url: string): LoadTarget {
  return { name: url, url, pids: [node.pid], stop: async () => {} };
}

/** Every key is asked for once before anything is counted. */
async function warm(node: Node, load: Load, size: number): Promise<void> {
  const target = ownTarget(node, `${node.url}/auth`);
  for (let from = 0; from < size; ) {
    const { requests } = await measure(target, { ...load, from, seconds: Math.max(SECONDS, 5) });
    if (requests === 0) throw new Error("Nothing was answered");
    from += requests;
  }
}

async function alternate(contenders: readonly Contender[]): Promise<Map<string, Measured>> {
  const all = new Map<string, Measured[]>(contenders.map(({ name }) => [name, []]));
  for (let turn = 0; turn < RUNS; turn++)
    for (const { name, target, load } of contenders) all.get(name)!.push(await measure(target, load));
  return new Map([...all].map(([name, runs]) => [name, middle(runs)]));
}

interface Extra {
  readonly load: Load;
  readonly pair: { readonly plain: string; readonly limited: string };
  readonly auth: Measured;
}

/** Limits, latency at half the peak, and the same service with and without the guard. */
async function extra(node: Node, folder: string, { load, pair, auth }: Extra): Promise<Row[]> {
  const target = (path: string): LoadTarget => ownTarget(node, node.url + path);
  const one = (name: string, text: string): string => {
    const file = join(folder, name);
    writeFileSync(file, text);
    return file;
  };
  const headers = { "X-Forwarded-For": "192.0.2.7" };
  const limits = await alternate([
    {
      name: "one key without limits",
      target: target("/auth?scope=dns:read"),
      load: { ...load, keys: one("plain", pair.plain), headers },
    },
    {
      name: "one key with scope, addresses and rate",
      target: target("/auth?scope=dns:read"),
      load: { ...load, keys: one("limited", pair.limited), headers },
    },
  ]);
  const [plain, limited] = [...limits.values()] as [Measured, Measured];
  const open = await measureOpen(target("/auth"), load, auth.perSecond / 2);
  return [
    ...[...limits].map(([name, each]) => rowOf(name, each, auth)),
    ["with limits against without", ratio(limited.perSecond, plain.perSecond), "", "", "", "", ""],
    [
      `open loop at ${figure(open.reached, "/s")}`,
      "",
      "",
      figure(open.p50, ""),
      `${figure(open.p99, "")}, p99.9 ${figure(open.p999, "")}`,
      "",
      "",
    ],
    ...guardRows(await measureGuard(node, load, RUNS)),
  ];
}

function rowOf(name: string, one: Measured, auth: Measured): Row {
  return [
    name,
    figure(one.perSecond, ""),
    figure(one.cpuMicroseconds, ""),
    figure(one.p50Ms, ""),
    figure(one.p99Ms, ""),
    ratio(auth.perSecond, one.perSecond),
    ratio(auth.cpuMicroseconds, one.cpuMicroseconds),
  ];
}

function ratio(value: number, of: number): string {
  return (value / of).toFixed(2);
}
