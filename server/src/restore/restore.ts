/** Taking data back into service that was put back from an older copy: only from the command line, on the machine itself. */
import { recordOf } from "../activity/audit.ts";
import { type Caller, requireRole } from "../domain/caller.ts";
import type { Clock } from "../domain/clock.ts";
import { AppError } from "../domain/errors.ts";
import type { Quarantine, Store } from "../store/store.ts";

export {
  type CheckedBackup,
  type FromBackup,
  type FromBackupResult,
  inspectBackup,
  restoreFromBackup,
} from "./from-backup.ts";

export interface Restore {
  /**
   * Ends the quarantine in every process on the folder; all sessions end. FULL_ADMIN, from the command line. Throws
   * conflict where nothing waits to be accepted.
   */
  accept(caller: Caller): Promise<Quarantine>;
}

export interface RestoreDeps {
  readonly store: Pick<Store, "transact">;
  readonly clock: Clock;
}

export function createRestore({ store, clock }: RestoreDeps): Restore {
  return {
    accept: async (caller) => {
      requireRole(caller, "FULL_ADMIN");
      if (caller.origin.door !== "cli")
        throw new AppError("forbidden", "Restored data is accepted on the server's machine alone");
      return store.transact(caller, async (tx) => {
        const quarantine = await tx.acceptRestored();
        if (!quarantine)
          throw new AppError("conflict", "Nothing waits to be accepted: the data is in service");
        const act = { action: "restore.accept", description: "Accept the restored data", target: null };
        const { why, found, expected } = quarantine;
        await tx.audit(recordOf(caller, clock.now(), { ...act, details: { why, found, expected } }));
        return quarantine;
      });
    },
  };
}
