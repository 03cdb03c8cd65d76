/** The server's own settings, kept in the database and applied at once in every process. */

export type InsecureTransportRule = "revoke" | "refuse" | "allow";

export interface Settings {
  /** A right key over plain http through the dialect's PLAIN login. */
  readonly insecureTransportDialect: InsecureTransportRule;
  /** The same through every other door. */
  readonly insecureTransport: InsecureTransportRule;
}

export const DEFAULT_SETTINGS: Settings = { insecureTransportDialect: "revoke", insecureTransport: "refuse" };

const RULES: readonly string[] = ["revoke", "refuse", "allow"];

/** What each setting may hold. */
export const SETTING_CHECKS: {
  readonly [Name in keyof Settings]: (value: unknown) => value is Settings[Name];
} = {
  insecureTransportDialect: isRule,
  insecureTransport: isRule,
};

function isRule(value: unknown): value is InsecureTransportRule {
  return typeof value === "string" && RULES.includes(value);
}
