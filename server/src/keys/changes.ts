/** From what is wanted of a key to what changes in it. Pure. */
import type { Issue } from "@chatelaine/contract/errors";
import { KEY_TEXTS, type Key, type KeyFields, validateLabels } from "../domain/key.ts";
import { inNfc } from "../domain/names.ts";
import type { KeyPatch } from "../store/store.ts";
import { wholeSeconds } from "./rules.ts";

/** Without what stays as it is, in whichever form it is stored. */
export function patchOf(key: Key, fields: KeyFields): KeyPatch {
  const { expiresAt } = fields;
  const differing = differingFrom(key, {
    ...fields,
    expiresAt: expiresAt ? wholeSeconds(expiresAt) : expiresAt,
  });
  return differingFrom(key, inNfc(differing, KEY_TEXTS));
}

function differingFrom(key: Key, wanted: KeyPatch): KeyPatch {
  return Object.fromEntries(
    Object.entries(wanted).filter(
      ([name, value]) =>
        value !== undefined && JSON.stringify(value) !== JSON.stringify(key[name as keyof Key]),
    ),
  );
}

/** Description and tags count together, also where only one of them is edited. */
export function wordIssues(key: Key, patch: KeyPatch): Issue[] {
  if (patch.description === undefined && patch.tags === undefined) return [];
  if (patch.description !== undefined && patch.tags !== undefined) return [];
  return validateLabels({ description: patch.description ?? key.description, tags: patch.tags ?? key.tags });
}

/** Whether what sessions of the key may do changes; anyone who uses it signs in again. */
export function narrows(key: Key, patch: KeyPatch): boolean {
  const limits = ["roles", "scopes", "allowedIps"] as const;
  return limits.some(
    (name) => patch[name] !== undefined && patch[name] !== null && patch[name] !== key[name],
  );
}
