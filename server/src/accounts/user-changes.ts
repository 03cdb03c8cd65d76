/** From what is wanted of a user to the patch, the feed's note and the audit's words. */
import { type AuditRecord, differences } from "../domain/audit.ts";
import type { Caller } from "../domain/caller.ts";
import type { UserLimits } from "../domain/limits.ts";
import { inNfc } from "../domain/names.ts";
import { USER_TEXTS, type User } from "../domain/user.ts";
import type { FeedNote, UserPatch } from "../store/store.ts";
import { distinct, type NewUserInput } from "./rules.ts";

export interface UserChange extends Partial<NewUserInput> {
  /** Takes the password away. */
  readonly passwordDisabled?: boolean;
  /** What holds for all their keys. Nobody sets their own. */
  readonly ceilings?: UserLimits | null;
  /** The version that the change was decided on; another one is a conflict. Absent: whatever is there. */
  readonly version?: number | undefined;
}

const SHOWN = [
  "username",
  "fullName",
  "email",
  "roles",
  "scopes",
  "groups",
  "lockedAt",
  "hasPassword",
  "passwordChangedAt",
  "ceilings",
] as const;

/** In NFC, but for what stays as it is stored, in whichever form. */
export function inOurWords(user: User, change: UserChange): UserChange {
  const stays = USER_TEXTS.filter((name) => change[name] === user[name]);
  return inNfc({ ...change, ...Object.fromEntries(stays.map((name) => [name, undefined])) }, USER_TEXTS);
}

/** The members that differ from what the user has; a new password always does. */
export function patchOf(user: User, change: UserChange, hash: string | undefined, now: number): UserPatch {
  const { username, fullName, email, roles, scopes, locked, passwordDisabled, ceilings } = change;
  const wanted: UserPatch = {
    username,
    fullName,
    email,
    roles: roles && distinct(roles),
    scopes: scopes && distinct(scopes),
    ceilings,
    lockedAt: locked === undefined ? undefined : locked ? (user.lockedAt ?? now) : null,
  };
  const differing = differences<object>(user, wanted);
  const patch = Object.fromEntries(
    Object.entries(wanted).filter(([name, value]) => value !== undefined && name in differing),
  ) as UserPatch;
  if (hash !== undefined) return { ...patch, passwordHash: hash, passwordChangedAt: now };
  return passwordDisabled && user.hasPassword ? { ...patch, passwordHash: null } : patch;
}

/**
 * A new password ends all the user's sessions but the one that set it. One that is taken away ends that one too: anyone who has no
 * way in is not in either, so what is given to them is given to nobody (held by `no-way-in.test.ts`).
 */
export function feedNoteOf({ lockedAt, passwordHash }: UserPatch, caller: Caller): FeedNote {
  if (typeof lockedAt === "number" || passwordHash === null) return { ends: true };
  return passwordHash === undefined ? {} : { ends: true, spares: caller.origin.sessionId };
}

/** Whether the change takes something away, and so must go through on a full disk. */
export function takesAway(user: User, { roles, scopes, groups, ...change }: UserChange): boolean {
  const lacks = (had: readonly string[], wanted: readonly string[] | undefined): boolean =>
    wanted !== undefined && had.some((one) => !wanted.includes(one));
  return (
    change.locked === true ||
    change.ceilings != null ||
    change.passwordDisabled === true ||
    change.password !== undefined ||
    lacks(user.roles, roles) ||
    lacks(user.scopes, scopes) ||
    lacks(user.groups, groups)
  );
}

/** Locking and passwords have actions of their own where nothing else changes. */
export function actOfChange(
  { version: _, ...change }: UserChange,
  user: Pick<User, "id" | "username">,
): Pick<AuditRecord, "action" | "description" | "target"> {
  const target = { kind: "user", id: user.id, name: user.username } as const;
  const wanted = Object.entries(change).filter(([, value]) => value !== undefined);
  const only = wanted.length === 1 ? wanted[0]![0] : undefined;
  const named = (action: string, words: string) => ({
    action,
    description: `${words} ${user.username}`,
    target,
  });
  if (only === "locked") {
    return change.locked ? named("user.lock", "Lock user") : named("user.unlock", "Unlock user");
  }
  if (only === "password" || only === "passwordDisabled") {
    return named("user.password", "Change password of user");
  }
  return named("user.update", "Update user");
}

/** What the audit keeps: never a hash, only that there is another one. */
export function changesOf(before: User, after: User): Record<string, [unknown, unknown]> {
  return differences(shown(before), shown(after));
}

/** What the audit keeps of a new user. */
export function changesOfNew(user: User): Record<string, [unknown, unknown]> {
  return differences<object>({}, shown(user));
}

function shown(user: User): object {
  return Object.fromEntries(SHOWN.map((name) => [name, user[name]]));
}
