/** What a key may, apart from its own times: equal for all keys of a user with equal limits, and so worked out once for them. */
import { type Network, networkContains, parseAddress, parseNetwork } from "../domain/address.ts";
import type { RateLimit } from "../domain/limits.ts";
import { coversScope, narrowRights, type Rights, rightsOf } from "../domain/rights.ts";
import type { CheckRecord, CheckUser, HotKey } from "../store/store.ts";

export interface Allowance {
  readonly user: CheckUser;
  readonly rights: Rights;
  /** An address must be in each of these lists. */
  readonly networks: readonly (readonly Network[])[];
  /** Whether an address is in them, for those that asked before: nothing but these lists decides it. */
  readonly addresses: Map<string, boolean>;
  readonly rate: RateLimit | null;
  /** For all keys of the user together. */
  readonly userRate: RateLimit | null;
  /** Longest life of a secret. */
  readonly lifetimeMs: number | null;
}

const ADDRESSES_MAX = 1_000;

type Limits = Pick<CheckRecord, "roles" | "scopes" | "allowedIps" | "rateLimit">;

export function allowanceOf(user: CheckUser, limits: Limits): Allowance {
  const { ceilings } = user;
  const lists = [limits.allowedIps, ceilings?.allowedIps ?? null].filter((list) => list !== null);
  const lifetime = ceilings?.lifetimeSeconds ?? null;
  return {
    user,
    rights: narrowRights(rightsOf(user.roles, user.scopes), limits.roles, limits.scopes),
    networks: lists.map((list) => list.flatMap((block) => parseNetwork(block) ?? [])),
    addresses: new Map(),
    rate: limits.rateLimit,
    userRate: ceilings?.rateLimit ?? null,
    lifetimeMs: lifetime === null ? null : lifetime * 1000,
  };
}

const ofRecords = new WeakMap<CheckRecord, Allowance>();

/** Worked out once for a record that the store gives again. */
export function allowanceOfRecord(record: CheckRecord): Allowance {
  let allowance = ofRecords.get(record);
  if (!allowance) {
    allowance = allowanceOf(record.user, record);
    ofRecords.set(record, allowance);
  }
  return allowance;
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
export function isAllowedFrom({ networks, addresses }: Allowance, text: string | null): boolean {
  if (networks.length === 0) return true;
  if (text === null) return false;
  let isAllowed = addresses.get(text);
  if (isAllowed === undefined) {
    const address = parseAddress(text);
    const isIn = (list: readonly Network[]): boolean =>
      address !== undefined && list.some((network) => networkContains(network, address));
    isAllowed = networks.every(isIn);
    if (addresses.size >= ADDRESSES_MAX) addresses.clear();
    addresses.set(text, isAllowed);
  }
  return isAllowed;
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
