/**
 * Browsers that are signed in. Unlike the sessions of connections they outlive a restart: kept in the database, found by
 * the digest of a random token that only the cookie holds.
 *
 * A session ends when it was idle or lived for as long as the settings say, at sign-out, and in the same commit in which
 * its user is locked, deleted, loses a right or gets another password. Rights and limits are read again for every request.
 */
import { recordOf } from "../activity/audit.ts";
import { makeId, makeToken, type Random, type Secrets } from "../crypto.ts";
import { type AuditRecord, credentialKind } from "../domain/audit.ts";
import { type Caller, type Origin, requireRole, type WritingActor } from "../domain/caller.ts";
import type { Clock } from "../domain/clock.ts";
import { AppError } from "../domain/errors.ts";
import { rightsOf } from "../domain/rights.ts";
import type { Settings } from "../domain/settings.ts";
import type { User } from "../domain/user.ts";
import type { CheckUser, Store, Transaction, WebSession } from "../store/store.ts";
import { callerOfUser, refusalOfUser } from "./caller.ts";
import { isTransportAllowed, requireAllowedTransport } from "./clear-text.ts";
import type { Credential } from "./credential.ts";

export type { WebSession };

/** How stale `seenAt` may be: a request does not write. */
const TOUCH_EVERY_MS = 60_000;
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;

export interface BrowserSessions {
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
  /** AUTH_SESSIONS_WRITE. All but the caller's own. */
  endOthersIn(tx: Transaction, caller: Caller): Promise<void>;
}

export interface BrowserSessionsDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly secrets: Secrets;
}

export function createBrowserSessions(deps: BrowserSessionsDeps): BrowserSessions {
  const { store, clock } = deps;
  const touched = new Map<string, number>();
  const digest = (token: string): Uint8Array => deps.secrets.digestToken(`web|${token}`);
  const endOf = ({ id, createdAt, seenAt }: WebSession, settings: SessionLimits): number =>
    browserEnd({ createdAt, seenAt: Math.max(seenAt, touched.get(id) ?? 0) }, settings);

  /** Written at most once a minute for a session; the request that writes it waits for the commit. */
  const touch = async (session: WebSession): Promise<boolean> => {
    const now = clock.now();
    if (now - Math.max(session.seenAt, touched.get(session.id) ?? 0) < TOUCH_EVERY_MS) return true;
    touched.set(session.id, now);
    if (touched.size > 10_000) touched.clear();
    return store.transact("session_use", (tx) => tx.touchWebSession(session.id, now)).catch(() => true);
  };

  /** What time or its user has ended. */
  const dropOver = async ({ id }: WebSession): Promise<void> => {
    touched.delete(id);
    await store.transact("session_use", (tx) => tx.removeWebSessions({ id }));
  };
  /** Each with its record. @returns how many there were */
  const remove = async (
    by: Caller | WritingActor,
    which: Parameters<Transaction["removeWebSessions"]>[0],
    record: (session: WebSession) => AuditRecord,
  ): Promise<number> => {
    const removed = await store.transact(
      by,
      async (tx) => {
        const sessions = await tx.removeWebSessions(which);
        for (const session of sessions) tx.audit(record(session));
        return sessions;
      },
      { urgent: true },
    );
    for (const { id } of removed) touched.delete(id);
    return removed.length;
  };
  const endRecord = (caller: Caller, { id }: WebSession): AuditRecord => {
    const target = { kind: "session", id: null, name: id } as const;
    const note = { action: "session.end", description: `End session ${id}`, target };
    return recordOf(caller, clock.now(), note);
  };

  const find: BrowserSessions["findAgain"] = async (token, origin) => {
    if (!(await isTransportAllowed(store, origin))) return undefined;
    const session = await store.findWebSession({ digest: digest(token) });
    if (!session) return undefined;
    const user = await store.findCheckUser(session.userId);
    const endsAt = endOf(session, await store.readSettings());
    if (!user || refusalOfUser(user) !== undefined || endsAt <= clock.now()) {
      await dropOver(session).catch(() => {});
      return undefined;
    }
    return { caller: callerIn(session, user, origin, endsAt), session };
  };

  return {
    open: async (credential, origin) => {
      const token = makeToken(deps.random);
      const now = clock.now();
      const { address, client, transport } = origin;
      const session: WebSession = {
        id: makeId(),
        userId: credential.userId,
        createdAt: now,
        seenAt: now,
        address,
        client,
        secure: transport === "secure",
        methods: credential.methods,
      };
      const work = async (tx: Transaction): Promise<void> => {
        await requireAllowedTransport(tx, origin);
        const { sessionIdleMinutes, sessionHours } = await tx.readSettings();
        const dead = {
          seenBefore: now - sessionIdleMinutes * MINUTE_MS,
          createdBefore: now - sessionHours * HOUR_MS,
        };
        const user = await tx.findUser({ id: credential.userId });
        if (!user || user.lockedAt !== null || isPasswordGone(credential, user)) throw ended();
        await tx.putWebSession(session, digest(token), dead);
      };
      await store.transact("sign_in", work, {
        urgent: mayTakeAway(await store.findCheckUser(session.userId)),
      });
      return { token, session };
    },

    find: async (token, origin) => {
      const found = await find(token, origin);
      return found && (await touch(found.session)) ? found : undefined;
    },

    findAgain: find,

    close: async (token, origin) => {
      const session = await store.findWebSession({ digest: digest(token) });
      const user = session && (await store.findCheckUser(session.userId));
      if (!session || !user) return;
      const caller = callerIn(session, user, origin, null);
      const note = { action: credentialKind(session.methods), description: "Sign out", target: null };
      const record: AuditRecord = { ...recordOf(caller, clock.now(), note), event: "LOGOUT" };
      await remove("sign_out", { id: session.id }, () => record);
    },

    list: async (caller) => {
      requireRole(caller, "AUTH_SESSIONS_READ");
      const settings = await store.readSettings();
      const now = clock.now();
      const live = (await store.listWebSessions()).filter((session) => endOf(session, settings) > now);
      const named = live.map(async (session) => {
        const user = await store.findCheckUser(session.userId);
        return { ...session, username: user?.username ?? "" };
      });
      return Promise.all(named);
    },

    terminate: async (caller, id) => {
      requireRole(caller, "AUTH_SESSIONS_WRITE");
      return (await remove(caller, { id }, (session) => endRecord(caller, session))) > 0;
    },

    endOthersIn: async (tx, caller) => {
      requireRole(caller, "AUTH_SESSIONS_WRITE");
      const otherThan = caller.origin.sessionId ?? "";
      for (const session of await tx.removeWebSessions({ otherThan })) tx.audit(endRecord(caller, session));
    },
  };
}

