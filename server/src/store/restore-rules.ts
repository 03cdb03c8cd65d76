/**
 * What becomes of a row that stands in a backup and in the present database: the backup's, but nothing that was taken away
 * since comes back, and people and groups keep the names that they have. There is a rule for every column, which the types
 * hold: a column that is added is thought about here.
 *
 * The rules are pure; `restore-plan.ts` applies them to all rows.
 */
import { expandRoles, ROLE_INCLUDES, type Role } from "@chatelaine/contract/roles";
import type { Selectable } from "kysely";
import { coversScope, intersectScopes, rightsOf } from "../domain/rights.ts";
import { DEFAULT_SETTINGS, type Settings } from "../domain/settings.ts";
import type { GroupRow, KeyRow, UserRow } from "./schema.ts";

export type StoredUser = Selectable<UserRow>;
export type StoredGroup = Selectable<GroupRow>;
export type StoredKey = Selectable<KeyRow>;

/** @param isNewer whether the present row has the newer secret or password */
type Rule<Row, Value> = (backup: Row, present: Row, isNewer: boolean) => Value;
type Rules<Row> = { readonly [Name in keyof Row]: Rule<Row, Row[Name]> };

const fromBackup =
  <Row, Name extends keyof Row>(name: Name): Rule<Row, Row[Name]> =>
  (backup) =>
    backup[name];
const fromPresent =
  <Row, Name extends keyof Row>(name: Name): Rule<Row, Row[Name]> =>
  (_, present) =>
    present[name];
/** What is set at present stays, what is not is as it was. */
const ifSet =
  <Row, Name extends keyof Row>(name: Name): Rule<Row, Row[Name]> =>
  (backup, present) =>
    present[name] ?? backup[name];
const newest =
  <Row, Name extends keyof Row>(name: Name): Rule<Row, Row[Name]> =>
  (backup, present, isNewer) =>
    (isNewer ? present : backup)[name];
/** Beyond both, so that nobody who has read either changes it unseen. */
const version = (backup: { version: number }, present: { version: number }): number =>
  Math.max(backup.version, present.version) + 1;

export const KEY_RULES: Rules<StoredKey> = {
  id: fromBackup("id"),
  name: fromBackup("name"),
  user_id: fromBackup("user_id"),
  username: fromBackup("username"),
  description: fromBackup("description"),
  tags: fromBackup("tags"),
  created_at: fromBackup("created_at"),
  created_by: fromBackup("created_by"),
  hint: newest("hint"),
  reset_at: newest("reset_at"),
  expires_at: (backup, present) => earlier(backup.expires_at, present.expires_at),
  expiry_told: (backup, present) => {
    const expiresAt = earlier(backup.expires_at, present.expires_at);
    return Math.max(...[backup, present].map((row) => (row.expires_at === expiresAt ? row.expiry_told : 0)));
  },
  paused_at: ifSet("paused_at"),
  revoked_at: ifSet("revoked_at"),
  revoked_reason: (backup, present) =>
    present.revoked_at === null ? backup.revoked_reason : present.revoked_reason,
  roles: (backup, present) => narrower(backup.roles, present.roles, commonRoles),
  scopes: (backup, present) => narrower(backup.scopes, present.scopes, intersectScopes),
  allowed_ips: ifSet("allowed_ips"),
  rate_limit: ifSet("rate_limit"),
  manages_sign_in: (backup, present) => Math.min(backup.manages_sign_in, present.manages_sign_in),
  // Made afterwards.
  search_text: fromBackup("search_text"),
  version,
};

export const USER_RULES: Rules<StoredUser> = {
  id: fromBackup("id"),
  // What services know people by is a right: one that was taken away, or is somebody else's by now, stays away.
  username: fromPresent("username"),
  full_name: fromPresent("full_name"),
  email: fromPresent("email"),
  attributes: fromBackup("attributes"),
  created_at: fromBackup("created_at"),
  roles: (backup, present) => JSON.stringify(commonOwn(backup, present).roles),
  scopes: (backup, present) => JSON.stringify(commonOwn(backup, present).scopes),
  // What follows from others is made afterwards.
  folded_name: fromPresent("folded_name"),
  all_roles: fromBackup("all_roles"),
  all_scopes: fromBackup("all_scopes"),
  group_names: fromBackup("group_names"),
  is_admin: fromBackup("is_admin"),
  search_text: fromBackup("search_text"),
  locked_at: ifSet("locked_at"),
  password_hash: newest("password_hash"),
  password_changed_at: newest("password_changed_at"),
  ceilings: (backup, present) => lowest(backup.ceilings, present.ceilings),
  version,
};

export const GROUP_RULES: Rules<StoredGroup> = {
  id: fromBackup("id"),
  name: fromPresent("name"),
  folded_name: fromPresent("folded_name"),
  created_at: fromBackup("created_at"),
  roles: (backup, present) => JSON.stringify(commonRoles(listOf(backup.roles), listOf(present.roles))),
  scopes: (backup, present) => JSON.stringify(intersectScopes(listOf(backup.scopes), listOf(present.scopes))),
  version,
};

/**
 * Settings that make something harder stay as hard; an address or secret of the webhook that was replaced stays so, and so do
 * the public URL and the certificate that clients see, by which the server is known.
 */
