/**
 * Which tables stand in a backup. Each table of both databases is in one of the lists (held by `backup.test.ts`), so that
 * one that is added is thought about here.
 */
import type { DatabaseName } from "./worker.ts";

interface Choice {
  readonly kept: readonly string[];
  /** Ended by a restore: what opens a session, or would be sent again. */
  readonly ended: readonly string[];
  /** Of one database alone. */
  readonly own: readonly string[];
}

export const BACKUP_TABLES: Readonly<Record<DatabaseName, Choice>> = {
  main: {
    // In the order in which rows refer to each other.
    kept: ["settings", "users", "groups", "group_members", "keys", "secrets", "audit"],
    ended: ["web_sessions", "setup_tokens", "tokens", "token_lines", "once"],
    // Its mark, its feed, its numbers, which are in the manifest, and the space that it holds back.
    own: ["meta", "changes", "key_ids", "held_back"],
  },
  activity: {
    kept: ["records", "folds", "key_use", "key_days", "key_hosts", "key_clients", "refusals"],
    // Counters of the moment, and messages that must not be sent a second time.
    ended: ["guesses", "alerts", "deliveries"],
    own: ["backup_state"],
  },
};
