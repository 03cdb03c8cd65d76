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
import type { Audit } from "../activity/audit.ts";
import type { Origin } from "../domain/caller.ts";
import type { MaybePromise } from "../store/store.ts";
import { type KeyUseNotes, noteKeyUse, noteSignIn } from "./audit.ts";
import type {
  CallerResult,
  PendingSignIn,
  ScramExchange,
  SignInMethod,
  SignInOutcome,
} from "./credential.ts";
import type { KeyMethod } from "./key.ts";
import type { NamedPassword } from "./password.ts";
import type { ScramMethod } from "./scram.ts";

/** Every attempt is audited, apart from changes and never with what was presented. */
export interface SignIn {
  /**
   * @param username the owner whom the client named; undefined: anybody
   * A right key over an insecure transport is treated as the settings say for this door.
   */
  byKey(text: string, username: string | undefined, origin: Origin): Promise<SignInOutcome>;
  /**
   * For doors that ask with every request: judged as `byKey` does, without a session. Its use is counted, not audited.
   */
  callerOfKey(text: string, origin: Origin): MaybePromise<CallerResult>;
  /** The same for a request that goes on: judged again, but no use of the key, so nothing is counted, spent or noted. */
  callerAgain(text: string, origin: Origin): MaybePromise<CallerResult>;
  /** Slowed for each account and network. Takes as long for a name that does not exist. */
  byPassword(username: string, password: string, origin: Origin): Promise<SignInOutcome>;
  byToken(token: string, origin: Origin): Promise<SignInOutcome>;
  /**
   * First step of SCRAM-SHA-512 (`conformance/3.4-scram.txt`). Unknown names get a fake salt and fail at the second step.
   * @param binding tls-server-end-point of the certificate that the client sees; undefined off TLS
   * @returns undefined where the first message is refused at once
   */
  scramFirst(
    message: string,
    origin: Origin,
    binding: Uint8Array | undefined,
  ): Promise<ScramExchange | undefined>;
}

/** The methods that there are: `app.ts` puts them together, a new one has its line there. */
export interface SignInMethods {
  readonly password: SignInMethod<NamedPassword>;
  readonly key: KeyMethod;
  readonly scram: ScramMethod;
  readonly token: SignInMethod<string>;
}

export interface SignInDeps extends KeyUseNotes {
  readonly audit: Pick<Audit, "note">;
}

export function createSignIn({ password, key, scram, token }: SignInMethods, deps: SignInDeps): SignIn {
  const done = (outcome: SignInOutcome, origin: Origin) => noted(deps, outcome, origin);
  return {
    byKey: async (text, username, origin) => done(await key.signIn({ text, username }, origin), origin),
    callerOfKey: (text, origin) => key.callerOfKey(text, origin),
    callerAgain: (text, origin) => key.callerAgain(text, origin),
    byPassword: async (username, given, origin) =>
      done(await password.signIn({ username, password: given }, origin), origin),
    byToken: async (text, origin) => done(await token.signIn(text, origin), origin),
    scramFirst: async (message, origin, binding) => {
      const exchange = await scram.first(message, origin, binding);
      const finish: ScramExchange["finish"] = async (clientFinal) => {
        const outcome = await exchange!.finish(clientFinal);
        done(outcome, origin);
        return outcome;
      };
      return exchange && { ...exchange, finish };
    },
  };
}

/** Every sign-in that succeeded passes here, at the end of all its factors. */
function noted(deps: SignInDeps, outcome: SignInOutcome, origin: Origin): SignInOutcome {
  switch (outcome.kind) {
    case "signed_in": {
      const { credential } = outcome;
      noteSignIn(deps.audit, credential, origin);
      if (credential.key) noteKeyUse(deps, credential.key.id, origin);
      return outcome;
    }
    case "needs":
      return { ...outcome, pending: once(outcome.pending, (end) => noted(deps, end, origin)) };
    case "refused":
      return outcome;
  }
}

function once(pending: PendingSignIn, done: (outcome: SignInOutcome) => SignInOutcome): PendingSignIn {
  let isOpen = true;
  return {
    username: pending.username,
    finish: async (given) => {
      if (!isOpen) return { kind: "refused", reason: "unknown" };
      isOpen = false;
      return done(await pending.finish(given));
    },
  };
}
