/**
 * The edge of the process: environment, arguments, signals, exit code. Everything inside is told, nothing inside asks.
 *
 * What a start says goes to standard output, in this order: the setup link while there is no user, the addresses, the
 * certificate and who signed it, the way in from elsewhere. Everything after that is the log's, on standard error.
 */
import { hostname, userInfo } from "node:os";
import { type Local, openLocal, restoreLocal } from "./app.ts";
import { tlsServerEndPoint } from "./certificates/certificates.ts";
import { type Config, type Listen, placeOf, type RawConfig, readConfig } from "./config.ts";
import { AppError } from "./domain/errors.ts";
import {
  type CheckedBackup,
  type FromBackup,
  type FromBackupResult,
  inspectBackup,
} from "./restore/restore.ts";
import { createServer, type Server } from "./server.ts";

export type { CheckedBackup, FromBackupResult, RawConfig };

const CLOSE_WITHIN_MS = 10_000;
const NEAR_HOSTS = ["127.0.0.1", "[::1]", "0.0.0.0", "[::]", "localhost"];

/**
 * Serves until a signal ends it. Wrong flags are told here; throws AppError where it cannot start.
 * @returns the exit code
 */
export async function serve(raw: RawConfig): Promise<number> {
  const config = readConfigOrReport(raw);
  if (config === undefined) return 2;
  const server = await createServer(config).catch(refusedForGood);
  if (typeof server === "number") return server;
  const announced = announce(server);
  const stopped = untilStopped(server, announced);
  await announced;
  return stopped;
}

/** The use cases straight on the data folder that flags, environment or defaults name. Throws AppError. */
export function openData(raw: Pick<RawConfig, "data" | "state">): Promise<Local> {
  return openLocal(placeOf(raw));
}

/** tls-server-end-point of a certificate in DER. Throws where it has none. */
export const channelBindingOf = tlsServerEndPoint;

/** Looks through a backup, without changing anything. Throws AppError where a byte of it differs, or it cannot be restored. */
export function checkBackup(raw: Pick<RawConfig, "data">, file: string): Promise<CheckedBackup> {
  return inspectBackup(file, placeOf(raw).data);
}

/** Brings the data folder back from a backup. Throws AppError, with nothing changed. */
export function restoreBackup(
  raw: Pick<RawConfig, "data" | "state">,
  options: Pick<FromBackup, "file" | "asItWas" | "dryRun" | "passphrase">,
): Promise<FromBackupResult> {
  return restoreLocal(placeOf(raw), options);
}

/**
 * Where a browser on this machine finds the server, as far as flags and environment tell.
 * Throws AppError invalid, a line for each wrong flag.
 * @returns nothing to stand before the path where there are unix sockets alone
 */
export function pageAddress(raw: RawConfig): string {
  const config = readConfig(raw);
  const urls = [urlOf("http", config.http), urlOf("https", config.https)].filter((url) => url !== undefined);
  return nearUrl(urls) ?? "";
}

/** @param page of `pageAddress` */
export function setupLink(page: string, token: string): string {
  return `${page}/setup#token=${token}`;
}

function readConfigOrReport(raw: RawConfig): Config | undefined {
  try {
    return readConfig(raw);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    for (const line of error.message.split("\n")) process.stderr.write(`chatelaine: ${line}\n`);
    return undefined;
  }
}

/**
 * A start that will never succeed as things are (an empty or foreign database) has an exit code of its own, after which
 * systemd tries no more. @returns it; throws what is anything else
 */
function refusedForGood(error: unknown): number {
  const exitCode = error instanceof AppError ? error.details.exitCode : undefined;
  if (typeof exitCode !== "number") throw error;
  process.stderr.write(`chatelaine: ${(error as AppError).message}\n`);
  return exitCode;
}

async function announce(server: Server): Promise<void> {
  const token = await server.makeSetupToken();
  const lines = [...setupLines(server.urls, token), ...addressLines(server), ...remoteLines(server)];
  // A standard output that nobody reads any more is no reason not to serve.
  await Bun.write(Bun.stdout, `${lines.join("\n")}\n`).catch(() => undefined);
}

/**
 * The first SIGTERM or SIGINT ends the server in good order, once it has begun in good order; a second one ends it at once.
 * @returns the exit code
 */
