/**
 * What a key may do to itself, whatever it was narrowed to: learn its limits, be rotated, be revoked. It acts with its
 * owner's rights then, on itself alone, and so can neither be widened nor live longer by it.
 */
import { type Caller, rightsOverOwnKey } from "../domain/caller.ts";
import { AppError } from "../domain/errors.ts";
import type { Key, KeySecret } from "../domain/key.ts";
import type { Store } from "../store/store.ts";
import type { Keys } from "./keys.ts";

export interface SelfKeys {
  get(caller: Caller): Promise<Key>;
  /** @param expiresAt undefined keeps it; to change it needs the role that editing keys needs */
  reset(
    caller: Caller,
    expiresAt: number | null | undefined,
  ): Promise<{ key: Key; secret: KeySecret | undefined }>;
  revoke(caller: Caller, reason: string): Promise<Key>;
}

export function createSelfKeys(
  keys: Pick<Keys, "get" | "update" | "revoke">,
  store: Pick<Store, "findCheckUser">,
): SelfKeys {
  const asOwner = async (caller: Caller): Promise<Caller> => {
    const owner = caller.key && (await store.findCheckUser(caller.userId));
    if (!owner) throw new AppError("forbidden", "Only a key can ask about itself");
    return { ...caller, isOwnKey: true, ...rightsOverOwnKey(owner.roles, owner.scopes) };
  };
  const idOf = (caller: Caller): number => caller.key?.id ?? 0;
  return {
    get: async (caller) => keys.get(await asOwner(caller), idOf(caller)),
    reset: async (caller, expiresAt) => {
      const own = await asOwner(caller);
      if (expiresAt !== undefined) return keys.update(caller, idOf(caller), { reset: true, expiresAt });
      return keys.update(own, idOf(caller), { reset: true });
    },
    revoke: async (caller, reason) => keys.revoke(await asOwner(caller), idOf(caller), reason),
  };
}
