/** REST by Bearer key beside Hono answering a constant of the same size. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fill, install } from "./installation.ts";
import { load } from "./load.ts";
import { dropFolder, freePort, makeFolder, type Node, startNode } from "./node.ts";
import { figure, median, quantile, table } from "./results.ts";

const KEYS = 100_000;
const ROUNDS = 5;
const PAGES = 200;

/** @returns a table for RESULTS.md */
export async function run(): Promise<string> {
  const folder = makeFolder();
  try {
    const key = await install(folder);
    await fill(folder, KEYS);
    const node = await startNode(folder);
    try {
      const headers = { authorization: `Bearer ${key}` };
      const rows = [...(await reads(node, headers, folder)), ...(await pages(node, headers))];
      return table(["what", "measured", "aim", "beside it"], rows);
    } finally {
      await node.stop();
    }
  } finally {
    dropFolder(folder);
  }
}

async function reads(node: Node, headers: Record<string, string>, folder: string): Promise<string[][]> {
  const url = `${node.url}/api/v1/keys/1`;
  const body = await (await fetch(url, { headers })).text();
  const constant = await startConstant(join(folder, "constant"), body);
  try {
    const ours: number[] = [];
    const theirs: number[] = [];
    const cpu: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const mine = await load(url, { pid: node.pid, headers });
      if (mine.failed > 0) throw new Error(`${mine.failed} requests failed`);
      ours.push(mine.perSecond);
      cpu.push(mine.cpuMicroseconds);
      theirs.push((await load(`${constant.url}/constant`, { pid: constant.pid, headers })).perSecond);
    }
    const ratio = median(ours) / median(theirs);
    return [
      [
        "GET /api/v1/keys/{id} by Bearer key, 32 connections",
        `${figure(median(ours), "/s")}, ${figure(median(cpu), "us")} of CPU each`,
        "0.6 of it",
        `Hono, a constant of ${body.length} bytes: ${figure(median(theirs), "/s")}, ratio ${ratio.toFixed(2)}`,
      ],
    ];
  } finally {
    constant.stop();
  }
}

async function pages(node: Node, headers: Record<string, string>): Promise<string[][]> {
  const orders = ["name", "-created_at", "username", "expires_at"];
  const rows: string[][] = [];
  for (const order of orders) {
    const url = `${node.url}/api/v1/keys?limit=50&order=${order}`;
    const taken: number[] = [];
    for (let turn = 0; turn < PAGES; turn++) {
      const began = performance.now();
      const response = await fetch(url, { headers });
      await response.text();
      if (!response.ok) throw new Error(`${url}: ${response.status}`);
      taken.push(performance.now() - began);
    }
    const spread = `median ${figure(median(taken), "ms")}, p99 ${figure(quantile(taken, 0.99), "ms")}`;
    rows.push([`page of 50 of 100 000 keys by ${order}, with the total`, spread, "p99 20 ms", ""]);
  }
  return rows;
}

async function startConstant(
  file: string,
  body: string,
): Promise<{ url: string; pid: number; stop(): void }> {
  writeFileSync(file, body);
  const port = freePort();
  const script = new URL("./hono-constant.ts", import.meta.url).pathname;
  const child = Bun.spawn([process.execPath, script, String(port), file], {
    stdout: "ignore",
    stderr: "inherit",
  });
  const url = `http://127.0.0.1:${port}`;
  for (let tries = 0; tries < 200; tries++) {
    const isUp = await fetch(`${url}/constant`).then(
      ({ ok }) => ok,
      () => false,
    );
    if (isUp) break;
    await Bun.sleep(25);
  }
  return { url, pid: child.pid, stop: () => child.kill() };
}