function untilStopped(server: Server, announced: Promise<void>): Promise<number> {
  const { log } = server.app;
  process.on("SIGHUP", () => {
    server.refreshCertificate().then(
      () => log.info("Certificate reloaded"),
      (error: unknown) => log.error("Certificate reload failed; keeping the old one", { error }),
    );
  });
  process.on("unhandledRejection", (error) =>
    log.error("Something failed that nobody waited for", { error }),
  );
  process.on("uncaughtException", (error) => {
    log.error("Ending, because something failed that nobody caught", { error });
    process.exit(1);
  });
  return new Promise((resolve) => {
    let isStopping = false;
    const stop = (signal: string): void => {
      if (isStopping) process.exit(1);
      isStopping = true;
      log.info("Stopping", { signal });
      setTimeout(() => {
        log.error("Shutdown timed out", { seconds: CLOSE_WITHIN_MS / 1000 });
        resolve(1);
      }, CLOSE_WITHIN_MS);
      const closed = announced.catch(() => undefined).then(() => server.close());
      closed.then(
        () => resolve(0),
        (error: unknown) => {
          log.error("Could not end in good order", { error });
          resolve(1);
        },
      );
    };
    process.on("SIGTERM", stop);
    process.on("SIGINT", stop);
  });
}

function setupLines(urls: readonly string[], token: string | undefined): string[] {
  if (token === undefined) return [];
  return [`${setupLink(nearUrl(urls) ?? "", token)}  makes the first administrator (one-time, one hour)`, ""];
}

function addressLines(server: Server): string[] {
  const lines = server.urls.map((url) => `Listening on ${url}`);
  if (server.fingerprint !== undefined) lines.push(`Certificate's SHA-256: ${server.fingerprint}`);
  const https = server.urls.find((url) => url.startsWith("https:"));
  if (server.caPem === undefined || https === undefined) return lines;
  const source = nearUrl(server.urls) ?? https;
  return [
    ...lines,
    "",
    `Its CA is at ${source}/ca.pem. To trust it:`,
    `  fetch    curl ${source.startsWith("https:") ? "-k " : ""}-o ca.pem ${source}/ca.pem`,
    `  curl     curl --cacert ca.pem ${nearUrl([https])}/healthz`,
    '  Node     export NODE_EXTRA_CA_CERTS="$PWD/ca.pem"',
    '  Python   export SSL_CERT_FILE="$PWD/ca.pem"',
  ];
}

/** For anyone who started it through SSH, and so has no browser on this machine. */
function remoteLines(server: Server, env: NodeJS.ProcessEnv = process.env): string[] {
  const near = nearUrl(server.urls);
  if ((env.SSH_CONNECTION ?? env.SSH_TTY) === undefined || near === undefined) return [];
  const [, , address, sshPort] = (env.SSH_CONNECTION ?? "").split(" ");
  const { hostname: host, port } = new URL(near);
  const login = `${env.USER || userName()}@${address || hostname()}`;
  const ssh = sshPort === undefined || sshPort === "22" ? "ssh" : `ssh -p ${sshPort}`;
  return [
    "",
    `From your own machine:  ${ssh} -L ${port}:${host}:${port} ${login}`,
    "For the whole network:  chatelaine serve --https 0.0.0.0:5397",
  ];
}

/** A number that the system has no name for, such as in a container, is somebody all the same. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return "USER";
  }
}

/**
 * The address for a browser on this machine: plain http where it stays on the machine, else https.
 * @returns undefined where there are unix sockets alone
 */
function nearUrl(urls: readonly string[]): string | undefined {
  const tcp = urls.filter((url) => !url.startsWith("unix:")).map((url) => new URL(url));
  const isNear = (url: URL): boolean => NEAR_HOSTS.includes(url.hostname);
  const best =
    tcp.find((url) => url.protocol === "http:" && isNear(url)) ??
    tcp.find((url) => url.protocol === "https:") ??
    tcp[0];
  if (best === undefined) return undefined;
  const port = best.port || (best.protocol === "https:" ? "443" : "80");
  return `${best.protocol}//${isNear(best) ? "localhost" : best.hostname}:${port}`;
}

function urlOf(scheme: "http" | "https", listen: Listen | null): string | undefined {
  if (listen?.kind !== "tcp") return undefined;
  return `${scheme}://${listen.host.includes(":") ? `[${listen.host}]` : listen.host}:${listen.port}`;
}
