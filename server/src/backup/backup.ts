/**
 * Backups: one file that is the whole installation, written while it is served.
 *
 * A backup is consistent (one read transaction), names whose it is and of when, and shows by its last lines whether a byte
 * of it differs. It holds nothing that opens a session; keys and passwords stand in it as in the database, so that without
 * the master secret it authenticates nothing, and the secret is in it only under a passphrase, where that is asked for.
 * Each is in the audit log before it is whole. Held by `server/test/backup.test.ts`.
 */
export { type Backups, createBackups } from "./backups.ts";

export { instantOfName } from "./kept.ts";
export { openBackup, type WholeBackup } from "./read.ts";
export { backupBeforeUpgrade, writeSafetyBackup } from "./safety.ts";
export { type BackupSchedule, createSchedule, forgetSchedule } from "./schedule.ts";
export { CA_FILES, FILES_TABLE } from "./write.ts";
