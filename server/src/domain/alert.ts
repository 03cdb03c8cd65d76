/** What wants an administrator's attention, in words. An alert goes when what it tells of is mended. */

export const KEY_ALERT_KINDS = ["key_revoked", "key_expires_soon", "key_unused"] as const;
export type KeyAlertKind = (typeof KEY_ALERT_KINDS)[number];
export type AlertKind = KeyAlertKind | "sign_in_failures";
export type AlertLevel = "warning" | "info";

export const UNUSED_DAYS = 90;
export const SOON_DAYS = 7;
export const FAILURES_HOURS = 24;

export const ALERT_LEVELS: Readonly<Record<AlertKind, AlertLevel>> = {
  key_revoked: "warning",
  key_expires_soon: "warning",
  key_unused: "info",
  sign_in_failures: "warning",
};

export interface Alert {
  /** The same for the same alert, as long as it lasts. */
  readonly id: string;
  readonly kind: AlertKind;
  readonly level: AlertLevel;
  readonly text: string;
  readonly since: number;
  readonly key: { readonly id: number; readonly name: string; readonly username: string } | null;
}

export interface AlertedKey {
  readonly keyId: number;
  readonly name: string;
  readonly username: string;
  readonly since: number;
  readonly reason: string | null;
  readonly expiresAt: number | null;
}

export function keyAlert(kind: KeyAlertKind, key: AlertedKey): Alert {
  const { keyId, name, username, since } = key;
  return {
    id: `${kind}-${keyId}-${since}`,
    kind,
    level: ALERT_LEVELS[kind],
    text: WORDS[kind](key),
    since,
    key: { id: keyId, name, username },
  };
}

export function failuresAlert({ count, since }: { readonly count: number; readonly since: number }): Alert {
  const kind = "sign_in_failures";
  const text =
    count === 1
      ? `A sign-in was refused in the last ${FAILURES_HOURS} hours.`
      : `${count} sign-ins were refused in the last ${FAILURES_HOURS} hours.`;
  return { id: kind, kind, level: ALERT_LEVELS[kind], text, since, key: null };
}

const WORDS: Readonly<Record<KeyAlertKind, (key: AlertedKey) => string>> = {
  key_revoked: ({ name, reason }) => `The key ${name} is revoked: ${reason ?? "no reason was given"}`,
  key_expires_soon: ({ name, expiresAt }) =>
    `The key ${name} expires at ${new Date(expiresAt ?? 0).toISOString()}.`,
  key_unused: ({ name }) => `The key ${name} was not used in ${UNUSED_DAYS} days.`,
};
