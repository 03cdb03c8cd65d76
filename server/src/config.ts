/**
 * Raw strings (flags, environment) to one frozen Config. One error lists every problem, each naming its flag.
 */
import { homedir } from "node:os";
import { isAbsolute, join, resolve } from "node:path";
import { type Network, parseAddress, parseNetwork } from "./domain/address.ts";
import { AppError } from "./domain/errors.ts";
import { LOG_FORMATS, LOG_LEVELS, type LogFormat, type LogLevel } from "./log.ts";

/** Where to listen. A unix socket counts as secure. */
export type Listen =
  | { readonly kind: "tcp"; readonly host: string; readonly port: number }
  | { readonly kind: "unix"; readonly path: string };

/** Who may reach a unix socket. */
export interface SocketAccess {
  readonly mode: number;
  /** Name or number; null: that of who runs the server. */
  readonly group: string | null;
}

/** Where an installation is. */
export interface InstallationPlace {
  /** The data folder. */
  readonly data: string;
  /** The folder of its state file; null: none is kept. */
  readonly state: string | null;
}

/** Backups that the server writes by itself. */
interface BackupConfig {
  readonly everyMs: number;
  /** A folder. */
  readonly to: string;
  /** How many stay there. */
  readonly keep: number;
}

export interface Config extends InstallationPlace {
  readonly backup: BackupConfig | null;
  readonly http: Listen | null;
  readonly https: Listen | null;
  /** Of unix sockets among them. */
  readonly socket: SocketAccess;
  readonly provided: { readonly certFile: string; readonly keyFile: string } | null;
  readonly trustedProxies: readonly Network[];
  readonly trustUnix: boolean;
  /** Programs that end TLS and send no headers. */
  readonly tlsProxies: readonly Network[];
  /** Networks that are private by themselves. */
  readonly secureFrom: readonly Network[];
  /** A listener that serves nothing but checks of keys and health. */
  readonly check: Listen | null;
  /** Networks that may ask about keys of others. */
  readonly checkFrom: readonly Network[];
  /** Origins of web pages other than our own that may open a WebSocket. */
  readonly allowOrigins: readonly string[];
  /** Names beside the usual ones that a server on loopback answers to, in small letters. */
  readonly allowHosts: readonly string[];
  /** Calls a minute of one method from one network without a session; 0: without limit. */
  readonly anonymousRate: number;
  readonly logLevel: LogLevel;
  readonly logFormat: LogFormat;
}

/** As they come from the command line; undefined falls back to the environment, then to the default. */
export interface RawConfig {
  readonly data?: string;
  readonly state?: string;
  readonly http?: string;
  readonly https?: string;
  readonly socketMode?: string;
  readonly socketGroup?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly trustedProxy?: readonly string[];
  readonly secureFrom?: readonly string[];
  readonly check?: string;
  readonly checkFrom?: readonly string[];
  readonly allowOrigin?: readonly string[];
  readonly allowHost?: readonly string[];
  readonly anonymousRate?: string;
  readonly backupEvery?: string;
  readonly backupTo?: string;
  readonly keep?: string;
  readonly logLevel?: string;
  readonly logFormat?: string;
}

const DEFAULT_HTTP = "127.0.0.1:5390";
const DEFAULT_HTTPS = "127.0.0.1:5397";
/** Its owner and its group. */
const DEFAULT_SOCKET_MODE = "0660";
const DEFAULT_ANONYMOUS_RATE = "20";
const DEFAULT_KEEP = "14";
const ENDS_TLS = "=tls";
const MINUTE_MS = 60_000;
const UNITS_MS: Readonly<Record<string, number>> = {
  m: MINUTE_MS,
  h: 60 * MINUTE_MS,
  d: 1_440 * MINUTE_MS,
  w: 10_080 * MINUTE_MS,
};

const HOST_NAME =
  /^(?=.{1,253}$)[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)*$/;

type Environment = Readonly<Record<string, string | undefined>>;

