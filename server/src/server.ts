/**
 * The composition root: nothing else knows how the parts are put together.
 *
 * `createServer` is the whole program; `openLocal` the same use cases on a data folder, whether or not it is served.
 */
import { hostname, networkInterfaces } from "node:os";
import { join } from "node:path";
import { type Accounts, createAccounts, createJudge } from "./accounts/accounts.ts";
import { type Alerts, createAlerts } from "./alerts/alerts.ts";
import { type Audit, createAudit } from "./audit/audit.ts";
import {
  type BackupSchedule,
  type Backups,
  backupBeforeUpgrade,
  createBackups,
  createSchedule,
  forgetSchedule,
} from "./backup/backup.ts";
import { bindingFault, bindingOf, type Certificates, openCertificates } from "./certificates/certificates.ts";
import type { Config, Listen, Place } from "./config.ts";
import { deriveSecrets, type Random, type Secrets, systemRandom } from "./crypto.ts";
import { type Caller, systemCaller } from "./domain/caller.ts";
import type { Clock } from "./domain/clock.ts";
import { FIRST_SETTINGS } from "./domain/settings.ts";
import { createFeed, type Feed } from "./feed/feed.ts";
import {
  databaseBytes,
  makeDataFolder,
  openToOthers,
  readMasterSecret,
  refuseHalfRestored,
  requireDataFolder,
} from "./installation.ts";
import { createKeys, type Keys } from "./keys/keys.ts";
import { createFailures, createLog, type Log } from "./log.ts";
import {
  createRestore,
  type FromBackup,
  type FromBackupResult,
  type Restore,
  restoreFromBackup,
} from "./restore/restore.ts";
import { createSettings, type SettingsUseCase } from "./settings/settings.ts";
import { openStore, refuseEmptiedFolder, refuseForeignFolder } from "./store/open.ts";
import { createSteadyClock, type SteadyClock } from "./store/steady-clock.ts";
import type { Store } from "./store/store.ts";
import { Bodies } from "./transport/bodies.ts";
import { securityHeaders } from "./transport/browser.ts";
import { type CheckRoutes, createCheck } from "./transport/check/check.ts";
import { createStats } from "./transport/check/stats.ts";
import { createClearUpgrades, reachedPort } from "./transport/clear-upgrades.ts";
import { createSessionCookies } from "./transport/cookies.ts";
import { createHealth } from "./transport/health.ts";
import { createHosts, type Hosts } from "./transport/hosts.ts";
import { createJsonRpc } from "./transport/jsonrpc.ts";
import {
  type BareRoute,
  type Listener,
  listen,
  PATIENCE,
  type Patience,
  type Route,
  type Tls,
} from "./transport/listen.ts";
import { type Peer, trustOf } from "./transport/peer.ts";
import { createKeyRead } from "./transport/rest/key-read.ts";
import { createRest } from "./transport/rest/rest.ts";
import { createShownInClear } from "./transport/shown-in-clear.ts";
import { createWeb } from "./transport/web.ts";
import { createWebhookPost } from "./transport/webhook-post.ts";
import { createDialect } from "./truenas/truenas.ts";
import { createUsage, type Usage } from "./usage/usage.ts";
import { createVerify, type Verify } from "./verify/verify.ts";
import { VERSION } from "./version.ts";
import { createWebhook, type Webhook } from "./webhook/webhook.ts";

