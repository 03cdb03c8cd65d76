/** What every process on the folder must know of the backups that one of them writes, so that an alert is the same in all. */
import type { BackupState } from "../../domain/alert.ts";
import type { Store } from "../store.ts";
import type { Thread } from "./threads.ts";

const READ = `SELECT every_ms AS "everyMs", since, written_at AS "writtenAt", failed_at AS "failedAt", error
  FROM activity.backup_state`;
const WRITE = `INSERT OR REPLACE INTO backup_state (id, every_ms, since, written_at, failed_at, error)
  VALUES (1, ?, ?, ?, ?, ?)`;
const NONE: BackupState = { everyMs: null, since: 0, writtenAt: null, failedAt: null, error: null };

export function openBackupState(
  writer: Thread,
  reader: Thread,
): Pick<Store, "readBackupState" | "writeBackupState"> {
  return {
    readBackupState: async () => {
      const { rows } = await reader.ask({ kind: "run", database: "main", sql: READ, params: [] });
      return (rows[0] as BackupState | undefined) ?? NONE;
    },
    writeBackupState: async ({ everyMs, since, writtenAt, failedAt, error }) => {
      const rows = [[everyMs, since, writtenAt, failedAt, error]];
      await writer.ask({ kind: "batch", database: "activity", statements: [{ sql: WRITE, rows }] });
    },
  };
}
