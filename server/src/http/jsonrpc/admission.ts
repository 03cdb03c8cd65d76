/**
 * How much somebody without a session may do, and how many of them there may be: shared among networks (one IPv4 address,
 * one IPv6 /64), all of it bounded in memory. A full table forgets the oldest entry; it never means that nobody
 * else gets in (held by `sockets-shared.test.ts` and `strangers.test.ts`).
 */
import { networkOf } from "../../domain/address.ts";
import type { Clock } from "../../domain/clock.ts";
import { isOneOf } from "../origins.ts";
import type { RpcPeer } from "./api.ts";

const RATE_WINDOW_MS = 60_000;
export const RATE_NETWORKS_MAX = 4_096;

/**
 * Absent passes (no browser), our own and allowed ones pass. Our own counts by host and port alone: the common Python library
 * says `http://` on `wss://` too, and no page of another scheme can come from the same port. Behind a
 * trusted proxy that drops the port from `Host`, any port of that host is ours: no cookie counts on these sockets.
 */
export function isOriginAllowed(
  origin: string | null,
  { ownOrigins, proxied }: Pick<RpcPeer, "ownOrigins" | "proxied">,
  allowed: readonly string[],
): boolean {
  if (origin === null || isOneOf(origin, allowed)) return true;
  const host = /^https?:\/\/(.+)$/i.exec(origin)?.[1];
  if (host === undefined) return false;
  const isOwn = (name: string): boolean =>
    isOneOf(`https://${name}`, ownOrigins) || isOneOf(`http://${name}`, ownOrigins);
  return isOwn(host) || (proxied && isOwn(host.replace(/:\d+$/, "")));
}

/** Of one method and network, in one window. */
export interface RateCounter {
  readonly startedAt: number;
  count: number;
}

/** Calls without a session: so many a minute of one method from one network. */
export class AnonymousRate {
  readonly #networks = new Map<string, Map<string, RateCounter>>();
  readonly #limit: number;
  readonly #clock: Pick<Clock, "monotonic">;

  /** @param limit 0: none */
  constructor(limit: number, clock: Pick<Clock, "monotonic">) {
    this.#limit = limit;
    this.#clock = clock;
  }

  /** @returns where this call is counted, for it to be given back; undefined: it is one too many */
  take(method: string, address: string | null): RateCounter | undefined {
    const now = this.#clock.monotonic();
    if (this.#limit === 0) return { startedAt: now, count: 1 };
    const mine = this.#countersOf(networkOf(address));
    const counter = mine.get(method);
    if (!counter || now - counter.startedAt >= RATE_WINDOW_MS) {
      const fresh = { startedAt: now, count: 1 };
      mine.set(method, fresh);
      return fresh;
    }
    if (counter.count >= this.#limit) return undefined;
    counter.count++;
    return counter;
  }

  #countersOf(network: string): Map<string, RateCounter> {
    const mine = this.#networks.get(network) ?? new Map<string, RateCounter>();
    this.#networks.delete(network);
    if (this.#networks.size >= RATE_NETWORKS_MAX) this.#networks.delete(this.#networks.keys().next().value!);
    this.#networks.set(network, mine);
    return mine;
  }
}
