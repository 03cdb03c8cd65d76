/**
 * Backups that a server writes by itself: one whenever the last is as old as they are to be apart, also after a stop in
 * between. A failure harms nothing but the backup: it is logged, stands among the alerts, and is tried again.
 *
 * How old the last one is comes from the files themselves, so that one that somebody deleted counts as missing.
 */
import { mkdir } from "node:fs/promises";
import type { BackupState } from "../domain/alert.ts";
import { systemCaller } from "../domain/caller.ts";
import type { Clock } from "../domain/clock.ts";
import type { Log } from "../log.ts";
import type { Store } from "../store/store.ts";
import type { Backups } from "./backups.ts";
import { keepNewest, listKept, type Owner, ownPath } from "./kept.ts";

export interface ScheduleConfig {
  readonly everyMs: number;
  /** A folder; it is made where it is missing. */
  readonly to: string;
  /** How many stay. */
  readonly keep: number;
}

export interface BackupSchedule {
  /** Writes one that is due. Never throws. */
  tick(): Promise<void>;
  /** For `/metrics`; null: none yet. */
  ageSeconds(): number | null;
  failures(): number;
  /** Ends one that is being written, and writes no more. */
  stop(): Promise<void>;
}

export interface ScheduleDeps {
  readonly backups: Backups;
  readonly store: Pick<Store, "readBackupState" | "writeBackupState" | "quarantine" | "installation">;
  /** Of the master secret. */
  readonly fingerprint: string;
  readonly clock: Clock;
  readonly log: Log;
}

const NAME = /^chatelaine-(\d{8}T\d{6}Z)\.backup$/;
const RETRY_MS = 600_000;
/** A file that is further ahead than this was written under a wrong clock. */
const AHEAD_MS_MAX = 300_000;

export function createSchedule(config: ScheduleConfig, deps: ScheduleDeps): BackupSchedule {
  const schedule = new Schedule(config, deps);
  let ticking: Promise<void> | undefined;
  return {
    tick: () => {
      ticking ??= schedule.tick().finally(() => {
        ticking = undefined;
      });
      return ticking;
    },
    ageSeconds: () => schedule.ageSeconds(),
    failures: () => schedule.failures,
    stop: async () => {
      schedule.stop();
      await ticking;
    },
  };
}

class Schedule {
  readonly #config: ScheduleConfig;
  readonly #deps: ScheduleDeps;
  readonly #owner: Owner;
  readonly #since: number;
  #writtenAt: number | null = null;
  #failedAt: number | null = null;
  #triedAt: number | undefined;
  readonly #stopping = new AbortController();
  failures = 0;

  constructor(config: ScheduleConfig, deps: ScheduleDeps) {
    this.#config = config;
    this.#deps = deps;
    this.#owner = { installation: deps.store.installation(), secretFingerprint: deps.fingerprint };
    this.#since = deps.clock.now();
  }

  ageSeconds(): number | null {
    if (this.#writtenAt === null) return null;
    return Math.max(0, Math.round((this.#deps.clock.now() - this.#writtenAt) / 1000));
  }

  stop(): void {
    this.#stopping.abort(new Error("The server stops"));
  }

  async tick(): Promise<void> {
    const { clock, log, store } = this.#deps;
    let error: string | null = null;
    if (this.#stopping.signal.aborted) return;
    // What may be older than it should be takes no place of what is known to be good.
    if (store.quarantine() === undefined && this.#isTimeToTry(clock.monotonic())) {
      try {
        this.#writtenAt = await this.#findLast();
        if (this.#isDue(clock.now())) await this.#write();
        this.#failedAt = null;
        this.#triedAt = undefined;
      } catch (cause) {
        if (this.#stopping.signal.aborted) return;
        this.failures++;
        this.#triedAt = clock.monotonic();
        this.#failedAt ??= clock.now();
        error = (cause as Error).message;
        log.error("The backup failed; it is tried again in ten minutes", {
          to: this.#config.to,
          error: cause,
        });
      }
      await this.#show(error);
    }
  }

  /** After a failure not at once. */
  #isTimeToTry(now: number): boolean {
    return this.#triedAt === undefined || now - this.#triedAt >= RETRY_MS;
  }

  #isDue(now: number): boolean {
    return this.#writtenAt === null || now - this.#writtenAt >= this.#config.everyMs;
  }

  async #findLast(): Promise<number | null> {
    const { clock } = this.#deps;
    const { to } = this.#config;
    await mkdir(to, { recursive: true, mode: 0o700 });
    const files = await listKept({ folder: to, name: NAME, owner: this.#owner });
    const known = files.map(({ manifest }) => manifest.at).filter((at) => at <= clock.now() + AHEAD_MS_MAX);
    return known.length === 0 ? null : Math.max(...known);
  }

  async #write(): Promise<void> {
    const { backups, clock, log } = this.#deps;
    const { to: folder, keep } = this.#config;
    const path = await ownPath("chatelaine", clock.now(), { folder, owner: this.#owner });
    const target = { kind: "file", path, replace: true } as const;
    const { signal } = this.#stopping;
    const { manifest, bytes } = await backups.write(systemCaller("backup"), target, { signal });
    this.#writtenAt = manifest.at;
    log.info("Wrote a backup", { path, bytes });
    await keepNewest({ folder, name: NAME, owner: this.#owner, keep }).catch((error: unknown) =>
      log.warn("Backups that are too many could not be deleted", { folder, error }),
    );
  }

  /** Every process on the folder shows the same alerts. */
  async #show(error: string | null): Promise<void> {
    const { store, log } = this.#deps;
    const state: BackupState = {
      everyMs: this.#config.everyMs,
      since: this.#since,
      writtenAt: this.#writtenAt,
      failedAt: this.#failedAt,
      error,
    };
    try {
      const before = await store.readBackupState();
      if (JSON.stringify(before) !== JSON.stringify(state)) await store.writeBackupState(state);
    } catch (cause) {
      log.warn("The state of the backups cannot be written down", { error: cause });
    }
  }
}

/** A server that writes none raises no alert of one that did. */
export async function forgetSchedule(
  store: Pick<Store, "readBackupState" | "writeBackupState">,
): Promise<void> {
  const state = await store.readBackupState();
  if (state.everyMs === null) return;
  await store.writeBackupState({ everyMs: null, since: 0, writtenAt: null, failedAt: null, error: null });
}
