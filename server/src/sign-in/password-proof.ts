/**
 * Proves a password, to sign in with it or to change it: refused in clear text as the settings say, counted as a guess
 * before it is looked at, and as slow for a name that nobody has. What fails is noted as a failed sign-in.
 */

import type { Audit } from "../activity/audit.ts";
import type { Secrets } from "../crypto.ts";
import { networkOf } from "../domain/address.ts";
import type { Origin } from "../domain/caller.ts";
import type { Clock } from "../domain/clock.ts";
import { isUsername } from "../domain/user.ts";
import type { PasswordRecord, Store } from "../store/store.ts";
import { noteRefusal, wordsOfRefusal } from "./audit.ts";
import { requireAllowedTransport } from "./clear-text.ts";
import type { SignInRefusal, SignInRefused } from "./credential.ts";
import type { Passwords } from "./passwords.ts";
import type { RefusalLog } from "./refusal-log.ts";
import { countAttempt, GUESS_WINDOW_MS } from "./throttle.ts";

export interface ProofDeps {
  readonly store: Pick<Store, "findPassword" | "countGuess" | "clearGuesses" | "readSettings">;
  readonly secrets: Pick<Secrets, "digestToken">;
  readonly passwords: Pick<Passwords, "check">;
  readonly audit: Pick<Audit, "refuse">;
  readonly refusalLog: Pick<RefusalLog, "tell">;
  readonly clock: Clock;
}

export type PasswordProof =
  | { readonly ok: true; readonly user: PasswordRecord }
  | ({ readonly ok: false } & SignInRefused);

/** Throws insecure_transport. */
export async function provePassword(
  deps: ProofDeps,
  { username, password }: { readonly username: string; readonly password: string },
  origin: Origin,
): Promise<PasswordProof> {
  const named = isUsername(username) ? username : undefined;
  const requireAllowed = () =>
    requireAllowedTransport(deps.store, origin).catch((error: unknown) => {
      note(deps, { reason: "insecure_transport", error: (error as Error).message, user: undefined }, origin);
      throw error;
    });
  await requireAllowed();
  const user = named === undefined ? undefined : await deps.store.findPassword(named);
  const refuse = (reason: SignInRefusal, error: string): Extract<PasswordProof, { ok: false }> => {
    note(deps, { reason, error, user }, origin);
    return { ok: false, reason };
  };
  const attempt = await countAttempt(deps, named, origin.address);
  if (!attempt)
    return { ...refuse("too_many_guesses", wordsOfRefusal("too_many_guesses")), waitMs: GUESS_WINDOW_MS };
  const answer = await deps.passwords.check(password, user?.passwordHash ?? null, networkOf(origin.address));
  if (answer === "busy") {
    await attempt.takeBack();
    return refuse("busy", wordsOfRefusal("busy"));
  }
  if (!user) return refuse("unknown", "User does not exist");
  if (answer === "wrong") return refuse("unknown", "Wrong password");
  await requireAllowed();
  await attempt.succeeded();
  return { ok: true, user };
}

interface Refused {
  readonly reason: SignInRefusal;
  readonly error: string;
  readonly user: PasswordRecord | undefined;
}

function note(deps: ProofDeps, { reason, error, user }: Refused, origin: Origin): void {
  noteRefusal(deps, { kind: "LOGIN_PASSWORD", reason, error, username: user?.username }, origin);
}
