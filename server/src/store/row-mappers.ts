/** Rows to records and back. Every list and object is JSON text in its column. */

import type { Selectable } from "kysely";
import type { AuditEvent, AuditRecord, CredentialNote } from "../domain/audit.ts";
import { type Key, type KeyOwner, listSortKey, shownReason, standsRevoked } from "../domain/key.ts";
import type { UserLimits } from "../domain/limits.ts";
import { maskDeep } from "../domain/masking.ts";
import { foldName } from "../domain/names.ts";
import type { Group, User } from "../domain/user.ts";
import type { AuditRow, ChangeRow, GroupRow, KeyRow, SecretRow, UserRow } from "./schema.ts";
import { keySearchText, userSearchText } from "./search-text.ts";
import type {
  Change,
  CheckRecord,
  CheckUser,
  KeyPatch,
  NewKey,
  NewUser,
  StoredSecret,
  UserPatch,
} from "./store.ts";

/** What is searched is not shown. */
type ShownRow<Row> = Omit<Selectable<Row>, "search_text">;

/** A row of keys with the columns of its last use beside it. */
export type KeyListRow = ShownRow<KeyRow> & {
  last_used_at: number | null;
  last_used_address: string | null;
  last_used_client: string | null;
};
export type UserListRow = ShownRow<UserRow> & { key_ids: string };

/** The columns of a key's owner that say what it is lent and held to. */
export interface KeyOwnerRow {
  readonly locked_at: number | null;
  readonly all_roles: string;
  readonly all_scopes: string;
  readonly ceilings: string | null;
}

export function keyOwnerOf({ locked_at, all_roles, all_scopes, ceilings }: KeyOwnerRow): KeyOwner {
  return {
    lockedAt: locked_at,
    roles: JSON.parse(all_roles),
    scopes: JSON.parse(all_scopes),
    ceilings: jsonOrNull<UserLimits>(ceilings),
  };
}

export function keyOf(row: ShownRow<KeyRow> & Partial<KeyListRow>, owner: KeyOwner): Key {
  return { ...ownKeyOf(row), owner };
}

/** What the row itself says. */
function ownKeyOf(row: ShownRow<KeyRow> & Partial<KeyListRow>): Omit<Key, "owner"> {
  return {
    id: row.id,
    name: row.name,
    userId: row.user_id,
    username: row.username,
    description: row.description,
    tags: JSON.parse(row.tags),
    hint: row.hint,
    createdAt: row.created_at,
    createdBy: row.created_by,
    resetAt: row.reset_at,
    expiresAt: row.expires_at,
    hasExpired: row.expiry_told === 1,
    pausedAt: row.paused_at,
    revokedAt: row.revoked_at,
    revokedReason: row.revoked_reason,
    roles: jsonOrNull(row.roles),
    scopes: jsonOrNull(row.scopes),
    allowedIps: jsonOrNull(row.allowed_ips),
    rateLimit: jsonOrNull(row.rate_limit),
    managesSignIn: row.manages_sign_in === 1,
    lastUsedAt: row.last_used_at ?? null,
    lastUsedAddress: row.last_used_address ?? null,
    lastUsedClient: row.last_used_client ?? null,
    version: row.version,
  };
}

export function keyColumns(patch: KeyPatch): Partial<Selectable<KeyRow>> {
  return defined({
    name: patch.name,
    description: patch.description,
    tags: patch.tags && JSON.stringify(patch.tags),
    hint: patch.hint,
    reset_at: patch.resetAt,
    expires_at: patch.expiresAt,
    expiry_told: patch.expiresAt === undefined ? undefined : 0,
    paused_at: patch.pausedAt,
    revoked_at: patch.revokedAt,
    revoked_reason: patch.revokedReason,
    roles: textOrNull(patch.roles),
    scopes: textOrNull(patch.scopes),
    allowed_ips: textOrNull(patch.allowedIps),
    rate_limit: textOrNull(patch.rateLimit),
    manages_sign_in: patch.managesSignIn === undefined ? undefined : Number(patch.managesSignIn),
  });
}

export function newKeyColumns(key: NewKey): Selectable<KeyRow> {
  return {
    id: key.id,
    name: key.name,
    user_id: key.userId,
    username: key.username,
    description: key.description,
    tags: JSON.stringify(key.tags),
    hint: key.hint,
    created_at: key.createdAt,
    created_by: key.createdBy,
    reset_at: null,
    expires_at: key.expiresAt,
    expiry_told: 0,
    paused_at: null,
    revoked_at: null,
    revoked_reason: null,
    roles: key.roles && JSON.stringify(key.roles),
    scopes: key.scopes && JSON.stringify(key.scopes),
    allowed_ips: key.allowedIps && JSON.stringify(key.allowedIps),
    rate_limit: key.rateLimit && JSON.stringify(key.rateLimit),
    manages_sign_in: Number(key.managesSignIn),
    search_text: keySearchText(key),
    version: 1,
  };
}

