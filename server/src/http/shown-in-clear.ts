/**
 * A key in the headers of a request that is proved to come in clear text, to an address that asks for none: a WebSocket, an older
 * API that is no more, an address of nothing, a screen. It was shown all the same, so it is judged as at the doors that take
 * keys: by the setting of its door it is refused, or refused and revoked. Whatever else comes is left to the address.
 * Held by `server/test/clear-text.test.ts`.
 */
import { randomUUID } from "node:crypto";
import type { Origin } from "../domain/caller.ts";
import type { Settings } from "../domain/settings.ts";
import type { Log } from "../log.ts";
import { isTransportAllowed } from "../sign-in/clear-text.ts";
import type { SignIn } from "../sign-in/sign-in.ts";
import type { MaybePromise } from "../verify/verify.ts";
import { readPresentedKey } from "./presented.ts";
import { problemResponse, refusedKey } from "./rest/problem.ts";

export interface ShownInClearDeps {
  readonly store: { readSettings(): MaybePromise<Settings> };
  readonly signIn: Pick<SignIn, "callerOfKey">;
  readonly log: Log;
}

/** @returns undefined where the address answers as it does otherwise */
export type RefuseShown = (req: Request, origin: Origin) => MaybePromise<Response | undefined>;

export function createShownInClear({ store, signIn, log }: ShownInClearDeps): RefuseShown {
  const judge = async (text: string, origin: Origin): Promise<Response | undefined> => {
    // Where it is allowed nothing follows from it, and it is no use of the key.
    if (await isTransportAllowed(store, origin)) return undefined;
    const answer = await signIn.callerOfKey(text, origin);
    const isShown = !answer.ok && answer.reason === "insecure_transport";
    return isShown ? problemResponse(refusedKey(answer), randomUUID(), log) : undefined;
  };
  return (req, origin) => {
    if (origin.transport !== "clear") return undefined;
    const presented = readPresentedKey(req.headers, null);
    return presented.kind === "key" ? judge(presented.text, origin) : undefined;
  };
}
