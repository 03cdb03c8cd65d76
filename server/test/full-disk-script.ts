/**
 * Serves from the small disk that its folder is on, and does one thing after the other to it by lines on standard input:
 * `fill`, `free`, `close`, `open`; `neighbour`: from then on another process takes every byte that becomes free. After each it
 * says where the server listens; after `list`, which files are in its folder.
 */
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { readConfig } from "../src/config.ts";
import { createServer, type Server } from "../src/server.ts";
import { fill } from "./full-disk-neighbour.ts";
import { QUIET } from "./installation.ts";

const [, , disk = "", state = ""] = process.argv;
const filler = join(disk, "filler");
const NEIGHBOUR = new URL("./full-disk-neighbour.ts", import.meta.url).pathname;
let server: Server | undefined;
let neighbour: Bun.Subprocess<"ignore", "pipe", "inherit"> | undefined;

async function startNeighbour(): Promise<void> {
  neighbour = Bun.spawn([process.execPath, NEIGHBOUR, filler], { stdout: "pipe", stderr: "inherit" });
  for await (const _ of neighbour.stdout) break;
}

async function free(): Promise<void> {
  neighbour?.kill();
  await neighbour?.exited;
  rmSync(filler);
}

async function open(): Promise<void> {
  const raw = { data: join(disk, "data"), state, http: "127.0.0.1:0", https: "off", anonymousRate: "0" };
  server = await createServer(readConfig(raw, {}), { log: { ...QUIET, error: () => {} } });
}

const steps: Readonly<Record<string, () => void | Promise<void>>> = {
  fill: () => fill(filler),
  free,
  neighbour: startNeighbour,
  open,
  close: () => server?.close(),
};

for await (const line of createInterface(process.stdin)) {
  await steps[line]?.();
  const said = line === "list" ? readdirSync(join(disk, "data")).join(" ") : server?.urls[0];
  process.stdout.write(`${said}\n`);
}
neighbour?.kill();
process.exit(0);
