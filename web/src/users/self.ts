/** What a change takes from whoever makes it. */
import { expandRoles, ROLE_LABELS, type Role } from "@chatelaine/contract/roles";
import { useQuery } from "@tanstack/react-query";
import { call } from "../api/call.ts";
import type { Me } from "../api/session.ts";
import { sayNames } from "../form/say-names.ts";
import type { UserEntry } from "./user.ts";

interface Rights {
  readonly roles: readonly Role[];
  readonly scopes: readonly string[];
}

/** What somebody had and has no more. */
export interface Lost extends Rights {
  /** No role is left: they sign in nowhere, and their keys are refused. */
  readonly isAll: boolean;
}

/** @returns null: all of the one is in the other */
function rightsLost(before: Rights, after: Rights): Lost | null {
  const kept = expandRoles(after.roles);
  const roles = before.roles.filter((role) => !kept.has(role));
  const had = before.roles.includes("FULL_ADMIN") ? ["*"] : before.scopes;
  const hasAll = after.roles.includes("FULL_ADMIN") || after.scopes.includes("*");
  const scopes = hasAll ? [] : had.filter((scope) => !after.scopes.includes(scope));
  if (roles.length === 0 && scopes.length === 0) return null;
  return { roles, scopes, isAll: after.roles.length === 0 };
}

/** Roles and scopes by their names: `Key holder and scopes dns:read, dns:write`; empty where there are none. */
export function sayRights({ roles, scopes }: Rights): string {
  const parts = [roles.map((role) => ROLE_LABELS[role].title).join(", "), sayScopes(scopes)];
  return parts.filter((part) => part !== "").join(" and ");
}

function sayScopes(scopes: readonly string[]): string {
  if (scopes.length === 0) return "";
  if (scopes.includes("*")) return "all scopes";
  return `${scopes.length === 1 ? "scope" : "scopes"} ${sayNames(scopes)}`;
}

interface Granting extends Rights {
  readonly name: string;
}

/** What is about to become of oneself. */
export interface Planned {
  /** One's own roles and scopes, where those change. */
  readonly own?: Rights;
  /** The groups that one is in afterwards, by the names that they have now. */
  readonly memberOf: (groups: readonly string[]) => readonly string[];
  /** The groups that there are afterwards, by the names that they have now. */
  readonly groups: (groups: readonly Granting[]) => readonly Granting[];
}

/** What whoever asks loses by it, as the server has users and groups at this moment; null: nothing. */
export async function ownRightsLost(me: Me, { own, memberOf, groups }: Planned): Promise<Lost | null> {
  const [self, all] = await Promise.all([
    call("users.get", { name: me.user.username }),
    call("groups.list", {}),
  ]);
  const names = memberOf(self.groups);
  const joined = groups(all.entries).filter(({ name }) => names.includes(name));
  const { roles, scopes } = own ?? self;
  const after = {
    roles: [...roles, ...joined.flatMap((group) => group.roles)],
    scopes: [...scopes, ...joined.flatMap((group) => group.scopes)],
  };
  return rightsLost({ roles: self.all_roles, scopes: self.all_scopes }, after);
}

export function isMe(me: Me, user: Pick<UserEntry, "username">): boolean {
  return me.user.username === user.username;
}

/** Whether the user is the only one left who may do everything: the server keeps them. */
export function useIsLastAdmin(user: {
  readonly all_roles: readonly Role[];
  readonly locked: boolean;
}): boolean {
  const isAdmin = user.all_roles.includes("FULL_ADMIN") && !user.locked;
  const { data } = useQuery({
    queryKey: ["users", "admins"],
    queryFn: ({ signal }) =>
      call("users.list", { query: { role: ["FULL_ADMIN"], locked: false, limit: 2 } }, { signal }),
    enabled: isAdmin,
    staleTime: 0,
  });
  return isAdmin && data !== undefined && data.total <= 1;
}

/** Nobody touches a user or group with rights that they lack; the server judges, this is what is offered. */
export function coversRights(me: Pick<Me, "roles" | "scopes">, theirs: Rights): boolean {
  const covered = [...expandRoles(theirs.roles)].every(
    (role) =>
      me.roles.includes(role) ||
      (role === "KEY_HOLDER" && (me.roles.includes("API_KEY_WRITE") || me.roles.includes("READONLY_ADMIN"))),
  );
  if (!covered) return false;
  if (me.roles.includes("FULL_ADMIN")) return true;
  return theirs.scopes.every((scope) => me.scopes.some((mine) => coversScope(mine, scope)));
}

export function coversUser(me: Me, user: Pick<UserEntry, "all_roles" | "all_scopes">): boolean {
  return coversRights(me, { roles: user.all_roles, scopes: user.all_scopes });
}

function coversScope(mine: string, scope: string): boolean {
  if (mine === "*" || mine === "*:*") return true;
  const [resource, action] = mine.split(":");
  const [wantedResource, wantedAction] = scope === "*" ? ["*", "*"] : scope.split(":");
  return (resource === "*" || resource === wantedResource) && (action === "*" || action === wantedAction);
}
