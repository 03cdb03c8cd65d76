/**
 * Who may make or widen a credential: a key, a password, a user who signs in, their rights, groups and limits, and the settings
 * that all of them live by.
 *
 * Nothing mints more than its maker has. Every operation at every door asks `requireMayMint`, inside the transaction, of the
 * state that is there then: what stands and what is to become of it must both be within the caller's rights, and within
 * what the caller's key and user are held to (end, rate, addresses, roles, scopes). A key with any limit opens no way to
 * sign in that it does not have itself, and makes no key of another user, because services would take it for that user. A
 * full administrator's session can allow both (`managesSignIn`); that power is never passed on. A user under limits passes
 * them on and widens none. `server/test/minting.test.ts` holds this for every narrowing, operation and door.
 */

import { expandRoles } from "@chatelaine/contract/roles";
import { coversNetworks } from "./address.ts";
import type { Caller } from "./caller.ts";
import { AppError } from "./errors.ts";
import { type Key, type KeyOwner, type Lifetime, lastInstant } from "./key.ts";
import { coversEnd, coversRate, coversUserLimits, type UserLimits } from "./limits.ts";
import { coversRights, EVERYTHING, listedRights, narrowRights, type Rights, rightsOf } from "./rights.ts";
import type { Group, User } from "./user.ts";

const LACKING = "nobody gives out or changes rights that they lack themselves.";
const HELD_FROM_SETTINGS =
  "this key is held to limits, so it changes no settings, which outlast it, until a full administrator lets it manage sign-in.";
const HELD_TO_LESS = "a user under limits gives nothing to users who are held to less.";

/** A key as it stands, or as it is to be, with its owner as they are now. */
export interface MintedKey
  extends Lifetime,
    Pick<Key, "userId" | "roles" | "scopes" | "allowedIps" | "rateLimit" | "managesSignIn"> {
  /** Absent: it is yet to be made. */
  readonly id?: number;
  readonly owner: Pick<KeyOwner, "roles" | "scopes" | "ceilings">;
}

/** A change of a password; `keeps` where there is none. */
type PasswordChange = "keeps" | "sets" | "takes_away";

/** What may be said of the members of a group. */
export interface GroupMember {
  readonly canSignIn: boolean;
  readonly ceilings: UserLimits | null;
}

export type Minting =
  | {
      readonly what: "key";
      /** Absent: it is made. Equal to `after` where it only comes to work again. */
      readonly before?: MintedKey;
      readonly after: MintedKey;
    }
  | {
      readonly what: "user";
      readonly before?: User;
      /** Absent: they are deleted. */
      readonly after?: User;
      readonly password: PasswordChange;
      /** Whether the caller has just proved the password that they have. */
      readonly isProven?: boolean;
      /** Whether their limits are named, changed or not. */
      readonly setsLimits?: boolean;
    }
  | {
      readonly what: "group";
      readonly before?: Pick<Group, "name" | "roles" | "scopes">;
      readonly after?: Pick<Group, "name" | "roles" | "scopes">;
      readonly members: readonly GroupMember[];
    }
  | { readonly what: "setup_link" }
  /** Of the server: how credentials may come, how long they last, who may make them, and who is told of them. */
  | { readonly what: "settings" };

/** Throws forbidden, with the rule in its message. */
export function requireMayMint(caller: Caller, minting: Minting): void {
  const fault = faultOf(caller, minting);
  if (fault !== undefined) throw new AppError("forbidden", `${caller.username}: ${fault}`);
}

export function mayMint(caller: Caller, minting: Minting): boolean {
  return faultOf(caller, minting) === undefined;
}

/** Whether there is a way in for them: a password, or a key, whatever it is held to. */
function canSignIn(user: Pick<User, "hasPassword" | "keyIds">): boolean {
  return user.hasPassword || user.keyIds.length > 0;
}

function faultOf(caller: Caller, minting: Minting): string | undefined {
  switch (minting.what) {
    case "key":
      return keyFault(caller, minting);
    case "user":
      return userFault(caller, minting);
    case "group":
      return groupFault(caller, minting);
    case "setup_link":
      return caller.kind === "system" ? undefined : "only the machine itself makes a setup link.";
    case "settings":
      return isHeldCaller(caller) ? HELD_FROM_SETTINGS : undefined;
  }
}

function keyFault(
  caller: Caller,
  { before, after }: Extract<Minting, { readonly what: "key" }>,
): string | undefined {
  return (
    identityFault(caller, after) ??
    (before && before !== after ? coverFault(caller, before) : undefined) ??
    coverFault(caller, after) ??
    powerFault(caller, before, after)
  );
}

/**
 * Who has a key of somebody else is that person to every service: by name, e-mail address and groups, whatever the key is
 * narrowed to. So it is as much as a password.
 */
function identityFault(caller: Caller, { userId }: MintedKey): string | undefined {
  if (userId === caller.userId || !isHeldCaller(caller)) return undefined;
  return "this key is held to limits, so it makes and changes keys of its own user only, until a full administrator lets it manage sign-in.";
}

/** Nobody makes, resets, edits or resumes a key that may more, longer or from elsewhere than they. */
function coverFault(caller: Caller, key: MintedKey): string | undefined {
  const { owner } = key;
  const mine = caller.key;
  if (mine?.rateLimit && mine.id !== key.id) {
    return "a key with a rate limit makes and changes no key but itself.";
  }
  if (mine && !coversRate(mine.rateLimit, key.rateLimit)) {
    return "the key would work more often than yours: keep its rate limit.";
  }
  if (mine && !coversNetworks(mine.allowedIps, key.allowedIps)) {
    return "the key would work where yours does not.";
  }
  if (mine && !coversEnd(mine.endsAt, lastInstant(key))) {
    const end = new Date(mine.endsAt ?? 0).toISOString();
    return `the key would outlive yours: set an expiry until ${end}.`;
  }
  if (!coversUserLimits(caller.ceilings, owner.ceilings)) {
    return "keys of this user are held to less than yours.";
  }
  // Rights that the owner gets tomorrow must not come to the one key that would not come to the other.
  const isWider =
    key.userId === caller.userId && mine && !coversRights(listedRights(mine), listedRights(key));
  if (!coversRights(caller, rightsOfKey(key)) || isWider)
    return "the key would have rights that you lack yourself.";
  return undefined;
}

