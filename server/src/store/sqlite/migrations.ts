/**
 * The plan of the tables, in SQLite's SQL. A migration that has been released is never edited.
 *
 * Instants are integer milliseconds UTC, lists and objects JSON text, digests and sealed data bytes. Ids are never used
 * again. Names of columns are the names of the tables in `schema.ts`.
 */

import { UNFILLED } from "../schema.ts";

export type Migration = readonly string[];

const first: Migration = [
  `CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT`,
  `CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT`,
  `CREATE TABLE users (
    id INTEGER PRIMARY KEY AUTOINCREMENT, username TEXT NOT NULL UNIQUE, full_name TEXT NOT NULL, email TEXT,
    roles TEXT NOT NULL, scopes TEXT NOT NULL,
    all_roles TEXT NOT NULL, all_scopes TEXT NOT NULL, group_names TEXT NOT NULL, is_admin INTEGER NOT NULL,
    locked_at INTEGER, password_hash TEXT, password_changed_at INTEGER, created_at INTEGER NOT NULL,
    attributes TEXT NOT NULL, version INTEGER NOT NULL) STRICT`,
  "CREATE INDEX users_admin ON users (is_admin) WHERE is_admin = 1",
  `CREATE TABLE groups (
    id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, roles TEXT NOT NULL, scopes TEXT NOT NULL,
    created_at INTEGER NOT NULL, version INTEGER NOT NULL) STRICT`,
  `CREATE TABLE group_members (
    group_id INTEGER NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    PRIMARY KEY (group_id, user_id)) STRICT`,
  "CREATE INDEX group_members_user ON group_members (user_id)",
  `CREATE TABLE key_ids (id INTEGER PRIMARY KEY AUTOINCREMENT) STRICT`,
  `CREATE TABLE keys (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, user_id INTEGER NOT NULL REFERENCES users (id), username TEXT NOT NULL,
    description TEXT NOT NULL, tags TEXT NOT NULL, hint TEXT NOT NULL,
    created_at INTEGER NOT NULL, created_by TEXT NOT NULL, reset_at INTEGER,
    expires_at INTEGER, expiry_told INTEGER NOT NULL, paused_at INTEGER, revoked_at INTEGER, revoked_reason TEXT,
    roles TEXT, scopes TEXT, allowed_ips TEXT, rate_limit TEXT, version INTEGER NOT NULL) STRICT`,
  "CREATE INDEX keys_user ON keys (user_id, id)",
  "CREATE INDEX keys_username ON keys (username, id)",
  // Equal names are many: backwards, ids still rise.
  "CREATE INDEX keys_username_back ON keys (username DESC, id)",
  "CREATE INDEX keys_created ON keys (created_at, id)",
  "CREATE INDEX keys_expires ON keys (expires_at, id)",
  "CREATE INDEX keys_expiry_untold ON keys (expires_at) WHERE expiry_told = 0 AND expires_at IS NOT NULL",
  "CREATE INDEX keys_revoked ON keys (revoked_at, id)",
  "CREATE INDEX keys_paused ON keys (paused_at) WHERE paused_at IS NOT NULL",
  `CREATE TABLE secrets (
    id INTEGER PRIMARY KEY AUTOINCREMENT, key_id INTEGER NOT NULL REFERENCES keys (id) ON DELETE CASCADE,
    digest BLOB NOT NULL, sealed BLOB NOT NULL, salt BLOB NOT NULL, iterations INTEGER NOT NULL,
    created_at INTEGER NOT NULL, ends_at INTEGER) STRICT`,
  "CREATE INDEX secrets_key ON secrets (key_id)",
  `CREATE TABLE setup_tokens (digest BLOB PRIMARY KEY, ends_at INTEGER NOT NULL) STRICT`,
  auditTable("audit"),
  "CREATE INDEX audit_at ON audit (at)",
  "CREATE INDEX audit_target ON audit (target_kind, target_id)",
  `CREATE TABLE changes (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, kind TEXT NOT NULL, action TEXT NOT NULL, entity_id INTEGER NOT NULL,
    name TEXT NOT NULL, user_id INTEGER, ends INTEGER NOT NULL, spares TEXT) STRICT`,
];

/** Sessions of browsers, which outlive a restart, and the outcomes that a repeated request is told again. */
const browsers: Migration = [
  `CREATE TABLE web_sessions (
    id TEXT PRIMARY KEY, digest BLOB NOT NULL UNIQUE,
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at INTEGER NOT NULL, seen_at INTEGER NOT NULL, address TEXT, client TEXT, secure INTEGER NOT NULL) STRICT`,
  "CREATE INDEX web_sessions_user ON web_sessions (user_id)",
  `CREATE TABLE once (
    digest BLOB PRIMARY KEY, request BLOB NOT NULL, entity_id INTEGER NOT NULL, at INTEGER NOT NULL) STRICT`,
  "CREATE INDEX once_at ON once (at)",
];

