/**
 * Use of keys, counted in memory and written in batches by statements that touch nothing of a key; a crash loses one
 * batch at most. The writing is spread, so that a flood of different keys costs a bounded share of a processor; keys
 * beyond WAITING_MAX between two batches are counted in sum alone, and that is told.
 */
import { type Caller, requireRole } from "../domain/caller.ts";
import type { Clock } from "../domain/clock.ts";
import { AppError, errorCode } from "../domain/errors.ts";
import { CLIENTS_AGE_MS, type ClientUse, EarlierClients, isSameClient } from "../domain/recent-clients.ts";
import type { Keys } from "../keys/keys.ts";
import type { Log } from "../log.ts";
import type { KeyDay, RefusalRecord, Store, UseTally } from "../store/store.ts";
import type { Refusal } from "../verify/verify.ts";

export const FLUSH_EVERY_MS = 1_000;
const WAITING_MAX = 200_000;
const REFUSALS_WAITING_MAX = 10_000;
const HOSTS_AT_ONCE = 8;
/** Beyond the most, hosts are counted together under the empty name. */
const OTHER_HOSTS = "";
const SLICE_KEYS = 1_000;
/** The pause after a slice, in times of what it took. */
const REST = 3;
const REST_MS_MAX = 500;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

export type Outcome = "ok" | Refusal;

/** The letters under which outcomes are kept. */
export const OUTCOME_LETTERS: Readonly<Record<Exclude<Outcome, "malformed" | "unknown">, string>> = {
  ok: "a",
  expired: "e",
  paused: "p",
  revoked: "r",
  user_locked: "l",
  no_roles: "n",
  scope_missing: "s",
  address_not_allowed: "i",
  rate_limited: "t",
  insecure_transport: "h",
};

export interface Seen {
  readonly address: string | null;
  readonly client: string | null;
  readonly host: string | null;
}

/** What the owner of a key, and whoever reads keys, may see of its use. */
export interface KeyUseReport {
  /** Counts of each outcome, for each hour of 90 days and each day before that, oldest first. */
  readonly counts: readonly {
    readonly at: number;
    readonly hours: 1 | 24;
    readonly outcomes: Readonly<Record<string, number>>;
  }[];
  readonly hosts: readonly { readonly host: string; readonly uses: number; readonly lastUsedAt: number }[];
  /** The last 100, newest first. */
  readonly refusals: readonly RefusalRecord[];
}

export interface Usage {
  /** API_KEY_READ, or one's own key. Throws not_found. */
  report(caller: Caller, keyId: number, since: number): Promise<KeyUseReport>;
  /** Who used the key in the last hour, the latest first: for the same people. Throws not_found. */
  clients(caller: Caller, keyId: number): Promise<readonly ClientUse[]>;
  /** Why a request was refused: for the same people. Throws not_found. */
  why(caller: Caller, decision: string): Promise<RefusalRecord & { readonly name: string }>;
  /** Counts one check of a key whose secret was right. */
  note(keyId: number, outcome: Exclude<Outcome, "malformed" | "unknown">, seen: Seen, at?: number): void;
  /** Keeps why, for the owner of the key. */
  refuse(record: RefusalRecord): void;
  flush(): Promise<void>;
  close(): Promise<void>;
}

interface Tally {
  at: number;
  isUse: boolean;
  seen: Seen;
  /** What was counted last, apart from the rest: most checks are like the one before. */
  what: string;
  times: number;
  counts: Map<string, number>;
  hosts: Map<string, number>;
  earlier: EarlierClients | undefined;
}

