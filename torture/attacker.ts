/** One attack in a process of its own, so that its work is not measured as the server's: `attacker.ts NAME CREDENTIALS`. */
import { setPriority } from "node:os";
import { ATTACKS } from "./attacks.ts";

/** The server is attacked, not the processor that both share. */
setPriority(0, 10);
const [name = "", credentials = "{}"] = process.argv.slice(2);
const stop = new AbortController();
process.on("SIGTERM", () => process.exit(0));
/** Also where nobody ends it. */
setTimeout(() => process.exit(0), 60_000);
await ATTACKS[name]!(JSON.parse(credentials), stop.signal);
