/**
 * The live sessions of this process.
 *
 * A session's caller is computed from what key and user are now, and computed again only after a change of either, so a
 * session costs no read while nothing changes. Whatever ends its key, user or token ends it: when the feed tells,
 * and at the latest before its next use, because `caller` follows the feed first (held by `sessions.test.ts`). One in clear
 * text ends when a setting that allowed it is narrowed (held by `stale-readers.test.ts`).
 */

import { DAY_MS } from "@chatelaine/contract/instant";
import { type Audit, recordOf } from "../activity/audit.ts";
import type { Feed } from "../activity/feed.ts";
import { makeId } from "../crypto.ts";
import type { AuditRecord } from "../domain/audit.ts";
import { type Caller, type ConnectionRef, type Origin, requireRole } from "../domain/caller.ts";
import type { Clock } from "../domain/clock.ts";
import { AppError } from "../domain/errors.ts";
import { isExpired } from "../domain/key.ts";
import { ALL_SESSIONS } from "../domain/sessions.ts";
import type { Log } from "../log.ts";
import type { Change, MaybePromise, Store, Transaction } from "../store/store.ts";
import type { RefusalReason } from "../verify/verify.ts";
import { noteEnd } from "./audit.ts";
import type { BrowserSessions } from "./browser-sessions.ts";
import { type Standing, type StandingDeps, standingOf } from "./caller.ts";
import { isTransportAllowed } from "./clear-text.ts";
import type { Credential, Session, SessionEnd } from "./credential.ts";
import { Endings, endsCredential, lineOf } from "./revocations.ts";
import { Ties, type TokenUse } from "./ties.ts";

/** Live sessions of this process. They end when what they were opened with ends, at the latest at their next use. */
export interface Sessions {
  /** @param onEnd called once, whatever ends it but the one who opened it */
  open(credential: Credential, origin: Origin, onEnd: (reason: SessionEnd) => void): Session;
  /**
   * The caller that this session is now, with rights as they are now.
   * Throws session_expired where it has ended.
   */
  caller(session: Session): MaybePromise<Caller>;
  /**
   * By the one who opened it. The session is over at once; resolves when every transaction that was judged while it lived
   * has ended, as `terminate` and `terminateOthers` do.
   */
  close(session: Session, reason: "logout" | "disconnect" | "replaced"): Promise<void>;
  /** Whether it lives, by all that was committed until now. */
  isLive(session: ConnectionRef): MaybePromise<boolean>;
  /** AUTH_SESSIONS_READ. */
  list(caller: Caller): readonly Session[];
  /** AUTH_SESSIONS_WRITE. A session of whichever kind, or a waiting token, by its id. @returns false for an unknown id */
  terminate(caller: Caller, id: string): Promise<boolean>;
  /** Ends all but the caller's own: browsers, sockets in every process, and all tokens. All end or none. */
  terminateOthers(caller: Caller): Promise<void>;
  /** @returns the way out */
  subscribe(listener: (change: "added" | "removed", session: Session) => void): () => void;
}

export const SESSION_AGE_MS_MAX = 30 * DAY_MS;
const SWEEP_EVERY_MS = 1_000;

export interface SessionsDeps extends StandingDeps {
  readonly store: StandingDeps["store"] & Pick<Store, "transact" | "settled" | "listTokens" | "readSettings">;
  readonly browserSessions: Pick<BrowserSessions, "terminate" | "endOthersIn">;
  readonly feed: Pick<Feed, "follow" | "subscribe">;
  readonly audit: Pick<Audit, "note">;
  readonly clock: Clock;
  readonly log: Log;
}

interface Entry {
  readonly session: Session;
  readonly onEnd: (reason: SessionEnd) => void;
  readonly use: TokenUse | undefined;
  /** Monotonic. */
  readonly openedAt: number;
  /** Of the caller: see there. */
  endsAt: number | null;
  /** Rises with what the caller was computed from. */
  changes: number;
  caller: { readonly value: Caller; readonly groupChanges: number } | undefined;
  /** Of anyone who ends it by their right: whether they did. */
  claim?: Promise<boolean>;
}

export class LiveSessions implements Sessions {
  readonly #deps: SessionsDeps;
  readonly #endings = new Endings();
  readonly #entries = new Map<string, Entry>();
  readonly #byUser = new Index<number, Entry>();
  readonly #byKey = new Index<number, Entry>();
  /** By each session and token that they hang on. */
  readonly #byHolder = new Index<string, Entry>();
  readonly #ties: Ties;
  readonly #listeners = new Set<(change: "added" | "removed", session: Session) => void>();
  readonly #unsubscribe: () => void;
  readonly #timer: Timer;
  #groupChanges = 0;

