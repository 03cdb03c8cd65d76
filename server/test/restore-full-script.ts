/** Restores on a small disk that is full, over each kind of folder, and prints what each said and left, as JSON. */
import { appendFileSync, cpSync, readdirSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { AppError } from "../src/domain/errors.ts";
import { made, makeTemplate, removeAll, restore, scratchFolder } from "./backup-app.ts";
import { SYSTEM } from "./installation.ts";

const disk = process.argv[2]!;
const [data, filler] = [join(disk, "data"), join(disk, "filler")];
const scratch = scratchFolder();
await makeTemplate(scratch);
const { folder, file, key } = await made();
const app = await folder.open();
await app.keys.revoke(SYSTEM, key.id, "lost");
await app.close();
const main = join(data, "chatelaine.db");
const KINDS: Record<string, () => void> = {
  readable: () => {},
  none: () => rmSync(main),
  unreadable: () => writeFileSync(main, crypto.getRandomValues(new Uint8Array(60_000))),
};
/** Bytes that are free, so that each step of a restore meets the end of the disk. */
const ROOMS = [0, 8_192, 65_536, 131_072];
const said: Record<string, unknown> = {};
for (const [kind, make] of Object.entries(KINDS))
  for (const room of ROOMS) {
    cpSync(folder.path, data, { recursive: true });
    make();
    const before = readdirSync(data).sort();
    // Down to the last byte.
    for (const bytes of [65_536, 512, 1]) {
      try {
        for (;;) appendFileSync(filler, Buffer.alloc(bytes));
      } catch {
        // It is full.
      }
    }
    truncateSync(filler, statSync(filler).size - room);
    const answer = await restore({ path: data, state: null }, file).then(
      () => "done",
      (error: unknown) => (error instanceof AppError ? `${error.code}: ${error.message}` : String(error)),
    );
    // What reading alone makes beside a database, and cannot be put away on a full disk.
    const left = readdirSync(data).filter((name) => !before.includes(name) && !/-(wal|shm)$/.test(name));
    said[`${kind} ${room}`] = { answer: answer.replaceAll(data, "DATA"), left };
    removeAll(filler, data);
  }
await folder[Symbol.asyncDispose]();
removeAll(scratch);
process.stdout.write(JSON.stringify(said));
process.exit(0);
