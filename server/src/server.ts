/**
 * The server: an app (`app.ts`), and everything that answers the network, put together.
 */
import { hostname, networkInterfaces } from "node:os";
import { join } from "node:path";
import { type App, closeApp, type Overrides, openApp } from "./app.ts";
import { type BackupSchedule, createSchedule, forgetSchedule } from "./backup/backup.ts";
import { bindingOf, type Certificates, openCertificates } from "./certificates/certificates.ts";
import type { Config, Listen } from "./config.ts";
import { systemCaller } from "./domain/caller.ts";
import { Bodies } from "./http/bodies.ts";
import { securityHeaders } from "./http/browser.ts";
import { createCheck } from "./http/check/check.ts";
import { createStats } from "./http/check/stats.ts";
import { createClearUpgrades, reachedPort } from "./http/clear-upgrades.ts";
import { createSessionCookies } from "./http/cookies.ts";
import { createHealth } from "./http/health.ts";
import { createHosts, type Hosts } from "./http/hosts.ts";
import { createJsonRpc } from "./http/jsonrpc/upgrade.ts";
import { type Listener, listen, PATIENCE, type Patience, type Tls } from "./http/listen.ts";
import { type Peer, trustOf } from "./http/peer.ts";
import { createKeyRead } from "./http/rest/key-read.ts";
import { createRest } from "./http/rest/rest.ts";
import {
  type Answerers,
  allRows,
  checkRows,
  compileRoutes,
  healthRows,
  type RouteTable,
} from "./http/routes.ts";
import { createShownInClear } from "./http/shown-in-clear.ts";
import { createWeb } from "./http/web.ts";
import { databaseBytes, makeDataFolder, openToOthers, refuseHalfRestored } from "./installation.ts";
import { createFailures, createLog, type Log } from "./log.ts";
import { refuseEmptiedFolder } from "./store/open.ts";
import { createDialect } from "./truenas/truenas.ts";
import { VERSION } from "./version.ts";

/** What tests put in the place of the real thing. */
export interface ServerOverrides extends Overrides {
  readonly patience?: Patience;
}

export interface Server {
  /** Where it answers: `http://127.0.0.1:5390`, `https://...`, `unix:/path`. Ports asked for as 0 are told as they are. */
  readonly urls: readonly string[];
  readonly app: App;
  /** PEM of the local CA; undefined with a provided certificate or without https. */
  readonly caPem: string | undefined;
  /** SHA-256 of the served leaf, `AA:BB:..`; undefined without https. */
  readonly fingerprint: string | undefined;
  /** A one-time link's token while there is no user. */
  makeSetupToken(): Promise<string | undefined>;
  /** Takes a renewed certificate (SIGHUP) without dropping anybody. */
  refreshCertificate(): Promise<void>;
  close(): Promise<void>;
}

const SWEEP_EVERY_MS = 1_000;
const RENEW_EVERY_MS = 3_600_000;
const BACKUP_LOOK_EVERY_MS = 30_000;
/** What requests in flight get to end by themselves. */
const DRAIN_MS = 5_000;

/** Throws AppError, one clear line, where it cannot start. */
export async function createServer(config: Config, overrides: ServerOverrides = {}): Promise<Server> {
  refuseHalfRestored(config.data);
  refuseEmptiedFolder(config.data, config.state);
  makeDataFolder(config.data);
  const log = overrides.log ?? createLog(config.logLevel, config.logFormat);
  for (const path of openToOthers(config.data)) log.warn("Data folder is readable by other users", { path });
  const how = { create: true, backupTo: config.backup?.to ?? config.data };
  const app = await openApp(config, { ...overrides, log }, how);
  try {
    return await openServer(config, app, overrides.patience ?? PATIENCE);
  } catch (error) {
    await closeApp(app);
    throw error;
  }
}

async function openServer(config: Config, app: App, patience: Patience): Promise<Server> {
  const { log } = app;
  const certificates =
    config.https?.kind === "tcp" ? await openServerCertificates(config, config.https, app) : undefined;
  const schedule =
    config.backup && createSchedule(config.backup, { ...app, fingerprint: app.secrets.fingerprint });
  if (!schedule) await forgetSchedule(app.store);
  let listeners: Listeners = { all: [], secure: [] };
  const httpsPort = () => reachedPort(listeners.secure);
  const { shared, end } = composeAnswers(config, app, { certificates, schedule, httpsPort });
  listeners = await openListeners(config, certificates, { ...shared, patience });
  const timers = startBackgroundJobs(app, () => refresh(), schedule);
  app.alerts.start();
  app.webhook.start();
  let served = certificates?.current().fingerprint;
  const refresh = async (): Promise<void> => {
    if (!certificates) return;
    await certificates.refresh();
    reportNewAuthority(certificates, config, log);
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
      app.store.quarantine() === undefined && (await app.setup.isNeeded())
        ? app.setup.makeToken(systemCaller("setup_link"))
        : undefined,
    refreshCertificate: refresh,
    close: async () => {
      for (const timer of timers) clearInterval(timer);
      await schedule?.stop();
      await end();
      await Promise.all(listeners.all.map((listener) => listener.close(DRAIN_MS)));
      await closeApp(app);
    },
  };
}