export function newSecretColumns(keyId: number, secret: StoredSecret): Omit<Selectable<SecretRow>, "id"> {
  return {
    key_id: keyId,
    digest: secret.digest,
    sealed: secret.sealed,
    salt: secret.salt,
    iterations: secret.iterations,
    created_at: secret.createdAt,
    ends_at: secret.endsAt,
  };
}

/** What follows from groups is left out. */
export function newUserColumns(user: NewUser) {
  return {
    username: user.username,
    folded_name: foldName(user.username),
    full_name: user.fullName,
    email: user.email,
    roles: JSON.stringify(user.roles),
    scopes: JSON.stringify(user.scopes),
    locked_at: user.lockedAt,
    password_hash: user.passwordHash,
    password_changed_at: user.passwordHash === null ? null : user.createdAt,
    created_at: user.createdAt,
    attributes: "{}",
    ceilings: user.ceilings && JSON.stringify(user.ceilings),
    search_text: userSearchText(user),
    version: 1,
  };
}

export function userColumns(patch: UserPatch, before: Selectable<UserRow>): Partial<Selectable<UserRow>> {
  const { username = before.username, fullName = before.full_name, email = before.email } = patch;
  const isRenamed = username !== before.username;
  return defined({
    username: patch.username,
    folded_name: isRenamed ? foldName(username) : undefined,
    full_name: patch.fullName,
    email: patch.email,
    roles: patch.roles && JSON.stringify(patch.roles),
    scopes: patch.scopes && JSON.stringify(patch.scopes),
    locked_at: patch.lockedAt,
    attributes: patch.attributes && JSON.stringify(patch.attributes),
    ceilings: patch.ceilings && JSON.stringify(patch.ceilings),
    password_hash: patch.passwordHash,
    password_changed_at: patch.passwordChangedAt,
    search_text: userSearchText({ username, fullName, email }),
  });
}

export function userOf(row: UserListRow): User {
  return {
    id: row.id,
    username: row.username,
    fullName: row.full_name,
    email: row.email,
    roles: JSON.parse(row.roles),
    scopes: JSON.parse(row.scopes),
    allRoles: JSON.parse(row.all_roles),
    allScopes: JSON.parse(row.all_scopes),
    groups: JSON.parse(row.group_names),
    lockedAt: row.locked_at,
    hasPassword: row.password_hash !== null,
    passwordChangedAt: row.password_changed_at,
    createdAt: row.created_at,
    attributes: JSON.parse(row.attributes),
    keyIds: JSON.parse(row.key_ids),
    ceilings: jsonOrNull(row.ceilings),
    version: row.version,
  };
}

/** The columns that `checkUserOf` needs, and no more. */
export type CheckUserRow = Pick<
  Selectable<UserRow>,
  | "id"
  | "username"
  | "full_name"
  | "email"
  | "locked_at"
  | "all_roles"
  | "all_scopes"
  | "group_names"
  | "ceilings"
>;

export function checkUserOf(row: CheckUserRow): CheckUser {
  return {
    id: row.id,
    username: row.username,
    fullName: row.full_name,
    email: row.email,
    lockedAt: row.locked_at,
    roles: JSON.parse(row.all_roles),
    scopes: JSON.parse(row.all_scopes),
    groups: JSON.parse(row.group_names),
    ceilings: jsonOrNull(row.ceilings),
  };
}

export type CheckKeyRow = Pick<
  Selectable<KeyRow>,
  | "id"
  | "name"
  | "description"
  | "tags"
  | "expires_at"
  | "paused_at"
  | "revoked_at"
  | "roles"
  | "scopes"
  | "allowed_ips"
  | "rate_limit"
  | "manages_sign_in"
  | "version"
>;

export function checkRecordOf(
  row: CheckKeyRow,
  user: CheckUser,
  secrets: readonly StoredSecret[],
): CheckRecord {
  return {
    id: row.id,
    name: row.name,
    description: row.description,
    tags: JSON.parse(row.tags),
    expiresAt: row.expires_at,
    pausedAt: row.paused_at,
    revokedAt: row.revoked_at,
    roles: jsonOrNull(row.roles),
    scopes: jsonOrNull(row.scopes),
    allowedIps: jsonOrNull(row.allowed_ips),
    rateLimit: jsonOrNull(row.rate_limit),
    managesSignIn: row.manages_sign_in === 1,
    version: row.version,
    secrets,
    user,
  };
}

export type SecretColumns = Pick<
  Selectable<SecretRow>,
  "digest" | "sealed" | "salt" | "iterations" | "created_at" | "ends_at"
>;

export function secretOf(row: SecretColumns): StoredSecret {
  return {
    digest: row.digest,
    sealed: row.sealed,
    salt: row.salt,
    iterations: row.iterations,
    createdAt: row.created_at,
    endsAt: row.ends_at,
  };
}