  constructor(deps: SessionsDeps) {
    this.#deps = deps;
    this.#ties = new Ties(deps);
    this.#unsubscribe = deps.feed.subscribe((change) => this.#hear(change));
    this.#timer = setInterval(() => this.#sweep(), SWEEP_EVERY_MS);
  }

  /** Where this process stands in the feed; asked for before a sign-in checks anything. */
  mark(): number {
    return this.#endings.mark();
  }

  open(credential: Credential, origin: Origin, onEnd: (reason: SessionEnd) => void): Session {
    const { clock } = this.#deps;
    const id = origin.sessionId ?? makeId();
    const session: Session = {
      id,
      credential,
      origin: { ...origin, sessionId: id },
      createdAt: clock.now(),
    };
    const before = this.#entries.get(id);
    if (before) void this.close(before.session, "replaced");
    const entry: Entry = {
      session,
      onEnd,
      use: this.#ties.opened(session),
      openedAt: clock.monotonic(),
      endsAt: credential.key?.expiresAt ?? null,
      changes: 0,
      caller: undefined,
    };
    const ended = this.#endedMeanwhile(entry);
    if (ended) {
      this.#untie(entry, ended);
      queueMicrotask(() => this.#tell(entry, ended));
    } else this.#add(entry);
    return session;
  }

  caller(session: Session): MaybePromise<Caller> {
    const followed = this.#deps.feed.follow();
    return followed instanceof Promise ? followed.then(() => this.#current(session)) : this.#current(session);
  }

  async close(session: Session, reason: "logout" | "disconnect" | "replaced"): Promise<void> {
    const entry = this.#entries.get(session.id);
    const untied = entry?.session === session ? this.#remove(entry, reason) : undefined;
    // Anyone who signs out is told where their tokens could not be ended.
    await (reason === "logout" ? untied : untied?.catch(() => {}));
    await this.#deps.store.settled();
  }

  isLive({ id, loginId }: ConnectionRef): MaybePromise<boolean> {
    const look = (): MaybePromise<boolean> => {
      const entry = this.#entries.get(id);
      if (entry?.session.credential.loginId !== loginId || this.#whyOver(entry)) return false;
      const { session } = entry;
      return isInClear(session) ? isTransportAllowed(this.#deps.store, session.origin) : true;
    };
    const followed = this.#deps.feed.follow();
    return followed instanceof Promise ? followed.then(look) : look();
  }

  list(caller: Caller): readonly Session[] {
    requireRole(caller, "AUTH_SESSIONS_READ");
    return Array.from(this.#entries.values(), ({ session }) => session);
  }

  async terminate(caller: Caller, id: string): Promise<boolean> {
    this.#requireWriter(caller);
    const entry = this.#entries.get(id);
    if (!entry)
      return (await this.#terminateToken(caller, id)) || this.#deps.browserSessions.terminate(caller, id);
    return (await this.#terminate(caller, [entry], (tx, sessions) => this.#ties.endIn(tx, sessions))) > 0;
  }

  async terminateOthers(caller: Caller): Promise<void> {
    this.#requireWriter(caller);
    const spares = caller.origin.sessionId;
    const others = [...this.#entries.values()].filter(({ session }) => session.id !== spares);
    await this.#terminate(caller, others, async (tx) => {
      await this.#deps.browserSessions.endOthersIn(tx, caller);
      const tokens = await tx.endAllTokens(spares);
      if (tokens > 0) tx.audit(tokensRecord(caller, this.#deps.clock.now(), { tokens }));
    });
  }

  subscribe(listener: (change: "added" | "removed", session: Session) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  makesToken(session: Session): void {
    this.#ties.makesToken(session);
  }

  async stop(): Promise<void> {
    this.#unsubscribe();
    clearInterval(this.#timer);
    await this.#ties.settled();
  }

  /**
   * Records the ends in a transaction, so that the caller is judged, and then ends them. Of two who end the same at once one
   * does. @returns how many
   */
  async #terminate(
    caller: Caller,
    wanted: readonly Entry[],
    endTokens: (tx: Transaction, sessions: readonly Session[]) => Promise<void>,
  ): Promise<number> {
    const { store, clock, feed } = this.#deps;
    const { promise: outcome, resolve } = Promise.withResolvers<boolean>();
    let entries: Entry[] = [];
    // Transactions run one after the other, so another claim is that of one that has ended, or is this one's own.
    const claim = async (tx: Transaction): Promise<void> => {
      entries = [];
      for (const entry of wanted) {
        const isFree = entry.claim === undefined || entry.claim === outcome || !(await entry.claim);
        if (!isFree || !this.#isLive(entry)) continue;
        entry.claim = outcome;
        entries.push(entry);
        tx.audit(terminateRecord(caller, clock.now(), entry.session));
      }
      await endTokens(
        tx,
        entries.map(({ session }) => session),
      );
    };
    try {
      await store.transact(caller, claim, { urgent: true });
    } catch (error) {
      resolve(false);
      throw error;
    }
    for (const entry of entries) if (this.#isLive(entry)) this.#end(entry, "terminated");
    resolve(true);
    await feed.follow();
    await store.settled();
    return entries.length;
  }

  async #terminateToken(caller: Caller, id: string): Promise<boolean> {
    const { store, clock, feed } = this.#deps;
    const token = (await store.listTokens(clock.now())).find((one) => one.id === id);
    if (!token) return false;
    const { userId, username } = token.root;
    const end = async (tx: Transaction): Promise<boolean> => {
      const tokens = await tx.endTokens([{ id, userId }]);
      if (tokens > 0) tx.audit(tokensRecord(caller, clock.now(), { tokens, token: id, username }));
      return tokens > 0;
    };
    const isEnded = await store.transact(caller, end, { urgent: true });
    await feed.follow();
    await store.settled();
    return isEnded;
  }

  #find(session: Session): Entry {
    const entry = this.#entries.get(session.id);
    if (entry?.session !== session) throw expired();
    const over = this.#whyOver(entry);
    if (!over) return entry;
    this.#end(entry, over);
    throw expired();
  }

  #current(session: Session): MaybePromise<Caller> {
    const entry = this.#find(session);
    if (entry.use) this.#ties.touch(entry.use);
    const { caller } = entry;
    return caller?.groupChanges === this.#groupChanges ? caller.value : this.#compute(entry);
  }

  #compute(entry: Entry): MaybePromise<Caller> {
    const { changes, session } = entry;
    const groupChanges = this.#groupChanges;
    const accept = (standing: Standing): Caller => {
      if (!standing.ok) {
        if (this.#isLive(entry)) this.#end(entry, endOf(standing.reason));
        throw expired();
      }
      const value = standing.caller;
      if (entry.changes === changes) {
        entry.caller = { value, groupChanges };
        entry.endsAt = value.endsAt;
      }
      return value;
    };
    const { id, origin, credential } = session;
    const ref = { kind: "connection", id, loginId: credential.loginId } as const;
    const from = { origin, session: ref };
    const standing = isInClear(session)
      ? this.#standingInClear(credential, from)
      : standingOf(this.#deps, credential, from);
    return standing instanceof Promise ? standing.then(accept) : accept(standing);
  }

  async #standingInClear(credential: Credential, from: Parameters<typeof standingOf>[2]): Promise<Standing> {
    if (!(await isTransportAllowed(this.#deps.store, from.origin)))
      return { ok: false, reason: "insecure_transport" };
    return standingOf(this.#deps, credential, from);
  }

  #hear(change: Change): void {
    if (change.kind === "group") this.#groupChanges++;
    if (change.endsSessions) this.#endings.add(change);
    for (const entry of [...this.#touchedBy(change)]) {
      entry.changes++;
      entry.caller = undefined;
      if (!change.endsSessions || !endsCredential(change, entry.session.credential, entry.session.id))
        continue;
      this.#end(entry, this.#reasonOf(change, entry));
    }
  }

  #touchedBy(change: Change): Iterable<Entry> {
    switch (change.kind) {
      case "key":
        return this.#byKey.of(change.id);
      case "user":
        return this.#byUser.of(change.id);
      case "session":
        return change.name === ALL_SESSIONS ? this.#entries.values() : this.#byHolder.of(change.name);
      case "settings":
        // They say what may come in clear.
        return this.#entries.values().filter(({ session }) => isInClear(session));
      default:
        return [];
    }
  }

  #reasonOf(change: Change, entry: Entry): SessionEnd {
    if (change.kind === "user") return "user_ended";
    if (change.kind === "session") return change.name === ALL_SESSIONS ? "terminated" : "token_ended";
    return isExpired(entry.endsAt, this.#deps.clock.now()) ? "key_expired" : "key_ended";
  }

  #endedMeanwhile(entry: Entry): SessionEnd | undefined {
    const { credential, id } = entry.session;
    const change = this.#endings.findSince(credential.seen, credential, id);
    if (change === "unknown") return "terminated";
    return change ? this.#reasonOf(change, entry) : this.#whyOver(entry);
  }

  /** What changed since the caller was computed may end at another time: that is judged again. */
  #whyOver({ openedAt, endsAt, use, caller }: Entry): SessionEnd | undefined {
    const { clock } = this.#deps;
    if (caller && isExpired(endsAt, clock.now())) return "key_expired";
    if (use && this.#ties.isOver(use)) return "token_ended";
    return clock.monotonic() - openedAt >= SESSION_AGE_MS_MAX ? "too_old" : undefined;
  }

  /** Ends what time has ended, and looks again at sessions that changed but are not used. */
  #sweep(): void {
    void this.#ties.sweep();
    for (const entry of [...this.#entries.values()]) {
      const over = this.#whyOver(entry);
      if (over) this.#end(entry, over);
      else if (entry.caller === undefined && this.#isLive(entry)) void this.#refresh(entry);
    }
  }

  async #refresh(entry: Entry): Promise<void> {
    try {
      await this.#compute(entry);
    } catch (error) {
      if (!(error instanceof AppError)) this.#deps.log.warn("A session could not be judged again", { error });
    }
  }

  #isLive(entry: Entry): boolean {
    return this.#entries.get(entry.session.id) === entry;
  }

  #add(entry: Entry): void {
    const { id, credential } = entry.session;
    this.#entries.set(id, entry);
    this.#byUser.add(credential.userId, entry);
    if (credential.key) this.#byKey.add(credential.key.id, entry);
    for (const holder of lineOf(credential)) this.#byHolder.add(holder, entry);
    for (const listener of this.#listeners) listener("added", entry.session);
  }

  #end(entry: Entry, reason: SessionEnd): void {
    this.#remove(entry, reason)?.catch(() => {});
    this.#tell(entry, reason);
  }

  /** @returns when what the end means for tokens is written; undefined where it was over already */
  #remove(entry: Entry, reason: SessionEnd): Promise<void> | undefined {
    if (!this.#isLive(entry)) return undefined;
    const { id, credential } = entry.session;
    this.#entries.delete(id);
    this.#byUser.remove(credential.userId, entry);
    if (credential.key) this.#byKey.remove(credential.key.id, entry);
    for (const holder of lineOf(credential)) this.#byHolder.remove(holder, entry);
    const untied = this.#ties.ended(entry.session, entry.use, reason);
    noteEnd(this.#deps.audit, entry.session, reason);
    for (const listener of this.#listeners) listener("removed", entry.session);
    return untied;
  }

  #untie({ session, use }: Entry, reason: SessionEnd): void {
    this.#ties.ended(session, use, reason).catch(() => {});
  }

  #tell(entry: Entry, reason: SessionEnd): void {
    try {
      entry.onEnd(reason);
    } catch (error) {
      this.#deps.log.error("The end of a session could not be told", { error });
    }
  }

  #requireWriter(caller: Caller): void {
    try {
      requireRole(caller, "AUTH_SESSIONS_WRITE");
    } catch (error) {
      const record = terminateRecord(caller, this.#deps.clock.now(), null);
      this.#deps.audit.note({ ...record, success: false, error: (error as Error).message });
      throw error;
    }
  }
}

const NONE: ReadonlySet<never> = new Set();

/** Sets by a key, without the empty ones. */
class Index<Key, Value> {
  readonly #sets = new Map<Key, Set<Value>>();

  of(key: Key): ReadonlySet<Value> {
    return this.#sets.get(key) ?? NONE;
  }

  add(key: Key, value: Value): void {
    const set = this.#sets.get(key);
    if (set) set.add(value);
    else this.#sets.set(key, new Set([value]));
  }

  remove(key: Key, value: Value): void {
    const set = this.#sets.get(key);
    if (set?.delete(value) && set.size === 0) this.#sets.delete(key);
  }
}

function terminateRecord(caller: Caller, now: number, session: Session | null): AuditRecord {
  const name = session?.credential.username ?? "";
  return recordOf(caller, now, {
    action: "session.end",
    description: session ? `End a session of ${name}` : "End sessions",
    target: session && { kind: "session", id: null, name },
    details: session ? { session: session.id } : {},
  });
}

function tokensRecord(
  caller: Caller,
  now: number,
  {
    username = "",
    ...details
  }: { readonly tokens: number; readonly token?: string; readonly username?: string },
): AuditRecord {
  const target = username === "" ? null : ({ kind: "session", id: null, name: username } as const);
  const description = username === "" ? "End all waiting tokens" : `End a waiting token of ${username}`;
  return recordOf(caller, now, { action: "session.end", description, target, details });
}

function endOf(reason: RefusalReason): SessionEnd {
  if (reason === "expired") return "key_expired";
  if (reason === "insecure_transport") return "transport_ended";
  return reason === "user_locked" || reason === "no_roles" ? "user_ended" : "key_ended";
}

/** Over a connection that is not known to be safe, by something that was shown: SCRAM shows nothing. */
function isInClear({ origin, credential }: Session): boolean {
  return origin.transport !== "secure" && !credential.methods.includes("scram");
}

function expired(): AppError {
  return new AppError("session_expired", "Session is expired");
}