/** Throws AppError `invalid` whose message has a line for each problem. */
export function readConfig(raw: RawConfig, env: Environment = process.env): Config {
  const problems: string[] = [];
  const note = <T>(fallback: T, read: () => T): T => {
    try {
      return read();
    } catch (error) {
      problems.push((error as Error).message);
      return fallback;
    }
  };
  const cert = raw.cert ?? env.CHATELAINE_CERT;
  const key = raw.key ?? env.CHATELAINE_KEY;
  if ((cert === undefined) !== (key === undefined)) problems.push("--cert and --key belong together");
  const proxies = raw.trustedProxy ?? list(env.CHATELAINE_TRUSTED_PROXY);
  const config: Config = {
    ...placeOf(raw, env),
    http: note(null, () => readListen("--http", raw.http ?? env.CHATELAINE_HTTP ?? DEFAULT_HTTP)),
    https: note(null, () => readListen("--https", raw.https ?? env.CHATELAINE_HTTPS ?? DEFAULT_HTTPS)),
    socket: note({ mode: 0o660, group: null }, () =>
      readSocket(
        raw.socketMode ?? env.CHATELAINE_SOCKET_MODE ?? DEFAULT_SOCKET_MODE,
        raw.socketGroup ?? env.CHATELAINE_SOCKET_GROUP,
      ),
    ),
    provided: cert && key ? { certFile: resolve(cert), keyFile: resolve(key) } : null,
    trustedProxies: proxies
      .filter((text) => text !== "unix" && !text.endsWith(ENDS_TLS))
      .flatMap((text) => note([], () => [readNetwork(text)])),
    trustUnix: proxies.includes("unix"),
    tlsProxies: proxies
      .filter((text) => text.endsWith(ENDS_TLS))
      .flatMap((text) => note([], () => [readNetwork(text.slice(0, -ENDS_TLS.length))])),
    secureFrom: (raw.secureFrom ?? list(env.CHATELAINE_SECURE_FROM)).flatMap((text) =>
      note([], () => [readSecureFrom(text)]),
    ),
    check: note(null, () => readListen("--check", raw.check ?? env.CHATELAINE_CHECK ?? "off")),
    checkFrom: (raw.checkFrom ?? list(env.CHATELAINE_CHECK_FROM)).flatMap((text) =>
      note([], () => [readCheckFrom(text)]),
    ),
    allowOrigins: (raw.allowOrigin ?? list(env.CHATELAINE_ALLOW_ORIGIN)).flatMap((text) =>
      note([], () => [readOrigin(text)]),
    ),
    allowHosts: (raw.allowHost ?? list(env.CHATELAINE_ALLOW_HOST)).flatMap((text) =>
      note([], () => [readHost(text)]),
    ),
    anonymousRate: note(0, () =>
      readRate(raw.anonymousRate ?? env.CHATELAINE_ANONYMOUS_RATE ?? DEFAULT_ANONYMOUS_RATE),
    ),
    backup: note(null, () =>
      readBackup({
        every: raw.backupEvery ?? env.CHATELAINE_BACKUP_EVERY,
        to: raw.backupTo ?? env.CHATELAINE_BACKUP_TO,
        keep: raw.keep ?? env.CHATELAINE_KEEP,
      }),
    ),
    logLevel: note("info", () =>
      readChoice("--log-level", raw.logLevel ?? env.CHATELAINE_LOG_LEVEL ?? "info", LOG_LEVELS),
    ),
    logFormat: note("text", () =>
      readChoice("--log-format", raw.logFormat ?? env.CHATELAINE_LOG_FORMAT ?? "text", LOG_FORMATS),
    ),
  };
  if (config.http === null && config.https === null && problems.length === 0) {
    problems.push("--http and --https are both off: nothing would listen");
  }
  if (problems.length > 0) throw new AppError("invalid", problems.join("\n"));
  return Object.freeze(config);
}

/** As flags, environment or defaults name it. */
export function placeOf(
  { data, state }: Pick<RawConfig, "data" | "state">,
  env: Environment = process.env,
): InstallationPlace {
  return { data: dataFolder(data, env), state: stateFolder(state, env) };
}

/** `/var/lib/chatelaine` for root, else below `$XDG_DATA_HOME` or `~/.local/share`. */
export function dataFolder(
  flag: string | undefined,
  env: Environment = process.env,
  user: RunningUser = RUNNING_USER,
): string {
  const given = flag ?? env.CHATELAINE_DATA;
  if (given) return resolve(given);
  if (user.isRoot) return "/var/lib/chatelaine";
  const base = baseFolder(env.XDG_DATA_HOME, ".local/share", user);
  if (base !== undefined) return join(base, "chatelaine");
  const message =
    "This user has no home folder (HOME is not set, or is not a whole path): name a folder for the data with --data or CHATELAINE_DATA";
  throw new AppError("invalid", message);
}

/**
 * `/var/lib/chatelaine-state` for root, else below `$XDG_STATE_HOME` or `~/.local/state`: never in the data folder, with
 * which it would be put back.
 */
export function stateFolder(
  flag: string | undefined,
  env: Environment = process.env,
  user: RunningUser = RUNNING_USER,
): string | null {
  const given = flag ?? env.CHATELAINE_STATE;
  if (given === "off") return null;
  if (given) return resolve(given);
  if (user.isRoot) return "/var/lib/chatelaine-state";
  const base = baseFolder(env.XDG_STATE_HOME, ".local/state", user);
  return base === undefined ? null : join(base, "chatelaine");
}

/** Who runs this process, as far as defaults depend on it. */
export interface RunningUser {
  readonly isRoot: boolean;
  /** Throws, or is no whole path, where there is none: HOME is not set, and the user has no entry among the system's. */
  home(): string;
}

