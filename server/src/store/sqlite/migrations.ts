/**
 * The plan of the tables, told once for both databases. A migration that has been released is never edited.
 *
 * Instants are integer milliseconds UTC, lists and objects JSON text, digests and sealed data bytes. Ids are never used
 * again. Names of columns are the names of the tables in `schema.ts`.
 */

/** What the two databases say differently. */
export interface Words {
  readonly id: string;
  readonly int: string;
  readonly bytes: string;
  /** Whether a text has a character that is no printable ASCII. */
  readonly isOdd: (text: string) => string;
  readonly hasBackslash: (text: string) => string;
  /** A random text of 32 hexadecimal digits. */
  readonly randomId: string;
  /** After the closing bracket of a table. */
  readonly tail: string;
}

export const SQLITE_WORDS: Words = {
  id: "INTEGER PRIMARY KEY AUTOINCREMENT",
  int: "INTEGER",
  bytes: "BLOB",
  isOdd: (text) => `(${text}) GLOB '*[^ -~]*'`,
  hasBackslash: (text) => `instr(${text}, '\\') > 0`,
  randomId: "lower(hex(randomblob(16)))",
  tail: " STRICT",
};

export type Migration = (words: Words) => readonly string[];

const first: Migration = ({ id, int, bytes, tail, ...more }) => [
  `CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL)${tail}`,
  `CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL)${tail}`,
  `CREATE TABLE users (
    id ${id}, username TEXT NOT NULL UNIQUE, full_name TEXT NOT NULL, email TEXT,
    roles TEXT NOT NULL, scopes TEXT NOT NULL,
    all_roles TEXT NOT NULL, all_scopes TEXT NOT NULL, group_names TEXT NOT NULL, is_admin ${int} NOT NULL,
    locked_at ${int}, password_hash TEXT, password_changed_at ${int}, created_at ${int} NOT NULL,
    attributes TEXT NOT NULL, version ${int} NOT NULL)${tail}`,
  "CREATE INDEX users_admin ON users (is_admin) WHERE is_admin = 1",
  `CREATE TABLE groups (
    id ${id}, name TEXT NOT NULL UNIQUE, roles TEXT NOT NULL, scopes TEXT NOT NULL,
    created_at ${int} NOT NULL, version ${int} NOT NULL)${tail}`,
  `CREATE TABLE group_members (
    group_id ${int} NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
    user_id ${int} NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    PRIMARY KEY (group_id, user_id))${tail}`,
  "CREATE INDEX group_members_user ON group_members (user_id)",
  `CREATE TABLE key_ids (id ${id})${tail}`,
  `CREATE TABLE keys (
    id ${int} PRIMARY KEY, name TEXT NOT NULL UNIQUE, user_id ${int} NOT NULL REFERENCES users (id), username TEXT NOT NULL,
    description TEXT NOT NULL, tags TEXT NOT NULL, hint TEXT NOT NULL,
    created_at ${int} NOT NULL, created_by TEXT NOT NULL, reset_at ${int},
    expires_at ${int}, expiry_told ${int} NOT NULL, paused_at ${int}, revoked_at ${int}, revoked_reason TEXT,
    roles TEXT, scopes TEXT, allowed_ips TEXT, rate_limit TEXT, version ${int} NOT NULL)${tail}`,
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
    id ${id}, key_id ${int} NOT NULL REFERENCES keys (id) ON DELETE CASCADE,
    digest ${bytes} NOT NULL, sealed ${bytes} NOT NULL, salt ${bytes} NOT NULL, iterations ${int} NOT NULL,
    created_at ${int} NOT NULL, ends_at ${int})${tail}`,
  "CREATE INDEX secrets_key ON secrets (key_id)",
  `CREATE TABLE setup_tokens (digest ${bytes} PRIMARY KEY, ends_at ${int} NOT NULL)${tail}`,
  auditTable("audit", { id, int, bytes, tail, ...more }),
  "CREATE INDEX audit_at ON audit (at)",
  "CREATE INDEX audit_target ON audit (target_kind, target_id)",
  `CREATE TABLE changes (
    seq ${id}, at ${int} NOT NULL, kind TEXT NOT NULL, action TEXT NOT NULL, entity_id ${int} NOT NULL,
    name TEXT NOT NULL, user_id ${int}, ends ${int} NOT NULL, spares TEXT)${tail}`,
];

/** Sessions of browsers, which outlive a restart, and the outcomes that a repeated request is told again. */
const browsers: Migration = ({ int, bytes, tail }) => [
  `CREATE TABLE web_sessions (
    id TEXT PRIMARY KEY, digest ${bytes} NOT NULL UNIQUE,
    user_id ${int} NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at ${int} NOT NULL, seen_at ${int} NOT NULL, address TEXT, client TEXT, secure ${int} NOT NULL)${tail}`,
  "CREATE INDEX web_sessions_user ON web_sessions (user_id)",
  `CREATE TABLE once (
    digest ${bytes} PRIMARY KEY, request ${bytes} NOT NULL, entity_id ${int} NOT NULL, at ${int} NOT NULL)${tail}`,
  "CREATE INDEX once_at ON once (at)",
];

/** What an administrator holds all keys of a user to, JSON. */
const ceilings: Migration = () => ["ALTER TABLE users ADD COLUMN ceilings TEXT"];

const oddKeys = ({ isOdd, hasBackslash }: Words): string =>
  `${isOdd("name || username || description || tags")} OR ${hasBackslash("tags")}`;
const oddUsers = ({ isOdd }: Words): string => isOdd("username || full_name || coalesce(email, '')");

/** Conditions of the indexes of rows whose text is not ordinary, word for word. */
export const ODD_KEYS = oddKeys(SQLITE_WORDS);
export const ODD_USERS = oddUsers(SQLITE_WORDS);

/** Rows that a search for words judges one by one (`query-words.ts`): of ordinary ones there is nothing in it. */
const odd: Migration = (words) => [
  `CREATE INDEX keys_odd ON keys (id) WHERE ${oddKeys(words)}`,
  `CREATE INDEX users_odd ON users (id) WHERE ${oddUsers(words)}`,
];

/** What this installation is called by the files that remember it (`state-file.ts`): made once, and copied with the data. */
const installation: Migration = ({ randomId }) => [
  `INSERT INTO meta (name, value) VALUES ('installation', ${randomId})`,
];

/** Whether a key that is held to limits may all the same set passwords and give rights to users who can sign in. */
const signInManagers: Migration = ({ int }) => [
  `ALTER TABLE keys ADD COLUMN manages_sign_in ${int} NOT NULL DEFAULT 0`,
];

/** Tokens for further connections, and for each what it hangs on: the sessions and tokens by way of which it was made. */
const tokens: Migration = ({ int, bytes, tail }) => [
  `CREATE TABLE tokens (
    id TEXT PRIMARY KEY, digest ${bytes} NOT NULL UNIQUE,
    user_id ${int} NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    key_id ${int} REFERENCES keys (id) ON DELETE CASCADE,
    secret ${bytes}, is_scram ${int} NOT NULL, login_id TEXT NOT NULL, login_at ${int} NOT NULL,
    password_changed_at ${int}, ttl_ms ${int} NOT NULL, created_at ${int} NOT NULL, used_at ${int} NOT NULL,
    ends_at ${int} NOT NULL, address TEXT, client TEXT, secure ${int} NOT NULL, match_address ${int} NOT NULL,
    opens_sessions ${int} NOT NULL, single_use ${int} NOT NULL)${tail}`,
  "CREATE INDEX tokens_user ON tokens (user_id)",
  "CREATE INDEX tokens_key ON tokens (key_id) WHERE key_id IS NOT NULL",
  "CREATE INDEX tokens_end ON tokens (ends_at)",
  `CREATE TABLE token_lines (
    holder_id TEXT NOT NULL, token_id TEXT NOT NULL REFERENCES tokens (id) ON DELETE CASCADE,
    PRIMARY KEY (holder_id, token_id))${tail}`,
  "CREATE INDEX token_lines_token ON token_lines (token_id)",
];

/**
 * Names of users and groups without their case, by which no two of them are made. Empty for all that differ in case alone when
 * this migration finds them: they stay as they are, and `folded-names.ts` lets no other join them.
 */
const foldedNames: Migration = () =>
  [
    ["users", "username"],
    ["groups", "name"],
  ].flatMap(([table, name]) => [
    `ALTER TABLE ${table} ADD COLUMN folded_name TEXT`,
    `UPDATE ${table} SET folded_name = lower(${name}) WHERE lower(${name}) IN
      (SELECT lower(${name}) FROM ${table} GROUP BY lower(${name}) HAVING count(*) = 1)`,
    `CREATE UNIQUE INDEX ${table}_folded_name ON ${table} (folded_name)`,
  ]);

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
];
/** From this version on a database knows its installation's id. */
export const INSTALLATION_SCHEMA = MIGRATIONS.indexOf(installation) + 1;

/** Of `activity.db`, which may be cut or lost without a loss of keys. */
export const ACTIVITY_MIGRATIONS: readonly Migration[] = [
  (words) => [
    auditTable("records", words),
    "CREATE INDEX records_at ON records (at)",
    `CREATE TABLE key_use (
      key_id ${words.int} PRIMARY KEY, last_used_at ${words.int} NOT NULL, address TEXT, client TEXT,
      uses ${words.int} NOT NULL)${words.tail}`,
    "CREATE INDEX key_use_at ON key_use (last_used_at)",
    `CREATE TABLE guesses (
      bucket TEXT PRIMARY KEY, started_at ${words.int} NOT NULL, count ${words.int} NOT NULL)${words.tail}`,
    "CREATE INDEX guesses_started ON guesses (started_at)",
  ],
  // One row for a key and day: counts by hour and outcome (`13a`), after 90 days by outcome alone (`a`).
  ({ int, tail }) => [
    `CREATE TABLE key_days (
      key_id ${int} NOT NULL, day ${int} NOT NULL, counts TEXT NOT NULL, PRIMARY KEY (key_id, day))${tail === "" ? "" : " STRICT, WITHOUT ROWID"}`,
    "CREATE INDEX key_days_day ON key_days (day)",
    `CREATE TABLE key_hosts (
      key_id ${int} NOT NULL, host TEXT NOT NULL, last_used_at ${int} NOT NULL, uses ${int} NOT NULL,
      PRIMARY KEY (key_id, host))${tail === "" ? "" : " STRICT, WITHOUT ROWID"}`,
    `CREATE TABLE refusals (
      decision TEXT PRIMARY KEY, key_id ${int} NOT NULL, at ${int} NOT NULL, reason TEXT NOT NULL, rule TEXT NOT NULL,
      address TEXT, host TEXT)${tail}`,
    "CREATE INDEX refusals_key ON refusals (key_id, at)",
  ],
  // Alerts that are known to be raised, what is to be sent about them, and who used a key lately. key_id 0: no key.
  ({ id, int, tail }) => [
    "CREATE INDEX records_failed ON records (at) WHERE success = 0 AND event = 'AUTHENTICATION'",
    `CREATE TABLE alerts (
      seq ${id}, kind TEXT NOT NULL, key_id ${int} NOT NULL, since ${int} NOT NULL, shown TEXT NOT NULL,
      batch TEXT NOT NULL, cleared TEXT, UNIQUE (key_id, kind, since))${tail}`,
    "CREATE INDEX alerts_batch ON alerts (batch)",
    "CREATE INDEX alerts_cleared ON alerts (cleared) WHERE cleared IS NOT NULL",
    `CREATE TABLE deliveries (
      seq ${id}, id TEXT NOT NULL UNIQUE, at ${int} NOT NULL, kind TEXT NOT NULL, body TEXT NOT NULL, state TEXT NOT NULL,
      attempts ${int} NOT NULL, next_at ${int} NOT NULL, status ${int}, error TEXT, done_at ${int})${tail}`,
    "CREATE INDEX deliveries_due ON deliveries (next_at) WHERE state IN ('waiting', 'sending')",
    `CREATE TABLE key_clients (
      key_id ${int} NOT NULL, address TEXT NOT NULL, client TEXT NOT NULL, last_used_at ${int} NOT NULL,
      PRIMARY KEY (key_id, address, client))${tail === "" ? "" : " STRICT, WITHOUT ROWID"}`,
    "CREATE INDEX key_clients_at ON key_clients (last_used_at)",
  ],
  // Of the backups that a server writes by itself: one row.
  ({ int, tail }) => [
    `CREATE TABLE backup_state (
      id ${int} PRIMARY KEY CHECK (id = 1), every_ms ${int}, since ${int} NOT NULL, written_at ${int},
      failed_at ${int}, error TEXT)${tail}`,
  ],
  // Refusals of strangers, one for a network, act, reason and minute. The columns of a record come first, as lists want them.
  (words) => [
    auditTable("folds", words, [
      "name TEXT NOT NULL UNIQUE",
      `count ${words.int} NOT NULL`,
      `last_at ${words.int} NOT NULL`,
    ]),
    "CREATE INDEX folds_at ON folds (at)",
    "CREATE INDEX folds_failed ON folds (last_at) WHERE event = 'AUTHENTICATION'",
  ],
];

function auditTable(name: string, { id, int, tail }: Words, more: readonly string[] = []): string {
  return `CREATE TABLE ${name} (
    seq ${id}, id TEXT NOT NULL, at ${int} NOT NULL, event TEXT NOT NULL, action TEXT NOT NULL,
    description TEXT NOT NULL, username TEXT, address TEXT, session_id TEXT, door TEXT NOT NULL, credentials TEXT,
    target_kind TEXT, target_id ${int}, target_name TEXT, details TEXT NOT NULL,
    success ${int} NOT NULL, ${["error TEXT", ...more].join(", ")})${tail}`;
}
