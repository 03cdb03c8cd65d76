/**
 * Rights: roles (what one may do in Chatelaine) and scopes (`resource:action`, what one may do at guarded services).
 *
 * A user has the union over themselves and their groups. A key may narrow that, never widen it, and is judged at the moment of
 * use. Missing means deny. Nobody grants what they lack themselves: `coversRights` is the one test for that.
 */
import { SCOPE_CHARS_MAX } from "@chatelaine/contract/limits";
import { expandRoles, type Role } from "@chatelaine/contract/roles";

export interface Rights {
  /** Expanded. */
  readonly roles: ReadonlySet<Role>;
  readonly scopes: readonly string[];
}

export const EVERYTHING: Rights = { roles: expandRoles(["FULL_ADMIN"]), scopes: ["*"] };
const SCOPE = /^(\*|(?:[A-Za-z0-9_.-]+|\*):(?:[A-Za-z0-9_.-]+|\*))$/;

/** `*`, or `resource:action` where each may be `*`. */
export function isScope(text: string): boolean {
  return text.length <= SCOPE_CHARS_MAX && SCOPE.test(text);
}

/** FULL_ADMIN has every scope; everybody else what was granted. */
export function rightsOf(roles: Iterable<Role>, scopes: readonly string[]): Rights {
  const expanded = expandRoles(roles);
  return { roles: expanded, scopes: expanded.has("FULL_ADMIN") ? ["*"] : scopes };
}

/** What is left of a user's rights when a key narrows them. null does not narrow. */
export function narrowRights(
  rights: Rights,
  roles: readonly Role[] | null,
  scopes: readonly string[] | null,
): Rights {
  if (roles === null && scopes === null) return rights;
  const wanted = roles === null ? rights.roles : expandRoles(roles);
  return {
    roles: roles === null ? rights.roles : new Set([...wanted].filter((role) => rights.roles.has(role))),
    scopes: scopes === null ? rights.scopes : intersectScopes(scopes, rights.scopes),
  };
}

/** What the lists of a key would leave of everything: whether they narrow at all, whatever its user has. */
export function listedRights(limits: {
  readonly roles: readonly Role[] | null;
  readonly scopes: readonly string[] | null;
}): Rights {
  return narrowRights(EVERYTHING, limits.roles, limits.scopes);
}

/** Whether a grant covers a scope that is asked for; both may hold `*`. */
export function coversScope(grants: readonly string[], scope: string): boolean {
  const [resource, action] = splitScope(scope);
  return grants.some((grant) => {
    const [grantResource, grantAction] = splitScope(grant);
    return (
      (grantResource === "*" || grantResource === resource) && (grantAction === "*" || grantAction === action)
    );
  });
}

/**
 * Whether the holder of `mine` may hand out `theirs`. KEY_HOLDER, the least of the roles that may have keys, is also
 * covered by the roles that manage their own or others' keys.
 */
export function coversRights(mine: Rights, theirs: Rights): boolean {
  // The same set, where both come from the same role.
  for (const role of mine.roles === theirs.roles ? [] : theirs.roles) {
    const covered =
      mine.roles.has(role) ||
      (role === "KEY_HOLDER" && (mine.roles.has("API_KEY_WRITE") || mine.roles.has("READONLY_ADMIN")));
    if (!covered) return false;
  }
  return theirs.scopes.every((scope) => coversScope(mine.scopes, scope));
}

function splitScope(scope: string): readonly [string, string] {
  if (scope === "*") return ["*", "*"];
  const colon = scope.indexOf(":");
  return [scope.slice(0, colon), scope.slice(colon + 1)];
}

/** Everything that both lists grant, as grants: the pairwise meet. */
export function intersectScopes(left: readonly string[], right: readonly string[]): string[] {
  const met = new Set<string>();
  for (const a of left) {
    for (const b of right) {
      const [aResource, aAction] = splitScope(a);
      const [bResource, bAction] = splitScope(b);
      const resource = meet(aResource, bResource);
      const action = meet(aAction, bAction);
      if (resource && action) met.add(resource === "*" && action === "*" ? "*" : `${resource}:${action}`);
    }
  }
  return [...met];
}

function meet(a: string, b: string): string | undefined {
  if (a === "*") return b;
  return b === "*" || a === b ? a : undefined;
}