type SessionLimits = Pick<Settings, "sessionIdleMinutes" | "sessionHours">;

/** When a browser's session ends by itself: once it has rested for so long, or lived for so long. */
function browserEnd(
  { createdAt, seenAt }: Pick<WebSession, "createdAt" | "seenAt">,
  { sessionIdleMinutes, sessionHours }: SessionLimits,
): number {
  return Math.min(seenAt + sessionIdleMinutes * MINUTE_MS, browserAgeEnd({ createdAt }, sessionHours));
}

/** When it has lived for so long, however much it is used. */
export function browserAgeEnd({ createdAt }: Pick<WebSession, "createdAt">, hours: number): number {
  return createdAt + hours * HOUR_MS;
}

function callerIn(
  { id, methods }: WebSession,
  user: CheckUser,
  origin: Origin,
  endsAt: number | null,
): Caller {
  return callerOfUser(
    user,
    { ...origin, sessionId: id },
    { session: { kind: "browser", id }, methods, endsAt },
  );
}

/** A password that was changed or taken away since it was shown opens nothing. */
function isPasswordGone({ methods, passwordChangedAt }: Credential, user: User): boolean {
  if (!methods.includes("password")) return false;
  return !user.hasPassword || user.passwordChangedAt !== passwordChangedAt;
}

/** Who comes to revoke or lock gets in on a full disk too; for everybody there is not room enough. */
function mayTakeAway(user: CheckUser | undefined): boolean {
  if (!user) return false;
  const { roles } = rightsOf(user.roles, user.scopes);
  return roles.has("API_KEY_WRITE") || roles.has("ACCOUNT_WRITE");
}

function ended(): AppError {
  return new AppError("session_expired", "The account was changed while you signed in; sign in again");
}
