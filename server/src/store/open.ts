/** Alone because `store.ts`, which every part of the store imports, has types alone. */
import { readKnown, refuseEmptied, refuseForeign } from "./sqlite/opening.ts";
import { openSqliteStore } from "./sqlite/sqlite-store.ts";
import type { Store, StoreOptions } from "./store.ts";

/** Throws `unavailable` (no database, network file system, too old SQLite), `invalid` (an empty or foreign one, `details.exitCode`). */
export function openStore(options: StoreOptions): Promise<Store> {
  return openSqliteStore(options);
}

/** Throws where the database of this folder is gone or empty although one was used there: asked before anything is made. */
export function refuseEmptiedFolder(folder: string, stateFolder: string | null): void {
  refuseEmptied(readKnown(folder, stateFolder));
}

/** Throws where the database of this folder is not the installation's: asked before anything is written beside it. */
export function refuseForeignFolder(folder: string, stateFolder: string | null, fingerprint: string): void {
  refuseForeign(readKnown(folder, stateFolder), fingerprint);
}