/** Given by people who may everything, and by the command line. A key neither gets a second one nor passes its own on. */
function powerFault(caller: Caller, before: MintedKey | undefined, after: MintedKey): string | undefined {
  const isGiven = after.managesSignIn && !before?.managesSignIn;
  if (isGiven && !(caller.key === null && caller.roles.has("FULL_ADMIN"))) {
    return "only the session of a full administrator lets a key manage sign-in.";
  }
  const mine = caller.key;
  if (mine === null) return undefined;
  if (before?.managesSignIn && before.id !== mine.id) {
    return "a key that manages sign-in is changed by itself or by people, not by other keys.";
  }
  const becomesFree = !isHeld(after, after.owner.ceilings) && rightsOfKey(after).roles.has("ACCOUNT_WRITE");
  if (becomesFree && isHeld(mine, caller.ceilings)) {
    return "the key would manage sign-in, which yours may not pass on: narrow it.";
  }
  return undefined;
}

function userFault(caller: Caller, minting: Extract<Minting, { readonly what: "user" }>): string | undefined {
  const { before, after, password } = minting;
  const isOwn = caller.kind !== "system" && before?.id === caller.userId;
  if (isOwn && password !== "keeps") {
    if (caller.kind === "key") return "a key cannot change the password of its owner.";
    if (!minting.isProven) return "your own password is changed with the one that you have.";
  }
  for (const user of [before, after]) {
    if (user && !coversRights(caller, rightsOf(user.allRoles, user.allScopes))) return LACKING;
  }
  if (!after) return undefined;
  if (isOwn && minting.setsLimits) return "nobody sets what their own keys are held to.";
  const isGiven = password === "sets" || givesMore(before, after);
  if ((isGiven || minting.setsLimits) && !coversUserLimits(caller.ceilings, after.ceilings)) {
    return HELD_TO_LESS;
  }
  // A way in that goes with the same change comes back with the next password, and by then reaches further.
  const isWayIn = password === "sets" || canSignIn(after) || (before !== undefined && canSignIn(before));
  return isGiven && isWayIn ? heldFault(caller) : undefined;
}

/** A new user has been given all that they have. Names and addresses are what services know people by. */
function givesMore(before: User | undefined, after: User): boolean {
  return (
    before === undefined ||
    !coversRights(rightsOf(before.allRoles, before.allScopes), rightsOf(after.allRoles, after.allScopes)) ||
    !coversRights(givenRights(before), givenRights(after)) ||
    after.groups.some((name) => !before.groups.includes(name)) ||
    (before.lockedAt !== null && after.lockedAt === null) ||
    before.username !== after.username ||
    before.email !== after.email ||
    !coversUserLimits(before.ceilings, after.ceilings)
  );
}

function groupFault(
  caller: Caller,
  { before, after, members }: Extract<Minting, { readonly what: "group" }>,
): string | undefined {
  for (const group of [before, after]) {
    if (group && !coversRights(caller, rightsOf(group.roles, group.scopes))) return LACKING;
  }
  if (!before || !after) return undefined;
  const isGain = before.name !== after.name || !coversRights(givenRights(before), givenRights(after));
  if (!isGain) return undefined;
  if (members.some(({ ceilings }) => !coversUserLimits(caller.ceilings, ceilings))) {
    return HELD_TO_LESS;
  }
  return members.some((member) => member.canSignIn) ? heldFault(caller) : undefined;
}

/**
 * What was given to a user or group itself. It stays when what covers it today, a group or the role of a full
 * administrator, is taken away.
 */
function givenRights({ roles, scopes }: Pick<Group, "roles" | "scopes">): Rights {
  return { roles: expandRoles(roles), scopes };
}

/** A key that is held to anything, by itself or by what its user is held to. */
export function isHeldKey({ key, ceilings }: Pick<Caller, "key" | "ceilings">): boolean {
  return key !== null && isHeld(key, ceilings);
}

/** One that may not manage sign-in either. */
function isHeldCaller(caller: Caller): boolean {
  return isHeldKey(caller) && !caller.key?.managesSignIn;
}

function heldFault(caller: Caller): string | undefined {
  if (!isHeldCaller(caller)) return undefined;
  return "this key is held to limits, so it sets no passwords and gives no rights to users who can sign in, until a full administrator lets it manage sign-in.";
}

/**
 * Decided by the key's own limits alone. A list of all rights that the owner has today counts too: otherwise a key would
 * be freed by taking rights away from its owner.
 */
function isHeld(
  key: Pick<Key, "roles" | "scopes" | "allowedIps" | "rateLimit" | "expiresAt">,
  ceilings: UserLimits | null,
): boolean {
  return (
    !coversRights(listedRights(key), EVERYTHING) ||
    key.allowedIps !== null ||
    key.rateLimit !== null ||
    key.expiresAt !== null ||
    Object.values(ceilings ?? {}).some((limit) => limit !== null)
  );
}

function rightsOfKey({ owner, roles, scopes }: MintedKey): Rights {
  return narrowRights(rightsOf(owner.roles, owner.scopes), roles, scopes);
}
