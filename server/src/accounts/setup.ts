/** The first administrator, made by a one-time link: spent in the transaction that makes them, so of two at once one wins. */
import { type Audit, recordOf } from "../activity/audit.ts";
import { makeToken, type Random } from "../crypto.ts";
import { networkOf } from "../domain/address.ts";
import { type Caller, type Origin, systemCaller } from "../domain/caller.ts";
import { AppError, errorCode } from "../domain/errors.ts";
import { isExpired } from "../domain/key.ts";
import { requireMayMint } from "../domain/minting.ts";
import { isUsername, type User } from "../domain/user.ts";
import type { MaybePromise } from "../store/store.ts";
import { insertUser, prepareUser } from "./new-user.ts";
import type { NewUserInput } from "./rules.ts";
import { changesOfNew } from "./user-changes.ts";
import type { UsersDeps } from "./users.ts";

/** The one-time link by which the first administrator is made. */
export interface Setup {
  isNeeded(): MaybePromise<boolean>;
  /**
   * By the machine itself. @returns a fresh token, good for an hour; the one before is dead.
   * Throws forbidden, conflict when a user exists.
   */
  makeToken(caller: Caller): Promise<string>;
  /** Throws forbidden for a wrong, spent or late token, conflict when a user exists. */
  createFirst(
    token: string,
    input: NewUserInput & { readonly password: string },
    origin: Origin,
  ): Promise<User>;
}

export const SETUP_TOKEN_MS = 3_600_000;

export interface SetupDeps extends UsersDeps {
  readonly random: Random;
}

export function createSetup(deps: SetupDeps): Setup {
  const { store } = deps;
  return {
    isNeeded: () => {
      const users = store.countUsers();
      return users instanceof Promise ? users.then((count) => count === 0) : users === 0;
    },
    makeToken: (caller) => makeSetupToken(deps, caller),
    createFirst: (token, input, origin) => {
      const caller: Caller = { ...systemCaller("setup_link", nameOf(input)), origin };
      return createFirst(deps, { token, input, caller }).catch((error: unknown) => {
        noteStranger(deps.audit, origin, error);
        throw error;
      });
    },
  };
}

async function makeSetupToken({ store, secrets, clock, random }: SetupDeps, caller: Caller): Promise<string> {
  requireMayMint(caller, { what: "setup_link" });
  const token = makeToken(random);
  await store.transact(caller, async (tx) => {
    if ((await tx.countUsers()) > 0) throw hasUsers();
    await tx.putSetupToken(secrets.digestToken(token), clock.now() + SETUP_TOKEN_MS);
    const description = "Make a link to set up";
    tx.audit(recordOf(caller, clock.now(), { action: "setup.link", description, target: null }));
  });
  return token;
}

async function createFirst(
  deps: SetupDeps,
  asked: {
    readonly token: string;
    readonly input: NewUserInput & { readonly password: string };
    readonly caller: Caller;
  },
): Promise<User> {
  const { store, secrets, clock } = deps;
  const { token, input, caller } = asked;
  // Judged before a password is hashed for it, and again in the transaction. Who lost a race is told so: the users are counted
  // after the link was looked for.
  const digest = secrets.digestToken(token);
  const endsAt = await store.findSetupToken(digest);
  if ((await store.countUsers()) > 0) throw hasUsers();
  if (endsAt === undefined || isExpired(endsAt, clock.now())) throw badLink();
  const roles = ["FULL_ADMIN" as const, ...(input.roles ?? [])];
  const party = networkOf(caller.origin.address);
  const prepared = await prepareUser(deps, { caller, party }, { ...input, roles });
  return store.transact(caller, async (tx) => {
    if ((await tx.countUsers()) > 0) throw hasUsers();
    if (!(await tx.takeSetupToken(digest, clock.now()))) throw badLink();
    tx.atClose(async () => {
      if ((await tx.countUsers()) > 1) throw hasUsers();
    });
    const user = await insertUser(tx, caller, prepared);
    const act = { ...actOf(user.id, user.username), details: { changes: changesOfNew(user) } };
    tx.audit(recordOf(caller, clock.now(), { ...act, credentials: null }));
    return user;
  });
}

/** Anyone who has no good link is a stranger, and the name that they chose is nobody's. */
function noteStranger(
  audit: Pick<Audit, "refuse">,
  { address, door, sessionId }: Origin,
  error: unknown,
): void {
  const act = {
    event: "METHOD_CALL",
    action: "user.create",
    address,
    door,
    reason: errorCode(error),
  } as const;
  audit.refuse(act, () => ({
    sessionId,
    description: "Create the first user",
    details: { reason: act.reason },
    error: error instanceof AppError ? error.message : "Internal error",
  }));
}

function actOf(id: number, name: string) {
  const target = { kind: "user", id, name } as const;
  return { action: "user.create", description: `Create user ${name}`.trim(), target, credentials: null };
}

function nameOf({ username }: NewUserInput): string {
  return isUsername(username) ? username : "";
}

function badLink(): AppError {
  return new AppError("forbidden", "The setup link is wrong, spent or too old");
}

function hasUsers(): AppError {
  return new AppError("conflict", "There is a user already");
}
