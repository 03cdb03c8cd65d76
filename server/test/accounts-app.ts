/** The use cases over a real store in a temporary folder, with a clock that tests move. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Role } from "@chatelaine/contract/roles";
import { type Accounts, createAccounts, createJudge, type SignInResult } from "../src/accounts/accounts.ts";
import { type Audit, createAudit } from "../src/audit/audit.ts";
import { bindingFault } from "../src/certificates/certificates.ts";
import { deriveSecrets, type Random, type Secrets, systemRandom } from "../src/crypto.ts";
import type { AuditRecord } from "../src/domain/audit.ts";
import { type Caller, type Origin, systemCaller } from "../src/domain/caller.ts";
import { AppError } from "../src/domain/errors.ts";
import { rightsOf } from "../src/domain/rights.ts";
import type { User } from "../src/domain/user.ts";
import { createFeed, type Feed } from "../src/feed/feed.ts";
import { createKeys, type Keys } from "../src/keys/keys.ts";
import type { Log } from "../src/log.ts";
import { createSettings, type SettingsUseCase } from "../src/settings/settings.ts";
import { openStore } from "../src/store/open.ts";
import type { Store } from "../src/store/store.ts";
import { createUsage } from "../src/usage/usage.ts";
import { createVerify } from "../src/verify/verify.ts";
import { MovableClock, openBrowser } from "./installation.ts";

export const PASSWORD = "a long password";
const MASTER = new Uint8Array(32).fill(7);

export interface TestApp {
  readonly folder: string;
  readonly clock: MovableClock;
  readonly store: Store;
  readonly secrets: Secrets;
  readonly keys: Keys;
  readonly accounts: Accounts;
  readonly audit: Audit;
  readonly feed: Feed;
  readonly settings: SettingsUseCase;
  /** May everything. */
  readonly system: Caller;
  readonly warnings: string[];
  close(): Promise<void>;
}

export interface TestAppOptions {
  /** The folder and clock of another one: a second process on the same data. */
  readonly beside?: TestApp;
  readonly random?: Random;
}

export async function openTestApp({ beside, random = systemRandom }: TestAppOptions = {}): Promise<TestApp> {
  const folder = beside?.folder ?? mkdtempSync(join(tmpdir(), "accounts-"));
  const clock = beside?.clock ?? new MovableClock();
  const warnings: string[] = [];
  const warn = (message: string): void => void warnings.push(message);
  const log: Log = { debug: () => {}, info: () => {}, warn, error: warn };
  const secrets = deriveSecrets(MASTER);
  const { fingerprint } = secrets;
  let accounts: Accounts;
  const judge = createJudge({
    clock,
    isLive: (session) => accounts.sessions.isLive(session),
    store: { readSettings: () => store.readSettings() },
  });
  const store: Store = await openStore({
    ...{ folder, stateFolder: null, clock, log, fingerprint, judge },
    create: beside === undefined,
  });
  const verify = createVerify({ store, secrets, clock });
  const audit = createAudit({ store, clock, log });
  const keys = createKeys({ store, secrets, audit, clock, random: systemRandom });
  const feed = createFeed(store, log);
  const usage = createUsage({ store, keys, clock, log });
  accounts = createAccounts({ store, verify, keys, audit, usage, feed, secrets, clock, random, log });
  const settings = createSettings({ store, clock, secrets, bindingFault });
  return {
    ...{ folder, clock, store, secrets, keys, accounts, audit, feed, settings, warnings },
    system: systemCaller("command_line"),
    close: async () => {
      feed.stop();
      await accounts.close();
      await Promise.all([audit.close(), usage.close()]);
      await store.close();
      if (!beside) rmSync(folder, { recursive: true, force: true });
    },
  };
}

export function originOf(more: Partial<Origin> = {}): Origin {
  return {
    door: "websocket",
    address: "192.0.2.7",
    port: 51_324,
    transport: "secure",
    client: "test",
    sessionId: crypto.randomUUID(),
    ...more,
  };
}

export function makeUser(
  app: TestApp,
  username: string,
  roles: readonly Role[] = ["FULL_ADMIN"],
): Promise<User> {
  return app.accounts.users.create(app.system, { username, roles });
}

/** A user who may sign in by PASSWORD. */
export function makeUserWithPassword(
  app: TestApp,
  username: string,
  roles: readonly Role[] = ["FULL_ADMIN"],
): Promise<User> {
  return app.accounts.users.create(app.system, { username, roles, password: PASSWORD });
}

/** The caller that a user is when signed in at a browser. */
export async function callerOf(app: TestApp, username: string): Promise<Caller> {
  const { accounts } = app;
  const user = await accounts.users.get(app.system, { username });
  const rights = rightsOf(user.allRoles, user.allScopes);
  const id = await openBrowser(app.store, user.id, null);
  const session = { kind: "browser", id } as const;
  const origin = originOf({ door: "rest", sessionId: id });
  const { id: userId, ceilings } = user;
  return { kind: "user", userId, username, key: null, ceilings, session, endsAt: null, origin, ...rights };
}

/** Throws where the sign-in was refused. */
export function credentialOf(result: SignInResult) {
  if (!result.ok) throw new Error(`Sign-in refused: ${result.reason}`);
  return result.credential;
}

export async function auditOf(app: TestApp, action: string): Promise<readonly AuditRecord[]> {
  const where = { kind: "test", path: ["action"], op: "=", fold: false, value: action } as const;
  return (await app.audit.list(app.system, { where, limit: 0 })).rows;
}

/** What the promise was refused with. Bun's `rejects` blocks the loop that the store's threads answer to. */
export async function refusalOf(promise: Promise<unknown>): Promise<AppError> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
  throw new Error("It was not refused");
}

/** Waits until the condition holds; fails after ten seconds. */
export async function until(condition: () => boolean): Promise<void> {
  for (let tries = 0; tries < 500; tries++) {
    if (condition()) return;
    await Bun.sleep(20);
  }
  throw new Error("It did not happen within ten seconds");
}
