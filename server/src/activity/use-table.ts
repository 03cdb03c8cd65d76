/**
 * What happened to keys since the last batch. Nearly every key is asked for in one way, by one client and at one host in
 * so short a time: those lie in columns, some 70 bytes each and nothing for the collector to walk, so that a million keys
 * asked for at random cost little more than a few. A key of which there is more to tell gets a tally of its own.
 */
import type { UseTally } from "../store/store.ts";
import { type ClientInfo, type CountedOutcome, countOf, isSameHour, OUTCOMES, Tally } from "./use-tally.ts";

const ROWS_AT_FIRST = 1_024;
const NO_HOSTS: ReadonlyMap<string, number> = new Map();

export class UseTable {
  readonly #rowsMax: number;
  readonly #rows = new Map<number, number>();
  readonly #tallies = new Map<number, Tally>();
  #outcomes = new Uint8Array(ROWS_AT_FIRST);
  /** 1: they were uses, and the last three columns tell whose. */
  #areUses = new Uint8Array(ROWS_AT_FIRST);
  #times = new Uint32Array(ROWS_AT_FIRST);
  /** Of the last check. */
  #at = new Float64Array(ROWS_AT_FIRST);
  readonly #addresses: (string | null)[] = [];
  readonly #clients: (string | null)[] = [];
  readonly #hosts: (string | null)[] = [];

  constructor(rowsMax: number) {
    this.#rowsMax = rowsMax;
  }

  get size(): number {
    return this.#rows.size;
  }

  /**
   * @param use of whom it was a use; null: it is only counted
   * @returns false where there is no room for another key
   */
  note(keyId: number, outcome: CountedOutcome, use: ClientInfo | null, now: number): boolean {
    const row = this.#rows.get(keyId);
    if (row === undefined) return this.#add(keyId, outcome, use, now);
    if (this.#isAlike(row, outcome, use, now)) {
      this.#times[row]!++;
      this.#at[row] = now;
      return true;
    }
    this.#tallyOf(keyId, row).note(outcome, use, now);
    return true;
  }

  /**
   * What was taken from another table and could not be written; it comes before what is in this one.
   * @returns how many keys there is no room for
   */
  putBack(tallies: readonly UseTally[]): number {
    let refused = 0;
    for (const tally of tallies) {
      const row = this.#rows.get(tally.keyId);
      if (row === undefined && this.#rows.size >= this.#rowsMax) refused++;
      else this.#tallyBefore(tally, row);
    }
    return refused;
  }

  /** All of them by the order of the keys, in which neighbours share pages of a database. */
  *slices(length: number): Generator<UseTally[]> {
    const ids = Float64Array.from(this.#rows.keys()).sort();
    for (let from = 0; from < ids.length; from += length)
      yield Array.from(ids.subarray(from, from + length), (id) => this.#get(id));
  }

  #add(keyId: number, outcome: CountedOutcome, use: ClientInfo | null, now: number): boolean {
    const row = this.#rows.size;
    if (row >= this.#rowsMax) return false;
    if (row === this.#times.length) this.#grow();
    this.#rows.set(keyId, row);
    this.#outcomes[row] = OUTCOMES.indexOf(outcome);
    this.#times[row] = 1;
    this.#at[row] = now;
    this.#areUses[row] = use ? 1 : 0;
    this.#addresses.push(use?.address ?? null);
    this.#clients.push(use?.client ?? null);
    this.#hosts.push(use?.host ?? null);
    return true;
  }

  /** Never of a key with a tally: its row has no times. */
  #isAlike(row: number, outcome: CountedOutcome, use: ClientInfo | null, now: number): boolean {
    if (this.#times[row] === 0 || OUTCOMES[this.#outcomes[row]!] !== outcome) return false;
    if (!isSameHour(this.#at[row]!, now) || (use !== null) !== (this.#areUses[row] === 1)) return false;
    if (use === null) return true;
    const { address, client, host } = use;
    return this.#addresses[row] === address && this.#clients[row] === client && this.#hosts[row] === host;
  }

  #tallyOf(keyId: number, row: number): Tally {
    let tally = this.#tallies.get(keyId);
    if (tally) return tally;
    tally = new Tally(keyId);
    tally.note(OUTCOMES[this.#outcomes[row]!]!, this.#useOf(row), this.#at[row]!, this.#times[row]!);
    this.#tallies.set(keyId, tally);
    this.#times[row] = 0;
    return tally;
  }

  #tallyBefore(tally: UseTally, row: number | undefined): void {
    const { keyId } = tally;
    const later = row === undefined ? undefined : this.#get(keyId);
    // A row without times: its tally says all.
    if (row === undefined) this.#add(keyId, "ok", null, 0);
    this.#times[this.#rows.get(keyId)!] = 0;
    const merged = new Tally(keyId);
    merged.add(tally);
    if (later) merged.add(later);
    this.#tallies.set(keyId, merged);
  }

  #get(keyId: number): UseTally {
    const tally = this.#tallies.get(keyId);
    if (tally) return tally;
    const row = this.#rows.get(keyId)!;
    const [at, times] = [this.#at[row]!, this.#times[row]!];
    const use = this.#useOf(row);
    return {
      keyId,
      counts: [countOf(OUTCOMES[this.#outcomes[row]!]!, at, times)],
      last: use ? { keyId, at, address: use.address, client: use.client, count: times } : undefined,
      hosts: use && use.host !== null ? new Map([[use.host, times]]) : NO_HOSTS,
    };
  }

  #useOf(row: number): ClientInfo | null {
    if (this.#areUses[row] === 0) return null;
    return { address: this.#addresses[row]!, client: this.#clients[row]!, host: this.#hosts[row]! };
  }

  #grow(): void {
    const length = this.#times.length * 2;
    const larger = <Column extends Uint8Array | Uint32Array | Float64Array>(column: Column, next: Column) => {
      next.set(column);
      return next;
    };
    this.#outcomes = larger(this.#outcomes, new Uint8Array(length));
    this.#areUses = larger(this.#areUses, new Uint8Array(length));
    this.#times = larger(this.#times, new Uint32Array(length));
    this.#at = larger(this.#at, new Float64Array(length));
  }
}
