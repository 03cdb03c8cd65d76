/**
 * Browsers that are signed in. Unlike the sessions of connections they outlive a restart: kept in the database, found by
 * the digest of a random token that only the cookie holds.
 *
 * A session ends when it was idle or lived for as long as the settings say, at sign-out, and in the same commit in which
 * its user is locked, deleted, loses a right or gets another password. Rights and limits are read anew for every request.
 */
import { type Audit, recordOf } from "../audit/audit.ts";
import { makeId, makeToken, type Random, type Secrets } from "../crypto.ts";
import { type Caller, type Origin, requireRole, type WritingActor } from "../domain/caller.ts";
import type { Clock } from "../domain/clock.ts";
import { AppError } from "../domain/errors.ts";
import { rightsOf } from "../domain/rights.ts";
import type { CheckUser, Store, WebSession } from "../store/store.ts";
import type { Credential } from "./accounts.ts";
import { refusalOfUser } from "./standing.ts";

/** How stale `seenAt` may be: a request does not write. */
const TOUCH_EVERY_MS = 60_000;

export interface WebSessions {
  /** @returns the token for the cookie. Throws session_expired where the user was locked or changed meanwhile. */
  open(credential: Credential, origin: Origin): Promise<{ token: string; session: WebSession }>;
  /** Who this token's browser is now; undefined where its session has ended. */
  find(token: string, origin: Origin): Promise<{ caller: Caller; session: WebSession } | undefined>;
  /** The same for a request that goes on: it does not keep an idle session alive. */
  findAgain(token: string, origin: Origin): Promise<{ caller: Caller; session: WebSession } | undefined>;
  /** Signs out. Does nothing where there is no such session. */
  close(token: string, origin: Origin): Promise<void>;
  /** AUTH_SESSIONS_READ. With the user names. */
  list(caller: Caller): Promise<readonly (WebSession & { readonly username: string })[]>;
  /** AUTH_SESSIONS_WRITE. @returns false for an unknown id */
  terminate(caller: Caller, id: string): Promise<boolean>;
  terminateOthers(caller: Caller): Promise<void>;
  /** Told what this process opens and ends. @returns the way out */
  subscribe(listener: (action: "added" | "removed", session: WebSession) => void): () => void;
}

export interface WebSessionsDeps {
  readonly store: Store;
  readonly audit: Audit;
  readonly clock: Clock;
  readonly random: Random;
  readonly secrets: Secrets;
}

