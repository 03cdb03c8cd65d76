/**
 * How the use cases are put together: the server, the command line, tests and benches all use this composition.
 *
 * `openApp` opens a data folder and what it holds; `openLocal` is the same for the command line, whether or not the folder is
 * served. What answers the network is put together in `server.ts`.
 */
import { createGroups, type Groups } from "./accounts/groups.ts";
import { createSetup, type Setup } from "./accounts/setup.ts";
import { createUsers, type Users } from "./accounts/users.ts";
import { type Alerts, createAlerts } from "./activity/alerts.ts";
import { type Audit, createAudit } from "./activity/audit.ts";
import { createFeed, type Feed } from "./activity/feed.ts";
import { openSettings, type SettingsUseCase } from "./activity/settings.ts";
import { createUsage, type Usage } from "./activity/use.ts";
import { createWebhook, type Webhook } from "./activity/webhook.ts";
import { type Backups, backupBeforeUpgrade, createBackups } from "./backup/backup.ts";
import { bindingFault } from "./certificates/certificates.ts";
import type { InstallationPlace } from "./config.ts";
import { deriveSecrets, type Random, type Secrets, systemRandom } from "./crypto.ts";
import { type Caller, systemCaller } from "./domain/caller.ts";
import type { Clock } from "./domain/clock.ts";
import { FIRST_SETTINGS } from "./domain/settings.ts";
import { createWebhookPost } from "./http/webhook-post.ts";
import { readMasterSecret, refuseHalfRestored, requireDataFolder } from "./installation.ts";
import { createKeys, type Keys } from "./keys/keys.ts";
import { createLog, type Log } from "./log.ts";
import {
  createRestore,
  type FromBackup,
  type FromBackupResult,
  type Restore,
  restoreFromBackup,
} from "./restore/restore.ts";
import { type BrowserSessions, createBrowserSessions } from "./sign-in/browser-sessions.ts";
import { KeysInClear } from "./sign-in/clear-text.ts";
import { createJudge, type RequireStanding } from "./sign-in/judge.ts";
import { KeyMethod } from "./sign-in/key.ts";
import { createPasswordMethod } from "./sign-in/password.ts";
import { createPasswords } from "./sign-in/passwords.ts";
import { RefusalLog } from "./sign-in/refusal-log.ts";
import { ScramMethod } from "./sign-in/scram.ts";
import { LiveSessions } from "./sign-in/sessions.ts";
import { createSignIn, type SignIn, type SignInMethods } from "./sign-in/sign-in.ts";
import { createTokenMethod, TokenBox, type Tokens } from "./sign-in/token.ts";
import { openStore, refuseForeignFolder } from "./store/open.ts";
import { createSteadyClock, type SteadyClock } from "./store/steady-clock.ts";
import type { Store } from "./store/store.ts";
import { createVerify, type Verify } from "./verify/verify.ts";

/** The use cases, put together over one store. */
export interface App {
  readonly store: Store;
  readonly verify: Verify;
  readonly keys: Keys;
  readonly users: Users;
  readonly groups: Groups;
  readonly setup: Setup;
  readonly signIn: SignIn;
  readonly sessions: LiveSessions;
  readonly tokens: Tokens;
  readonly browserSessions: BrowserSessions;
  readonly refusalLog: RefusalLog;
  readonly keysInClear: KeysInClear;
  readonly requireStanding: RequireStanding;
  readonly audit: Audit;
  readonly usage: Usage;
  readonly settings: SettingsUseCase;
  readonly alerts: Alerts;
  readonly backups: Backups;
  readonly restore: Restore;
  readonly webhook: Webhook;
  readonly feed: Feed;
  readonly secrets: Secrets;
  readonly random: Random;
  readonly clock: SteadyClock;
  readonly log: Log;
}

type SignInParts =
  | "store"
  | "verify"
  | "keys"
  | "audit"
  | "usage"
  | "feed"
  | "secrets"
  | "clock"
  | "random"
  | "log";

/** What tests put in the place of the real thing. */
export interface Overrides {
  readonly clock?: Clock;
  readonly random?: Random;
  readonly log?: Log;
  /** A method more, or another one. */
  readonly signInMethods?: (methods: SignInMethods) => SignInMethods;
}

export interface Local extends App {
  /** The command line itself: it may everything, and the audit says so. */
  readonly caller: Caller;
  close(): Promise<void>;
}

/** Throws unavailable where the folder holds no installation: only `serve` makes one. */
export async function openLocal(place: InstallationPlace, overrides: Overrides = {}): Promise<Local> {
  refuseHalfRestored(place.data);
  requireDataFolder(place.data);
  const log = overrides.log ?? createLog("warn", "text");
  const app = await openApp(place, { ...overrides, log }, { create: false, backupTo: place.data });
  return {
    ...app,
    caller: commandLine(),
    close: () => closeApp(app),
  };
}

