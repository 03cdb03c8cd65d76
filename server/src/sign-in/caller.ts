/**
 * What a credential is worth at this moment: the one place where a session of a socket or a browser, a token and a key become
 * a caller (held by `caller.test.ts`). The system's own callers are made in `domain/caller.ts`.
 */
import type { Caller, Origin, SessionRef } from "../domain/caller.ts";
import { rightsOf } from "../domain/rights.ts";
import type { CheckRecord, CheckUser, MaybePromise, Store } from "../store/store.ts";
import type { Need, RefusalReason, Verdict } from "../verify/verify.ts";
import type { Credential } from "./credential.ts";

export type Standing =
  | { readonly ok: true; readonly caller: Caller }
  | { readonly ok: false; readonly reason: RefusalReason };

export interface StandingDeps {
  readonly store: Pick<Store, "findCheck" | "findCheckUser">;
  /** `admit` of Verify in its place spends from the limits of the key, as a sign-in does. */
  readonly verify: { judge(record: CheckRecord, need: Need): MaybePromise<Verdict> };
}

/** Reads and judges again. The transport was judged when the credential proved itself. */
export function standingOf(
  deps: StandingDeps,
  credential: Credential,
  from: { readonly origin: Origin; readonly session: SessionRef | null },
): MaybePromise<Standing> {
  const { key, userId } = credential;
  const { methods } = credential.parent ?? credential;
  if (key === null)
    return map(deps.store.findCheckUser(userId), (user) => standingOfUser(user, { ...from, methods }));
  return map(deps.store.findCheck(key.id), (record): MaybePromise<Standing> => {
    if (!record) return { ok: false, reason: "unknown" };
    const need = { origin: { ...from.origin, transport: "secure" as const }, secret: key.secret };
    return map(deps.verify.judge(record, need), (verdict): Standing => {
      if (!verdict.ok) return { ok: false, reason: verdict.reason };
      return { ok: true, caller: callerOfKey(verdict, from.origin, from.session) };
    });
  });
}

/** Why a user may not be signed in; undefined where they may. */
export function refusalOfUser(user: CheckUser): "user_locked" | "no_roles" | undefined {
  if (user.lockedAt !== null) return "user_locked";
  return user.roles.length === 0 ? "no_roles" : undefined;
}

/** @param session null where the request itself shows the key */
export function callerOfKey(
  { record, rights, secret, endsAt }: Extract<Verdict, { ok: true }>,
  origin: Origin,
  session: SessionRef | null,
): Caller {
  const { id, name, expiresAt, allowedIps, rateLimit, roles, scopes, managesSignIn, user } = record;
  const { id: userId, username, ceilings } = user;
  const limits = { expiresAt, allowedIps, rateLimit, roles, scopes, managesSignIn, endsAt };
  const key = { id, name, secret: secret.digest, ...limits };
  const methods = ["key"];
  return { kind: "key", userId, username, key, methods, ceilings, session, endsAt, origin, ...rights };
}

/** The session of a user. */
interface OfSession {
  readonly session: SessionRef | null;
  readonly methods: readonly string[];
  /** Where time ends it. */
  readonly endsAt: number | null;
}

export function callerOfUser(
  user: CheckUser,
  origin: Origin,
  { session, methods, endsAt }: OfSession,
): Caller {
  const rights = rightsOf(user.roles, user.scopes);
  const { id: userId, username, ceilings } = user;
  return { kind: "user", userId, username, key: null, methods, ceilings, session, endsAt, origin, ...rights };
}

/** A key that acts on itself alone, with the rights that its owner has: whatever it was narrowed to, and KEY_HOLDER. */
export function overOwnKey(caller: Caller, owner: Pick<CheckUser, "roles" | "scopes">): Caller {
  return { ...caller, isOwnKey: true, ...rightsOf([...owner.roles, "KEY_HOLDER"], owner.scopes) };
}

function standingOfUser(
  user: CheckUser | undefined,
  { origin, ...of }: Omit<OfSession, "endsAt"> & { readonly origin: Origin },
): Standing {
  if (!user) return { ok: false, reason: "unknown" };
  const reason = refusalOfUser(user);
  return reason
    ? { ok: false, reason }
    : { ok: true, caller: callerOfUser(user, origin, { ...of, endsAt: null }) };
}

function map<From, To>(value: MaybePromise<From>, to: (value: From) => MaybePromise<To>): MaybePromise<To> {
  return value instanceof Promise ? value.then(to) : to(value);
}
