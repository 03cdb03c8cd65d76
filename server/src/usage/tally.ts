/**
 * What happened to one key since the last batch. Most checks are like the one before them, so one count, one host and one
 * client stand by themselves, and a list of others is only made where there are any.
 */
import { type ClientUse, EarlierClients } from "../domain/recent-clients.ts";
import type { KeyUse, UseTally } from "../store/store.ts";
import type { Refusal } from "../verify/verify.ts";

export type Outcome = "ok" | Refusal;
export type CountedOutcome = Exclude<Outcome, "malformed" | "unknown">;

export interface Seen {
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
type Counts = Map<string, Count>;

export class Tally implements UseTally {
  readonly keyId: number;
  /** Of what is counted in `#times`. */
  #day = 0;
  #what = "";
  #times = 0;
  #others: Counts | undefined;
  #uses = 0;
  #usedAt = 0;
  #address: string | null = null;
  #client: string | null = null;
  #host: string | null = null;
  #hostUses = 0;
  #otherHosts: Map<string, number> | undefined;
  #earlier: EarlierClients | undefined;

  constructor(keyId: number) {
    this.keyId = keyId;
  }

  count(outcome: CountedOutcome, now: number): void {
    const { day, names } = hourOf(now);
    const what = names[outcome];
    if (what === this.#what && day === this.#day) {
      this.#times++;
      return;
    }
    if (this.#times > 0) {
      this.#others ??= new Map();
      this.#addLast(this.#others);
    }
    this.#day = day;
    this.#what = what;
    this.#times = 1;
  }

  /** A use that was not refused. */
  use({ address, client, host }: Seen, now: number): void {
    const isSame = this.#uses > 0 && address === this.#address && client === this.#client;
    if (!isSame) this.#changeClient(address, client, now);
    this.#uses++;
    this.#usedAt = now;
    if (host !== null) this.#countHost(host);
  }

  get counts(): readonly Count[] {
    const all: Counts = new Map(this.#others);
    this.#addLast(all);
    return [...all.values()];
  }

  get hosts(): ReadonlyMap<string, number> {
    const hosts = new Map(this.#otherHosts);
    if (this.#host !== null) addTo(hosts, this.#host, this.#hostUses);
    return hosts;
  }

  get last(): KeyUse | undefined {
    if (this.#uses === 0) return undefined;
    const { keyId } = this;
    const last = { keyId, at: this.#usedAt, address: this.#address, client: this.#client, count: this.#uses };
    return this.#earlier ? { ...last, earlier: this.#earlier.list() } : last;
  }

  #addLast(counts: Counts): void {
    const [day, what] = [this.#day, this.#what];
    const name = `${day}/${what}`;
    counts.set(name, { day, what, times: this.#times + (counts.get(name)?.times ?? 0) });
  }

  #changeClient(address: string | null, client: string | null, now: number): void {
    if (this.#uses > 0) {
      const before: ClientUse = { address: this.#address, client: this.#client, at: now };
      this.#earlier ??= new EarlierClients();
      this.#earlier.add(before);
    }
    this.#address = address;
    this.#client = client;
  }

  #countHost(host: string): void {
    if (host === this.#host) {
      this.#hostUses++;
      return;
    }
    if (this.#host === null) {
      this.#host = host;
      this.#hostUses = 1;
      return;
    }
    this.#otherHosts ??= new Map();
    const isKnown = this.#otherHosts.has(host) || this.#otherHosts.size + 1 < HOSTS_AT_ONCE;
    addTo(this.#otherHosts, isKnown ? host : OTHER_HOSTS, 1);
  }
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

function addTo(counts: Map<string, number>, name: string, by: number): void {
  counts.set(name, (counts.get(name) ?? 0) + by);
}
