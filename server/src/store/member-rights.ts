/** Groups, and the rights that users have by them: kept with each user, and worked out again with each change of either. */
import { expandRoles, type Role } from "@chatelaine/contract/roles";
import type { Kysely, Selectable } from "kysely";
import type { GroupMember } from "../domain/minting.ts";
import type { Group } from "../domain/user.ts";
import { changedMeanwhile } from "../domain/version.ts";
import { groupOf } from "./row-mappers.ts";
import type { Tables, UserRow } from "./schema.ts";

/** A member of several groups is refreshed once, so this many rows are read at a time. */
const MEMBERS_AT_ONCE = 500;

export async function memberIds(db: Kysely<Tables>, groupId: number): Promise<number[]> {
  const rows = await db
    .selectFrom("group_members")
    .select("user_id")
    .where("group_id", "=", groupId)
    .execute();
  return rows.map((row) => row.user_id);
}

/** Those who are alike once. */
export async function listMemberKinds(db: Kysely<Tables>, groupId: number): Promise<readonly GroupMember[]> {
  const rows = await db
    .selectFrom("group_members")
    .innerJoin("users", "users.id", "group_members.user_id")
    .where("group_members.group_id", "=", groupId)
    .select(({ eb, exists, or, selectFrom }) => [
      "users.ceilings",
      or([
        eb("users.password_hash", "is not", null),
        exists(selectFrom("keys").select("keys.id").whereRef("keys.user_id", "=", "users.id")),
      ]).as("can_sign_in"),
    ])
    .distinct()
    .execute();
  return rows.map(({ ceilings, can_sign_in }) => ({
    canSignIn: Boolean(can_sign_in),
    ceilings: ceilings === null ? null : JSON.parse(ceilings),
  }));
}

export async function* usersOf(
  db: Kysely<Tables>,
  userIds: readonly number[],
): AsyncGenerator<Selectable<UserRow>> {
  for (let from = 0; from < userIds.length; from += MEMBERS_AT_ONCE) {
    const ids = userIds.slice(from, from + MEMBERS_AT_ONCE);
    yield* await db.selectFrom("users").selectAll().where("id", "in", ids).execute();
  }
}

/**
 * Writes what the user has of their own and by their groups. Throws conflict where they are not at this version any more.
 * @returns whether that is shown otherwise than before, and whether they lost a right
 */
export async function refreshRights(
  db: Kysely<Tables>,
  user: Selectable<UserRow>,
): Promise<{ readonly isOther: boolean; readonly isLess: boolean }> {
  const groups = await db
    .selectFrom("group_members")
    .innerJoin("groups", "groups.id", "group_members.group_id")
    .select(["groups.name", "groups.roles", "groups.scopes"])
    .where("group_members.user_id", "=", user.id)
    .orderBy("groups.name")
    .execute();
  const roles = union<Role>([user.roles, ...groups.map((group) => group.roles)]);
  const scopes = union<string>([user.scopes, ...groups.map((group) => group.scopes)]);
  const names = groups.map((group) => group.name);
  const columns = rightsColumns(roles, scopes, names);
  const { numUpdatedRows } = await db
    .updateTable("users")
    .set(columns)
    .where("id", "=", user.id)
    .where("version", "=", user.version)
    .executeTakeFirst();
  if (numUpdatedRows === 0n) throw changedMeanwhile("user");
  const shown = ["all_roles", "all_scopes", "group_names"] as const;
  const [hadRoles, hadScopes] = [
    JSON.parse(user.all_roles) as Role[],
    JSON.parse(user.all_scopes) as string[],
  ];
  const has = expandRoles(roles);
  return {
    isOther: shown.some((name) => columns[name] !== user[name]),
    isLess: hadRoles.some((role) => !has.has(role)) || hadScopes.some((scope) => !scopes.includes(scope)),
  };
}

/** Something is shown of them otherwise, that is in other rows. */
export async function touchUser(db: Kysely<Tables>, id: number): Promise<void> {
  await db
    .updateTable("users")
    .set(({ eb }) => ({ version: eb("version", "+", 1) }))
    .where("id", "=", id)
    .execute();
}

export async function touchGroup(db: Kysely<Tables>, id: number): Promise<void> {
  await db
    .updateTable("groups")
    .set(({ eb }) => ({ version: eb("version", "+", 1) }))
    .where("id", "=", id)
    .execute();
}

/** Groups show their members by name. */
export async function touchGroupsOf(db: Kysely<Tables>, userId: number): Promise<void> {
  await db
    .updateTable("groups")
    .set(({ eb }) => ({ version: eb("version", "+", 1) }))
    .where("id", "in", ({ selectFrom }) =>
      selectFrom("group_members").select("group_id").where("user_id", "=", userId),
    )
    .execute();
}

/** With its members' names in order. */
export async function findGroup(db: Kysely<Tables>, name: string): Promise<Group | undefined> {
  const row = await db.selectFrom("groups").selectAll().where("name", "=", name).executeTakeFirst();
  if (!row) return undefined;
  const members = await db
    .selectFrom("group_members")
    .innerJoin("users", "users.id", "group_members.user_id")
    .select("users.username")
    .where("group_members.group_id", "=", row.id)
    .orderBy("users.username")
    .execute();
  return groupOf(
    row,
    members.map((member) => member.username),
  );
}

export function rightsColumns(roles: readonly Role[], scopes: readonly string[], groups: readonly string[]) {
  return {
    all_roles: JSON.stringify(roles),
    all_scopes: JSON.stringify(scopes),
    group_names: JSON.stringify(groups),
    is_admin: expandRoles(roles).has("FULL_ADMIN") ? 1 : 0,
  };
}

/** @param lists JSON */
export function union<T>(lists: readonly string[]): T[] {
  return [...new Set(lists.flatMap((text) => JSON.parse(text) as T[]))];
}
