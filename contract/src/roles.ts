/**
 * Roles: what one may do in Chatelaine. The set is closed; each role may include others, transitively.
 */
export const ROLES = [
  "FULL_ADMIN",
  "READONLY_ADMIN",
  "SHARING_ADMIN",
  "API_KEY_READ",
  "API_KEY_WRITE",
  "ACCOUNT_READ",
  "ACCOUNT_WRITE",
  "AUTH_SESSIONS_READ",
  "AUTH_SESSIONS_WRITE",
  "SYSTEM_AUDIT_READ",
  "KEY_HOLDER",
  "KEY_VERIFY",
] as const;

export type Role = (typeof ROLES)[number];

/** Directly included roles. FULL_ADMIN includes every role. */
export const ROLE_INCLUDES: Readonly<Record<Role, readonly Role[]>> = {
  FULL_ADMIN: ROLES.filter((role) => role !== "FULL_ADMIN"),
  READONLY_ADMIN: ROLES.filter((role) => role.endsWith("_READ")),
  SHARING_ADMIN: ["READONLY_ADMIN"],
  API_KEY_READ: [],
  API_KEY_WRITE: ["API_KEY_READ"],
  ACCOUNT_READ: [],
  ACCOUNT_WRITE: ["ACCOUNT_READ"],
  AUTH_SESSIONS_READ: [],
  AUTH_SESSIONS_WRITE: ["AUTH_SESSIONS_READ"],
  SYSTEM_AUDIT_READ: [],
  KEY_HOLDER: [],
  KEY_VERIFY: [],
};

/** What each role lets its holder do, in words for people. */
export const ROLE_LABELS: Readonly<Record<Role, { title: string; words: string }>> = {
  FULL_ADMIN: { title: "Full administrator", words: "Everything." },
  READONLY_ADMIN: { title: "Read-only administrator", words: "Sees everything; manages only its own keys." },
  SHARING_ADMIN: { title: "Sharing administrator", words: "As the read-only administrator." },
  API_KEY_READ: { title: "Key reader", words: "Sees the keys of all users." },
  API_KEY_WRITE: {
    title: "Key manager",
    words: "Makes, edits, resets, revokes and deletes keys of all users.",
  },
  ACCOUNT_READ: { title: "Account reader", words: "Sees users and groups." },
  ACCOUNT_WRITE: { title: "Account manager", words: "Makes, edits, locks and deletes users and groups." },
  AUTH_SESSIONS_READ: { title: "Session reader", words: "Sees who is signed in." },
  AUTH_SESSIONS_WRITE: { title: "Session manager", words: "Ends sessions." },
  SYSTEM_AUDIT_READ: { title: "Auditor", words: "Reads the audit log." },
  KEY_HOLDER: { title: "Key holder", words: "Signs in, holds keys and manages its own keys, nothing else." },
  KEY_VERIFY: { title: "Key verifier", words: "A service that may ask about other keys." },
};

/** @returns whether the value names a role. */
export function isRole(value: unknown): value is Role {
  return typeof value === "string" && (ROLES as readonly string[]).includes(value);
}

const CLOSURES = new Map<Role, ReadonlySet<Role>>(ROLES.map((role) => [role, closureOf(role)]));
const NONE: ReadonlySet<Role> = new Set();

/** The transitive closure of the given roles, themselves included. Of one role, which most callers have, it is always the same set. */
export function expandRoles(roles: Iterable<Role>): ReadonlySet<Role> {
  let all: ReadonlySet<Role> = NONE;
  for (const role of roles) {
    const closure = CLOSURES.get(role) ?? NONE;
    all = all === NONE || all === closure ? closure : new Set([...all, ...closure]);
  }
  return all;
}

function closureOf(role: Role, found = new Set<Role>()): Set<Role> {
  if (found.has(role)) return found;
  found.add(role);
  for (const included of ROLE_INCLUDES[role]) closureOf(included, found);
  return found;
}
