/** Records as the contract's entries. No secret is in a record, so none can leave by these. */
import { parseInstant } from "@chatelaine/contract/instant";
import type { Group as GroupShape } from "@chatelaine/contract/operations/groups";
import type { Key as KeyShape, Scram } from "@chatelaine/contract/operations/key-entry";
import type { KeyPolicy } from "@chatelaine/contract/operations/session";
import type {
  AuditEntry,
  Settings as SettingsShape,
  SettingsUpdate,
} from "@chatelaine/contract/operations/system";
import type { User as UserShape } from "@chatelaine/contract/operations/users";
import type { z } from "zod";
import type { SettingsChange, ShownPolicy, ShownSettings } from "../../activity/settings.ts";
import type { AuditRecord } from "../../domain/audit.ts";
import { type Key, type KeyFields, type KeySecret, keyState, lastInstant } from "../../domain/key.ts";
import type { Group, User } from "../../domain/user.ts";

export function instant(at: number): string {
  return new Date(at).toISOString();
}

export function instantOrNull(at: number | null): string | null {
  return at === null ? null : instant(at);
}

/** @param editable whether who asks may edit it */
export function keyEntry(key: Key, now: number, editable: boolean): z.output<typeof KeyShape> {
  return {
    id: key.id,
    name: key.name,
    username: key.username,
    user_identifier: key.userId,
    local: true,
    description: key.description,
    tags: [...key.tags],
    hint: key.hint,
    status: keyState(key, now),
    created_at: instant(key.createdAt),
    created_by: key.createdBy,
    reset_at: instantOrNull(key.resetAt),
    expires_at: instantOrNull(key.expiresAt),
    ends_at: instantOrNull(lastInstant(key)),
    paused_at: instantOrNull(key.pausedAt),
    revoked: key.revokedAt !== null,
    revoked_at: instantOrNull(key.revokedAt),
    revoked_reason: key.revokedReason,
    roles: key.roles && [...key.roles],
    scopes: key.scopes && [...key.scopes],
    allowed_ips: key.allowedIps && [...key.allowedIps],
    rate_limit: key.rateLimit && { limit: key.rateLimit.limit, window_seconds: key.rateLimit.windowSeconds },
    manages_sign_in: key.managesSignIn,
    last_used_at: instantOrNull(key.lastUsedAt),
    last_used_address: key.lastUsedAddress,
    last_used_client: key.lastUsedClient,
    editable,
    version: key.version,
  };
}

/** What a new key's holder may know once. */
export function secretMembers(
  secret: KeySecret,
  withScram: boolean | undefined,
): { key: string; scram?: z.output<typeof Scram> } {
  return withScram ? { key: secret.text, scram: scramMembers(secret.scram) } : { key: secret.text };
}

export function scramMembers(scram: KeySecret["scram"]): z.output<typeof Scram> {
  const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");
  const { iterations, salt, clientKey, storedKey, serverKey } = scram;
  return {
    iterations,
    salt: base64(salt),
    client_key: base64(clientKey),
    stored_key: base64(storedKey),
    server_key: base64(serverKey),
  };
}

interface KeyBody {
  readonly name?: string;
  readonly description?: string;
  readonly tags?: readonly string[];
  readonly expires_at?: string | null;
  readonly roles?: KeyFields["roles"];
  readonly scopes?: readonly string[] | null;
  readonly allowed_ips?: readonly string[] | null;
  readonly rate_limit?: { readonly limit: number; readonly window_seconds: number } | null;
  readonly manages_sign_in?: boolean;
}

export function keyFields(body: KeyBody): KeyFields {
  const { rate_limit: rate } = body;
  return {
    name: body.name,
    description: body.description,
    tags: body.tags,
    expiresAt: readInstant(body.expires_at),
    roles: body.roles,
    scopes: body.scopes,
    allowedIps: body.allowed_ips,
    rateLimit: rate && { limit: rate.limit, windowSeconds: rate.window_seconds },
    managesSignIn: body.manages_sign_in,
  };
}

