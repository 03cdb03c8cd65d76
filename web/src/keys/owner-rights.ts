/** Alone because the details of a key and its form ask for the same owner. */
import { expandRoles, ROLES, type Role } from "@chatelaine/contract/roles";
import { useQuery } from "@tanstack/react-query";
import { call } from "../api/call.ts";
import { useMay, useMe } from "../api/session.ts";
import type { UserEntry } from "../users/user.ts";
import type { KeyValues } from "./key-values.ts";

/** A key's user; undefined where the viewer may not know him, or not yet. Everybody may know himself. */
export function useOwner(username: string): UserEntry | undefined {
  const me = useMe();
  const may = useMay();
  const { data } = useQuery({
    queryKey: ["user", username],
    queryFn: ({ signal }) => call("users.get", { name: username }, { signal }),
    enabled: username !== "" && (username === me.user.username || may("users.list")),
    retry: false,
  });
  return data;
}

/** The roles of a key's user, expanded; undefined where they are not known. */
export function useOwnerRoles(owner: UserEntry | undefined, username: string): readonly Role[] | undefined {
  const me = useMe();
  if (username === me.user.username) return me.roles;
  if (owner === undefined) return undefined;
  const all = expandRoles(owner.all_roles);
  return ROLES.filter((role) => all.has(role));
}

const ADMINISTERS: readonly Role[] = ["API_KEY_WRITE", "ACCOUNT_WRITE", "AUTH_SESSIONS_WRITE"];

/** Whether whoever holds the key could change others' keys, users or sessions by it. */
export function canAdminister(values: KeyValues, ownerRoles: readonly Role[] | undefined): boolean {
  if (values.rights === "services" || ownerRoles === undefined) return false;
  const roles = values.rights === "all" ? ownerRoles : [...expandRoles(values.roles)];
  return roles.some((role) => ADMINISTERS.includes(role) && ownerRoles.includes(role));
}