export function createUsage({
  store,
  keys,
  clock,
  log,
}: {
  readonly store: Pick<
    Store,
    "recordUse" | "listKeyDays" | "listKeyHosts" | "listKeyClients" | "listRefusals" | "findRefusal"
  >;
  readonly keys: Pick<Keys, "get">;
  readonly clock: Clock;
  readonly log: Log;
}): Usage {
  let tallies = new Map<number, Tally>();
  let refusals: RefusalRecord[] = [];
  let untold = 0;
  let isClosing = false;
  let writing: Promise<void> = Promise.resolve();
  const write = async (batch: readonly UseTally[], refused: readonly RefusalRecord[]): Promise<void> => {
    await store.recordUse([], refused);
    for (let from = 0; from < batch.length; from += SLICE_KEYS) {
      const began = clock.monotonic();
      await store.recordUse(batch.slice(from, from + SLICE_KEYS), []);
      const pause = Math.min((clock.monotonic() - began) * REST, REST_MS_MAX);
      if (!isClosing && batch.length > SLICE_KEYS) await new Promise((resolve) => setTimeout(resolve, pause));
    }
  };
  const flush = (): Promise<void> => {
    writing = writing.then(async () => {
      if (tallies.size === 0 && refusals.length === 0) return;
      const batch = [...tallies].map(([keyId, tally]) => {
        settle(tally);
        const { at, isUse, counts, hosts, seen, earlier } = tally;
        const { address, client } = seen;
        const clients = isUse ? [...(earlier?.list() ?? []), { address, client, at }] : [];
        return { keyId, at, isUse, counts, hosts, address, client, clients };
      });
      const refused = refusals;
      tallies = new Map();
      refusals = [];
      if (untold > 0)
        log.warn("More different keys were used at once than are counted one by one", { untold });
      untold = 0;
      await write(batch, refused).catch((error: unknown) =>
        log.error("Use of keys could not be recorded", { error }),
      );
    });
    return writing;
  };
  let isFlushing = false;
  const timer = setInterval(async () => {
    if (isFlushing) return;
    isFlushing = true;
    await flush();
    isFlushing = false;
  }, FLUSH_EVERY_MS);
  timer.unref();
  return {
    report: async (caller, keyId, since) => {
      await keys.get(caller, keyId);
      await flush();
      const [days, hosts, refusals] = await Promise.all([
        store.listKeyDays(keyId, Math.floor(since / DAY_MS)),
        store.listKeyHosts(keyId),
        store.listRefusals(keyId),
      ]);
      const counts = days.flatMap(countsOf).filter(({ at, hours }) => at + hours * HOUR_MS > since);
      return { counts, hosts, refusals };
    },
    clients: async (caller, keyId) => {
      await keys.get(caller, keyId);
      await flush();
      return store.listKeyClients(keyId, clock.now() - CLIENTS_AGE_MS);
    },
    why: async (caller, decision) => {
      requireRole(caller, "API_KEY_READ", "KEY_HOLDER");
      await flush();
      const refusal = await store.findRefusal(decision);
      if (!refusal) throw noDecision();
      const key = await keys.get(caller, refusal.keyId).catch((error: unknown) => {
        throw errorCode(error) === "not_found" ? noDecision() : error;
      });
      return { ...refusal, name: key.name };
    },
    note: (keyId, outcome, seen, now = clock.now()) => {
      let tally = tallies.get(keyId);
      if (!tally) {
        if (tallies.size >= WAITING_MAX) {
          untold++;
          return;
        }
        tally = { at: now, isUse: false, seen, what: "", times: 0, ...emptyCounts() };
        tallies.set(keyId, tally);
      }
      tally.at = now;
      const what = countName(now, OUTCOME_LETTERS[outcome]);
      if (what === tally.what) tally.times++;
      else {
        settle(tally);
        tally.what = what;
        tally.times = 1;
      }
      if (outcome !== "ok") return;
      if (tally.isUse && !isSameClient(tally.seen, seen)) {
        tally.earlier ??= new EarlierClients();
        tally.earlier.add({ address: tally.seen.address, client: tally.seen.client, at: now });
      }
      tally.isUse = true;
      tally.seen = seen;
      const { host } = seen;
      if (host === null) return;
      const named = tally.hosts.size < HOSTS_AT_ONCE || tally.hosts.has(host) ? host : OTHER_HOSTS;
      tally.hosts.set(named, (tally.hosts.get(named) ?? 0) + 1);
    },
    refuse: (record) => {
      if (refusals.length < REFUSALS_WAITING_MAX) refusals.push(record);
    },
    flush,
    close: async () => {
      isClosing = true;
      clearInterval(timer);
      await flush();
    },
  };
}

/** The same for one that never was and one that the caller may not know of. */
function noDecision(): AppError {
  return new AppError("not_found", "No such decision about a key that you may see, or it is too old");
}

function settle({ counts, what, times }: Tally): void {
  if (times > 0) counts.set(what, (counts.get(what) ?? 0) + times);
}

function emptyCounts(): Pick<Tally, "counts" | "hosts" | "earlier"> {
  return { counts: new Map(), hosts: new Map(), earlier: undefined };
}

const OUTCOME_NAMES = new Map(Object.entries(OUTCOME_LETTERS).map(([name, letter]) => [letter, name]));

/** The packed row of a day, unpacked. */
function countsOf({ day, counts }: KeyDay): KeyUseReport["counts"] {
  const at = day * DAY_MS;
  const byTime = new Map<string, Record<string, number>>();
  for (const [what, count] of Object.entries(counts)) {
    const hour = what.slice(0, -1);
    const outcomes = byTime.get(hour) ?? {};
    outcomes[OUTCOME_NAMES.get(what.slice(-1)) ?? "other"] = count;
    byTime.set(hour, outcomes);
  }
  return [...byTime]
    .map(([hour, outcomes]) => ({
      at: at + Number(hour) * HOUR_MS,
      hours: hour === "" ? (24 as const) : (1 as const),
      outcomes,
    }))
    .sort((a, b) => a.at - b.at);
}

/** `21915/13a`: the day, its hour in UTC and the outcome. One text for a whole hour, so that nothing is built for each check. */
let namedHour = -1;
let names = new Map<string, string>();
function countName(now: number, letter: string): string {
  const hour = Math.floor(now / HOUR_MS);
  if (hour !== namedHour) {
    namedHour = hour;
    names = new Map();
  }
  let name = names.get(letter);
  if (name === undefined) {
    name = `${Math.floor(hour / 24)}/${String(hour % 24).padStart(2, "0")}${letter}`;
    names.set(letter, name);
  }
  return name;
}
