/**
 * Use of keys, counted in memory and written in batches by statements that touch nothing of a key; a crash loses one
 * batch at most. The writing is spread, so that a flood of different keys costs a bounded share of a processor; keys
 * beyond WAITING_MAX between two batches are counted in sum alone, and that is told.
 */
import type { Clock } from "../domain/clock.ts";
import type { Log } from "../log.ts";
import type { RefusalRecord, Store, UseTally } from "../store/store.ts";
import type { Refusal } from "../verify/verify.ts";

export const FLUSH_EVERY_MS = 1_000;
const WAITING_MAX = 200_000;
const REFUSALS_WAITING_MAX = 10_000;
const HOSTS_AT_ONCE = 8;
const SLICE_KEYS = 1_000;
/** The pause after a slice, in times of what it took. */
const REST = 3;
const HOUR_MS = 3_600_000;

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

export interface Usage {
  /** Counts one check of a key whose secret was right. */
  note(keyId: number, outcome: Exclude<Outcome, "malformed" | "unknown">, seen: Seen): void;
  /** Keeps why, for the owner of the key. */
  refuse(record: RefusalRecord): void;
  flush(): Promise<void>;
  close(): Promise<void>;
}

interface Tally {
  at: number;
  isUse: boolean;
  seen: Seen;
  counts: Map<string, number>;
  hosts: Map<string, number>;
}

export function createUsage({
  store,
  clock,
  log,
}: {
  readonly store: Pick<Store, "recordUse">;
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
      const pause = (clock.monotonic() - began) * REST;
      if (!isClosing && batch.length > SLICE_KEYS) await new Promise((resolve) => setTimeout(resolve, pause));
    }
  };
  const flush = (): Promise<void> => {
    writing = writing.then(async () => {
      if (tallies.size === 0 && refusals.length === 0) return;
      const batch = [...tallies].map(([keyId, { seen, ...tally }]) => ({ keyId, ...seen, ...tally }));
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
    note: (keyId, outcome, seen) => {
      const now = clock.now();
      let tally = tallies.get(keyId);
      if (!tally) {
        if (tallies.size >= WAITING_MAX) {
          untold++;
          return;
        }
        tally = { at: now, isUse: false, seen, counts: new Map(), hosts: new Map() };
        tallies.set(keyId, tally);
      }
      tally.at = now;
      const what = countName(now, OUTCOME_LETTERS[outcome]);
      tally.counts.set(what, (tally.counts.get(what) ?? 0) + 1);
      if (outcome !== "ok") return;
      tally.isUse = true;
      tally.seen = seen;
      const { host } = seen;
      if (host !== null && (tally.hosts.size < HOSTS_AT_ONCE || tally.hosts.has(host)))
        tally.hosts.set(host, (tally.hosts.get(host) ?? 0) + 1);
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

/** `13a`: the hour of the day in UTC and the outcome. One text for a whole hour, so that nothing is built for each check. */
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
    name = `${String(hour % 24).padStart(2, "0")}${letter}`;
    names.set(letter, name);
  }
  return name;
}
