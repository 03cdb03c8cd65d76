/**
 * Requests that may be sent again (`Idempotency-Key`). What one has made is remembered in the transaction that makes it,
 * so that whoever lost the answer and asks again makes nothing twice, whenever the line was cut.
 */
import { equalBytes } from "../crypto.ts";
import type { Caller } from "../domain/caller.ts";
import { AppError } from "../domain/errors.ts";
import type { Store, Transaction } from "../store/store.ts";

/** How long a request is remembered. */
export const ONCE_MS = 24 * 60 * 60_000;

/** Throws conflict where the same request has done its work already. */
export async function keepOnce(
  tx: Transaction,
  caller: Caller,
  entityId: number,
  now: number,
): Promise<void> {
  if (caller.once) await tx.putOnce({ ...caller.once, entityId }, now - ONCE_MS);
}

/** @returns what this very request has made or changed before. Throws invalid where it was another request. */
export async function findRepeated(
  store: Pick<Store, "findOnce">,
  caller: Caller,
): Promise<number | undefined> {
  const found = caller.once && (await store.findOnce(caller.once.digest));
  if (!found || !caller.once) return undefined;
  if (equalBytes(found.request, caller.once.request)) return found.entityId;
  throw new AppError("invalid", "This Idempotency-Key was used for another request");
}
