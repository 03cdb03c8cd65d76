/** The server's own settings, kept in the database and applied at once in every process. */
import {
  CERTIFICATE_CHARS_MAX,
  KEY_DAYS_MAX,
  ORIGIN_CHARS_MAX,
  SESSION_HOURS_MAX,
  SESSION_IDLE_MINUTES_MAX,
  SESSION_IDLE_MINUTES_MIN,
  WEBHOOK_SECRET_CHARS_MAX,
  WEBHOOK_SECRET_CHARS_MIN,
} from "@chatelaine/contract/limits";
import { ROLES, type Role } from "@chatelaine/contract/roles";
import { webhookUrlFault } from "./webhook-target.ts";

export type InsecureTransportRule = "revoke" | "refuse" | "allow";
/** `close`: a WebSocket in clear text is not opened, so that no key is sent on it. */
export type InsecureTransportDialectRule = InsecureTransportRule | "close";

type DocsAccess = "open" | "signed_in";

export interface Settings {
  /** A right key over plain http through the dialect's PLAIN login. */
  readonly insecureTransportDialect: InsecureTransportDialectRule;
  /** The same through every other door. */
  readonly insecureTransport: InsecureTransportRule;
  /** PEM of the certificate that clients see where a trusted proxy ends TLS, for SCRAM's channel binding. */
  readonly clientCertificate: string | null;
  /** Longest life of a key that ends, from its making or last reset; null: none. */
  readonly keyDaysMax: number | null;
  /** Whether keys that never expire may be made. */
  readonly nonExpiringKeys: boolean;
  /** Who may make them: holders of one of these roles; null: anyone who may make keys. */
  readonly nonExpiringRoles: readonly Role[] | null;
  /** Origin of this server as clients see it, such as `https://keys.example.org`; null: as each request names it. */
  readonly publicUrl: string | null;
  /** Browser sessions end after so long without a request. */
  readonly sessionIdleMinutes: number;
  /** And after so long whatever happens. */
  readonly sessionHours: number;
  /** Who may read the built-in documentation. */
  readonly docs: DocsAccess;
  /** Where alerts are sent; null: nowhere. */
  readonly webhookUrl: string | null;
  /** Signs what is sent there. Sealed, base64; anyone who sets it gives it in clear, and nobody is shown it. */
  readonly webhookSecret: string | null;
  /** Of all of them together; rises with every change. */
  readonly version: number;
}

/** What somebody may set. */
export type SettingsPatch = Partial<Omit<Settings, "version">>;

export const DEFAULT_SETTINGS: Settings = {
  insecureTransportDialect: "revoke",
  insecureTransport: "refuse",
  clientCertificate: null,
  keyDaysMax: null,
  nonExpiringKeys: true,
  nonExpiringRoles: null,
  publicUrl: null,
  sessionIdleMinutes: 60,
  sessionHours: 24,
  docs: "open",
  webhookUrl: null,
  webhookSecret: null,
  version: 1,
};

/** Of new installations, where they differ; those that were there before go on as they were. */
export const FIRST_SETTINGS: SettingsPatch = { insecureTransportDialect: "close" };

const RULES = ["revoke", "refuse", "allow"];
const DIALECT_RULES = ["close", ...RULES];
const PEM = /^-----BEGIN CERTIFICATE-----\s[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----\s*$/;

type Fault = string | undefined;

/** What is wrong with a value that somebody gives; undefined where it will do. */
const FAULTS: { readonly [Name in keyof SettingsPatch]-?: (value: unknown) => Fault } = {
  insecureTransportDialect: (value) => ruleFault(value, DIALECT_RULES),
  insecureTransport: (value) => ruleFault(value, RULES),
  clientCertificate: (value) =>
    value === null || (typeof value === "string" && value.length <= CERTIFICATE_CHARS_MAX && PEM.test(value))
      ? undefined
      : "Expected the text of one certificate in PEM, or none; `--file PATH` of the command line takes it from a file",
  keyDaysMax: (value) => (value === null ? undefined : wholeFault(value, 1, KEY_DAYS_MAX, "days")),
  nonExpiringKeys: (value) => (typeof value === "boolean" ? undefined : "Expected true or false"),
  nonExpiringRoles: rolesFault,
  publicUrl: (value) =>
    value === null || isOrigin(value)
      ? undefined
      : "Expected scheme, host and port alone, such as https://keys.example.org",
  sessionIdleMinutes: (value) =>
    wholeFault(value, SESSION_IDLE_MINUTES_MIN, SESSION_IDLE_MINUTES_MAX, "minutes"),
  sessionHours: (value) => wholeFault(value, 1, SESSION_HOURS_MAX, "hours"),
  docs: (value) => (value === "open" || value === "signed_in" ? undefined : "Expected open or signed_in"),
  webhookUrl: (value) => (value === null ? undefined : webhookUrlFault(value)),
  webhookSecret: (value) => {
    if (value === null || (typeof value === "string" && isSecretLength(value.length))) return undefined;
    return `Expected ${WEBHOOK_SECRET_CHARS_MIN} to ${WEBHOOK_SECRET_CHARS_MAX} characters`;
  },
};

export const SETTING_NAMES = Object.keys(FAULTS) as (keyof SettingsPatch)[];

/** @param value of `webhookSecret` in clear */
export function settingFault(name: string, value: unknown): Fault {
  if (!Object.hasOwn(FAULTS, name)) return "There is no such setting";
  return FAULTS[name as keyof SettingsPatch](value);
}

function ruleFault(value: unknown, rules: readonly string[]): Fault {
  if (typeof value === "string" && rules.includes(value)) return undefined;
  return `Expected ${rules.slice(0, -1).join(", ")} or ${rules.at(-1)}`;
}

function rolesFault(value: unknown): Fault {
  if (value === null) return undefined;
  if (!Array.isArray(value) || value.length === 0) return "Expected at least one role, or none at all";
  const isEach = value.every((role) => (ROLES as readonly unknown[]).includes(role));
  return isEach && new Set(value).size === value.length ? undefined : "Expected roles, each once";
}

function wholeFault(value: unknown, least: number, most: number, unit: string): Fault {
  const isWithin = Number.isInteger(value) && (value as number) >= least && (value as number) <= most;
  return isWithin ? undefined : `Expected ${least} to ${most} ${unit}`;
}

function isOrigin(value: unknown): boolean {
  if (typeof value !== "string" || value.length > ORIGIN_CHARS_MAX || !URL.canParse(value)) return false;
  const { protocol, origin } = new URL(value);
  return (protocol === "https:" || protocol === "http:") && origin === value;
}

function isSecretLength(chars: number): boolean {
  return chars >= WEBHOOK_SECRET_CHARS_MIN && chars <= WEBHOOK_SECRET_CHARS_MAX;
}
