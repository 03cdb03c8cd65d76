import { formatInstant } from "@chatelaine/contract/instant";
import { ALERTS_SHOWN } from "@chatelaine/contract/limits";
import type { Delivery } from "../../activity/webhook.ts";
import {
  ALERT_LEVELS,
  type AlertKind,
  CLEAR_TEXT_ACTION,
  FAILURES_HOURS,
  UNUSED_DAYS,
} from "../../domain/alert.ts";
import type { Twins } from "../../domain/names.ts";
import type { Handlers, NamesOf } from "./call.ts";

const COUNTED_AS_ONE: readonly AlertKind[] = ["sign_in_failures", "clear_text_refused", "names_alike"];
/** A filter of so many of the longest names is not too long. */
const NAMES_ASKED_MAX = 100;
const HOUR_MS = 3_600_000;

export const alertHandlers: Handlers<NamesOf<"alerts"> | NamesOf<"webhook">> = {
  "alerts.list": async ({ caller, query, deps }) => {
    const { kinds, entries } = await deps.alerts.list(caller, query.limit ?? ALERTS_SHOWN);
    const now = deps.clock.now();
    return {
      kinds: kinds.map(({ kind, count, twins }) => ({
        kind,
        level: ALERT_LEVELS[kind],
        count,
        mend: kind === "names_alike" ? listOfTwins(twins ?? []) : mendOf(kind, now),
      })),
      entries,
      total: kinds.reduce((sum, { kind, count }) => sum + (COUNTED_AS_ONE.includes(kind) ? 1 : count), 0),
    };
  },
  "webhook.test": async ({ caller, deps }) => deliveryEntry(await deps.webhook.test(caller)),
  "webhook.deliveries": async ({ caller, deps }) => {
    const entries = (await deps.webhook.deliveries(caller)).map(deliveryEntry);
    return { entries, total: entries.length };
  },
};

/** Where one finds what the alerts of a kind are about, by the filters that these operations take. */
function mendOf(kind: Exclude<AlertKind, "names_alike">, now: number) {
  const unusedSince = formatInstant(now - UNUSED_DAYS * 24 * HOUR_MS);
  switch (kind) {
    case "key_revoked":
      return { operation: "keys.list" as const, query: { status: ["revoked"] } };
    case "key_expires_soon":
      return { operation: "keys.list" as const, query: { status: ["expires_soon"], order: "ends_at" } };
    case "key_unused": {
      const filter = JSON.stringify([["created_at.$date", "<", unusedSince]]);
      return {
        operation: "keys.list" as const,
        query: { status: ["active"], unused_since: unusedSince, filter },
      };
    }
    case "backup_failed":
    case "backup_old":
      return { operation: "audit.list" as const, query: { action: "backup.create" } };
    case "clear_text_refused": {
      const since = formatInstant(now - FAILURES_HOURS * HOUR_MS);
      return { operation: "audit.list" as const, query: { action: CLEAR_TEXT_ACTION, since } };
    }
    case "sign_in_failures": {
      const since = formatInstant(now - FAILURES_HOURS * HOUR_MS);
      return {
        operation: "audit.list" as const,
        query: { event: ["AUTHENTICATION"], success: false, since },
      };
    }
  }
}

/** Groups have no filter, and are looked at when no two users are left. */
function listOfTwins(twins: readonly Twins[]) {
  const names = twins.filter(({ kind }) => kind === "user").flatMap((set) => set.names);
  if (names.length === 0) return { operation: "groups.list" as const, query: {} };
  const filter = JSON.stringify([["username", "in", names.slice(0, NAMES_ASKED_MAX)]]);
  return { operation: "users.list" as const, query: { filter } };
}

function deliveryEntry(delivery: Delivery) {
  return { ...delivery, nextAt: delivery.state === "waiting" ? delivery.nextAt : null };
}
