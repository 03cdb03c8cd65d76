/** What a credential is worth at this moment: the one place where a session, a token and a key become a caller. */
import type { Caller, Origin } from "../domain/caller.ts";
import { type Rights, rightsOf } from "../domain/rights.ts";
import type { CheckRecord, CheckUser, MaybePromise, Store } from "../store/store.ts";
import type { Refusal, Verify } from "../verify/verify.ts";
import type { Credential } from "./accounts.ts";

export type Standing =
  | { readonly ok: true; readonly caller: Caller }
  | { readonly ok: false; readonly reason: Refusal };

export interface StandingDeps {
  readonly store: Pick<Store, "findCheck" | "findCheckUser">;
  readonly verify: Pick<Verify, "judge">;
}

/** Reads and judges anew. The transport was judged when the credential proved itself. */
export function standingOf(
  deps: StandingDeps,
  credential: Credential,
  origin: Origin,
): MaybePromise<Standing> {
  const { key, userId } = credential;
  if (key === null) return map(deps.store.findCheckUser(userId), (user) => standingOfUser(user, origin));
  return map(deps.store.findCheck(key.id), (record) => standingOfKey(deps.verify, record, origin));
}

/** Why a user may not be signed in; undefined where he may. */
export function refusalOfUser(user: CheckUser): "user_locked" | "no_roles" | undefined {
  if (user.lockedAt !== null) return "user_locked";
  return user.roles.length === 0 ? "no_roles" : undefined;
}

export function callerOfRecord(record: CheckRecord, rights: Rights, origin: Origin): Caller {
  const { id, name, expiresAt, allowedIps, user } = record;
  const key = { id, name, expiresAt, allowedIps };
  return { kind: "key", userId: user.id, username: user.username, key, origin, ...rights };
}

function standingOfUser(user: CheckUser | undefined, origin: Origin): Standing {
  if (!user) return { ok: false, reason: "unknown" };
  const reason = refusalOfUser(user);
  if (reason) return { ok: false, reason };
  const rights = rightsOf(user.roles, user.scopes);
  return {
    ok: true,
    caller: { kind: "user", userId: user.id, username: user.username, key: null, origin, ...rights },
  };
}

function standingOfKey(
  verify: Pick<Verify, "judge">,
  record: CheckRecord | undefined,
  origin: Origin,
): Standing {
  if (!record) return { ok: false, reason: "unknown" };
  const verdict = verify.judge(record, { origin: { ...origin, secure: true } });
  if (!verdict.ok) return { ok: false, reason: verdict.reason };
  return { ok: true, caller: callerOfRecord(record, verdict.rights, origin) };
}

function map<From, To>(value: MaybePromise<From>, to: (value: From) => To): MaybePromise<To> {
  return value instanceof Promise ? value.then(to) : to(value);
}
