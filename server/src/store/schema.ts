/** The tables as Kysely sees them; `migrations.ts` makes them. */
import type { Generated } from "kysely";

/** Name of the row of `meta` that is there while the data waits to be accepted. */
export const MARK = "quarantine";
/** Name of the row of `meta` with the audit record that was accepted to be missing (`last-change.ts`). */
export const ACCEPTED = "accepted";

/** Name of the row of `meta` that counts the commits which touched sessions and tokens alone (`key-reads.ts`). */
export const SESSION_COMMITS = "session_commits";
/** Name of the row of `meta` that says which rows have no `search_text` yet: "users 17", those after it, or all keys after one. */
export const UNFILLED = "search_text";

export interface Tables {
  /** `secret_fingerprint`, `installation`, `quarantine` while the data waits to be accepted, and `accepted` after that. */
  meta: { name: string; value: string };
  settings: { name: string; value: string };
  users: UserRow;
  groups: GroupRow;
  group_members: { group_id: number; user_id: number };
  /** Where numbers of keys come from: known before the key is, and never given twice. */
  key_ids: { id: Generated<number> };
  keys: KeyRow;
  secrets: SecretRow;
  setup_tokens: { digest: Uint8Array; ends_at: number };
  audit: AuditRow;
  changes: ChangeRow;
  web_sessions: WebSessionRow;
  once: OnceRow;
  tokens: TokenRow;
  /** What a token hangs on: the sessions and tokens by way of which it was made. */
  token_lines: { holder_id: string; token_id: string };
}

export interface UserRow {
  id: Generated<number>;
  username: string;
  /** null: another's differs in case alone. */
  folded_name: string | null;
  full_name: string;
  email: string | null;
  roles: string;
  scopes: string;
  all_roles: string;
  all_scopes: string;
  group_names: string;
  is_admin: number;
  locked_at: number | null;
  password_hash: string | null;
  password_changed_at: number | null;
  created_at: number;
  attributes: string;
  ceilings: string | null;
  /** `search-text.ts` */
  search_text: string;
  version: number;
}

export interface GroupRow {
  id: Generated<number>;
  name: string;
  /** null: another's differs in case alone. */
  folded_name: string | null;
  roles: string;
  scopes: string;
  created_at: number;
  version: number;
}

export interface KeyRow {
  id: number;
  name: string;
  user_id: number;
  username: string;
  description: string;
  tags: string;
  hint: string;
  created_at: number;
  created_by: string;
  reset_at: number | null;
  expires_at: number | null;
  /** 1 once the feed has told that it expired. */
  expiry_told: number;
  paused_at: number | null;
  revoked_at: number | null;
  revoked_reason: string | null;
  roles: string | null;
  scopes: string | null;
  allowed_ips: string | null;
  rate_limit: string | null;
  manages_sign_in: number;
  /** `search-text.ts` */
  search_text: string;
  version: number;
}

export interface KeyUseRow {
  key_id: number;
  last_used_at: number;
  address: string | null;
  client: string | null;
  uses: number;
}

export interface SecretRow {
  id: Generated<number>;
  key_id: number;
  digest: Uint8Array;
  sealed: Uint8Array;
  salt: Uint8Array;
  iterations: number;
  created_at: number;
  ends_at: number | null;
}

export interface AuditRow {
  seq: Generated<number>;
  id: string;
  at: number;
  event: string;
  action: string;
  description: string;
  username: string | null;
  address: string | null;
  session_id: string | null;
  door: string;
  credentials: string | null;
  target_kind: string | null;
  target_id: number | null;
  target_name: string | null;
  details: string;
  success: number;
  error: string | null;
}

export interface ChangeRow {
  seq: Generated<number>;
  at: number;
  kind: string;
  action: string;
  entity_id: number;
  name: string;
  user_id: number | null;
  ends: number;
  spares: string | null;
}

export interface WebSessionRow {
  id: string;
  digest: Uint8Array;
  user_id: number;
  created_at: number;
  seen_at: number;
  address: string | null;
  client: string | null;
  secure: number;
  /** JSON. */
  methods: string;
}

export interface TokenRow {
  id: string;
  digest: Uint8Array;
  user_id: number;
  key_id: number | null;
  /** Digest of the key's secret that was proved at the root. */
  secret: Uint8Array | null;
  /** JSON. */
  methods: string;
  login_id: string;
  login_at: number;
  password_changed_at: number | null;
  ttl_ms: number;
  created_at: number;
  used_at: number;
  ends_at: number;
  address: string | null;
  client: string | null;
  secure: number;
  match_address: number;
  opens_sessions: number;
  single_use: number;
}

interface OnceRow {
  digest: Uint8Array;
  request: Uint8Array;
  entity_id: number;
  at: number;
}

type Shown<Row> = Exclude<keyof Row, "search_text">;

/** A record, so that the compiler misses a column that is left out. */
function allShown<Row>(columns: Readonly<Record<Shown<Row>, true>>): readonly Shown<Row>[] {
  return Object.keys(columns) as Shown<Row>[];
}

/** What lists show. */
export const KEY_COLUMNS = allShown<KeyRow>({
  id: true,
  name: true,
  user_id: true,
  username: true,
  description: true,
  tags: true,
  hint: true,
  created_at: true,
  created_by: true,
  reset_at: true,
  expires_at: true,
  expiry_told: true,
  paused_at: true,
  revoked_at: true,
  revoked_reason: true,
  roles: true,
  scopes: true,
  allowed_ips: true,
  rate_limit: true,
  manages_sign_in: true,
  version: true,
});
export const USER_COLUMNS = allShown<UserRow>({
  id: true,
  username: true,
  folded_name: true,
  full_name: true,
  email: true,
  roles: true,
  scopes: true,
  all_roles: true,
  all_scopes: true,
  group_names: true,
  is_admin: true,
  locked_at: true,
  password_hash: true,
  password_changed_at: true,
  created_at: true,
  attributes: true,
  ceilings: true,
  version: true,
});
