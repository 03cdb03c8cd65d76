/** What happened to one key since the last batch, where there is more to tell than a row of `use-table.ts` holds. */
import { type ClientUse, EarlierClients, isSameClient } from "../domain/recent-clients.ts";
import type { KeyUse, UseTally } from "../store/store.ts";
import type { RefusalReason } from "../verify/verify.ts";

export type UseOutcome = "ok" | RefusalReason;
export type CountedOutcome = Exclude<UseOutcome, "malformed" | "unknown">;

export interface ClientInfo {
  readonly address: string | null;
  readonly client: string | null;
  readonly host: string | null;
}

/** The letters under which outcomes are kept. */
export const OUTCOME_LETTERS: Readonly<Record<CountedOutcome, string>> = {
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

export const OUTCOMES = Object.keys(OUTCOME_LETTERS) as readonly CountedOutcome[];

const HOUR_MS = 3_600_000;
const HOSTS_AT_ONCE = 8;
/** Beyond the most, hosts are counted together under the empty name. */
const OTHER_HOSTS = "";

/** An hour, and the names of its counts: `13a` for the hour of the day in UTC and the outcome. */
interface Hour {
  readonly number: number;
  readonly day: number;
  readonly names: Readonly<Record<CountedOutcome, string>>;
}

type Count = UseTally["counts"][number];

export class Tally implements UseTally {
  readonly keyId: number;
  readonly #counts = new Map<string, Count>();
  readonly #hosts = new Map<string, number>();
  #last: KeyUse | undefined;
  #earlier: EarlierClients | undefined;

  constructor(keyId: number) {
    this.keyId = keyId;
  }

  /**
   * @param use of whom it was a use, or null
   * @param times as often, all in one hour
   */
  note(outcome: CountedOutcome, use: ClientInfo | null, now: number, times = 1): void {
    this.#count(countOf(outcome, now, times));
    if (use) this.#use(use, now, times);
  }

  /** What happened after all that is in it. */
  add({ counts, hosts, last }: UseTally): void {
    for (const count of counts) this.#count(count);
    for (const [host, times] of hosts) this.#host(host, times);
    if (!last) return;
    const { earlier = [], ...use } = last;
    this.#precede(use);
    if (earlier.length > 0) this.#earlier ??= new EarlierClients();
    for (const one of earlier) this.#earlier?.add(one);
    this.#last = { ...use, count: use.count + (this.#last?.count ?? 0) };
  }

  get counts(): readonly Count[] {
    return [...this.#counts.values()];
  }

  get hosts(): ReadonlyMap<string, number> {
    return this.#hosts;
  }

  get last(): KeyUse | undefined {
    return this.#last && this.#earlier ? { ...this.#last, earlier: this.#earlier.list() } : this.#last;
  }

  #use({ address, client, host }: ClientInfo, at: number, times: number): void {
    this.#precede({ address, client });
    this.#last = { keyId: this.keyId, at, address, client, count: times + (this.#last?.count ?? 0) };
    if (host !== null) this.#host(host, times);
  }

  /** Another client follows: the last one is one of the earlier. */
  #precede(next: Pick<ClientUse, "address" | "client">): void {
    const before = this.#last;
    if (!before || isSameClient(before, next)) return;
    this.#earlier ??= new EarlierClients();
    this.#earlier.add({ address: before.address, client: before.client, at: before.at });
  }

  #count(count: Count): void {
    const name = `${count.day}/${count.what}`;
    this.#counts.set(name, { ...count, times: count.times + (this.#counts.get(name)?.times ?? 0) });
  }

  #host(host: string, times: number): void {
    const isNamed = this.#hosts.has(host) || this.#hosts.size < HOSTS_AT_ONCE;
    const name = isNamed ? host : OTHER_HOSTS;
    this.#hosts.set(name, times + (this.#hosts.get(name) ?? 0));
  }
}

/** As the store keeps it. */
export function countOf(outcome: CountedOutcome, at: number, times: number): Count {
  const { day, names } = hourOf(at);
  return { day, what: names[outcome], times };
}

export function isSameHour(a: number, b: number): boolean {
  return Math.floor(a / HOUR_MS) === Math.floor(b / HOUR_MS);
}

let hour: Hour = { number: -1, day: 0, names: OUTCOME_LETTERS };

/** The same object for a whole hour, so that no name is built for each check. */
function hourOf(now: number): Hour {
  const number = Math.floor(now / HOUR_MS);
  if (number !== hour.number) {
    const prefix = String(number % 24).padStart(2, "0");
    const named = Object.entries(OUTCOME_LETTERS).map(([outcome, letter]) => [outcome, prefix + letter]);
    hour = { number, day: Math.floor(number / 24), names: Object.fromEntries(named) };
  }
  return hour;
}
