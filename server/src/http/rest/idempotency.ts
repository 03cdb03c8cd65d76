/** The header `Idempotency-Key`: a repeated request gets the first outcome instead of happening twice. */
import { createHash } from "node:crypto";
import type { OperationName } from "@chatelaine/contract/operations/operations";
import type { Caller } from "../../domain/caller.ts";
import type { Keys } from "../../keys/keys.ts";
import { malformed } from "./problem.ts";

interface Repeatable {
  readonly caller: Caller;
  readonly req: Request;
  readonly sent: { readonly params: unknown; readonly body: unknown };
}

/** The caller, with what makes this very request known again. The header belongs to who sends it and to the operation. */
export function withIdempotencyKey(
  { caller, req, sent: { params, body } }: Repeatable,
  name: OperationName,
): Caller {
  const header = req.headers.get("idempotency-key");
  if (header === null) return caller;
  if (!/^[\x21-\x7e]{1,255}$/.test(header)) {
    throw malformed("Idempotency-Key must have 1 to 255 visible ASCII characters");
  }
  const who = caller.key ? `key ${caller.key.id}` : `user ${caller.userId}`;
  // With the header, which is kept nowhere in clear: a body may hold a password, and its bare digest could be guessed at.
  const request = digest(JSON.stringify([header, name, params ?? null, body ?? null]));
  return { ...caller, idempotency: { digest: digest(JSON.stringify([who, name, header])), request } };
}

/**
 * @param again the first outcome, for anyone who has lost it
 * Of two that are under way at once the second loses in the first one's transaction, and is then a repetition.
 */
export async function runIdempotent<First, Again>(
  keys: Pick<Keys, "repeated">,
  caller: Caller,
  first: () => Promise<First>,
  again: (keyId: number) => Promise<Again>,
): Promise<First | Again> {
  if (!caller.idempotency) return first();
  const before = await keys.repeated(caller);
  if (before !== undefined) return again(before);
  try {
    return await first();
  } catch (error) {
    const meanwhile = await keys.repeated(caller);
    if (meanwhile === undefined) throw error;
    return again(meanwhile);
  }
}

function digest(text: string): Uint8Array {
  return createHash("sha256").update(text).digest();
}
