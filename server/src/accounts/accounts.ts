/**
 * Who there is and who is signed in: users, groups, passwords, sign-in by password, key, SCRAM and token, sessions.
 *
 * Each part lives in a file of its own beside this one, with its interface; `credential.ts` has what the ways to sign in share.
 */
import type { Audit } from "../activity/audit.ts";
import type { Feed } from "../activity/feed.ts";
import type { Usage } from "../activity/use.ts";
import type { Random, Secrets } from "../crypto.ts";
import { type Caller, requireRole } from "../domain/caller.ts";
import type { Clock } from "../domain/clock.ts";
import type { Twins } from "../domain/names.ts";
import type { Keys } from "../keys/keys.ts";
import type { Log } from "../log.ts";
import { createWebSessions, type WebSessions } from "../sign-in/browser-sessions.ts";
import { createPasswords } from "../sign-in/passwords.ts";
import { RefusalLog } from "../sign-in/refusal-log.ts";
import { LiveSessions, type Sessions } from "../sign-in/sessions.ts";
import { createSignIn, type SignIn } from "../sign-in/sign-in.ts";
import { TokenBox, type Tokens } from "../sign-in/tokens.ts";
import type { MaybePromise, Store } from "../store/store.ts";
import type { Verify } from "../verify/verify.ts";
import { createGroups, type Groups } from "./groups.ts";
import { createSetup, type Setup } from "./setup.ts";
import { createUsers, type Users } from "./users.ts";

export interface Accounts {
  readonly users: Users;
  readonly groups: Groups;
  readonly setup: Setup;
  readonly signIn: SignIn;
  readonly sessions: Sessions;
  readonly tokens: Tokens;
  readonly web: WebSessions;
  /** ACCOUNT_READ. Users and groups whose names differ in case alone: from before names were unique without it. */
  twins(caller: Caller): Promise<readonly Twins[]>;
  /** Throws as a change by this caller would: asked before an answer that was long in coming. */
  requireStanding(caller: Caller): MaybePromise<void>;
  /** AUTH_SESSIONS_WRITE. A session of whichever kind, or a waiting token. @returns false for an unknown id */
  endSession(caller: Caller, id: string): Promise<boolean>;
  /** All but the caller's own: browsers, sockets in every process, and all tokens. */
  endOtherSessions(caller: Caller): Promise<void>;
  close(): Promise<void>;
}

export interface AccountsDeps {
  readonly store: Store;
  readonly verify: Verify;
  readonly keys: Pick<Keys, "revokeExposed">;
  readonly audit: Audit;
  readonly usage: Pick<Usage, "note" | "refuse">;
  readonly feed: Feed;
  readonly secrets: Secrets;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

export function createAccounts(deps: AccountsDeps): Accounts {
  const passwords = createPasswords();
  const refusalLog = new RefusalLog(deps);
  const sessions = new LiveSessions(deps);
  const tokens = new TokenBox({ ...deps, sessions });
  const web = createWebSessions(deps);
  return {
    users: createUsers({ ...deps, passwords, refusalLog }),
    groups: createGroups(deps),
    setup: createSetup({ ...deps, passwords, refusalLog }),
    signIn: createSignIn({ ...deps, passwords, refusalLog, sessions, tokens }),
    sessions,
    tokens,
    web,
    twins: async (caller) => {
      requireRole(caller, "ACCOUNT_READ");
      return deps.store.listTwins();
    },
    requireStanding: deps.store.requireStanding,
    endSession: async (caller, id) =>
      (await sessions.terminate(caller, id)) || (await web.terminate(caller, id)),
    endOtherSessions: (caller) => sessions.terminateOthers(caller, (tx) => web.endOthersIn(tx, caller)),
    close: async () => {
      await sessions.stop();
      refusalLog.close();
    },
  };
}
