/** What wants an administrator's attention, in words. An alert goes when what it tells of is fixed. */
import type { Twins } from "./names.ts";

export const KEY_ALERT_KINDS = ["key_revoked", "key_expires_soon", "key_unused"] as const;
export type KeyAlertKind = (typeof KEY_ALERT_KINDS)[number];
const OTHER_ALERT_KINDS = [
  "backup_failed",
  "backup_old",
  "clear_text_refused",
  "names_alike",
  "sign_in_failures",
] as const;
type OtherAlertKind = (typeof OTHER_ALERT_KINDS)[number];
export type AlertKind = KeyAlertKind | OtherAlertKind;
export type AlertLevel = "warning" | "info";

export const UNUSED_DAYS = 90;
export const FAILURES_HOURS = 24;

export const ALERT_LEVELS: Readonly<Record<AlertKind, AlertLevel>> = {
  key_revoked: "warning",
  key_expires_soon: "warning",
  key_unused: "info",
  backup_failed: "warning",
  backup_old: "warning",
  clear_text_refused: "warning",
  names_alike: "warning",
  sign_in_failures: "warning",
};

/** Of the record of a connection that was not opened. */
export const CLEAR_TEXT_ACTION = "CONNECT";

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
    text: ALERT_TEXTS[kind](key),
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

/** A program that came in clear text, by the name it gives itself. */
export interface ClearTextProgram {
  readonly client: string | null;
  readonly address: string | null;
  readonly count: number;
  readonly firstAt: number;
}

const PROGRAMS_TOLD = 3;

/** @param programs the latest first */
export function clearTextAlert(
  programs: readonly ClearTextProgram[],
): { alert: Alert; count: number } | undefined {
  if (programs.length === 0) return undefined;
  const kind = "clear_text_refused";
  const count = programs.reduce((sum, one) => sum + one.count, 0);
  const since = Math.min(...programs.map(({ firstAt }) => firstAt));
  const who = programs
    .slice(0, PROGRAMS_TOLD)
    .map(
      ({ client, address }) => `${client ?? "one without a name"} (${address ?? "addresses that differ"})`,
    );
  const more = programs.length > who.length ? ", and others" : "";
  const text = `Programs came in clear text and were refused before they sent a key: ${who.join(", ")}${more}. Give them the https address.`;
  return { alert: { id: kind, kind, level: ALERT_LEVELS[kind], text, since, key: null }, count };
}

const TWINS_TOLD = 20;

/** Of users and groups whose names differ in case alone: each set of them counts as one. */
export function twinsAlert(twins: readonly Twins[]): { alert: Alert; count: number } | undefined {
  if (twins.length === 0) return undefined;
  const kind = "names_alike";
  const since = Math.min(...twins.map((set) => set.since));
  const who = twins.slice(0, TWINS_TOLD).map((set) => `the ${set.kind}s ${set.names.join(" and ")}`);
  const more = twins.length > who.length ? ", and others" : "";
  const text = `Names differ in case alone, and services may take them for one: ${who.join(", ")}${more}. Rename all but one of each.`;
  return {
    alert: { id: kind, kind, level: ALERT_LEVELS[kind], text, since, key: null },
    count: twins.length,
  };
}

/** What is known of the backups that a server writes by itself. */
export interface BackupState {
  /** How far they are apart; null: none are written. */
  readonly everyMs: number | null;
  /** Since when they are written. */
  readonly since: number;
  /** When the last good one was written; null: none yet. */
  readonly writtenAt: number | null;
  /** Since when none succeeds; null: the last one did. */
  readonly failedAt: number | null;
  /** A sentence that says why. */
  readonly error: string | null;
}

/** So many times as old as it should be is too old. */
const BACKUP_OLD_TIMES = 2;

export function backupAlerts(
  { everyMs, since, writtenAt, failedAt, error }: BackupState,
  now: number,
): Alert[] {
  if (everyMs === null) return [];
  const alerts: Alert[] = [];
  const alert = (kind: "backup_failed" | "backup_old", text: string, from: number): void => {
    alerts.push({ id: `${kind}-${from}`, kind, level: ALERT_LEVELS[kind], text, since: from, key: null });
  };
  if (failedAt !== null)
    alert("backup_failed", `The last backup failed: ${error ?? "nobody knows why"}`, failedAt);
  const oldAt = (writtenAt ?? since) + BACKUP_OLD_TIMES * everyMs;
  if (now > oldAt) {
    const text =
      writtenAt === null
        ? "No backup has been written yet."
        : `The last backup is of ${new Date(writtenAt).toISOString()}.`;
    alert("backup_old", text, oldAt);
  }
  return alerts;
}

const ALERT_TEXTS: Readonly<Record<KeyAlertKind, (key: AlertedKey) => string>> = {
  key_revoked: ({ name, reason }) => `The key ${name} is revoked: ${reason ?? "no reason was given"}`,
  key_expires_soon: ({ name, expiresAt }) =>
    `The key ${name} expires at ${new Date(expiresAt ?? 0).toISOString()}.`,
  key_unused: ({ name }) => `The key ${name} was not used in ${UNUSED_DAYS} days.`,
};
