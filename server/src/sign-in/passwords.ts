/**
 * Passwords: which are good enough, and their argon2id hashes.
 *
 * At most two are hashed at once and twenty wait, so that a flood of sign-ins cannot take the machine; the places are shared
 * among networks and users. Where there is no hash to check against, one that nobody has the password of is checked, so
 * that the answer takes as long.
 */
import type { Issue } from "@chatelaine/contract/errors";
import {
  HASHES_AT_ONCE_MAX,
  HASHES_WAITING_MAX,
  PASSWORD_BYTES_MAX,
  PASSWORD_CHARS_MIN,
} from "@chatelaine/contract/limits";
import { AppError } from "../domain/errors.ts";
import { FairQueue, type Party } from "../domain/fair-queue.ts";
import { COMMON_PASSWORDS } from "./passwords-common.ts";

/** OWASP Password Storage Cheat Sheet: 19 MiB, two passes. */
const ARGON2 = { algorithm: "argon2id", memoryCost: 19_456, timeCost: 2 } as const;
/** Of 32 random bytes that were thrown away. */
const NOBODYS_HASH =
  "$argon2id$v=19$m=19456,t=2,p=1$GVePy8duRcMLJZUlP0Dx9EiUjlpZCpVy9qb7wf9bvzA$MnGc74JotGVzXrsPkhmeC+Gryrv8BItkdzNviO3rewE";
/** Characters that a password must have beside the name of its user. */
const BESIDE_NAME_CHARS_MIN = 4;

export interface Passwords {
  /** Throws unavailable where too many wait. */
  hash(password: string, party: Party): Promise<string>;
  /** @param hash null: takes as long and is wrong */
  check(password: string, hash: string | null, party: Party): Promise<"right" | "wrong" | "busy">;
}

export function createPasswords(): Passwords {
  const queue = new FairQueue({
    atOnce: HASHES_AT_ONCE_MAX,
    eachAtOnce: HASHES_AT_ONCE_MAX,
    waiting: HASHES_WAITING_MAX,
  });
  return {
    hash: async (password, party) => {
      const hash = await queue.pass(party, () => Bun.password.hash(normal(password), ARGON2));
      if (!hash) throw new AppError("unavailable", "Too many passwords are being checked");
      return hash.of;
    },
    check: async (password, hash, party) => {
      const isLong = Buffer.byteLength(password) > PASSWORD_BYTES_MAX;
      const known = hash !== null && password !== "" && !isLong;
      const right = await queue.pass(party, () =>
        known ? Bun.password.verify(normal(password), hash) : Bun.password.verify("nobody", NOBODYS_HASH),
      );
      if (!right) return "busy";
      return right.of && known ? "right" : "wrong";
    },
  };
}

/** The rules for a new password. */
export function checkNewPassword(password: string, username: string): Issue[] {
  const path = ["password"];
  if (!password.isWellFormed()) {
    return [{ path, code: "shape", message: "The password must be well-formed Unicode" }];
  }
  if (Buffer.byteLength(password) > PASSWORD_BYTES_MAX) {
    return [{ path, code: "too_long", message: `The password may have ${PASSWORD_BYTES_MAX} bytes` }];
  }
  if ([...password].length < PASSWORD_CHARS_MIN) {
    const message = `The password must have at least ${PASSWORD_CHARS_MIN} characters`;
    return [{ path, code: "weak_password", message }];
  }
  const folded = normal(password).toLowerCase();
  const besideName = folded.replaceAll(username.toLowerCase(), "");
  if (COMMON_PASSWORDS.has(folded)) {
    return [{ path, code: "weak_password", message: "The password is one of those that everybody tries" }];
  }
  if (username !== "" && besideName.length < BESIDE_NAME_CHARS_MIN) {
    return [{ path, code: "weak_password", message: "The password must be more than the user name" }];
  }
  return [];
}

/** The same text typed on another keyboard is the same password. */
function normal(password: string): string {
  return password.normalize("NFC");
}
