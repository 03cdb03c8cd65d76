/** Users, groups and keys as `--json` prints them: the shapes that the REST API answers with, held to by type. */
import type { OutputOf } from "@chatelaine/contract/operations/operations";
import type { Local } from "./command.ts";

export type Key = Awaited<ReturnType<Local["keys"]["get"]>>;
export type User = Awaited<ReturnType<Local["users"]["get"]>>;
export type Group = Awaited<ReturnType<Local["groups"]["get"]>>;
export type KeyShape = OutputOf<"keys.get">;
export type UserShape = OutputOf<"users.get">;
export type GroupShape = OutputOf<"groups.get">;

/** What is judged of a key when it is asked for. */
export type Standing = ReturnType<Local["keys"]["statusOf"]>;

export function keyShape(key: Key, { status, endsAt }: Standing): KeyShape {
  return {
    id: key.id,
    name: key.name,
    username: key.username,
    user_identifier: key.userId,
    local: true,
    description: key.description,
    tags: [...key.tags],
    hint: key.hint,
    status,
    created_at: instant(key.createdAt),
    created_by: key.createdBy,
    reset_at: instant(key.resetAt),
    expires_at: instant(key.expiresAt),
    ends_at: instant(endsAt),
    paused_at: instant(key.pausedAt),
    revoked: key.revokedAt !== null,
    revoked_at: instant(key.revokedAt),
    revoked_reason: key.revokedReason,
    roles: key.roles && [...key.roles],
    scopes: key.scopes && [...key.scopes],
    allowed_ips: key.allowedIps && [...key.allowedIps],
    rate_limit: key.rateLimit && { limit: key.rateLimit.limit, window_seconds: key.rateLimit.windowSeconds },
    manages_sign_in: key.managesSignIn,
    last_used_at: instant(key.lastUsedAt),
    last_used_address: key.lastUsedAddress,
    last_used_client: key.lastUsedClient,
    // Whoever reads the data folder is the system.
    editable: true,
    version: key.version,
  };
}

/** The key's text in its place beside what tells keys apart. */
export function madeKeyShape(key: Key, text: string, standing: Standing): KeyShape & { key: string } {
  const { id, name, username, ...rest } = keyShape(key, standing);
  return { id, name, username, key: text, ...rest };
}

export function userShape(user: User): UserShape {
  return {
    id: user.id,
    username: user.username,
    full_name: user.fullName,
    email: user.email,
    roles: [...user.roles],
    scopes: [...user.scopes],
    all_roles: [...user.allRoles],
    all_scopes: [...user.allScopes],
    groups: [...user.groups],
    ceilings: user.ceilings && {
      allowed_ips: user.ceilings.allowedIps && [...user.ceilings.allowedIps],
      rate_limit: user.ceilings.rateLimit && {
        limit: user.ceilings.rateLimit.limit,
        window_seconds: user.ceilings.rateLimit.windowSeconds,
      },
      lifetime_seconds: user.ceilings.lifetimeSeconds,
    },
    locked: user.lockedAt !== null,
    locked_at: instant(user.lockedAt),
    has_password: user.hasPassword,
    password_changed_at: instant(user.passwordChangedAt),
    created_at: instant(user.createdAt),
    key_ids: [...user.keyIds],
    version: user.version,
  };
}

export function groupShape(group: Group): GroupShape {
  return {
    id: group.id,
    name: group.name,
    roles: [...group.roles],
    scopes: [...group.scopes],
    members: [...group.members],
    created_at: instant(group.createdAt),
    version: group.version,
  };
}

/** RFC 3339 in UTC. */
export function instant(at: number): string;
export function instant(at: number | null): string | null;
export function instant(at: number | null): string | null {
  return at === null ? null : new Date(at).toISOString();
}
