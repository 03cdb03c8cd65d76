/**
 * Use of keys by every way in, counted in memory and written in batches by statements that touch nothing of a key; a crash
 * loses one batch at most, and what cannot be written waits for the next. The writing is spread, so that a flood of different keys costs a bounded share of a processor; keys
 * beyond WAITING_MAX between two batches are counted in sum alone, and that is told.
 */
import { DAY_MS } from "@chatelaine/contract/instant";
import { type Caller, requireRole } from "../domain/caller.ts";
import type { Clock } from "../domain/clock.ts";
import { AppError, errorCode } from "../domain/errors.ts";
import { CLIENTS_AGE_MS, type ClientUse } from "../domain/recent-clients.ts";
import type { Keys } from "../keys/keys.ts";
import { createFailures, type Log } from "../log.ts";
import type { KeyDay, RefusalRecord, Store, UseTally } from "../store/store.ts";
import { UseTable } from "./use-table.ts";
import { type ClientInfo, type CountedOutcome, OUTCOME_LETTERS, type UseOutcome } from "./use-tally.ts";

export type { ClientInfo, UseOutcome };

const FLUSH_EVERY_MS = 1_000;
const WAITING_MAX = 200_000;
const REFUSALS_WAITING_MAX = 10_000;
const SLICE_KEYS = 1_000;
/** The pause after a slice, in times of what it took. */
const REST = 3;
const REST_MS_MAX = 500;
/** Of the ten seconds that a stop may take. */
const CLOSE_MS_MAX = 5_000;
const HOUR_MS = 3_600_000;

/** What the owner of a key, and anyone who reads keys, may see of its use. */
interface KeyUseReport {
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
  /** Counts one use of a key whose secret was right: a check, a sign-in or a call. */
  note(keyId: number, outcome: CountedOutcome, seen: ClientInfo, at?: number): void;
  /** Keeps why, for the owner of the key. */
  refuse(record: RefusalRecord): void;
  flush(): Promise<void>;
  close(): Promise<void>;
}

export interface UsageDeps {
  readonly store: Pick<
    Store,
    "recordUse" | "listKeyDays" | "listKeyHosts" | "listKeyClients" | "listRefusals" | "findRefusal"
  >;
  readonly keys: Pick<Keys, "get">;
  readonly clock: Clock;
  readonly log: Log;
}

export function createUsage(deps: UsageDeps): Usage {
  const { store, keys, clock } = deps;
  const batches = new Batches(deps);
  const flush = (): Promise<void> => batches.flush();
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
      try {
        const { name } = await keys.get(caller, refusal.keyId);
        return { ...refusal, name };
      } catch (error) {
        throw errorCode(error) === "not_found" ? noDecision() : error;
      }
    },
    note: (keyId, outcome, seen, now = clock.now()) => batches.note(keyId, outcome, seen, now),
    refuse: (record) => batches.refuse(record),
    flush,
    close: () => batches.close(),
  };
}

/** What waits to be written, and its writing: one batch after the other, each in slices with a rest between them. */
class Batches {
  readonly #store: Pick<Store, "recordUse">;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #fail: (message: string, error: unknown) => void;
  readonly #timer: Timer;
  #table = new UseTable(WAITING_MAX);
  #refusals: RefusalRecord[] = [];
  #uncounted = 0;
  /** What is not written by then is given up. */
  #closesAt = Number.POSITIVE_INFINITY;
  #endRest = (): void => {};
  #writing: Promise<void> = Promise.resolve();
  #isFlushing = false;

  constructor({ store, clock, log }: UsageDeps) {
    this.#store = store;
    this.#clock = clock;
    this.#log = log;
    this.#fail = createFailures(log, "error");
    this.#timer = setInterval(() => this.#flushAlone(), FLUSH_EVERY_MS);
    this.#timer.unref();
  }

  note(keyId: number, outcome: CountedOutcome, seen: ClientInfo, now: number): void {
    if (!this.#table.note(keyId, outcome, outcome === "ok" ? seen : null, now)) this.#uncounted++;
  }

  refuse(record: RefusalRecord): void {
    if (this.#refusals.length < REFUSALS_WAITING_MAX) this.#refusals.push(record);
  }

  flush(): Promise<void> {
    this.#writing = this.#writing.then(() => this.#write());
    return this.#writing;
  }

  async close(): Promise<void> {
    this.#closesAt = this.#clock.monotonic() + CLOSE_MS_MAX;
    this.#endRest();
    clearInterval(this.#timer);
    await this.flush();
  }

  async #flushAlone(): Promise<void> {
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    await this.flush();
    this.#isFlushing = false;
  }

  get #isClosing(): boolean {
    return this.#closesAt !== Number.POSITIVE_INFINITY;
  }

  async #write(): Promise<void> {
    const [batch, refused] = [this.#table, this.#refusals];
    if (batch.size === 0 && refused.length === 0) return;
    this.#table = new UseTable(WAITING_MAX);
    this.#refusals = [];
    if (this.#uncounted > 0)
      this.#log.warn("More different keys were used at once than are counted one by one", {
        uncounted: this.#uncounted,
      });
    this.#uncounted = 0;
    const results = await Promise.allSettled([
      this.#writeRefusals(refused),
      this.#writeSlices(batch.slices(SLICE_KEYS), batch.size > SLICE_KEYS),
    ]);
    const failure = this.#isClosing
      ? "Use of keys could not be recorded"
      : "Use of keys cannot be recorded; it waits";
    for (const result of results) if (result.status === "rejected") this.#fail(failure, result.reason);
  }

  async #writeRefusals(refused: RefusalRecord[]): Promise<void> {
    try {
      await this.#store.recordUse([], refused);
    } catch (error) {
      this.#refusals = [...refused, ...this.#refusals].slice(0, REFUSALS_WAITING_MAX);
      throw error;
    }
  }

  async #writeSlices(slices: Generator<readonly UseTally[]>, isLarge: boolean): Promise<void> {
    for (const slice of slices) {
      const began = this.#clock.monotonic();
      try {
        if (began > this.#closesAt) throw new Error("The server stops before all is written");
        await this.#store.recordUse(slice, []);
      } catch (error) {
        // What is left waits for the next batch, as far as there is room.
        for (const unwritten of [slice, ...slices]) this.#uncounted += this.#table.putBack(unwritten);
        throw error;
      }
      const pause = Math.min((this.#clock.monotonic() - began) * REST, REST_MS_MAX);
      if (!this.#isClosing && isLarge) await this.#rest(pause);
    }
  }

  /** A race with one promise for the whole life would keep something of each rest in it. */
  #rest(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#endRest = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

/** The same for one that never was and one that the caller may not know of. */
function noDecision(): AppError {
  return new AppError("not_found", "No such decision about a key that you may see, or it is too old");
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
