/**
 * Signing in: from what somebody shows to the credential that a session is opened with, and to a caller.
 *
 *     password.ts  key.ts  scram.ts  token.ts     one file a method: what is shown is proved, or refused and noted
 *           \        |        |        /
 *            credential.ts                        what was proved, by whom, when
 *             /                  \
 *     sessions.ts            browser-sessions.ts  sockets of this process; browsers, kept in the database
 *             \                  /
 *              caller.ts                          what it is worth at this moment: rights and limits, read again
 *                  |
 *              judge.ts                           the same once more, in the transaction of a change
 *
 * A key that comes with each request goes from `key.ts` to `caller.ts` directly. `clear-text.ts` says what comes in over a
 * connection that is not safe, `throttle.ts` slows guesses, `revocations.ts` keeps what ended while a sign-in was looked at,
 * `ties.ts` ends tokens with their sessions, `audit.ts` and `refusal-log.ts` note it all.
 */
import type { Origin } from "../domain/caller.ts";
import type { MaybePromise } from "../store/store.ts";
import type { CallerResult, ScramExchange, SignInResult } from "./credential.ts";
import { KeySignIn, type KeySignInDeps } from "./key.ts";
import { type PasswordSignInDeps, signInByPassword } from "./password.ts";
import { ScramSignIn, type ScramSignInDeps } from "./scram.ts";
import { signInByToken, type TokenSignInDeps } from "./token.ts";

/** Every attempt is audited, apart from changes and never with what was presented. */
export interface SignIn {
  /**
   * @param username the owner whom the client named; undefined: whoever it is
   * A right key over an insecure transport is treated as the settings say for this door.
   */
  byKey(text: string, username: string | undefined, origin: Origin): Promise<SignInResult>;
  /**
   * For doors that ask with every request: judged as `byKey` does, without a session. Its use is counted, not audited.
   */
  callerOfKey(text: string, origin: Origin): MaybePromise<CallerResult>;
  /** The same for a request that goes on: judged anew, but no use of the key, so nothing is counted, spent or noted. */
  callerAgain(text: string, origin: Origin): MaybePromise<CallerResult>;
  /** Slowed for each account and network. Takes as long for a name that does not exist. */
  byPassword(username: string, password: string, origin: Origin): Promise<SignInResult>;
  byToken(token: string, origin: Origin): Promise<SignInResult>;
  /**
   * First step of SCRAM-SHA-512 (protocol 3.4). Unknown names get a fake salt and fail at the second step.
   * @param binding tls-server-end-point of the certificate that the client sees; undefined off TLS
   * @returns undefined where the first message is refused at once
   */
  scramFirst(
    message: string,
    origin: Origin,
    binding: Uint8Array | undefined,
  ): Promise<ScramExchange | undefined>;
}

export type SignInDeps = PasswordSignInDeps & KeySignInDeps & ScramSignInDeps & TokenSignInDeps;

export function createSignIn(deps: SignInDeps): SignIn {
  const keys = new KeySignIn(deps);
  const scram = new ScramSignIn(deps);
  return {
    byKey: (text, username, origin) => keys.byKey(text, username, origin),
    callerOfKey: (text, origin) => keys.callerOfKey(text, origin),
    callerAgain: (text, origin) => keys.callerAgain(text, origin),
    byPassword: (username, password, origin) => signInByPassword(deps, { username, password }, origin),
    byToken: (token, origin) => signInByToken(deps, token, origin),
    scramFirst: (message, origin, binding) => scram.first(message, origin, binding),
  };
}
