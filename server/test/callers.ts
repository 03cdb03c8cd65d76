/** Every kind of caller that tests of rights ask as. */
import type { Role } from "@chatelaine/contract/roles";

export const CALLERS = {
  visitor: null,
  holder: ["KEY_HOLDER"],
  reader: ["READONLY_ADMIN"],
  keyReader: ["API_KEY_READ"],
  keyManager: ["API_KEY_WRITE"],
  accountManager: ["ACCOUNT_WRITE"],
  auditor: ["SYSTEM_AUDIT_READ"],
  sessionManager: ["AUTH_SESSIONS_WRITE"],
  verifier: ["KEY_VERIFY"],
  admin: ["FULL_ADMIN"],
} as const satisfies Record<string, readonly Role[] | null>;

/** Administrators' keys, narrowed. */
export const NARROWED = {
  servicesOnly: [],
  narrowedToHolder: ["KEY_HOLDER"],
  narrowedToKeyManager: ["API_KEY_WRITE"],
} as const;

export const TARGETS = ["own", "another's", "absent"] as const;
export type TargetKind = (typeof TARGETS)[number];
