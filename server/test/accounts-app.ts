/** The use cases over a real store in a temporary folder, with a clock that tests move. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Role } from "@chatelaine/contract/roles";
import { type App, closeApp, openApp } from "../src/app.ts";
import { type Random, systemRandom } from "../src/crypto.ts";
import type { AuditRecord } from "../src/domain/audit.ts";
import { type Caller, type Origin, systemCaller } from "../src/domain/caller.ts";
import { AppError } from "../src/domain/errors.ts";
import type { User } from "../src/domain/user.ts";
import type { Log } from "../src/log.ts";
import { callerOfUser } from "../src/sign-in/caller.ts";
import type { SignInOutcome } from "../src/sign-in/credential.ts";
import { MovableClock, openBrowser } from "./installation.ts";

export const PASSWORD = "a long password";

export interface TestApp extends Omit<App, "clock"> {
  readonly folder: string;
  readonly clock: MovableClock;
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
  const place = { data: folder, state: null };
  const how = { create: beside === undefined, backupTo: folder };
  const app = await openApp(place, { clock, random, log }, how);
  return {
    ...app,
    ...{ folder, clock, warnings },
    system: systemCaller("command_line"),
    close: async () => {
      await closeApp(app);
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
  return app.users.create(app.system, { username, roles });
}

/** A user who may sign in by PASSWORD. */
export function makeUserWithPassword(
  app: TestApp,
  username: string,
  roles: readonly Role[] = ["FULL_ADMIN"],
): Promise<User> {
  return app.users.create(app.system, { username, roles, password: PASSWORD });
}

/** The caller that a user is when signed in at a browser. */
export async function callerOf(app: TestApp, username: string): Promise<Caller> {
  const { users } = app;
  const { id: userId } = await users.get(app.system, { username });
  const user = await app.store.findCheckUser(userId);
  if (!user) throw new Error(`There is no ${username}`);
  const id = await openBrowser(app.store, userId, null);
  const session = { kind: "browser", id } as const;
  const origin = originOf({ door: "rest", sessionId: id });
  return callerOfUser(user, origin, { session, methods: ["password"], endsAt: null });
}

/** Throws where the sign-in was refused. */
export function credentialOf(result: SignInOutcome) {
  if (result.kind === "needs") throw new Error(`Sign-in needs ${result.factor}`);
  if (result.kind === "refused") throw new Error(`Sign-in refused: ${result.reason}`);
  return result.credential;
}

export async function auditOf(app: Pick<TestApp, "audit">, action: string): Promise<readonly AuditRecord[]> {
  const where = { kind: "test", path: ["action"], op: "=", fold: false, value: action } as const;
  return (await app.audit.list(systemCaller("command_line"), { where, limit: 0 })).rows;
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
