/**
 * The live sessions of this process.
 *
 * A session's caller is computed from what key and user are now, and computed anew only after a change of either, so a
 * session costs no read while nothing changes. Whatever ends its key, user or token ends it: when the feed tells,
 * and at the latest before its next use, because `caller` follows the feed first (held by `sessions.test.ts`).
 */

import { type Audit, recordOf } from "../audit/audit.ts";
import { makeId } from "../crypto.ts";
import type { AuditRecord } from "../domain/audit.ts";
import { type Caller, type ConnectionRef, type Origin, requireRole } from "../domain/caller.ts";
import type { Clock } from "../domain/clock.ts";
import { AppError } from "../domain/errors.ts";
import { isExpired } from "../domain/key.ts";
import type { Feed } from "../feed/feed.ts";
import type { Log } from "../log.ts";
import type { Change, MaybePromise, Store, Transaction } from "../store/store.ts";
import type { Refusal } from "../verify/verify.ts";
import type { Credential, Session, SessionEnd, Sessions } from "./accounts.ts";
import { Endings, endsCredential } from "./endings.ts";
import { Index } from "./session-index.ts";
import { noteEnd } from "./sign-in-notes.ts";
import { type Standing, type StandingDeps, standingOf } from "./standing.ts";
import type { LiveToken, LiveTokens } from "./tokens.ts";

export const SESSION_AGE_MS_MAX = 30 * 86_400_000;
const SWEEP_EVERY_MS = 1_000;
/** The token may be used to come back. */
const TOKENS_SURVIVE: readonly SessionEnd[] = ["disconnect", "replaced"];

export interface SessionsDeps extends StandingDeps {
  readonly store: StandingDeps["store"] & Pick<Store, "transact" | "settled">;
  readonly feed: Pick<Feed, "follow" | "subscribe">;
  readonly audit: Pick<Audit, "note">;
  readonly tokens: LiveTokens;
  readonly clock: Clock;
  readonly log: Log;
}

interface Entry {
  readonly session: Session;
  readonly onEnd: (reason: SessionEnd) => void;
  readonly token: LiveToken | undefined;
  /** Monotonic. */
  readonly openedAt: number;
  /** Of the caller: see there. */
  endsAt: number | null;
  /** Rises with what the caller was computed from. */
  changes: number;
  caller: { readonly value: Caller; readonly groupChanges: number } | undefined;
  /** Of whoever ends it by their right: whether they did. */
  claim?: Promise<boolean>;
}

export class LiveSessions implements Sessions {
  readonly #deps: SessionsDeps;
  readonly #endings = new Endings();
  readonly #entries = new Map<string, Entry>();
  readonly #byUser = new Index<number, Entry>();
  readonly #byKey = new Index<number, Entry>();
  readonly #byToken = new Index<string, Entry>();
  readonly #listeners = new Set<(change: "added" | "removed", session: Session) => void>();
  readonly #unsubscribe: () => void;
  readonly #timer: Timer;
  #groupChanges = 0;

  constructor(deps: SessionsDeps) {
    this.#deps = deps;
    this.#unsubscribe = deps.feed.subscribe((change) => this.#hear(change));
    this.#timer = setInterval(() => this.#sweep(), SWEEP_EVERY_MS);
  }

  /** Where this process stands in the feed; asked for before a sign-in checks anything. */
  mark(): number {
    return this.#endings.mark();
  }