export function groupOf(row: Selectable<GroupRow>, members: readonly string[]): Group {
  return {
    id: row.id,
    name: row.name,
    roles: JSON.parse(row.roles),
    scopes: JSON.parse(row.scopes),
    members,
    createdAt: row.created_at,
    version: row.version,
  };
}

export function changeOf(row: Selectable<ChangeRow>): Change {
  return {
    seq: row.seq,
    at: row.at,
    kind: row.kind as Change["kind"],
    action: row.action as Change["action"],
    id: row.entity_id,
    name: row.name,
    userId: row.user_id,
    endsSessions: row.ends === 1,
    exceptSession: row.spares,
  };
}

export function auditOf(row: Selectable<AuditRow>): AuditRecord {
  const kind = row.target_kind as NonNullable<AuditRecord["target"]>["kind"] | null;
  return {
    id: row.id,
    at: row.at,
    event: row.event as AuditEvent,
    action: row.action,
    description: row.description,
    username: row.username,
    address: row.address,
    sessionId: row.session_id,
    door: row.door,
    credentials: jsonOrNull<CredentialNote>(row.credentials),
    target: kind === null ? null : { kind, id: row.target_id, name: row.target_name ?? "" },
    details: JSON.parse(row.details),
    success: row.success === 1,
    error: row.error,
  };
}

/** A finished record, as it is kept: the one place that every record passes, so secrets are masked here. */
export function auditColumns(record: AuditRecord): Omit<Selectable<AuditRow>, "seq"> {
  const { target, details, credentials, ...told } = maskDeep(record);
  return {
    id: told.id,
    at: told.at,
    event: told.event,
    action: told.action,
    description: told.description,
    username: told.username,
    address: told.address,
    session_id: told.sessionId,
    door: told.door,
    credentials: credentials && JSON.stringify(credentials),
    target_kind: target?.kind ?? null,
    target_id: target?.id ?? null,
    target_name: target?.name ?? null,
    details: JSON.stringify(details),
    success: told.success ? 1 : 0,
    error: told.error,
  };
}

// Listed rows as conditions judge them: members named as in the record and what is derived from them, instants as Date.

export type Listed = "keys" | "users" | "audit";

const RECORDS: Readonly<Record<Listed, (row: never) => object>> = {
  keys: keyRecord,
  users: userRecord,
  audit: auditOf,
};

/** What a judged search selects beside what is shown. */
interface SearchedColumn {
  readonly search_text: string;
}

/** What the owner's row says of the key. */
interface OwnerColumns {
  readonly owner_locked: number;
  readonly owner_roleless: number;
  readonly limit_ends_at: number | null;
}

function keyRecord(row: Parameters<typeof ownKeyOf>[0] & OwnerColumns & SearchedColumn): object {
  const { owner_locked, owner_roleless, limit_ends_at, search_text: searchText } = row;
  const owner = {
    isOwnerLocked: owner_locked === 1,
    isOwnerRoleless: owner_roleless === 1,
    limitEndsAt: limit_ends_at,
  };
  return { ...ownKeyOf(row), ...owner, searchText };
}

function userRecord(row: UserListRow & SearchedColumn): object {
  return { ...userOf(row), searchText: row.search_text };
}

const INSTANTS: Readonly<Record<Listed, readonly string[]>> = {
  keys: ["createdAt", "resetAt", "expiresAt", "pausedAt", "revokedAt", "lastUsedAt", "limitEndsAt"],
  users: ["createdAt", "lockedAt", "passwordChangedAt"],
  audit: ["at"],
};

/** What lists may be ordered by and the record does not have; SQL for it is in `list-queries.ts`. */
const DERIVED = {
  keys: (key: Key) => ({
    standsRevoked: standsRevoked(key),
    shownReason: shownReason(key),
    tagsInOrder: listSortKey(key.tags),
    scopesInOrder: listSortKey(key.scopes),
  }),
  users: ({ lockedAt, hasPassword }: User) => ({ isLocked: lockedAt !== null, hasNoPassword: !hasPassword }),
  audit: () => ({}),
} as const;

export function queryRecord(listed: Listed, row: object): object {
  const found = RECORDS[listed](row as never);
  const record = { ...found, ...DERIVED[listed](found as never) } as Record<string, unknown>;
  for (const name of INSTANTS[listed]) {
    const value = record[name];
    if (typeof value === "number") record[name] = new Date(value);
  }
  return record;
}

/** Without the members that are undefined. */
export function defined<T extends object>(values: T): Partial<T> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Partial<T>;
}

function jsonOrNull<T>(text: string | null): T | null {
  return text === null ? null : (JSON.parse(text) as T);
}

function textOrNull(value: unknown): string | null | undefined {
  return value === undefined ? undefined : value === null ? null : JSON.stringify(value);
}
