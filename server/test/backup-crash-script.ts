/** Restores a backup into a folder, under a tracer that kills it on the way. Arguments: file, folder, state folder. */
import { PASSPHRASE, restore } from "./backup-app.ts";

const [file, path, state] = process.argv.slice(2) as [string, string, string];
await restore({ path, state }, file, { passphrase: PASSPHRASE });
process.exit(0);
