/** Changing a password: one's own with the one that one has, another's with the role for it. */
import type { Caller } from "../domain/caller.ts";
import { AppError, refuseIssues } from "../domain/errors.ts";
import { requireMayMint } from "../domain/minting.ts";
import type { User } from "../domain/user.ts";
import type { SignInRefused } from "./credential.ts";
import { type ProofDeps, provePassword } from "./password-proof.ts";

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
