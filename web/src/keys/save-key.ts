import { call } from "../api/call.ts";
import { type SaveOutcome, saveOn } from "../form/edited.ts";
import type { IdempotentRequest } from "../form/use-change.ts";
import type { KeyEntry, MadeKey } from "./key.ts";
import { createBody, type KeyValues, updateBody } from "./key-values.ts";

/** What a panel wants to be saved. */
export interface KeySave {
  readonly values: KeyValues;
  /** Absent: a new key. */
  readonly base: KeyEntry | undefined;
  readonly before: KeyValues;
}

export function saveKey(
  wanted: KeySave,
  once: IdempotentRequest,
): Promise<SaveOutcome<KeyEntry | MadeKey, KeyEntry>> {
  const { base } = wanted;
  const read = () => call("keys.get", { id: base?.id ?? 0 }, { signal: once.signal });
  return saveOn({ base, read, save: () => send(wanted, once) });
}

function send({ values, base, before }: KeySave, once: IdempotentRequest): Promise<KeyEntry | MadeKey> {
  const query = { scram: true };
  if (base === undefined) return call("keys.create", { query, body: createBody(values) }, once);
  const body = { ...updateBody(values, before), version: base.version };
  if (values.reset) return call("keys.reset", { id: base.id, query, body }, once);
  return call("keys.update", { id: base.id, body }, once);
}

/**
 * React keeps what a component held before for a while; so the key is taken out of the one object that has it. Held by the
 * test S26.
 */
export function forgetKey(made: MadeKey): void {
  made.key = "";
  delete made.scram;
}

/** Whether the answer holds the key itself. */
export function isMade(saved: KeyEntry | MadeKey): saved is MadeKey {
  return "key" in saved;
}