export const SETTING_RULES: { readonly [Name in keyof Settings]: Rule<Settings, Settings[Name]> } = {
  insecureTransportDialect: (backup, present) =>
    harder(backup.insecureTransportDialect, present.insecureTransportDialect),
  insecureTransport: (backup, present) => harder(backup.insecureTransport, present.insecureTransport),
  clientCertificate: fromPresent("clientCertificate"),
  keyDaysMax: (backup, present) => earlier(backup.keyDaysMax, present.keyDaysMax),
  nonExpiringKeys: (backup, present) => backup.nonExpiringKeys && present.nonExpiringKeys,
  nonExpiringRoles: ifSet("nonExpiringRoles"),
  publicUrl: fromPresent("publicUrl"),
  sessionIdleMinutes: (backup, present) => Math.min(backup.sessionIdleMinutes, present.sessionIdleMinutes),
  sessionHours: (backup, present) => Math.min(backup.sessionHours, present.sessionHours),
  docs: (backup, present) => (present.docs === "signed_in" ? "signed_in" : backup.docs),
  webhookUrl: fromPresent("webhookUrl"),
  webhookSecret: fromPresent("webhookSecret"),
  version,
};

export function applyRules<Row extends object>(
  rules: Rules<Row>,
  backup: Row,
  present: Row,
  isNewer: boolean,
): Row {
  const names = Object.keys(rules) as (keyof Row)[];
  return Object.fromEntries(names.map((name) => [name, rules[name](backup, present, isNewer)])) as Row;
}

export function settingsOf(rows: readonly { name: string; value: string }[]): Settings {
  const given = rows.map(({ name, value }) => [name, JSON.parse(value)]);
  return { ...DEFAULT_SETTINGS, ...Object.fromEntries(given) };
}

function listOf<Value extends string>(text: string): Value[] {
  return JSON.parse(text) as Value[];
}

/** null: never. */
function earlier(a: number | null, b: number | null): number | null {
  return a === null || b === null ? (a ?? b) : Math.min(a, b);
}

function harder<Choice extends Settings["insecureTransportDialect"]>(a: Choice, b: Choice): Choice {
  const order = ["allow", "refuse", "revoke", "close"];
  return order.indexOf(a) > order.indexOf(b) ? a : b;
}

/** @param common of two lists; null does not narrow */
function narrower(
  backup: string | null,
  present: string | null,
  common: (a: readonly never[], b: readonly never[]) => readonly string[],
): string | null {
  if (backup === null || present === null || backup === present) return present ?? backup;
  return JSON.stringify(common(listOf(backup) as never[], listOf(present) as never[]));
}

/** Those that both lists grant, by themselves or included in others. */
function commonRoles(a: readonly Role[], b: readonly Role[]): Role[] {
  const [left, right] = [expandRoles(a), expandRoles(b)];
  return leastOf(
    [...left].filter((role) => right.has(role)),
    a,
  );
}

/**
 * What a user is granted themselves, as far as they have it now, by themselves or by a group; so the whole of their rights
 * is never more than it is now.
 */
function commonOwn(backup: StoredUser, present: StoredUser): { roles: Role[]; scopes: string[] } {
  const [own, now] = [listOf<Role>(backup.roles), listOf<Role>(present.roles)];
  const [allOwn, allNow] = [listOf<Role>(backup.all_roles), listOf<Role>(present.all_roles)];
  const roles = leastOf([...commonRoles(own, allNow), ...commonRoles(now, allOwn)], own);
  const had = rightsOf(allOwn, listOf(backup.all_scopes)).scopes;
  const has = rightsOf(allNow, listOf(present.all_scopes)).scopes;
  const scopes = [
    ...intersectScopes(listOf(backup.scopes), has),
    ...intersectScopes(listOf(present.scopes), had),
  ];
  return { roles, scopes: withoutCovered(scopes) };
}

/** The fewest that include all of them, those first that were there by name. */
function leastOf(roles: readonly Role[], named: readonly Role[]): Role[] {
  const all = expandRoles(roles);
  const kept = named.filter((role) => all.has(role));
  const covered = expandRoles(kept);
  const rest = [...all].filter((role) => !covered.has(role));
  return [...kept, ...rest.filter((role) => !rest.some((one) => one !== role && includes(one, role)))];
}

function includes(role: Role, other: Role): boolean {
  return ROLE_INCLUDES[role].length > 0 && expandRoles(ROLE_INCLUDES[role]).has(other);
}

function withoutCovered(scopes: readonly string[]): string[] {
  const all = [...new Set(scopes)];
  return all.filter((scope) => !all.some((one) => one !== scope && coversScope([one], scope)));
}

/** Each ceiling by itself: the present one where there is one. */
function lowest(backup: string | null, present: string | null): string | null {
  if (backup === null || present === null) return present ?? backup;
  const [was, is] = [JSON.parse(backup), JSON.parse(present)] as Record<string, unknown>[];
  const names = new Set([...Object.keys(was!), ...Object.keys(is!)]);
  return JSON.stringify(
    Object.fromEntries([...names].map((name) => [name, is![name] ?? was![name] ?? null])),
  );
}
