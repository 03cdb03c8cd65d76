/**
 * What wants attention: revoked keys, keys about to expire, keys that nobody uses, refused sign-ins, programs that come in
 * clear text, names that differ in case alone, backups that fail or are missing. Told from the tables as
 * they are at the moment of asking, so an alert is gone as soon as its cause is.
 *
 * Beside that each process compares them, a moment after keys or their owners have changed and every ten seconds, with those that are
 * known; what was raised or cleared is queued for the webhook in the same commit, once, whichever process is first. What is
 * there when a webhook is set is not sent: it is known already.
 */
import { makeId } from "../crypto.ts";
import {
  type Alert,
  type AlertKind,
  backupAlerts,
  clearTextAlert,
  FAILURES_HOURS,
  failuresAlert,
  KEY_ALERT_KINDS,
  keyAlert,
  twinsAlert,
} from "../domain/alert.ts";
import { type Caller, requireRole } from "../domain/caller.ts";
import type { Clock } from "../domain/clock.ts";
import type { Twins } from "../domain/names.ts";
import { createFailures, type Log } from "../log.ts";
import type { AlertMark, Store } from "../store/store.ts";
import type { Feed } from "./feed.ts";

const COMPARE_EVERY_MS = 10_000;
/** What alerts are about, or what stops it. */
const ALERTING: ReadonlySet<string> = new Set(["key", "user", "group"]);
/** After a change of those; several changes are looked at together. */
const COMPARE_AFTER_MS = 250;
/** Rounds of one comparison, each of some hundreds of alerts. */
const ROUNDS_MAX = 1_000;
const HOUR_MS = 3_600_000;

interface AlertCount {
  readonly kind: AlertKind;
  readonly count: number;
  /** Of names that are alike, those. */
  readonly twins?: readonly Twins[] | undefined;
}

interface AlertList {
  /** Of each kind that the caller may see, how many there are, those without any left out. */
  readonly kinds: readonly AlertCount[];
  /** Of each kind some: revoked keys newest first, those that end soonest first, the longest unused first. */
  readonly entries: readonly Alert[];
}

export interface Alerts {
  /**
   * API_KEY_READ sees those of all keys, a key holder those of its own; SYSTEM_AUDIT_READ sees the others.
   * @param limit of each kind
   */
  list(caller: Caller, limit: number): Promise<AlertList>;
  /** Takes what was raised and cleared among the known, or out. */
  compare(): Promise<void>;
  /** Told when alerts were raised or cleared, by whichever process. @returns the way out */
  subscribe(listener: () => void): () => void;
  /** Compares by itself from now on. */
  start(): void;
  /** A comparison that runs ends with what it has written so far; the next start goes on from there. */
  stop(): Promise<void>;
}

export interface AlertsDeps {
  readonly store: Store;
  readonly feed: Feed;
  readonly clock: Clock;
  readonly log: Log;
}

export function createAlerts(deps: AlertsDeps): Alerts {
  const listeners = new Set<() => void>();
  let isOver = false;
  const notify = (): void => {
    for (const listener of listeners) listener();
  };
  const compare = comparison(deps, notify, () => isOver);
  let timer: Timer | undefined;
  let soon: Timer | undefined;
  let leave = (): void => {};
  let comparing: Promise<void> | undefined;
  const fail = createFailures(deps.log, "warn");
  const run = (): void => {
    comparing ??= compare()
      .catch((error: unknown) => fail("Alerts could not be compared", error))
      .finally(() => {
        comparing = undefined;
      });
  };
  return {
    list: (caller, limit) => list(deps, caller, limit),
    compare,
    subscribe: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    start: () => {
      isOver = false;
      timer = setInterval(run, COMPARE_EVERY_MS);
      leave = deps.feed.subscribe(({ kind }) => {
        if (!ALERTING.has(kind) || soon) return;
        soon = setTimeout(() => {
          soon = undefined;
          run();
        }, COMPARE_AFTER_MS);
      });
      run();
    },
    stop: async () => {
      isOver = true;
      clearInterval(timer);
      clearTimeout(soon);
      leave();
      await comparing;
    },
  };
}

