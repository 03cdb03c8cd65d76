/** Fills the small disk that its folder is on, and prints what then happened, as JSON. */
import { closeSync, openSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { readConfig } from "../src/config.ts";
import { errorCode } from "../src/domain/errors.ts";
import type { MadeKey } from "../src/keys/keys.ts";
import { createServer } from "../src/server.ts";
import { QUIET, SYSTEM } from "./installation.ts";

const folder = process.argv[2]!;
const filler = join(folder, "filler");

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

const codeOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => "ok",
    (error: unknown) => errorCode(error),
  );

const config = readConfig(
  { data: join(folder, "data"), state: "off", http: "127.0.0.1:0", https: "off", logLevel: "error" },
  {},
);
const server = await createServer(config, { log: { ...QUIET, error: () => {} } });
const { keys, accounts, audit, verify } = server.app;
await accounts.users.create(SYSTEM, { username: "root", roles: ["FULL_ADMIN"] });
const made: MadeKey[] = [];
for (let turn = 0; turn < 5; turn++)
  made.push(await keys.create(SYSTEM, { name: `before-${turn}`, username: "root" }));
const check = async (place: number): Promise<string> => {
  const verdict = await verify.verify(made[place]!.secret.text, { origin: null });
  return verdict.ok ? "ok" : verdict.reason;
};

fill();
const refused = new Set<string>();
for (let turn = 0; turn < 5; turn++) {
  refused.add(await codeOf(keys.create(SYSTEM, { name: `full-${turn}`, username: "root" })));
  fill();
}
const ready = (await fetch(`${server.urls[0]}/readyz`)).status;
const alive = (await fetch(`${server.urls[0]}/healthz`)).status;
const checked = await check(0);
const revoked = new Set<string>();
for (const { key } of made.slice(1)) {
  revoked.add(await codeOf(keys.revoke(SYSTEM, key.id, "full disk")));
  // Sign-ins that are to be recorded, and other programs, take whatever becomes free.
  for (let turn = 0; turn < 50; turn++) await check(0);
  await accounts.signIn.byKey("no key", undefined, SYSTEM.origin);
  await audit.flush();
  fill();
}
const afterRevocation = await check(1);
rmSync(filler);
const healed = await codeOf(keys.create(SYSTEM, { name: "after", username: "root" }));
const kept = (await keys.list(SYSTEM, {})).rows.map(({ name }) => name).sort();
await server.close();
process.stdout.write(
  JSON.stringify({
    refused: [...refused],
    ready,
    alive,
    checked,
    revoked: [...revoked],
    afterRevocation,
    healed,
    kept,
  }),
);
process.exit(0);
