/**
 * Requests that may be sent again (`Idempotency-Key`). What one has made is remembered in the transaction that makes it,
 * so that a client that lost the answer and asks again makes nothing twice, whenever the line was cut. Of a key the version is
 * remembered too: what somebody else has changed since is not the request's any more.
 */
import { equalBytes, hmacSha512 } from "../crypto.ts";
import type { Caller } from "../domain/caller.ts";
import { AppError } from "../domain/errors.ts";
import type { Key } from "../domain/key.ts";
import type { IdempotencyRecord, Store, Transaction } from "../store/store.ts";

/** How long a request is remembered. */
const REMEMBERED_MS = 24 * 60 * 60_000;

/** Throws conflict where the same request has done its work already. */
export async function rememberRequest(
  tx: Transaction,
  caller: Caller,
  entityId: number,
  now: number,
): Promise<void> {
  const kept = recordsOf(caller, entityId);
  if (kept.length > 0) await tx.putRequests(kept, now - REMEMBERED_MS);
}

/** The same for what gives out a secret, under the version that the key has by it. */
export async function rememberKeyRequest(
  tx: Transaction,
  caller: Caller,
  { id, version }: Pick<Key, "id" | "version">,
  now: number,
): Promise<void> {
  const { idempotency } = caller;
  if (!idempotency) return;
  const { digest, request } = idempotency;
  const ofVersion = { digest: versionDigest(digest, version), request, entityId: id };
  await tx.putRequests([...recordsOf(caller, id), ofVersion], now - REMEMBERED_MS);
}

function recordsOf({ idempotency }: Caller, entityId: number): IdempotencyRecord[] {
  if (!idempotency || idempotency.isAgain) return [];
  const { digest, request } = idempotency;
  return [{ digest, request, entityId }];
}

/**
 * Whether the key is as this very request has left it: nobody has changed it since, or used what the request has made. A use
 * of the secret before, until the request took it away, does not count: a key that is reset is often one in use.
 */
export async function isAsLeft(
  store: Pick<Store, "findRequest">,
  { idempotency }: Caller,
  { id, version, lastUsedAt }: Pick<Key, "id" | "version" | "lastUsedAt">,
): Promise<boolean> {
  const found = idempotency && (await store.findRequest(versionDigest(idempotency.digest, version)));
  if (found === undefined || found.entityId !== id || !equalBytes(found.request, idempotency!.request))
    return false;
  return lastUsedAt === null || lastUsedAt <= found.at;
}

/** @returns what this very request has made or changed before. Throws invalid where it was another request. */
export async function findRepeated(
  store: Pick<Store, "findRequest">,
  caller: Caller,
): Promise<number | undefined> {
  const found = caller.idempotency && (await store.findRequest(caller.idempotency.digest));
  if (!found || !caller.idempotency) return undefined;
  if (equalBytes(found.request, caller.idempotency.request)) return found.entityId;
  throw new AppError("invalid", "This Idempotency-Key was used for another request");
}

function versionDigest(digest: Uint8Array, version: number): Uint8Array {
  return hmacSha512(digest, `version ${version}`).subarray(0, digest.length);
}