/** The use cases, put together over one store. */
export interface App {
  readonly store: Store;
  readonly verify: Verify;
  readonly keys: Keys;
  readonly accounts: Accounts;
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

/** What tests put in the place of the real thing. */
export interface Overrides {
  readonly clock?: Clock;
  readonly random?: Random;
  readonly log?: Log;
  readonly patience?: Patience;
}

export interface Server {
  /** Where it answers: `http://127.0.0.1:5390`, `https://...`, `unix:/path`. Ports asked for as 0 are told as they are. */
  readonly urls: readonly string[];
  readonly app: App;
  /** PEM of the local CA; undefined with a brought certificate or without https. */
  readonly caPem: string | undefined;
  /** SHA-256 of the served leaf, `AA:BB:..`; undefined without https. */
  readonly fingerprint: string | undefined;
  /** A one-time link's token while there is no user. */
  makeSetupToken(): Promise<string | undefined>;
  /** Takes a renewed certificate (SIGHUP) without dropping anybody. */
  refreshCertificate(): Promise<void>;
  close(): Promise<void>;
}

export interface Local extends App {
  /** The command line itself: it may everything, and the audit says so. */
  readonly caller: Caller;
  close(): Promise<void>;
}

const SWEEP_EVERY_MS = 1_000;
const RENEW_EVERY_MS = 3_600_000;
const BACKUP_LOOK_EVERY_MS = 30_000;
/** What requests in flight get to end by themselves. */
const DRAIN_MS = 5_000;

/** Throws AppError, one clear line, where it cannot start. */
export async function createServer(config: Config, overrides: Overrides = {}): Promise<Server> {
  refuseHalfRestored(config.data);
  refuseEmptiedFolder(config.data, config.state);
  makeDataFolder(config.data);
  const log = overrides.log ?? createLog(config.logLevel, config.logFormat);
  for (const path of openToOthers(config.data)) log.warn("Others on this machine may look into it", { path });
  const how = { create: true, backupTo: config.backup?.to ?? config.data };
  const app = await openApp(config, { ...overrides, log }, how);
  try {
    return await openServer(config, app, overrides.patience ?? PATIENCE);
  } catch (error) {
    await closeApp(app);
    throw error;
  }
}

/** Throws unavailable where the folder holds no installation: only `serve` makes one. */
export async function openLocal(place: Place, overrides: Overrides = {}): Promise<Local> {
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
  { data: folder, state: stateFolder }: Place,
  options: Pick<FromBackup, "file" | "asItWas" | "dryRun" | "passphrase">,
): Promise<FromBackupResult> {
  const by = commandLine();
  return restoreFromBackup({ ...options, by, folder, stateFolder, now: Date.now(), random: systemRandom });
}

function commandLine(): Caller {
  return systemCaller("command_line", process.env.SUDO_USER ?? process.env.USER ?? "root");
}

async function openApp(
  { data: folder, state: stateFolder }: Place,
  overrides: Overrides & { log: Log },
  { create, backupTo }: { readonly create: boolean; readonly backupTo: string },
): Promise<App> {
  const { log, random = systemRandom } = overrides;
  const clock = createSteadyClock(overrides.clock, log);
  const secrets = deriveSecrets(readMasterSecret(folder, { create, random }), random);
  let accounts: Accounts;
  const judge = createJudge({
    clock,
    isLive: (session) => accounts.sessions.isLive(session),
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
  accounts = createAccounts({ store, verify, keys, audit, usage, feed, secrets, clock, random, log });
  const settings = createSettings({ store, clock, secrets, bindingFault });
  const alerts = createAlerts({ store, feed, clock, log });
  const backups = createBackups({ store, secrets, clock, folder });
  if (upgrade !== undefined) await backups.noteUpgrade(upgrade);
  const restore = createRestore({ store, clock });
  const webhook = createWebhook({ store, secrets, post: createWebhookPost(), clock, log });
  const useCases = { verify, keys, accounts, audit, usage, settings, alerts, backups, restore, webhook };
  return { store, ...useCases, feed, secrets, random, clock, log };
}

async function closeApp(app: App): Promise<void> {
  app.feed.stop();
  await app.accounts.close();
  await Promise.all([app.alerts.stop(), app.webhook.close()]);
  await Promise.all([app.audit.close(), app.usage.close()]);
  await app.store.close();
}

async function openServer(config: Config, app: App, patience: Patience): Promise<Server> {
  const { log } = app;
  const certificates =
    config.https?.kind === "tcp" ? await openServerCertificates(config, config.https, app) : undefined;
  const health = createHealth({
    probe: app.store.probe,
    monotonic: app.clock.monotonic,
    caPem: () => certificates?.caPem(),
    log,
  });
  const checkHealth = createHealth({
    probe: app.store.probe,
    monotonic: app.clock.monotonic,
    caPem: () => undefined,
    log,
  });
  const api = createDialect(app);
  const bodies = new Bodies(app.clock);
  const cookies = createSessionCookies(app.store.installation());
  const { allowOrigins, anonymousRate, checkFrom } = config;
  const apis = { ...app, allowOrigins, refuseShown: createShownInClear(app) };
  const rest = createRest({ ...apis, bodies, cookies, rpcVersions: api.documented });
  const refuseClear = createClearUpgrades({ ...app, httpsPort: () => reachedPort(listeners.secure) });
  const rpc = createJsonRpc({ ...apis, api, anonymousRate, refuseClear });
  const web = createWeb({ log });
  const routes: Route[] = [
    health,
    (req, peer) => rest.fetch(req, withPublicUrl(peer, app)),
    (req, peer, server) => rpc.upgrade(req, server, rpcPeer(peer, app)),
    (req, peer) => apis.refuseShown(req, peer.origin),
    (req) => rest.missing(req),
    (req) => web.fetch(req),
    (req) => web.missing(req),
  ];
  const trust = trustOf(config);
  const hosts = hostsOf(config, certificates, app);
  const stats = createStats(app.clock.monotonic);
  const insecureRule = async () => (await app.store.readSettings()).insecureTransport;
  const schedule =
    config.backup && createSchedule(config.backup, { ...app, fingerprint: app.secrets.fingerprint });
  if (!schedule) await forgetSchedule(app.store);
  const metrics = {
    backup: () => schedule,
    countSessions: () => app.accounts.sessions.list(systemCaller("reader")).length,
    storeBytes: () => databaseBytes(config.data),
    version: VERSION,
  };
  const check = createCheck({
    ...app,
    bodies,
    hosts,
    stats,
    metrics,
    insecureRule,
    trust,
    checkFrom,
  });
  const readKey = createKeyRead({ ...app, trust });
  const bare: BareRoute = (req, address, isTls) =>
    check.bare(req, address, isTls) ?? check.metrics(req, address, isTls) ?? readKey(req, address, isTls);
  const listeners = await openListeners(config, certificates, {
    bare,
    check,
    health: checkHealth,
    routes,
    websocket: rpc.websocket,
    bodies,
    hosts,
    patience,
    log,
  });
  const timers = startClockwork(app, () => refresh(), schedule);
  app.alerts.start();
  app.webhook.start();
  let served = certificates?.current().fingerprint;
  const refresh = async (): Promise<void> => {
    if (!certificates) return;
    await certificates.refresh();
    const { fingerprint } = certificates.current();
    if (fingerprint === served) return;
    for (const listener of listeners.secure) listener.replaceTls(tlsOf(certificates));
    served = fingerprint;
    log.info("Serving a new certificate", { fingerprint });
  };
  return {
    urls: listeners.all.map(({ url }) => url),
    app,
    caPem: certificates?.caPem(),
    fingerprint: certificates?.current().fingerprint,
    makeSetupToken: async () =>
      // What waits to be accepted may have lost its users; it needs no first one.
      app.store.quarantine() === undefined && (await app.accounts.setup.isNeeded())
        ? app.accounts.setup.makeToken(systemCaller("setup_link"))
        : undefined,
    refreshCertificate: refresh,
    close: async () => {
      for (const timer of timers) clearInterval(timer);
      await schedule?.stop();
      rest.close();
      await rpc.close();
      await Promise.all(listeners.all.map((listener) => listener.close(DRAIN_MS)));
      await closeApp(app);
    },
  };
}

/** What happens by itself: expiry is told, certificates are renewed, backups are written. */
function startClockwork(
  { keys, accounts, clock, log }: App,
  refresh: () => Promise<void>,
  schedule: BackupSchedule | null,
): Timer[] {
  const fail = createFailures(log, "warn");
  let isSweeping = false;
  const sweep = async (): Promise<void> => {
    if (isSweeping) return;
    isSweeping = true;
    await clock.settle();
    await keys.sweepExpired().catch((error: unknown) => fail("Expired keys could not be told", error));
    await accounts.tokens
      .sweep()
      .catch((error: unknown) => fail("Tokens that have ended could not be dropped", error));
    isSweeping = false;
  };
  const renew = (): Promise<void> =>
    refresh().catch((error: unknown) => log.error("The certificate could not be renewed", { error }));
  const timers = [setInterval(sweep, SWEEP_EVERY_MS), setInterval(renew, RENEW_EVERY_MS)];
  if (!schedule) return timers;
  void schedule.tick();
  return [...timers, setInterval(schedule.tick, BACKUP_LOOK_EVERY_MS)];
}

interface Listeners {
  readonly all: readonly Listener[];
  readonly secure: readonly Listener[];
}

async function openListeners(
  config: Config,
  certificates: Certificates | undefined,
  shared: {
    readonly bare: BareRoute;
    /** All that the checking listener knows, beside health. */
    readonly check: CheckRoutes;
    readonly health: Route;
    readonly routes: readonly Route[];
    readonly websocket: Bun.WebSocketHandler<unknown>;
    readonly bodies: Bodies;
    readonly hosts: Hosts;
    readonly patience: Patience;
    readonly log: Log;
  },
): Promise<Listeners> {
  const all: Listener[] = [];
  const secure: Listener[] = [];
  const options = {
    ...shared,
    written: shared.check.written,
    websocket: shared.websocket as Bun.WebSocketHandler<unknown>,
    trust: trustOf(config),
    socket: config.socket,
    finish: withSecurityHeaders,
  };
  try {
    if (config.http) all.push(await listen({ ...options, flag: "--http", on: config.http, tls: undefined }));
    if (config.https) {
      const tls = certificates && tlsOf(certificates);
      const listener = await listen({ ...options, flag: "--https", on: config.https, tls });
      all.push(listener);
      if (tls) secure.push(listener);
    }
    if (config.check) {
      const { check: on } = config;
      all.push(
        await listen({
          ...options,
          flag: "--check",
          on,
          tls: undefined,
          bare: shared.check.bare,
          routes: [shared.health],
        }),
      );
    }
  } catch (error) {
    await Promise.all(all.map((listener) => listener.close(0)));
    throw error;
  }
  return { all, secure };
}

function withSecurityHeaders(response: Response): Response {
  securityHeaders(response.headers);
  return response;
}

function tlsOf(certificates: Certificates): Tls {
  const { certPem, keyPem } = certificates.current();
  return { cert: certPem, key: keyPem, binding: certificates.binding() };
}

function openServerCertificates(
  config: Config,
  on: Extract<Listen, { kind: "tcp" }>,
  { secrets, clock }: App,
): Promise<Certificates> {
  const { seal, unseal } = secrets;
  const names = certificateNames(on);
  return openCertificates({
    folder: join(config.data, "tls"),
    names,
    seal,
    unseal,
    brought: config.brought ?? undefined,
    clock,
  });
}

/** localhost, the host's name, and every address that is bound. */
function certificateNames(on: Extract<Listen, { kind: "tcp" }>): string[] {
  const isEverything = on.host === "0.0.0.0" || on.host === "::";
  const bound = isEverything
    ? Object.values(networkInterfaces()).flatMap((addresses) =>
        (addresses ?? []).map(({ address }) => address),
      )
    : [on.host];
  const addresses = bound
    .map((address) => address.replace(/%.*$/, ""))
    .filter((address) => !address.startsWith("fe80:"));
  return [...new Set(["localhost", hostname(), "127.0.0.1", "::1", ...addresses])];
}

/** As the dialect's sockets need it: with the certificate that this client sees. */
function rpcPeer(peer: Peer, app: App) {
  const origin = { ...peer.origin, door: "websocket" as const };
  const { binding: shown } = peer;
  const own = shown && (() => shown);
  const binding = peer.proxied ? proxyBinding(peer, app) : own;
  const { ownOrigins } = withPublicUrl(peer, app);
  return { origin, tls: peer.tls, binding, unix: peer.unix, ownOrigins, proxied: peer.proxied };
}

/** Pages of the address that clients see are our own too, whatever host a proxy passes on. */
function withPublicUrl(peer: Peer, app: App): Peer {
  const publicUrl = publicUrlOf(app);
  return publicUrl === null ? peer : { ...peer, ownOrigins: [publicUrl, ...peer.ownOrigins] };
}

function publicUrlOf({ store }: App): string | null {
  try {
    const settings = store.readSettings();
    return settings instanceof Promise ? null : settings.publicUrl;
  } catch {
    // Without a database every answer is the same; it is for the operation to say so.
    return null;
  }
}

function hostsOf(config: Config, certificates: Certificates | undefined, app: App): Hosts {
  return createHosts({
    allowHosts: config.allowHosts,
    certificateNames: () => certificates?.current().names ?? [],
    publicUrl: () => publicUrlOf(app),
    trust: trustOf(config),
    clock: app.clock,
    log: app.log,
  });
}

/** Behind a proxy that ends TLS, clients see its certificate, which the settings name. */
function proxyBinding(peer: Peer, app: App): (() => Uint8Array) | undefined {
  if (!peer.tls) return undefined;
  const settings = app.store.readSettings();
  return settings instanceof Promise ? undefined : bindingOf(settings.clientCertificate);
}
