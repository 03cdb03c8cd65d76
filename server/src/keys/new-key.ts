/** A key that is to be made: what becomes of the input, and whether it may be. */
import type { Caller } from "../domain/caller.ts";
import { refuseIssues } from "../domain/errors.ts";
import type { KeyFields } from "../domain/key.ts";
import { policyIssues, type WantedLife } from "../domain/key-policy.ts";
import { type MintedKey, requireMayMint } from "../domain/minting.ts";
import type { User } from "../domain/user.ts";
import type { Store, Transaction } from "../store/store.ts";
import { endByCeiling, lifetimeIssues, wholeSeconds } from "./rules.ts";

export interface NewKeyInput extends KeyFields {
  readonly name: string;
  readonly username: string;
}

/** @param end where the input names none */
export function newKeyFields(input: NewKeyInput, end: number | null): Required<KeyFields> {
  const expiresAt = input.expiresAt ?? end;
  return {
    name: input.name,
    description: input.description ?? "",
    tags: input.tags ?? [],
    expiresAt: expiresAt === null ? null : wholeSeconds(expiresAt),
    roles: input.roles ?? null,
    scopes: input.scopes ?? null,
    allowedIps: input.allowedIps ?? null,
    rateLimit: input.rateLimit ?? null,
    managesSignIn: input.managesSignIn ?? false,
  };
}

/** A key that is to be made, as `minting.ts` judges it. */
function newKey(input: NewKeyInput, owner: User, madeAt: number): MintedKey {
  const { allRoles: roles, allScopes: scopes, ceilings } = owner;
  const fields = newKeyFields(input, endByCeiling(owner, madeAt));
  const life = { createdAt: madeAt, resetAt: null };
  return { ...fields, ...life, userId: owner.id, owner: { roles, scopes, ceilings } };
}

export type SettingsReader = Pick<Store | Transaction, "readSettings">;

/**
 * Asked before what takes long, and again in the transaction: another policy, and other limits of the owner, hold from
 * their commit on.
 */
export async function requireMakable(
  from: SettingsReader,
  caller: Caller,
  { input, owner, madeAt }: { readonly input: NewKeyInput; readonly owner: User; readonly madeAt: number },
): Promise<void> {
  refuseIssues(lifetimeIssues(input.expiresAt ?? undefined, madeAt, owner));
  const expiresAt = input.expiresAt ?? endByCeiling(owner, madeAt);
  await requirePolicy(from, caller, { madeAt, expiresAt, was: undefined });
  requireMayMint(caller, { what: "key", after: newKey(input, owner, madeAt) });
}

export async function requirePolicy(
  from: SettingsReader,
  { roles }: Caller,
  life: Omit<WantedLife, "roles">,
): Promise<void> {
  refuseIssues(policyIssues(await from.readSettings(), { ...life, roles }));
}
