/**
 * Writes many keys at once, for measurements on large installations: rows as the store has them, one transaction, one audit
 * record. No server may run on the folder meanwhile.
 */
import { Database } from "bun:sqlite";
import type { AuditRecord } from "../server/src/domain/audit.ts";
import { createLog } from "../server/src/log.ts";
import { auditColumns } from "../server/src/store/row-mappers.ts";
import { keySearchText } from "../server/src/store/search-text.ts";
import { prepareDatabases } from "../server/src/store/sqlite/open-database.ts";
import type { StoredSecret } from "../server/src/store/store.ts";

export interface BulkKey {
  readonly name: string;
  readonly userId: number;
  readonly username: string;
  readonly createdAt: number;
  readonly expiresAt: number | null;
  readonly revokedAt: number | null;
}

const INSERT_KEY = `INSERT INTO keys (id, name, user_id, username, description, tags, hint, created_at, created_by, expires_at,
    expiry_told, revoked_at, revoked_reason, search_text, version)
  VALUES (?, ?, ?, ?, '', '[]', '', ?, 'bulk', ?, 0, ?, ?, ?, 1)`;
const INSERT_SECRET =
  "INSERT INTO secrets (key_id, digest, sealed, salt, iterations, created_at) VALUES (?, ?, ?, ?, ?, ?)";

/** @param secretOf for the id that the key got. @returns the first id; the others follow it */
export function writeKeysInBulk(
  { folder, fingerprint }: { readonly folder: string; readonly fingerprint: string },
  keys: Iterable<BulkKey>,
  { secretOf, record }: { readonly secretOf: (id: number) => StoredSecret; readonly record: AuditRecord },
): number {
  const log = createLog("warn", "text");
  const { main } = prepareDatabases({
    folder,
    fingerprint,
    create: false,
    stateFolder: null,
    now: Date.now(),
    log,
  });
  const database = new Database(main, { readwrite: true, create: false, strict: true });
  try {
    database.run(
      "PRAGMA busy_timeout = 2000; PRAGMA foreign_keys = ON; PRAGMA synchronous = FULL; PRAGMA cache_size = -262144;",
    );
    const insertKey = database.prepare(INSERT_KEY);
    const insertSecret = database.prepare(INSERT_SECRET);
    const { seq } = (database
      .query("SELECT coalesce(max(seq), 0) AS seq FROM sqlite_sequence WHERE name = 'key_ids'")
      .get() ?? { seq: 0 }) as { seq: number };
    database
      .transaction(() => {
        let id = seq;
        for (const key of keys) {
          id++;
          const reason = key.revokedAt === null ? null : "Bulk";
          insertKey.run(
            id,
            key.name,
            key.userId,
            key.username,
            key.createdAt,
            key.expiresAt,
            key.revokedAt,
            reason,
            keySearchText({ ...key, description: "", tags: [] }),
          );
          const secret = secretOf(id);
          insertSecret.run(
            id,
            secret.digest,
            secret.sealed,
            secret.salt,
            secret.iterations,
            secret.createdAt,
          );
        }
        database.run("INSERT INTO key_ids (id) VALUES (?)", [id]);
        const columns = auditColumns(record);
        const names = Object.keys(columns);
        database.run(
          `INSERT INTO audit (${names.join(", ")}) VALUES (${names.map(() => "?").join(", ")})`,
          Object.values(columns),
        );
      })
      .immediate();
    const first = seq + 1;
    for (const statement of [insertKey, insertSecret]) statement.finalize();
    return first;
  } finally {
    database.close();
  }
}