/** What an administrator holds all keys of a user to, JSON. */
const ceilings: Migration = ["ALTER TABLE users ADD COLUMN ceilings TEXT"];

/** Rows whose words are no printable ASCII, by which a search found them before `searchText`. */
const odd: Migration = [
  `CREATE INDEX keys_odd ON keys (id) WHERE
    (name || username || description || tags) GLOB '*[^ -~]*' OR instr(tags, '\\') > 0`,
  `CREATE INDEX users_odd ON users (id) WHERE
    (username || full_name || coalesce(email, '')) GLOB '*[^ -~]*'`,
];

/** What this installation is called by the files that remember it (`state-file.ts`): made once, and copied with the data. */
const installation: Migration = [
  `INSERT INTO meta (name, value) VALUES ('installation', lower(hex(randomblob(16))))`,
];

/** Whether a key that is held to limits may all the same set passwords and give rights to users who can sign in. */
const signInManagers: Migration = [`ALTER TABLE keys ADD COLUMN manages_sign_in INTEGER NOT NULL DEFAULT 0`];

/** Tokens for further connections, and for each what it hangs on: the sessions and tokens by way of which it was made. */
const tokens: Migration = [
  `CREATE TABLE tokens (
    id TEXT PRIMARY KEY, digest BLOB NOT NULL UNIQUE,
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    key_id INTEGER REFERENCES keys (id) ON DELETE CASCADE,
    secret BLOB, is_scram INTEGER NOT NULL, login_id TEXT NOT NULL, login_at INTEGER NOT NULL,
    password_changed_at INTEGER, ttl_ms INTEGER NOT NULL, created_at INTEGER NOT NULL, used_at INTEGER NOT NULL,
    ends_at INTEGER NOT NULL, address TEXT, client TEXT, secure INTEGER NOT NULL, match_address INTEGER NOT NULL,
    opens_sessions INTEGER NOT NULL, single_use INTEGER NOT NULL) STRICT`,
  "CREATE INDEX tokens_user ON tokens (user_id)",
  "CREATE INDEX tokens_key ON tokens (key_id) WHERE key_id IS NOT NULL",
  "CREATE INDEX tokens_end ON tokens (ends_at)",
  `CREATE TABLE token_lines (
    holder_id TEXT NOT NULL, token_id TEXT NOT NULL REFERENCES tokens (id) ON DELETE CASCADE,
    PRIMARY KEY (holder_id, token_id)) STRICT`,
  "CREATE INDEX token_lines_token ON token_lines (token_id)",
];

/**
 * Names of users and groups without their case, by which no two of them are made. Empty for all that differ in case alone when
 * this migration finds them: they stay as they are, and `folded-names.ts` lets no other join them.
 */
const foldedNames: Migration = [
  ["users", "username"],
  ["groups", "name"],
].flatMap(([table, name]) => [
  `ALTER TABLE ${table} ADD COLUMN folded_name TEXT`,
  `UPDATE ${table} SET folded_name = lower(${name}) WHERE lower(${name}) IN
      (SELECT lower(${name}) FROM ${table} GROUP BY lower(${name}) HAVING count(*) = 1)`,
  `CREATE UNIQUE INDEX ${table}_folded_name ON ${table} (folded_name)`,
]);

/**
 * The words of keys and users as they are searched (`search-text.ts`), folded by our own code: `fill-search-text.ts` does it in
 * slices, and goes on from the mark in `meta` until all have it.
 */
const searchText: Migration = [
  "ALTER TABLE keys ADD COLUMN search_text TEXT NOT NULL DEFAULT ''",
  "ALTER TABLE users ADD COLUMN search_text TEXT NOT NULL DEFAULT ''",
  "DROP INDEX keys_odd",
  "DROP INDEX users_odd",
  `INSERT INTO meta (name, value) SELECT '${UNFILLED}', 'users 0' WHERE EXISTS (SELECT 1 FROM users)`,
];

/** What each session was opened with, JSON. Of sessions that were there before, the way was known without it. */
const signInMethods: Migration = [
  `ALTER TABLE web_sessions ADD COLUMN methods TEXT NOT NULL DEFAULT '["password"]'`,
  `ALTER TABLE tokens ADD COLUMN methods TEXT NOT NULL DEFAULT '["password"]'`,
  `UPDATE tokens SET methods = CASE is_scram WHEN 1 THEN '["scram"]' ELSE '["key"]' END WHERE key_id IS NOT NULL`,
  "ALTER TABLE tokens DROP COLUMN is_scram",
];

/** Of `chatelaine.db`. The number of entries is the version of the schema. */
export const MIGRATIONS: readonly Migration[] = [
  first,
  browsers,
  ceilings,
  odd,
  installation,
  signInManagers,
  tokens,
  foldedNames,
  searchText,
  signInMethods,
];
/** From this version on a database knows its installation's id. */
export const INSTALLATION_SCHEMA = MIGRATIONS.indexOf(installation) + 1;

