import type { Audit } from "../activity/audit.ts";
import type { Feed } from "../activity/feed.ts";
import type { Usage } from "../activity/use.ts";
import { makeId, type Random, type Secrets } from "../crypto.ts";
import type { Clock } from "../domain/clock.ts";
import type { Keys } from "../keys/keys.ts";
import type { Log } from "../log.ts";
import type { CheckUser, PasswordRecord, Store, StoredToken } from "../store/store.ts";
import type { Verdict, Verify } from "../verify/verify.ts";
import type { Credential } from "./credential.ts";
import type { Passwords } from "./passwords.ts";
import type { RefusalLog } from "./refusal-log.ts";
import type { LiveSessions } from "./sessions.ts";
import type { TokenBox } from "./tokens.ts";

/** What every way to sign in needs. */
export interface SignInDeps {
  readonly store: Store;
  readonly verify: Verify;
  readonly keys: Pick<Keys, "revokeExposed">;
  readonly audit: Pick<Audit, "note" | "refuse">;
  readonly refusalLog: Pick<RefusalLog, "tell">;
  readonly usage: Pick<Usage, "note" | "refuse">;
  readonly feed: Pick<Feed, "follow">;
  readonly secrets: Secrets;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly passwords: Passwords;
  readonly sessions: Pick<LiveSessions, "mark">;
  readonly tokens: Pick<TokenBox, "take" | "drop">;
}

interface Login {
  readonly seen: number;
  readonly scram: boolean;
}

export function credentialOfKey(
  { clock }: Pick<SignInDeps, "clock">,
  { record, secret }: Extract<Verdict, { ok: true }>,
  login: Login,
): Credential {
  const { id, name, expiresAt, user } = record;
  const key = { id, name, expiresAt, secret: secret.digest };
  return { ...freshLogin(clock, user), kind: "API_KEY", key, ...login };
}

export function credentialOfPassword(
  { clock }: Pick<SignInDeps, "clock">,
  user: PasswordRecord,
  seen: number,
): Credential {
  const { passwordChangedAt } = user;
  const login = { ...freshLogin(clock, user), passwordChangedAt };
  return { ...login, kind: "LOGIN_PASSWORD", key: null, scram: false, seen };
}

/** A token belongs to the credential at its root, and has its limits. */
export function credentialOfToken(
  { clock }: Pick<SignInDeps, "clock">,
  root: Credential,
  { id, ttlMs, isSingleUse, line }: StoredToken,
): Credential {
  const { key, seen } = root;
  const login = freshLogin(clock, { id: root.userId, username: root.username });
  const token = { id, ttlMs, isSingleUse, line };
  return { ...login, kind: "TOKEN", key, scram: false, parent: root, token, seen };
}

/** What the session was opened with that the token comes from. */
export function rootOfToken({ root }: StoredToken, seen: number): Credential {
  return { ...root, kind: root.key ? "API_KEY" : "LOGIN_PASSWORD", parent: null, token: null, seen };
}

function freshLogin(clock: Clock, user: Pick<CheckUser, "id" | "username">) {
  const loginAt = clock.now();
  return {
    userId: user.id,
    username: user.username,
    loginId: makeId(),
    loginAt,
    passwordChangedAt: null,
    parent: null,
    token: null,
  };
}
