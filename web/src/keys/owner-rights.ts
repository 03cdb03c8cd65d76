import { expandRoles, ROLES, type Role } from "@chatelaine/contract/roles";
import { useQuery } from "@tanstack/react-query";
import { call } from "../api/call.ts";
import { useMay, useMe } from "../api/session.ts";
import type { KeyValues } from "./key-values.ts";

/** The roles of a key's user, expanded; undefined where the viewer may not know them. */
export function useOwnerRoles(username: string): readonly Role[] | undefined {
  const me = useMe();
  const may = useMay();
  const isSelf = username === me.user.username;
  const { data } = useQuery({
    queryKey: ["user", username],
    queryFn: ({ signal }) => call("users.get", { name: username }, { signal }),
    enabled: !isSelf && username !== "" && may("users.list"),
    retry: false,
  });
  if (isSelf) return me.roles;
  if (data === undefined) return undefined;
  const all = expandRoles(data.all_roles);
  return ROLES.filter((role) => all.has(role));
}

const ADMINISTERS: readonly Role[] = ["API_KEY_WRITE", "ACCOUNT_WRITE", "AUTH_SESSIONS_WRITE"];

/** Whether whoever holds the key could change others' keys, users or sessions by it. */
export function canAdminister(values: KeyValues, ownerRoles: readonly Role[] | undefined): boolean {
  if (values.rights === "services" || ownerRoles === undefined) return false;
  const roles = values.rights === "all" ? ownerRoles : [...expandRoles(values.roles)];
  return roles.some((role) => ADMINISTERS.includes(role) && ownerRoles.includes(role));
}
