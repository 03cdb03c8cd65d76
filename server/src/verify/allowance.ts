/** What a key may, apart from its own times: equal for all keys of a user with equal limits, and so worked out once for them. */
import {
  type Address,
  type Network,
  networkContains,
  parseAddress,
  parseNetwork,
} from "../domain/address.ts";
import type { RateLimit } from "../domain/key.ts";
import { coversScope, narrowRights, type Rights, rightsOf } from "../domain/rights.ts";
import type { CheckRecord, CheckUser, HotKey } from "../store/store.ts";

export interface Allowance {
  readonly user: CheckUser;
  readonly rights: Rights;
  /** An address must be in each of these lists. */
  readonly networks: readonly (readonly Network[])[];
  readonly rate: RateLimit | null;
  /** For all keys of the user together. */
  readonly userRate: RateLimit | null;
  /** Longest life of a secret. */
  readonly lifetimeMs: number | null;
}

type Limits = Pick<CheckRecord, "roles" | "scopes" | "allowedIps" | "rateLimit">;

export function allowanceOf(user: CheckUser, limits: Limits): Allowance {
  const { ceilings } = user;
  const lists = [limits.allowedIps, ceilings?.allowedIps ?? null].filter((list) => list !== null);
  const lifetime = ceilings?.lifetimeSeconds ?? null;
  return {
    user,
    rights: narrowRights(rightsOf(user.roles, user.scopes), limits.roles, limits.scopes),
    networks: lists.map((list) => list.flatMap((block) => parseNetwork(block) ?? [])),
    rate: limits.rateLimit,
    userRate: ceilings?.rateLimit ?? null,
    lifetimeMs: lifetime === null ? null : lifetime * 1000,
  };
}

export function limitsOf({ roles, scopes, allowedIps, rateLimit }: HotKey["limits"]): Limits {
  const read = (text: string | null) => (text === null ? null : JSON.parse(text));
  return {
    roles: read(roles),
    scopes: read(scopes),
    allowedIps: read(allowedIps),
    rateLimit: read(rateLimit),
  };
}

/** An address that is not known is not allowed. */
export function isAllowedFrom({ networks }: Allowance, text: string | null): boolean {
  if (networks.length === 0) return true;
  const address = text === null ? undefined : recall(ADDRESSES, text, parseAddress);
  return (
    address !== undefined &&
    networks.every((list) => list.some((network) => networkContains(network, address)))
  );
}

export function coversNeed(
  { user, rights }: Allowance,
  need: {
    readonly scopes?: readonly string[];
    readonly roles?: readonly string[];
    readonly groups?: readonly string[];
  },
): boolean {
  const { scopes, roles, groups } = need;
  if (scopes?.some((scope) => !coversScope(rights.scopes, scope))) return false;
  if (roles?.some((role) => !(rights.roles as ReadonlySet<string>).has(role))) return false;
  return !groups?.some((group) => !user.groups.includes(group));
}

const RECALLED_MAX = 4_096;
const ADDRESSES = new Map<string, Address | undefined>();

/** A pure function's results, kept for a bounded number of inputs. */
function recall<Result>(known: Map<string, Result>, text: string, read: (text: string) => Result): Result {
  if (known.has(text)) return known.get(text)!;
  const result = read(text);
  if (known.size >= RECALLED_MAX) known.clear();
  known.set(text, result);
  return result;
}
