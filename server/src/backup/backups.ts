/** Writes one backup, to a file or to somebody who takes it, and records it. */
import { recordOf } from "../activity/audit.ts";
import type { Secrets } from "../crypto.ts";
import { type Caller, systemCaller } from "../domain/caller.ts";
import type { Clock } from "../domain/clock.ts";
import type { Store } from "../store/store.ts";
import { VERSION } from "../version.ts";
import { refuseOwnName, type Sink, writeWhole } from "./file.ts";
import type { Manifest } from "./format.ts";
import { type WrittenBackup, writeBackup } from "./write.ts";

type Target =
  | { readonly kind: "file"; readonly path: string; readonly replace: boolean }
  | { readonly kind: "stream"; readonly sink: Sink };

export interface Backups {
  /**
   * @param options.passphrase puts the master secret into it, under this
   * @param options.signal ends it before it is whole
   * Throws conflict (the file is there, or its name is the program's own), storage_full, unavailable: then there is no backup.
   */
  write(by: Caller, target: Target, options?: WriteOptions): Promise<WrittenBackup>;
  /** Puts one that was written before an upgrade, when nothing could be recorded yet, into the audit log. */
  noteUpgrade(path: string): Promise<void>;
}

interface WriteOptions {
  readonly passphrase?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

interface BackupDeps {
  readonly store: Pick<Store, "openSnapshot" | "transact">;
  readonly secrets: Pick<Secrets, "signBackup" | "sealMaster" | "fingerprint">;
  readonly clock: Clock;
  /** The data folder. */
  readonly folder: string;
  /** For how long a target may take nothing; a minute unless it is given. */
  readonly patienceMs?: number;
}

export function createBackups({ store, secrets, clock, folder, patienceMs }: BackupDeps): Backups {
  const record = (by: Caller, description: string, details: Record<string, unknown>): Promise<void> =>
    store.transact(by, async (tx) => {
      tx.audit(recordOf(by, clock.now(), { action: "backup.create", description, target: null, details }));
    });
  return {
    write: async (by, target, { passphrase, signal } = {}) => {
      if (target.kind === "file") refuseOwnName(target.path, folder);
      const secret = passphrase === undefined ? null : await secrets.sealMaster(passphrase);
      const snapshot = await store.openSnapshot();
      try {
        const content = {
          snapshot,
          secrets,
          folder,
          version: VERSION,
          at: clock.now(),
          secret,
          signal,
          patienceMs,
        };
        const file = target.kind === "file" ? target.path : null;
        const beforeWhole = ({ change, users, keys }: Manifest): Promise<void> =>
          record(by, `Write a backup${secret ? " with the master secret" : ""}`, {
            ...{ file, change, users, keys, with_secret: secret !== null },
          });
        if (target.kind === "stream") return await writeBackup(target.sink, content, beforeWhole);
        let written: WrittenBackup | undefined;
        await writeWhole(target.path, target, async (sink) => {
          written = await writeBackup(sink, content, beforeWhole);
        });
        return written!;
      } finally {
        await snapshot.close();
      }
    },
    noteUpgrade: (path) =>
      record(systemCaller("backup"), `Write a backup before the upgrade to ${VERSION}`, { file: path }),
  };
}
