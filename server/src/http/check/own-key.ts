/** A client from afar shows a key of its own. It is judged as at every other door: its addresses, its rate, its transport. */
import type { Caller } from "../../domain/caller.ts";
import { type ProxyTrust, readPeer } from "../peer.ts";
import { readCredential } from "../rest/authenticate.ts";
import type { RestDeps } from "../rest/call.ts";
import { refusedKey } from "../rest/problem.ts";

/**
 * undefined: none is shown, or it is not good. Throws where the headers hold two that differ, and for a good one whose way
 * here is not safe.
 */
export type OwnCaller = (
  req: Request,
  peerAddress: string | null,
  isTls: boolean,
) => Promise<Caller | undefined>;

export function createOwnCaller(
  signIn: Pick<RestDeps["signIn"], "callerOfKey">,
  trust: ProxyTrust,
): OwnCaller {
  return async ({ headers }, address, tls) => {
    const text = readCredential(headers);
    if (text === undefined) return undefined;
    const { origin } = readPeer(headers, { address, port: null, tls }, trust, "rest");
    const known = await signIn.callerOfKey(text, origin);
    if (!known.ok && known.reason === "insecure_transport") throw refusedKey(known);
    return known.ok ? known.caller : undefined;
  };
}