async function list({ store, clock }: AlertsDeps, caller: Caller, limit: number): Promise<AlertList> {
  requireRole(caller, "API_KEY_READ", "KEY_HOLDER", "SYSTEM_AUDIT_READ");
  const now = clock.now();
  const { roles } = caller;
  const kinds: AlertCount[] = [];
  const entries: Alert[] = [];
  if (roles.has("API_KEY_READ") || roles.has("KEY_HOLDER")) {
    const userId = roles.has("API_KEY_READ") ? null : caller.userId;
    for (const kind of KEY_ALERT_KINDS) {
      const { count, rows } = await store.readKeyAlerts(kind, { now, userId, limit });
      if (count > 0) kinds.push({ kind, count });
      entries.push(...rows.map((row) => keyAlert(kind, row)));
    }
  }
  if (!roles.has("SYSTEM_AUDIT_READ")) return { kinds, entries };
  for (const { alert, count, twins } of await readOthers(store, now)) {
    kinds.push({ kind: alert.kind, count, twins });
    entries.push(alert);
  }
  return { kinds, entries };
}

interface Other {
  readonly alert: Alert;
  readonly count: number;
  readonly twins?: readonly Twins[];
}

/** Those that are about no key, one of each kind. */
async function readOthers(store: Store, now: number): Promise<Other[]> {
  const others: Other[] = backupAlerts(await store.readBackupState(), now).map((alert) => ({
    alert,
    count: 1,
  }));
  const lately = now - FAILURES_HOURS * HOUR_MS;
  const inClear = clearTextAlert(await store.readClearTextPrograms(lately));
  if (inClear) others.push(inClear);
  const twins = await store.listTwins();
  const alike = twinsAlert(twins);
  if (alike) others.push({ ...alike, twins });
  const { count, firstAt } = await store.readSignInFailures(lately);
  if (count > 0 && firstAt !== null) others.push({ alert: failuresAlert({ count, since: firstAt }), count });
  return others;
}

/**
 * @param notify where the known alerts, or the number of refused sign-ins, are not those of the last time
 * @param isOver asked between reads: of a million keys a first comparison takes many rounds
 */
function comparison(
  { store, clock }: AlertsDeps,
  notify: () => void,
  isOver: () => boolean,
): () => Promise<void> {
  let seen: string | undefined;
  return async () => {
    let failures = 0;
    for (let round = 0; round < ROUNDS_MAX; round++) {
      const now = clock.now();
      const changes = await findChanges(store, now, isOver);
      if (!changes) return;
      const { raised, cleared, failed } = changes;
      failures = failed;
      if (raised.length === 0 && cleared.length === 0) break;
      const { webhookUrl, publicUrl } = await store.readSettings();
      await store.writeAlertChanges({
        raised: raised.map(({ mark: { kind, keyId, since }, alert }) => ({
          kind,
          keyId,
          since,
          shown: JSON.stringify({ ...alert, since: new Date(alert.since).toISOString() }),
        })),
        cleared,
        delivery: {
          isWanted: webhookUrl !== null,
          raisedId: makeId(),
          clearedId: makeId(),
          at: now,
          server: publicUrl,
        },
      });
    }
    const is = `${await store.alertsMark()}.${failures}`;
    if (seen !== undefined && is !== seen) notify();
    seen = is;
  };
}

interface Changes {
  readonly raised: readonly { readonly mark: AlertMark; readonly alert: Alert }[];
  readonly cleared: readonly AlertMark[];
  /** Refused sign-ins. */
  readonly failed: number;
}

/** @returns undefined where it is over before all is read */
async function findChanges(store: Store, now: number, isOver: () => boolean): Promise<Changes | undefined> {
  const raised: { mark: AlertMark; alert: Alert }[] = [];
  const cleared: AlertMark[] = [];
  for (const kind of KEY_ALERT_KINDS) {
    if (isOver()) return undefined;
    const changes = await store.findAlertChanges(kind, now);
    for (const row of changes.raised) {
      raised.push({ mark: { kind, keyId: row.keyId, since: row.since }, alert: keyAlert(kind, row) });
    }
    cleared.push(...changes.cleared);
  }
  if (isOver()) return undefined;
  const known = await store.findOtherAlerts();
  const others = await readOthers(store, now);
  for (const { alert } of others) {
    if (known.some(({ kind }) => kind === alert.kind)) continue;
    raised.push({ mark: { kind: alert.kind, keyId: 0, since: 0 }, alert });
  }
  cleared.push(...known.filter(({ kind }) => !others.some(({ alert }) => alert.kind === kind)));
  const failed = others.find(({ alert }) => alert.kind === "sign_in_failures")?.count ?? 0;
  return { raised, cleared, failed };
}