  open(credential: Credential, origin: Origin, onEnd: (reason: SessionEnd) => void): Session {
    const { clock, tokens } = this.#deps;
    const id = origin.sessionId ?? makeId();
    const session: Session = {
      id,
      credential,
      origin: { ...origin, sessionId: id },
      createdAt: clock.now(),
    };
    const before = this.#entries.get(id);
    if (before) this.close(before.session, "replaced");
    const token = credential.tokenId === null ? undefined : tokens.find(credential.tokenId);
    const entry: Entry = {
      session,
      onEnd,
      token,
      openedAt: clock.monotonic(),
      endsAt: credential.key?.expiresAt ?? null,
      changes: 0,
      caller: undefined,
    };
    const ended = this.#endedMeanwhile(entry);
    if (ended) queueMicrotask(() => this.#tell(entry, ended));
    else this.#add(entry);
    return session;
  }

  caller(session: Session): MaybePromise<Caller> {
    const followed = this.#deps.feed.follow();
    return followed instanceof Promise ? followed.then(() => this.#current(session)) : this.#current(session);
  }

  async close(session: Session, reason: "logout" | "disconnect" | "replaced"): Promise<void> {
    const entry = this.#entries.get(session.id);
    if (entry?.session === session) this.#remove(entry, reason);
    await this.#deps.store.settled();
  }

  isLive({ id, loginId }: ConnectionRef): MaybePromise<boolean> {
    const look = (): boolean => {
      const entry = this.#entries.get(id);
      return entry?.session.credential.loginId === loginId && this.#whyOver(entry) === undefined;
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
    return entry !== undefined && (await this.#terminate(caller, [entry])) > 0;
  }

  async terminateOthers(caller: Caller): Promise<void> {
    this.#requireWriter(caller);
    const { sessionId } = caller.origin;
    await this.#terminate(
      caller,
      this.#entries
        .values()
        .filter(({ session }) => session.id !== sessionId)
        .toArray(),
    );
  }

  subscribe(listener: (change: "added" | "removed", session: Session) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Throws session_expired unless the session is live. */
  requireLive(session: Session): void {
    this.#find(session);
  }

  stop(): void {
    this.#unsubscribe();
    clearInterval(this.#timer);
  }

  /**
   * Records the ends in a transaction, so that the caller is judged, and then ends them. Of two who end the same at once one
   * does. @returns how many
   */
  async #terminate(caller: Caller, wanted: readonly Entry[]): Promise<number> {
    const { store, clock } = this.#deps;
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
    };
    try {
      await store.transact(caller, claim, { urgent: true });
    } catch (error) {
      resolve(false);
      throw error;
    }
    for (const entry of entries) if (this.#isLive(entry)) this.#end(entry, "terminated");
    resolve(true);
    await store.settled();
    return entries.length;
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
    if (entry.token) this.#deps.tokens.touch(entry.token);
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
    const standing = standingOf(this.#deps, credential, { origin, session: ref });
    return standing instanceof Promise ? standing.then(accept) : accept(standing);
  }

  #hear(change: Change): void {
    if (change.kind === "group") this.#groupChanges++;
    if (change.ends && change.kind !== "session") {
      this.#endings.add(change);
      this.#deps.tokens.endBy(change);
    }
    for (const entry of [...this.#touchedBy(change)]) {
      entry.changes++;
      entry.caller = undefined;
      if (!change.ends || !endsCredential(change, entry.session.credential, entry.session.id)) continue;
      this.#end(entry, this.#reasonOf(change, entry));
    }
  }

  #touchedBy(change: Change): Iterable<Entry> {
    if (change.kind === "key") return this.#byKey.of(change.id);
    return change.kind === "user" ? this.#byUser.of(change.id) : [];
  }

  #reasonOf(change: Change, entry: Entry): SessionEnd {
    if (change.kind === "user") return "user_ended";
    return isExpired(entry.endsAt, this.#deps.clock.now()) ? "key_expired" : "key_ended";
  }

  #endedMeanwhile(entry: Entry): SessionEnd | undefined {
    const { credential, id } = entry.session;
    const change = this.#endings.findSince(credential.seen, credential, id);
    if (change === "unknown") return "terminated";
    if (change) return this.#reasonOf(change, entry);
    return credential.tokenId !== null && !entry.token ? "token_ended" : this.#whyOver(entry);
  }

  /** What changed since the caller was computed may end at another time: that is judged again. */
  #whyOver({ openedAt, endsAt, token, caller }: Entry): SessionEnd | undefined {
    const { clock, tokens } = this.#deps;
    if (caller && isExpired(endsAt, clock.now())) return "key_expired";
    if (token && tokens.isOver(token)) return "token_ended";
    return clock.monotonic() - openedAt >= SESSION_AGE_MS_MAX ? "too_old" : undefined;
  }

  /** Ends what time has ended, and looks again at sessions that changed but are not used. */
  #sweep(): void {
    this.#deps.tokens.dropOver();
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
      if (!(error instanceof AppError)) this.#deps.log.warn("A session could not be judged anew", { error });
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
    if (entry.token) this.#byToken.add(entry.token.id, entry);
    for (const listener of this.#listeners) listener("added", entry.session);
  }

  #end(entry: Entry, reason: SessionEnd): void {
    this.#remove(entry, reason);
    this.#tell(entry, reason);
  }

  #remove(entry: Entry, reason: SessionEnd): void {
    if (!this.#isLive(entry)) return;
    const { id, credential } = entry.session;
    this.#entries.delete(id);
    this.#byUser.remove(credential.userId, entry);
    if (credential.key) this.#byKey.remove(credential.key.id, entry);
    if (entry.token) this.#byToken.remove(entry.token.id, entry);
    if (entry.token) this.#deps.tokens.drop(entry.token);
    if (!TOKENS_SURVIVE.includes(reason)) this.#endTokensOf(id);
    noteEnd(this.#deps.audit, entry.session, reason);
    for (const listener of this.#listeners) listener("removed", entry.session);
  }

  #endTokensOf(sessionId: string): void {
    for (const token of this.#deps.tokens.madeBy(sessionId)) {
      this.#deps.tokens.drop(token);
      for (const entry of [...this.#byToken.of(token.id)]) this.#end(entry, "token_ended");
    }
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

function terminateRecord(caller: Caller, now: number, session: Session | null): AuditRecord {
  const name = session?.credential.username ?? "";
  return recordOf(caller, now, {
    action: "session.end",
    description: session ? `End a session of ${name}` : "End sessions",
    target: session && { kind: "session", id: null, name },
    details: session ? { session: session.id } : {},
  });
}

function endOf(reason: Refusal): SessionEnd {
  if (reason === "expired") return "key_expired";
  return reason === "user_locked" || reason === "no_roles" ? "user_ended" : "key_ended";
}

function expired(): AppError {
  return new AppError("session_expired", "Session is expired");
}