/** Brings a folder back from a backup, whether or not there is an installation in it. */
export function restoreLocal(
  { data: folder, state: stateFolder }: InstallationPlace,
  options: Pick<FromBackup, "file" | "asItWas" | "dryRun" | "passphrase">,
): Promise<FromBackupResult> {
  const by = commandLine();
  return restoreFromBackup({ ...options, by, folder, stateFolder, now: Date.now(), random: systemRandom });
}

function commandLine(): Caller {
  return systemCaller("command_line", process.env.SUDO_USER ?? process.env.USER ?? "root");
}

/**
 * Opens the folder; `closeApp` ends what it began. Throws AppError, one clear line, where it cannot.
 * @param how `create`: the folder may be a new one; `backupTo`: where a backup goes before the first migration of a version
 */
export async function openApp(
  { data: folder, state: stateFolder }: InstallationPlace,
  overrides: Overrides & { log: Log },
  { create, backupTo }: { readonly create: boolean; readonly backupTo: string },
): Promise<App> {
  const { log, random = systemRandom } = overrides;
  const clock = createSteadyClock(overrides.clock, log);
  const secrets = deriveSecrets(readMasterSecret(folder, { create, random }), random);
  let sessions: LiveSessions;
  const judge = createJudge({
    clock,
    isLive: (session) => sessions.isLive(session),
    store: { readSettings: () => store.readSettings() },
  });
  refuseForeignFolder(folder, stateFolder, secrets.fingerprint);
  const upgrade = await backupBeforeUpgrade({ folder, to: backupTo, secrets, now: clock.now() }, log);
  const store = await openStore({
    folder,
    stateFolder,
    clock,
    log,
    fingerprint: secrets.fingerprint,
    create,
    firstSettings: FIRST_SETTINGS,
    judge,
  });
  const verify = createVerify({ store, secrets, clock });
  const audit = createAudit({ store, clock, log });
  const keys = createKeys({ store, secrets, audit, clock, random });
  await clock.keepEnds(folder, keys.keepEnds);
  const usage = createUsage({ store, keys, clock, log });
  const feed = createFeed(store, log);
  const parts = { store, verify, keys, audit, usage, feed, secrets, clock, random, log };
  const signingIn = composeSignIn(parts, overrides);
  sessions = signingIn.sessions;
  const { passwords: _, ...signedIn } = signingIn;
  const accounts = {
    users: createUsers({ ...parts, ...signingIn }),
    groups: createGroups(parts),
    setup: createSetup({ ...parts, ...signingIn }),
  };
  const settings = await openSettings({ store, feed, clock, secrets, bindingFault });
  const alerts = createAlerts({ store, feed, clock, log });
  const backups = createBackups({ store, secrets, clock, folder });
  if (upgrade !== undefined) await backups.noteUpgrade(upgrade);
  const restore = createRestore({ store, clock });
  const webhook = createWebhook({ store, secrets, post: createWebhookPost(), clock, log });
  const useCases = { verify, keys, audit, usage, settings, alerts, backups, restore, webhook };
  const { requireStanding } = store;
  return { store, ...useCases, ...accounts, ...signedIn, requireStanding, feed, secrets, random, clock, log };
}

/** The ways in, and who has come in by them. */
function composeSignIn(parts: Pick<App, SignInParts>, overrides: Overrides) {
  const passwords = createPasswords();
  const refusalLog = new RefusalLog(parts);
  const browserSessions = createBrowserSessions(parts);
  const sessions = new LiveSessions({ ...parts, browserSessions });
  const tokens = new TokenBox({ ...parts, sessions });
  const keysInClear = new KeysInClear(parts);
  const needs = { ...parts, passwords, refusalLog, keysInClear, sessions, tokens };
  const methods = {
    password: createPasswordMethod(needs),
    key: new KeyMethod(needs),
    scram: new ScramMethod(needs),
    token: createTokenMethod(needs),
  };
  const signIn = createSignIn(overrides.signInMethods?.(methods) ?? methods, parts);
  return { keysInClear, passwords, refusalLog, browserSessions, sessions, tokens, signIn };
}

export async function closeApp(app: App): Promise<void> {
  app.feed.stop();
  await app.sessions.stop();
  app.refusalLog.close();
  await Promise.all([app.alerts.stop(), app.webhook.close()]);
  await Promise.all([app.audit.close(), app.usage.close()]);
  await app.store.close();
}