const RUNNING_USER: RunningUser = { isRoot: process.getuid?.() === 0, home: homedir };

/** @returns undefined where there is no home folder */
function baseFolder(named: string | undefined, belowHome: string, { home }: RunningUser): string | undefined {
  if (named && isAbsolute(named)) return named;
  try {
    // Where HOME is set to nothing, that is what it is.
    const folder = home();
    return isAbsolute(folder) ? join(folder, belowHome) : undefined;
  } catch {
    return undefined;
  }
}

function list(text: string | undefined): string[] {
  return (text ?? "").split(/[\s,]+/).filter((part) => part !== "");
}

/** `HOST:PORT`, `[IPv6]:PORT`, `unix:/path` or `off`. */
function readListen(flag: string, text: string): Listen | null {
  if (text === "off") return null;
  if (text.startsWith("unix:")) {
    const path = text.slice("unix:".length);
    if (!isAbsolute(path))
      throw new Error(`${flag}: the path of a unix socket must be absolute, not "${path}"`);
    return { kind: "unix", path };
  }
  const parts = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text);
  const host = parts?.[1] ?? parts?.[2] ?? "";
  const port = Number(parts?.[3]);
  const isHost = parts?.[1]
    ? parseAddress(host)?.bits === 128
    : host === "localhost" || parseAddress(host) !== undefined;
  if (!parts || port > 65_535 || !isHost) {
    throw new Error(`${flag}: expected ADDRESS:PORT, [IPv6]:PORT, unix:/path or off, not "${text}"`);
  }
  return { kind: "tcp", host, port };
}

/** A socket without the owner's bits is one that nobody can be sure to reach; bits beyond the nine mean nothing on it. */
function readSocket(mode: string, group: string | undefined): SocketAccess {
  if (!/^0?[67][0-7]{2}$/.test(mode))
    throw new Error(`--socket-mode: expected a mode from 0600 to 0777, such as 0660, not "${mode}"`);
  if (group && !/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,31}\$?$/.test(group))
    throw new Error(`--socket-group: expected the name or number of a group, not "${group}"`);
  return { mode: Number.parseInt(mode, 8), group: group || null };
}

function readNetwork(text: string): Network {
  const network = parseNetwork(text);
  if (!network)
    throw new Error(
      `--trusted-proxy: expected an address or a CIDR block, either with =tls for a program that ends TLS and sends no headers, or unix, not "${text}"`,
    );
  return network;
}

function readSecureFrom(text: string): Network {
  const network = parseNetwork(text);
  if (!network) throw new Error(`--secure-from: expected an address or a CIDR block, not "${text}"`);
  return network;
}

function readCheckFrom(text: string): Network {
  const network = parseNetwork(text);
  if (!network) throw new Error(`--check-from: expected an address or a CIDR block, not "${text}"`);
  return network;
}

function readOrigin(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !/^https?:$/.test(url.protocol) || url.origin !== text.replace(/\/$/, "")) {
    throw new Error(`--allow-origin: expected an origin such as https://keys.example, not "${text}"`);
  }
  return url.origin;
}

function readHost(text: string): string {
  const name = text.toLowerCase().replace(/\.$/, "");
  if (!HOST_NAME.test(name)) {
    throw new Error(`--allow-host: expected a name such as keys.example, without a port, not "${text}"`);
  }
  return name;
}

function readRate(text: string): number {
  if (!/^\d{1,7}$/.test(text))
    throw new Error(`--anonymous-rate: expected a whole number from 0, not "${text}"`);
  return Number(text);
}

function readBackup({
  every,
  to,
  keep,
}: {
  readonly every: string | undefined;
  readonly to: string | undefined;
  readonly keep: string | undefined;
}): BackupConfig | null {
  if (!every && !to && keep === undefined) return null;
  if (!every || !to) throw new Error("--backup-every and --backup-to belong together");
  const [, count, unit = ""] = /^([1-9]\d{0,4})([mhdw])$/.exec(every) ?? [];
  if (count === undefined)
    throw new Error(`--backup-every: expected a time such as 24h, 30m or 1d, not "${every}"`);
  const most = keep ?? DEFAULT_KEEP;
  if (!/^[1-9]\d{0,4}$/.test(most))
    throw new Error(`--keep: expected a whole number from 1 to 99999, not "${most}"`);
  return { everyMs: Number(count) * UNITS_MS[unit]!, to: resolve(to), keep: Number(most) };
}

function readChoice<T extends string>(flag: string, text: string, choices: readonly T[]): T {
  const found = choices.find((choice) => choice === text);
  if (!found) throw new Error(`${flag}: expected one of ${choices.join(", ")}, not "${text}"`);
  return found;
}
