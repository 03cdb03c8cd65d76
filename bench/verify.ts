/**
 * Checks of keys beside what does less (nginx that answers nothing, HAProxy that looks up a map) and what does the same
 * (better-auth): requests a second, and what each costs the server's process. Runs alternate, medians are told.
 */

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { install } from "./installation.ts";
import { dropFolder, makeFolder, type Node, startNode } from "./node.ts";
import { figure, median, table } from "./results.ts";
import { fillKnown, type KnownKeys, makePair } from "./verify-keys.ts";
import { type Load, type Measured, measure, measureOpen, type Target, WRK_THREADS } from "./verify-load.ts";
import { startBetterAuth, startHaproxy, startNginx } from "./verify-rivals.ts";

const RUNS = Number(process.env.BENCH_RUNS ?? 5);
const SECONDS = Number(process.env.BENCH_SECONDS ?? 3);
const SIZES = (process.env.BENCH_KEYS ?? "1000,100000,1000000").split(",").map(Number);

type Row = readonly string[];
interface Contender {
  readonly target: Target;
  readonly load: Load;
  readonly name: string;
}

/** @returns tables for RESULTS.md */
export async function run(): Promise<string> {
  const parts = [
    `wrk -c32 with ${WRK_THREADS} thread on the same machine, ${RUNS} runs of ${SECONDS} s each, alternating; keys at random. CPU is user and system of the server's process, all threads.`,
  ];
  const small: { auth?: Measured; verify?: Measured } = {};
  for (const size of SIZES) {
    const { rows, auth } = await compare(size);
    parts.push(
      table(
        [
          `${size.toLocaleString("en")} keys`,
          "requests/s",
          "CPU us",
          "p50 ms",
          "p99 ms",
          "/auth against it",
          "CPU of /auth against it",
        ],
        rows,
      ),
    );
    if (size === SIZES[0]) small.auth = auth;
    else if (small.auth)
      parts.push(
        `${size.toLocaleString("en")} keys against ${SIZES[0]!.toLocaleString("en")}: ${ratio(auth.perSecond, small.auth.perSecond)}`,
      );
  }
  return parts.join("\n\n");
}

async function compare(size: number): Promise<{ rows: Row[]; auth: Measured }> {
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
    const node = open(await startNode(folder));
    const load: Load = { seconds: SECONDS, keys: known.file };
    const contenders = await contendersOf(node, known, load, open);
    await warm(node, load);
    const measured = await alternate(contenders);
    const auth = measured.get("Chatelaine /auth")!;
    const rows = [...measured].map(([name, one]) => rowOf(name, one, auth));
    rows.push(...(await extra(node, folder, { load, pair, auth })));
    rows.push([
      "resident, all keys asked for",
      figure(node.residentBytes() / 2 ** 20, "MiB"),
      "",
      "",
      "",
      "",
      "",
    ]);
    return { rows, auth };
  } finally {
    for (const one of opened.reverse()) await one.stop();
    dropFolder(folder);
  }
}

async function contendersOf(
  node: Node,
  known: KnownKeys,
  load: Load,
  open: (target: Target) => Target,
): Promise<Contender[]> {
  const own = (path: string): Target => ({
    name: path,
    url: node.url + path,
    pids: [node.pid],
    stop: async () => {},
  });
  const contenders: Contender[] = [
    { name: "nginx `return 204`", target: open(await startNginx()), load },
    { name: "HAProxy map", target: open(await startHaproxy(known.file)), load },
    { name: "Chatelaine /auth", target: own("/auth"), load },
    { name: "Chatelaine /auth, half bad keys", target: own("/auth"), load: { ...load, bad: 0.5 } },
    { name: "Chatelaine /api/v1/verify", target: own("/api/v1/verify"), load: { ...load, as: "body" } },
  ];
  if (known.count > 1_000) return contenders;
  const { target, keys } = await startBetterAuth(known.count);
  return [...contenders, { name: "better-auth verifyApiKey", target: open(target), load: { ...load, keys } }];
}

/** Every key is asked for about once before anything is counted. */
async function warm(node: Node, load: Load): Promise<void> {
  const target: Target = { name: "warm", url: `${node.url}/auth`, pids: [node.pid], stop: async () => {} };
  await measure(target, { ...load, seconds: Math.max(SECONDS, Number(process.env.BENCH_WARM ?? 15)) });
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
  const target = (path: string): Target => ({
    name: path,
    url: node.url + path,
    pids: [node.pid],
    stop: async () => {},
  });
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
    ...(await guarded(node, load)),
  ];
}

/** What a user feels. */
async function guarded(node: Node, load: Load): Promise<Row[]> {
  const service = await startNginx();
  const { port } = new URL(service.url);
  const upstreams = `upstream service { server 127.0.0.1:${port}; keepalive 64; } upstream check { server ${new URL(node.url).host}; keepalive 64; keepalive_requests 1000000000; }`;
  const pass = `proxy_pass http://service; proxy_http_version 1.1; proxy_set_header Connection "";`;
  const check = `location = /.check { internal; proxy_pass http://check/auth?deny=403; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_pass_request_body off; proxy_set_header Content-Length ""; proxy_set_header X-Forwarded-For $remote_addr; proxy_set_header X-Forwarded-Host $host; }`;
  const without = await startNginx(`location / { ${pass} }`, upstreams);
  const withGuard = await startNginx(
    `${check} location / { auth_request /.check; auth_request_set $u $upstream_http_remote_user; proxy_set_header Remote-User $u; ${pass} }`,
    upstreams,
  );
  try {
    const both = await alternate([
      { name: "a service behind nginx", target: without, load },
      { name: "the same with the guard", target: withGuard, load },
    ]);
    const [bare, held] = [...both.values()] as [Measured, Measured];
    return [
      ...[...both].map(
        ([name, each]): Row => [
          name,
          figure(each.perSecond, ""),
          "",
          figure(each.p50Ms, ""),
          figure(each.p99Ms, ""),
          "",
          "",
        ],
      ),
      [
        "the guard adds",
        ratio(held.perSecond, bare.perSecond),
        "",
        figure(held.p50Ms - bare.p50Ms, ""),
        figure(held.p99Ms - bare.p99Ms, ""),
        "",
        "",
      ],
    ];
  } finally {
    for (const one of [withGuard, without, service]) await one.stop();
  }
}

function middle(runs: readonly Measured[]): Measured {
  const of = (name: keyof Measured): number => median(runs.map((one) => one[name]));
  return {
    perSecond: of("perSecond"),
    cpuMicroseconds: of("cpuMicroseconds"),
    p50Ms: of("p50Ms"),
    p99Ms: of("p99Ms"),
    errors: of("errors"),
  };
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