export function readInstant(text: string | null | undefined): number | null | undefined {
  return typeof text === "string" ? parseInstant(text) : text;
}

export function userEntry(user: User): z.output<typeof UserShape> {
  return {
    id: user.id,
    username: user.username,
    full_name: user.fullName,
    ceilings: user.ceilings && {
      allowed_ips: user.ceilings.allowedIps && [...user.ceilings.allowedIps],
      rate_limit: user.ceilings.rateLimit && {
        limit: user.ceilings.rateLimit.limit,
        window_seconds: user.ceilings.rateLimit.windowSeconds,
      },
      lifetime_seconds: user.ceilings.lifetimeSeconds,
    },
    email: user.email,
    roles: [...user.roles],
    scopes: [...user.scopes],
    all_roles: [...user.allRoles],
    all_scopes: [...user.allScopes],
    groups: [...user.groups],
    locked: user.lockedAt !== null,
    locked_at: instantOrNull(user.lockedAt),
    has_password: user.hasPassword,
    password_changed_at: instantOrNull(user.passwordChangedAt),
    created_at: instant(user.createdAt),
    key_ids: [...user.keyIds],
    version: user.version,
  };
}

export function groupEntry(group: Group): z.output<typeof GroupShape> {
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

export function auditEntry(record: AuditRecord): z.output<typeof AuditEntry> {
  return {
    id: record.id,
    at: instant(record.at),
    event: record.event,
    action: record.action,
    description: record.description,
    username: record.username,
    address: record.address,
    session_id: record.sessionId,
    door: record.door,
    credentials: record.credentials && {
      ...record.credentials,
      credentials_data: { ...record.credentials.credentials_data },
    },
    target: record.target && { ...record.target },
    details: { ...record.details },
    success: record.success,
    error: record.error,
  };
}

export function settingsEntry(settings: ShownSettings): z.output<typeof SettingsShape> {
  return {
    insecure_transport: settings.insecureTransport,
    insecure_transport_dialect: settings.insecureTransportDialect,
    client_certificate: settings.clientCertificate,
    key_days_max: settings.keyDaysMax,
    non_expiring_keys: settings.nonExpiringKeys,
    non_expiring_roles: settings.nonExpiringRoles && [...settings.nonExpiringRoles],
    public_url: settings.publicUrl,
    session_idle_minutes: settings.sessionIdleMinutes,
    session_hours: settings.sessionHours,
    docs: settings.docs,
    webhook_url: settings.webhookUrl,
    webhook_secret_set: settings.webhookSecretSet,
    version: settings.version,
  };
}

/** The members that are given. */
export function settingsPatch(body: z.output<typeof SettingsUpdate>): SettingsChange {
  const patch: SettingsChange = {
    insecureTransport: body.insecure_transport,
    insecureTransportDialect: body.insecure_transport_dialect,
    clientCertificate: body.client_certificate,
    keyDaysMax: body.key_days_max,
    nonExpiringKeys: body.non_expiring_keys,
    nonExpiringRoles: body.non_expiring_roles,
    publicUrl: body.public_url,
    sessionIdleMinutes: body.session_idle_minutes,
    sessionHours: body.session_hours,
    docs: body.docs,
    webhookUrl: body.webhook_url,
    webhookSecret: body.webhook_secret,
    version: body.version,
  };
  return Object.fromEntries(Object.entries(patch).filter(([, value]) => value !== undefined));
}

export function policyEntry(policy: ShownPolicy): z.output<typeof KeyPolicy> {
  return {
    key_days_max: policy.keyDaysMax,
    non_expiring_keys: policy.nonExpiringKeys,
    non_expiring_roles: policy.nonExpiringRoles && [...policy.nonExpiringRoles],
    may_make_non_expiring: policy.mayMakeNonExpiring,
  };
}
