/** Fills the small disk that backups are to go to, and prints what then happened, as JSON. */
import { appendFileSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { createSchedule } from "../src/backup/backup.ts";
import { createLog } from "../src/log.ts";
import { makeInstallation, movedClock, SYSTEM } from "./installation.ts";

const to = process.argv[2]!;
const filler = join(to, "filler");
const folder = await makeInstallation();
const clock = movedClock();
const app = await folder.open({ clock });
await app.users.create(SYSTEM, { username: "ada", roles: ["FULL_ADMIN"] });
try {
  for (;;) appendFileSync(filler, Buffer.alloc(512));
} catch {
  // It is full.
}
const config = { everyMs: 3_600_000, to, keep: 2 };
const log = createLog("error", "text", () => {});
const schedule = createSchedule(config, { ...app, fingerprint: app.secrets.fingerprint, clock, log });
const alerts = async () =>
  (await app.alerts.list(SYSTEM, 10)).entries.map(({ kind, text }) => `${kind}: ${text}`);
await schedule.tick();
const failed = (await alerts()).map((one) =>
  one.replace(/The last backup failed: (There is no space for).*/, "$1"),
);
const left = readdirSync(to);
const made = await app.keys.create(SYSTEM, { name: "served on", username: "ada" }).then(() => "ok", String);
rmSync(filler);
clock.advance(600_000);
await schedule.tick();
const healed = [readdirSync(to), await alerts()];
await folder[Symbol.asyncDispose]();
process.stdout.write(JSON.stringify({ alerts: failed, left, made, healed }));
process.exit(0);
