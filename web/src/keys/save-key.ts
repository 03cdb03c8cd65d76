import { useQueryClient } from "@tanstack/react-query";
import { useRef, useState } from "react";
import { call } from "../api/call.ts";
import { problemOf } from "../api/problem.ts";
import { noteEnd } from "../api/queries.ts";
import type { Key, MadeKey } from "./key.ts";
import { createBody, type KeyValues, updateBody } from "./key-values.ts";

/**
 * Saves a panel. Not a mutation of the query library: that would keep the answer, and with it the key, in its cache.
 * A repetition after a lost answer carries the same Idempotency-Key, so that it makes nothing twice.
 */
export function useSaveKey() {
  const queries = useQueryClient();
  const [isSaving, setSaving] = useState(false);
  const attempt = useRef<{ request: string; once: string }>(undefined);
  const save = async (values: KeyValues, row: Key | undefined, before: KeyValues): Promise<Key | MadeKey> => {
    const request = JSON.stringify([values, row?.version]);
    if (attempt.current?.request !== request) attempt.current = { request, once: randomName() };
    setSaving(true);
    try {
      const saved = await send(values, row, before, attempt.current.once);
      attempt.current = undefined;
      void queries.invalidateQueries({ queryKey: ["keys"] });
      void queries.invalidateQueries({ queryKey: ["key"] });
      return saved;
    } catch (error) {
      if (problemOf(error).code !== "unreachable") attempt.current = undefined;
      noteEnd(error);
      throw error;
    } finally {
      setSaving(false);
    }
  };
  return { save, isSaving };
}

function send(
  values: KeyValues,
  row: Key | undefined,
  before: KeyValues,
  once: string,
): Promise<Key | MadeKey> {
  const options = { idempotencyKey: once };
  const query = { scram: true };
  if (row === undefined) return call("keys.create", { query, body: createBody(values) }, options);
  const body = { ...updateBody(values, before), version: row.version };
  if (values.reset) return call("keys.reset", { id: row.id, query, body }, options);
  return call("keys.update", { id: row.id, body });
}

function randomName(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) =>
    byte.toString(16).padStart(2, "0"),
  ).join("");
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
export function isMade(saved: Key | MadeKey): saved is MadeKey {
  return "key" in saved;
}
