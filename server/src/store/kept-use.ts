/** What is kept of the use of keys. */
import type { ClientUse } from "../domain/recent-clients.ts";

/** What happened to a key in one batch. */
export interface UseTally {
  readonly keyId: number;
  readonly counts: readonly {
    /** Since the epoch. */
    readonly day: number;
    /** `13a`: hour of the day in UTC, and the letter of the outcome. */
    readonly what: string;
    readonly times: number;
  }[];
  /** Of good uses, as the last and the others are; undefined: there was none. */
  readonly last: KeyUse | undefined;
  readonly hosts: ReadonlyMap<string, number>;
}

/** Why a key was refused whose secret was right. */
export interface RefusalRecord {
  readonly decision: string;
  readonly keyId: number;
  readonly at: number;
  readonly reason: string;
  /** For people: the exact rule. */
  readonly rule: string;
  readonly address: string | null;
  readonly host: string | null;
}

/** Counts of a day, by hour and outcome (`13a`) or, when old, by outcome alone (`a`). */
export interface KeyDay {
  readonly keyId: number;
  /** Days since the epoch, UTC. */
  readonly day: number;
  readonly counts: Readonly<Record<string, number>>;
}

export interface KeyUse {
  readonly keyId: number;
  readonly at: number;
  readonly address: string | null;
  readonly client: string | null;
  readonly count: number;
  /** By whom else it was used in this batch. */
  readonly earlier?: readonly ClientUse[];
}

/** Use of keys, by day, host and client. */
export interface UsageStore {
  /** Adds a batch of counts, in slices, by statements that touch nothing of a key; keeps the last 100 refusals of each. */
  recordUse(tallies: readonly UseTally[], refusals: readonly RefusalRecord[]): Promise<void>;
  listKeyDays(keyId: number, sinceDay: number): Promise<readonly KeyDay[]>;
  listKeyHosts(
    keyId: number,
  ): Promise<readonly { readonly host: string; readonly uses: number; readonly lastUsedAt: number }[]>;
  /** Different clients at different addresses that used the key since then, the latest first; 20 at most. */
  listKeyClients(keyId: number, since: number): Promise<readonly ClientUse[]>;
  /** Newest first. */
  listRefusals(keyId: number): Promise<readonly RefusalRecord[]>;
  findRefusal(decision: string): Promise<RefusalRecord | undefined>;
}
