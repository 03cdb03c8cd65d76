/**
 * Sign-in by password, and the proof of one's own before it is changed: one judgement for both. A password is refused in clear
 * text as the settings say, counted as a guess before it is looked at, and as slow for a name that nobody has. What fails is
 * noted as a failed sign-in.
 */
import type { Audit } from "../activity/audit.ts";
import type { Secrets } from "../crypto.ts";
import { networkOf } from "../domain/address.ts";
import type { Caller, Origin } from "../domain/caller.ts";
import type { Clock } from "../domain/clock.ts";
import { AppError, refuseIssues } from "../domain/errors.ts";
import { requireMayMint } from "../domain/minting.ts";
import { isUsername, type User } from "../domain/user.ts";
import type { PasswordRecord, Store } from "../store/store.ts";
import { noteRefusal, wordsOfRefusal } from "./audit.ts";
import { refusalOfUser } from "./caller.ts";
import { requireAllowedTransport } from "./clear-text.ts";
import {
  newLogin,
  type SignInMethod,
  type SignInOutcome,
  type SignInRefusal,
  type SignInRefused,
} from "./credential.ts";
import type { Passwords } from "./passwords.ts";
import type { RefusalLog } from "./refusal-log.ts";
import { type MarkDeps, markNow } from "./revocations.ts";
import { countAttempt, GUESS_WINDOW_MS } from "./throttle.ts";

export interface ProofDeps {
  readonly store: Pick<Store, "findPassword" | "countGuess" | "clearGuesses" | "readSettings">;
  readonly secrets: Pick<Secrets, "digestToken">;
  readonly passwords: Pick<Passwords, "check">;
  readonly audit: Pick<Audit, "refuse">;
  readonly refusalLog: Pick<RefusalLog, "tell">;
  readonly clock: Clock;
}

type PasswordProof =
  | { readonly ok: true; readonly user: PasswordRecord }
  | ({ readonly ok: false } & SignInRefused);

export interface PasswordSignInDeps extends ProofDeps, MarkDeps {}

export interface NamedPassword {
  readonly username: string;
  readonly password: string;
}

/** Slowed for each account and network. Takes as long for a name that does not exist. Throws insecure_transport. */
export function createPasswordMethod(deps: PasswordSignInDeps): SignInMethod<NamedPassword> {
  return { signIn: (given, origin) => signIn(deps, given, origin) };
}

async function signIn(
  deps: PasswordSignInDeps,
  given: NamedPassword,
  origin: Origin,
): Promise<SignInOutcome> {
  const seen = await markNow(deps);
  const proof = await provePassword(deps, given, origin);
  if (!proof.ok) {
    const { ok: _, ...refused } = proof;
    return { kind: "refused", ...refused };
  }
  const { user } = proof;
  const reason = refusalOfUser(user);
  if (reason) {
    note(deps, { reason, error: wordsOfRefusal(reason), user }, origin);
    return { kind: "refused", reason };
  }
  const { passwordChangedAt } = user;
  const login = { ...newLogin(deps.clock, user), passwordChangedAt };
  const credential = { ...login, kind: "LOGIN_PASSWORD", methods: ["password"], key: null, seen } as const;
  return { kind: "signed_in", credential };
}

export interface NewPassword {
  /** null takes it away. */
  readonly password: string | null;
  /** The one that the user has. */
  readonly current?: string | undefined;
}

/**
 * So that an open screen, or a key, does not give the account away. @returns the user as they were when they proved it
 * Throws forbidden for a key, invalid for a wrong password, too_many_requests, unavailable.
 */
export async function proveOwnPassword(
  deps: ProofDeps,
  caller: Caller,
  own: User,
  { password, current = "" }: NewPassword,
): Promise<void> {
  requireMayMint(caller, {
    what: "user",
    before: own,
    after: own,
    password: password === null ? "takes_away" : "sets",
    isProven: true,
  });
  const proof = await provePassword(deps, { username: own.username, password: current }, caller.origin);
  if (!proof.ok) refuseProof(proof);
}

function refuseProof({ reason, waitMs }: SignInRefused): never {
  if (reason === "busy") throw new AppError("unavailable", "Too many passwords are being checked");
  if (reason === "too_many_guesses") {
    const retryAfterSeconds = Math.max(1, Math.ceil((waitMs ?? 0) / 1000));
    throw new AppError("too_many_requests", "Too many wrong passwords", { details: { retryAfterSeconds } });
  }
  const message = "That is not your password";
  refuseIssues([{ path: ["currentPassword"], code: "shape", message }]);
  throw new AppError("internal", message);
}

/** Throws insecure_transport. */
async function provePassword(
  deps: ProofDeps,
  { username, password }: NamedPassword,
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
