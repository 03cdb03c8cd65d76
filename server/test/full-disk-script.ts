/**
 * Serves from the small disk that its folder is on, and does one thing after the other to it by lines on standard input:
 * `fill`, `free`, `close`, `open`. After each it says where the server listens; after `list`, which files are in its folder.
 */
import { closeSync, openSync, readdirSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { readConfig } from "../src/config.ts";
import { createServer, type Server } from "../src/server.ts";
import { QUIET } from "./installation.ts";

const [, , disk = "", state = ""] = process.argv;
const filler = join(disk, "filler");
let server: Server | undefined;

/** What other programs do: takes every byte that is free. */
function fill(): void {
  const file = openSync(filler, "a");
  try {
    for (const size of [65_536, 4_096, 512, 1]) {
      try {
        for (;;) writeSync(file, Buffer.alloc(size));
      } catch {
        // Full for pieces of this size.
      }
    }
  } finally {
    closeSync(file);
  }
}

async function open(): Promise<void> {
  const raw = { data: join(disk, "data"), state, http: "127.0.0.1:0", https: "off", anonymousRate: "0" };
  server = await createServer(readConfig(raw, {}), { log: { ...QUIET, error: () => {} } });
}

const steps: Readonly<Record<string, () => void | Promise<void>>> = {
  fill,
  free: () => rmSync(filler),
  open,
  close: () => server?.close(),
};

for await (const line of createInterface(process.stdin)) {
  await steps[line]?.();
  const said = line === "list" ? readdirSync(join(disk, "data")).join(" ") : server?.urls[0];
  process.stdout.write(`${said}\n`);
}
process.exit(0);