/** Of `activity.db`, which may be cut or lost without a loss of keys. */
export const ACTIVITY_MIGRATIONS: readonly Migration[] = [
  [
    auditTable("records"),
    "CREATE INDEX records_at ON records (at)",
    `CREATE TABLE key_use (
      key_id INTEGER PRIMARY KEY, last_used_at INTEGER NOT NULL, address TEXT, client TEXT,
      uses INTEGER NOT NULL) STRICT`,
    "CREATE INDEX key_use_at ON key_use (last_used_at)",
    `CREATE TABLE guesses (
      bucket TEXT PRIMARY KEY, started_at INTEGER NOT NULL, count INTEGER NOT NULL) STRICT`,
    "CREATE INDEX guesses_started ON guesses (started_at)",
  ],
  // One row for a key and day: counts by hour and outcome (`13a`), after 90 days by outcome alone (`a`).
  [
    `CREATE TABLE key_days (
      key_id INTEGER NOT NULL, day INTEGER NOT NULL, counts TEXT NOT NULL, PRIMARY KEY (key_id, day)) STRICT, WITHOUT ROWID`,
    "CREATE INDEX key_days_day ON key_days (day)",
    `CREATE TABLE key_hosts (
      key_id INTEGER NOT NULL, host TEXT NOT NULL, last_used_at INTEGER NOT NULL, uses INTEGER NOT NULL,
      PRIMARY KEY (key_id, host)) STRICT, WITHOUT ROWID`,
    `CREATE TABLE refusals (
      decision TEXT PRIMARY KEY, key_id INTEGER NOT NULL, at INTEGER NOT NULL, reason TEXT NOT NULL, rule TEXT NOT NULL,
      address TEXT, host TEXT) STRICT`,
    "CREATE INDEX refusals_key ON refusals (key_id, at)",
  ],
  // Alerts that are known to be raised, what is to be sent about them, and who used a key lately. key_id 0: no key.
  [
    "CREATE INDEX records_failed ON records (at) WHERE success = 0 AND event = 'AUTHENTICATION'",
    `CREATE TABLE alerts (
      seq INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, key_id INTEGER NOT NULL, since INTEGER NOT NULL, shown TEXT NOT NULL,
      batch TEXT NOT NULL, cleared TEXT, UNIQUE (key_id, kind, since)) STRICT`,
    "CREATE INDEX alerts_batch ON alerts (batch)",
    "CREATE INDEX alerts_cleared ON alerts (cleared) WHERE cleared IS NOT NULL",
    `CREATE TABLE deliveries (
      seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, at INTEGER NOT NULL, kind TEXT NOT NULL, body TEXT NOT NULL, state TEXT NOT NULL,
      attempts INTEGER NOT NULL, next_at INTEGER NOT NULL, status INTEGER, error TEXT, done_at INTEGER) STRICT`,
    "CREATE INDEX deliveries_due ON deliveries (next_at) WHERE state IN ('waiting', 'sending')",
    `CREATE TABLE key_clients (
      key_id INTEGER NOT NULL, address TEXT NOT NULL, client TEXT NOT NULL, last_used_at INTEGER NOT NULL,
      PRIMARY KEY (key_id, address, client)) STRICT, WITHOUT ROWID`,
    "CREATE INDEX key_clients_at ON key_clients (last_used_at)",
  ],
  // Of the backups that a server writes by itself: one row.
  [
    `CREATE TABLE backup_state (
      id INTEGER PRIMARY KEY CHECK (id = 1), every_ms INTEGER, since INTEGER NOT NULL, written_at INTEGER,
      failed_at INTEGER, error TEXT) STRICT`,
  ],
  // Refusals of strangers, one for a network, act, reason and minute. The columns of a record come first, as lists want them.
  [
    auditTable("folds", ["name TEXT NOT NULL UNIQUE", "count INTEGER NOT NULL", "last_at INTEGER NOT NULL"]),
    "CREATE INDEX folds_at ON folds (at)",
    "CREATE INDEX folds_failed ON folds (last_at) WHERE event = 'AUTHENTICATION'",
  ],
];

function auditTable(name: string, more: readonly string[] = []): string {
  return `CREATE TABLE ${name} (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL, at INTEGER NOT NULL, event TEXT NOT NULL, action TEXT NOT NULL,
    description TEXT NOT NULL, username TEXT, address TEXT, session_id TEXT, door TEXT NOT NULL, credentials TEXT,
    target_kind TEXT, target_id INTEGER, target_name TEXT, details TEXT NOT NULL,
    success INTEGER NOT NULL, ${["error TEXT", ...more].join(", ")}) STRICT`;
}
