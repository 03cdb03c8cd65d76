/**
 * A check for somebody else: a proxy or a service asks about a key that it was shown. It is judged, counted as a use of the key,
 * and where it is refused, noted under a number for the key's owner.
 */

import type { ClientInfo, Usage, UseOutcome } from "../activity/use.ts";
import type { Origin } from "../domain/caller.ts";
import { UNKNOWN_TRANSPORT } from "../domain/transport.ts";
import type { KeysInClear } from "../sign-in/clear-text.ts";
import type { CheckResult, MaybePromise, Need, Verify } from "./verify.ts";

export type CheckDecision =
  | { readonly check: Extract<CheckResult, { ok: true }>; readonly decision: null }
  | { readonly check: Extract<CheckResult, { ok: false }>; readonly decision: string };

type CheckDoor = "auth" | "verify";

/** What is measured of checks since the start. */
export interface CheckStats {
  count(door: CheckDoor, outcome: UseOutcome): void;
  /** When to time this check: its beginning. */
  sample(): number | undefined;
  time(began: number): void;
}

export type CheckKey = (
  door: CheckDoor,
  text: string,
  need: Need,
  seen: ClientInfo,
) => MaybePromise<CheckDecision>;

export interface CheckKeyDeps {
  readonly verify: Pick<Verify, "check">;
  readonly usage: Pick<Usage, "note" | "refuse">;
  readonly stats: CheckStats;
  readonly now: () => number;
  readonly keysInClear: Pick<KeysInClear, "judge">;
}

export function createCheckKey(deps: CheckKeyDeps): CheckKey {
  const { verify, usage, stats, now, keysInClear } = deps;
  const count = (door: CheckDoor, check: CheckResult, need: Need, seen: ClientInfo): CheckDecision => {
    if (check.ok) {
      stats.count(door, "ok");
      usage.note(check.id, "ok", seen, check.at);
      return { check, decision: null };
    }
    stats.count(door, check.reason);
    const decision = crypto.randomUUID();
    const { known, reason } = check;
    if (known && reason !== "malformed" && reason !== "unknown") {
      usage.note(known.id, reason, seen);
      const rule = ruleOf(check, need);
      const { address, host } = seen;
      usage.refuse({ decision, keyId: known.id, at: now(), reason, rule, address, host });
    }
    return { check, decision };
  };
  /** What the settings make of a right key whose way to the proxy is not known to be safe. */
  const insecure = async (
    door: CheckDoor,
    text: string,
    need: Need & { readonly origin: Origin },
    seen: ClientInfo,
  ): Promise<CheckDecision> => {
    const check = await verify.check(text, need);
    if (check.ok || check.reason !== "insecure_transport" || !check.known)
      return count(door, check, need, seen);
    const { fate } = await keysInClear.judge(check.known, need.origin);
    if (fate === "pass") return count(door, await verify.check(text, { ...need, origin: null }), need, seen);
    return count(door, check, need, seen);
  };
  return (door, text, need, seen) => {
    const { origin } = need;
    if (origin !== null) return insecure(door, text, { ...need, origin }, seen);
    const began = stats.sample();
    const check = verify.check(text, need);
    if (check instanceof Promise) return check.then((result) => count(door, result, need, seen));
    if (began !== undefined) stats.time(began);
    return count(door, check, need, seen);
  };
}

/** The exact rule, for the owner's eyes. */
function ruleOf(check: Extract<CheckResult, { ok: false }>, need: Need): string {
  const allowance = check.known?.allowance;
  const asked = [need.scope, ...(need.scopes ?? [])].filter((scope) => scope !== undefined);
  switch (check.reason) {
    case "scope_missing": {
      const wants = [
        ...asked.map((scope) => `scope ${scope}`),
        ...(need.roles ?? []).map((role) => `role ${role}`),
        ...(need.groups ?? []).map((group) => `group ${group}`),
      ];
      return `Asked for ${wants.join(", ")}; the key has scopes ${allowance?.rights.scopes.join(", ") || "none"}, roles ${[...(allowance?.rights.roles ?? [])].join(", ") || "none"}, groups ${allowance?.user.groups.join(", ") || "none"}`;
    }
    case "address_not_allowed":
      return `The address ${need.address ?? "is not known and so"} is not in the key's list or its owner's ceiling`;
    case "rate_limited":
      return `More than ${check.rate?.limit} in ${check.rate?.windowSeconds} seconds`;
    case "insecure_transport":
      return need.origin?.transport === "unknown"
        ? UNKNOWN_TRANSPORT
        : "The client came to the proxy without TLS";
    default:
      return RULES[check.reason] ?? check.reason;
  }
}

const RULES: Readonly<Record<string, string>> = {
  expired: "The key's end has passed, or the longest life that its owner's ceiling allows",
  paused: "The key is paused",
  revoked: "The key is revoked",
  user_locked: "Its owner is locked",
  no_roles: "Its owner has no role",
};
