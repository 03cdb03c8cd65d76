/** The server's own settings, kept in the database and applied at once in every process. */

export type InsecureTransportRule = "revoke" | "refuse" | "allow";

export interface Settings {
  /** A right key over plain http through the dialect's PLAIN login. */
  readonly insecureTransportDialect: InsecureTransportRule;
  /** The same through every other door. */
  readonly insecureTransport: InsecureTransportRule;
  /** PEM of the certificate that clients see where a trusted proxy ends TLS, for SCRAM's channel binding. */
  readonly clientCertificate: string | null;
}

export const DEFAULT_SETTINGS: Settings = {
  insecureTransportDialect: "revoke",
  insecureTransport: "refuse",
  clientCertificate: null,
};

export const CERTIFICATE_CHARS_MAX = 16_384;
const RULES: readonly string[] = ["revoke", "refuse", "allow"];
const PEM = /^-----BEGIN CERTIFICATE-----\s[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----\s*$/;

/** What each setting may hold. */
export const SETTING_CHECKS: {
  readonly [Name in keyof Settings]: (value: unknown) => value is Settings[Name];
} = {
  insecureTransportDialect: isRule,
  insecureTransport: isRule,
  clientCertificate: isCertificate,
};

function isRule(value: unknown): value is InsecureTransportRule {
  return typeof value === "string" && RULES.includes(value);
}

function isCertificate(value: unknown): value is string | null {
  return (
    value === null || (typeof value === "string" && value.length <= CERTIFICATE_CHARS_MAX && PEM.test(value))
  );
}
