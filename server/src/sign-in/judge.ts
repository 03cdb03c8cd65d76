/**
 * The judgement of a caller at the moment of the act: one function, called by `Store.transact` in its closing statements
 * and by what must not answer a caller who has ended meanwhile (`Store.requireStanding`).
 *
 * It works out from the rows what the caller is now, in the same way as the request did when it came, and compares: a
 * credential that has ended is `credential_ended`; one that lives, but with less of its rights or limits than the request
 * was judged with, is `forbidden` (held by `server/test/stale-callers.test.ts`).
 */
import { type Caller, type ConnectionRef, coversCaller } from "../domain/caller.ts";
import type { Clock } from "../domain/clock.ts";
import { AppError } from "../domain/errors.ts";
import type { CheckUser, Judge, MaybePromise, StandingRows, Store } from "../store/store.ts";
import { judgeRecord, type RefusalReason } from "../verify/verify.ts";
import { browserAgeEnd } from "./browser-sessions.ts";
import { callerOfKey, callerOfUser, overOwnKey, refusalOfUser } from "./caller.ts";
import { requireAllowedTransport } from "./clear-text.ts";

/** Throws as a change by this caller would: asked before an answer that was long in coming. */
export type RequireStanding = (caller: Caller) => MaybePromise<void>;

export interface JudgeDeps {
  readonly clock: Clock;
  /** Whether a session of a socket lives, by all that was committed until now. */
  isLive(session: ConnectionRef): MaybePromise<boolean>;
  readonly store: Pick<Store, "readSettings">;
}

export function createJudge({ clock, isLive, store }: JudgeDeps): Judge {
  const judge = (caller: Caller, rows: StandingRows): void => {
    if (!coversCaller(callerNow(caller, rows, clock.now()), caller)) throw less();
  };
  const judgeInClear = async (caller: Caller, rows: StandingRows): Promise<void> => {
    await requireAllowedTransport(store, caller.origin);
    judge(caller, rows);
  };
  return (caller, rows) => {
    if (caller.kind === "system") return requireWriter(caller);
    if (caller.session?.kind !== "connection")
      return caller.origin.transport === "secure" ? judge(caller, rows) : judgeInClear(caller, rows);
    const judgeIf = (live: boolean): void => {
      if (!live) throw ended();
      judge(caller, rows);
    };
    const live = isLive(caller.session);
    return live instanceof Promise ? live.then(judgeIf) : judgeIf(live);
  };
}

function callerNow(caller: Caller, rows: StandingRows, now: number): Caller {
  const { user } = rows;
  if (!user || user.lockedAt !== null) throw ended();
  const current = caller.kind === "key" ? keyNow(caller, rows, now) : userNow(caller, user, rows, now);
  return caller.isOwnKey ? overOwnKey(current, user) : current;
}

/** Refusals of a key that lives. */
const LESS: readonly RefusalReason[] = ["no_roles", "address_not_allowed"];

function keyNow(caller: Caller, { record }: StandingRows, now: number): Caller {
  if (!record || !caller.key || record.user.id !== caller.userId) throw ended();
  const origin = { ...caller.origin, transport: "secure" as const };
  const verdict = judgeRecord(record, { origin, secret: caller.key.secret }, now);
  if (!verdict.ok) throw LESS.includes(verdict.reason) ? less() : ended();
  return callerOfKey(verdict, caller.origin, caller.session);
}

/** A session that has rested for too long is not judged here: the request that acts is a use of it. */
function userNow(caller: Caller, user: CheckUser, rows: StandingRows, now: number): Caller {
  const { session } = caller;
  if (!session) throw ended();
  if (session.kind === "browser") {
    const { browser } = rows;
    if (!browser || browser.session.userId !== caller.userId) throw ended();
    if (browserAgeEnd(browser.session, browser.hours) <= now) throw ended();
  }
  if (refusalOfUser(user)) throw less();
  return callerOfUser(user, caller.origin, { session, methods: caller.methods, endsAt: caller.endsAt });
}

function requireWriter({ actor }: Caller): void {
  if (actor === undefined || actor === "reader")
    throw new AppError("internal", "A part of the system that only reads has tried to write");
}

function ended(): AppError {
  const message = "The key or session that asked has ended meanwhile; nothing was changed";
  return new AppError("credential_ended", message);
}

function less(): AppError {
  return new AppError("forbidden", "A right or limit was taken away meanwhile; nothing was changed");
}
