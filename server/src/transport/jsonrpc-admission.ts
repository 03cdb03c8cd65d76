/** Who may open a socket, and how much somebody without a session may do: all of it bounded in memory. */
import { networkOf } from "../domain/address.ts";
import type { Clock } from "../domain/clock.ts";

const ANONYMOUS_SOCKETS_PER_ADDRESS = 50;
const ANONYMOUS_SOCKETS = 1_000;
const RATE_WINDOW_MS = 60_000;
const RATE_COUNTERS = 100;

/**
 * Absent passes (no browser), our own and allowed ones pass. Our own counts by host and port alone: the common Python library
 * says `http://` on `wss://` too, and no page of another scheme can come from the same port.
 */
export function isOriginAllowed(
  origin: string | null,
  own: readonly string[],
  allowed: readonly string[],
): boolean {
  if (origin === null || allowed.includes(origin)) return true;
  const host = /^https?:\/\/(.+)$/.exec(origin)?.[1];
  return own.some((one) => one === origin || one.replace(/^https?:\/\//, "") === host);
}

/** Sockets without a session, by address. On a unix socket they have none and only their sum counts. */
export class AnonymousSockets {
  readonly #byAddress = new Map<string, number>();
  #total = 0;

  /** @returns false when there is no room. */
  enter(address: string | null): boolean {
    const here = this.#count(address);
    if (this.#total >= ANONYMOUS_SOCKETS || here >= ANONYMOUS_SOCKETS_PER_ADDRESS) return false;
    this.put(address, 1);
    return true;
  }

  /** A socket has signed in or gone (-1), or has signed out (1), which is never refused. */
  put(address: string | null, step: 1 | -1): void {
    this.#total += step;
    if (address === null) return;
    const left = this.#count(address) + step;
    if (left > 0) this.#byAddress.set(networkOf(address), left);
    else this.#byAddress.delete(networkOf(address));
  }

  #count(address: string | null): number {
    return address === null ? 0 : (this.#byAddress.get(networkOf(address)) ?? 0);
  }
}

/** Calls without a session: so many a minute of one method from one address. */
export class AnonymousRate {
  readonly #counters = new Map<string, { startedAt: number; count: number }>();
  readonly #limit: number;
  readonly #clock: Clock;

  /** @param limit 0: none */
  constructor(limit: number, clock: Clock) {
    this.#limit = limit;
    this.#clock = clock;
  }

  /** @returns whether this call may run. While all counters are taken, none that would need another may. */
  take(method: string, address: string): boolean {
    if (this.#limit === 0) return true;
    const now = this.#clock.monotonic();
    const name = `${method} ${networkOf(address)}`;
    const counter = this.#counters.get(name);
    if (counter && now - counter.startedAt < RATE_WINDOW_MS) return ++counter.count <= this.#limit;
    if (!counter && this.#counters.size >= RATE_COUNTERS) this.#dropOld(now);
    if (!counter && this.#counters.size >= RATE_COUNTERS) return false;
    this.#counters.set(name, { startedAt: now, count: 1 });
    return true;
  }

  #dropOld(now: number): void {
    for (const [name, { startedAt }] of this.#counters) {
      if (now - startedAt >= RATE_WINDOW_MS) this.#counters.delete(name);
    }
  }
}