interface Around {
  readonly certificates: Certificates | undefined;
  readonly schedule: BackupSchedule | null;
  /** Of the listener that other machines reach. */
  readonly httpsPort: () => number | undefined;
}

/** Everything that answers a request, and what its listeners share. `end` ends what is under way by itself: streams, sockets. */
function composeAnswers(
  config: Config,
  app: App,
  { certificates, schedule, httpsPort }: Around,
): { readonly shared: Omit<SharedByListeners, "patience">; end(): Promise<void> } {
  const { log, clock } = app;
  const { allowOrigins, anonymousRate, checkFrom } = config;
  const probing = { probe: app.store.probe, monotonic: clock.monotonic, log };
  const health = createHealth({ ...probing, caPem: () => certificates?.caPem() });
  const checkHealth = createHealth({ ...probing, caPem: () => undefined });
  const api = createDialect(app);
  const bodies = new Bodies(clock);
  const cookies = createSessionCookies(app.store.installation());
  const apis = { ...app, allowOrigins, refuseShown: createShownInClear(app) };
  const rest = createRest({ ...apis, bodies, cookies, rpcVersions: api.documented });
  const refuseClear = createClearUpgrades({ ...app, httpsPort });
  const rpc = createJsonRpc({ ...apis, api, anonymousRate, refuseClear });
  const web = createWeb({ log });
  const trust = trustOf(config);
  const hosts = hostsOf(config, certificates, app);
  const stats = createStats(clock.monotonic);
  const metrics = {
    backup: () => schedule,
    countSessions: () => app.sessions.list(systemCaller("reader")).length,
    storeBytes: () => databaseBytes(config.data),
    version: VERSION,
  };
  const check = createCheck({ ...app, bodies, hosts, stats, metrics, trust, checkFrom });
  const parts: Answerers = {
    check,
    health,
    readKey: createKeyRead({ ...app, trust }),
    rest: (asked) => rest.fetch(asked, withPublicUrl(asked.peer, app)),
    docs: ({ req, peer }) => rest.docs(req, withPublicUrl(peer, app)),
    rpc: ({ req, server, peer }) => rpc.upgrade(req, server, rpcPeer(peer, app)),
    shown: ({ req, peer }) => apis.refuseShown(req, peer.origin),
    nothingOfApi: rest.missing,
    screens: web.fetch,
    nothing: web.missing,
  };
  return {
    shared: {
      routes: compileRoutes(allRows(parts)),
      checkRoutes: compileRoutes([...checkRows(check), ...healthRows(checkHealth)]),
      websocket: rpc.websocket as Bun.WebSocketHandler<unknown>,
      bodies,
      hosts,
      log,
    },
    end: async () => {
      rest.close();
      await rpc.close();
    },
  };
}

/** What happens by itself: expiry is told, certificates are renewed, backups are written. */
function startBackgroundJobs(
  { keys, tokens, clock, log }: App,
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
    await tokens
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

interface SharedByListeners {
  readonly routes: RouteTable;
  /** Of a listener for checks alone. */
  readonly checkRoutes: RouteTable;
  readonly websocket: Bun.WebSocketHandler<unknown>;
  readonly bodies: Bodies;
  readonly hosts: Hosts;
  readonly patience: Patience;
  readonly log: Log;
}

async function openListeners(
  config: Config,
  certificates: Certificates | undefined,
  shared: SharedByListeners,
): Promise<Listeners> {
  const all: Listener[] = [];
  const secure: Listener[] = [];
  const options = {
    ...shared,
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
          routes: shared.checkRoutes,
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

async function openServerCertificates(
  config: Config,
  on: Extract<Listen, { kind: "tcp" }>,
  { secrets, clock, log }: App,
): Promise<Certificates> {
  const { seal, unseal } = secrets;
  const certificates = await openCertificates({
    folder: tlsFolder(config),
    names: certificateNames(on),
    seal,
    unseal,
    provided: config.provided ?? undefined,
    clock,
  });
  reportNewAuthority(certificates, config, log);
  return certificates;
}

/** Clients that trusted the CA before refuse this server until they trust the new one. */
function reportNewAuthority(certificates: Certificates, config: Config, log: Log): void {
  if (!certificates.isNewAuthority()) return;
  log.warn("A new certificate authority was made; clients must be given its certificate to trust", {
    file: join(tlsFolder(config), "ca.pem"),
  });
}

function tlsFolder({ data }: Config): string {
  return join(data, "tls");
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
  const ownOrigins = withPublicUrl(peer, app).ownOrigins();
  return { origin, tls: peer.tls, binding, unix: peer.unix, ownOrigins, proxied: peer.proxied };
}

/** Pages of the address that clients see are our own too, whatever host a proxy passes on. */
function withPublicUrl(peer: Peer, app: App): Peer {
  return {
    ...peer,
    ownOrigins: () => {
      const publicUrl = publicUrlOf(app);
      return publicUrl === null ? peer.ownOrigins() : [publicUrl, ...peer.ownOrigins()];
    },
  };
}

function publicUrlOf({ settings }: App): string | null {
  try {
    return settings.current().publicUrl;
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
  return bindingOf(app.settings.current().clientCertificate);
}
