/**
 * Serves from the small disk that its folder is on, and does one thing after the other to it by lines on standard input:
 * `fill`, `free`, `close`, `open`; `neighbour`: from then on another process takes every byte that becomes free; `reader`: one
 * reads the database for long, again and again. After each it says where the server listens; after `list`, which files are in
 * its folder.
 */
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { readConfig } from "../src/config.ts";
import { createServer, type Server } from "../src/server.ts";
import { MAIN_FILE } from "../src/store/sqlite/opening.ts";
import { fill } from "./full-disk-neighbour.ts";
import { QUIET } from "./installation.ts";

const [, , disk = "", state = ""] = process.argv;
const filler = join(disk, "filler");
const READER = new URL("./full-disk-reader.ts", import.meta.url).pathname;
const NEIGHBOUR = new URL("./full-disk-neighbour.ts", import.meta.url).pathname;
let server: Server | undefined;
const beside: Bun.Subprocess<"ignore", "pipe", "inherit">[] = [];

/** @returns when it has begun */
async function start(...command: string[]): Promise<void> {
  const child = Bun.spawn([process.execPath, ...command], { stdout: "pipe", stderr: "inherit" });
  beside.push(child);
  for await (const _ of child.stdout) break;
}

async function free(): Promise<void> {
  await endOthers();
  rmSync(filler);
}

async function endOthers(): Promise<void> {
  for (const child of beside.splice(0)) {
    child.kill();
    await child.exited;
  }
}

async function open(): Promise<void> {
  const raw = { data: join(disk, "data"), state, http: "127.0.0.1:0", https: "off", anonymousRate: "0" };
  server = await createServer(readConfig(raw, {}), { log: { ...QUIET, error: () => {} } });
}

const steps: Readonly<Record<string, () => void | Promise<void>>> = {
  fill: () => fill(filler),
  free,
  neighbour: () => start(NEIGHBOUR, filler),
  reader: () => start(READER, join(disk, "data", MAIN_FILE)),
  open,
  close: () => server?.close(),
};

for await (const line of createInterface(process.stdin)) {
  await steps[line]?.();
  const said = line === "list" ? readdirSync(join(disk, "data")).join(" ") : server?.urls[0];
  process.stdout.write(`${said}\n`);
}
await endOthers();
process.exit(0);