export function createWebSessions(deps: WebSessionsDeps): WebSessions {
  const { store, audit, clock } = deps;
  const listeners = new Set<(action: "added" | "removed", session: WebSession) => void>();
  const touched = new Map<string, number>();
  const digest = (token: string): Uint8Array => deps.secrets.digestToken(`web|${token}`);
  const tell = (action: "added" | "removed", session: WebSession): void => {
    for (const listener of listeners) listener(action, session);
  };
  const drop = async (session: WebSession, by: Caller | WritingActor): Promise<boolean> => {
    touched.delete(session.id);
    const dropped = (await store.transact(by, (tx) => tx.removeWebSessions({ id: session.id }))) > 0;
    if (dropped) tell("removed", session);
    return dropped;
  };

  /** Whoever was seen before, or signed in before, is out. */
  const readLimits = async (): Promise<{ seenBefore: number; createdBefore: number }> => {
    const { sessionIdleMinutes, sessionHours } = await store.readSettings();
    const now = clock.now();
    return { seenBefore: now - sessionIdleMinutes * 60_000, createdBefore: now - sessionHours * 3_600_000 };
  };
  const isOver = (session: WebSession, limits: Awaited<ReturnType<typeof readLimits>>): boolean => {
    const seenAt = Math.max(session.seenAt, touched.get(session.id) ?? 0);
    return seenAt <= limits.seenBefore || session.createdAt <= limits.createdBefore;
  };

  /** Written at most once a minute for a session, and never waited for by a request that need not. */
  const touch = async (session: WebSession): Promise<boolean> => {
    const now = clock.now();
    if (now - Math.max(session.seenAt, touched.get(session.id) ?? 0) < TOUCH_EVERY_MS) return true;
    touched.set(session.id, now);
    if (touched.size > 10_000) touched.clear();
    return store.transact("session_use", (tx) => tx.touchWebSession(session.id, now)).catch(() => true);
  };

  const find: WebSessions["findAgain"] = async (token, origin) => {
    const session = await store.findWebSession(digest(token));
    if (!session) return undefined;
    const user = await store.findCheckUser(session.userId);
    if (!user || refusalOfUser(user) !== undefined || isOver(session, await readLimits())) {
      await drop(session, "session_use").catch(() => false);
      return undefined;
    }
    return { caller: callerOf(user, { ...origin, sessionId: session.id }), session };
  };

  return {
    open: async (credential, origin) => {
      const token = makeToken(deps.random);
      const now = clock.now();
      const { address, client, secure } = origin;
      const session: WebSession = {
        id: makeId(),
        userId: credential.userId,
        createdAt: now,
        seenAt: now,
        address,
        client,
        secure,
      };
      const dead = await readLimits();
      await store.transact("sign_in", async (tx) => {
        const user = await tx.findUser({ id: credential.userId });
        const isChanged = (user?.passwordChangedAt ?? 0) > credential.loginAt;
        if (!user?.hasPassword || user.lockedAt !== null || isChanged) throw ended();
        await tx.putWebSession(session, digest(token), dead);
      });
      tell("added", session);
      return { token, session };
    },

    find: async (token, origin) => {
      const found = await find(token, origin);
      return found && (await touch(found.session)) ? found : undefined;
    },

    findAgain: find,

    close: async (token, origin) => {
      const session = await store.findWebSession(digest(token));
      if (!session || !(await drop(session, "sign_out"))) return;
      const user = await store.findCheckUser(session.userId);
      if (!user) return;
      const caller = callerOf(user, { ...origin, sessionId: session.id });
      const note = { action: "LOGIN_PASSWORD", description: "Sign out", target: null };
      audit.note({ ...recordOf(caller, clock.now(), note), event: "LOGOUT" });
    },

    list: async (caller) => {
      requireRole(caller, "AUTH_SESSIONS_READ");
      const limits = await readLimits();
      const live = (await store.listWebSessions()).filter((session) => !isOver(session, limits));
      const named = live.map(async (session) => {
        const user = await store.findCheckUser(session.userId);
        return { ...session, username: user?.username ?? "" };
      });
      return Promise.all(named);
    },

    terminate: async (caller, id) => {
      requireRole(caller, "AUTH_SESSIONS_WRITE");
      const session = (await store.listWebSessions()).find((one) => one.id === id);
      if (!session || !(await drop(session, caller))) return false;
      noteEnd(caller, id);
      return true;
    },

    terminateOthers: async (caller) => {
      requireRole(caller, "AUTH_SESSIONS_WRITE");
      const own = caller.origin.sessionId ?? "";
      const others = (await store.listWebSessions()).filter((session) => session.id !== own);
      await store.transact(caller, (tx) => tx.removeWebSessions({ otherThan: own }));
      for (const session of others) {
        tell("removed", session);
        noteEnd(caller, session.id);
      }
    },

    subscribe: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };

  function noteEnd(caller: Caller, id: string): void {
    const target = { kind: "session", id: null, name: id } as const;
    audit.note(
      recordOf(caller, clock.now(), { action: "session.end", description: `End session ${id}`, target }),
    );
  }
}

function callerOf(user: CheckUser, origin: Origin): Caller {
  const rights = rightsOf(user.roles, user.scopes);
  return { kind: "user", userId: user.id, username: user.username, key: null, origin, ...rights };
}

function ended(): AppError {
  return new AppError("session_expired", "The account was changed while you signed in; sign in again");
}
