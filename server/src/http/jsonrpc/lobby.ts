/**
 * Sockets that have not signed in. A network may have so many of them, all together so many; where there is no room, the
 * newcomer takes the place of the one that has been there longest, of the network that has most of them. One that says nothing for
 * two minutes is closed (held by `sockets-shared.test.ts`).
 */
import { networkOf } from "../../domain/address.ts";
import type { Clock } from "../../domain/clock.ts";

export const NETWORK_SOCKETS_MAX = 50;
export const SOCKETS_MAX = 1_000;
export const SILENT_MS_MAX = 120_000;
const SWEEP_EVERY_MS = 1_000;

export interface Guest {
  close(code: number, reason: string): void;
}

interface Place {
  readonly network: string;
  /** Rises from one that came to the next. */
  readonly cameAt: number;
  /** Monotonic, of the last frame. */
  heardAt: number;
}

export class Lobby {
  readonly #clock: Pick<Clock, "monotonic">;
  /** The one that came first is the first. */
  readonly #places = new Map<Guest, Place>();
  readonly #networks = new Map<string, Set<Guest>>();
  #came = 0;
  #timer: Timer | undefined;

  constructor(clock: Pick<Clock, "monotonic">) {
    this.#clock = clock;
  }

  /** @param address null: a unix socket, of which only the sum counts */
  enter(guest: Guest, address: string | null): void {
    this.leave(guest);
    const network = networkOf(address);
    const mine = this.#networks.get(network);
    if (mine && address !== null && mine.size >= NETWORK_SOCKETS_MAX) this.#dismiss(mine);
    else if (this.#places.size >= SOCKETS_MAX) this.#dismiss(this.#largest());
    this.#places.set(guest, { network, cameAt: this.#came++, heardAt: this.#clock.monotonic() });
    const guests = this.#networks.get(network) ?? new Set();
    guests.add(guest);
    this.#networks.set(network, guests);
    this.#timer ??= setInterval(() => this.#sweep(), SWEEP_EVERY_MS);
  }

  /** It has signed in, or is gone. */
  leave(guest: Guest): void {
    const place = this.#places.get(guest);
    if (!place) return;
    this.#places.delete(guest);
    const guests = this.#networks.get(place.network);
    guests?.delete(guest);
    if (guests?.size === 0) this.#networks.delete(place.network);
    if (this.#places.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** A frame came from it. */
  heard(guest: Guest): void {
    const place = this.#places.get(guest);
    if (place) place.heardAt = this.#clock.monotonic();
  }

  /** Of networks that have as many, the one whose first came first. */
  #largest(): ReadonlySet<Guest> {
    let most: ReadonlySet<Guest> = new Set();
    for (const guests of this.#networks.values()) {
      if (guests.size > most.size || (guests.size === most.size && this.#isEarlier(guests, most)))
        most = guests;
    }
    return most;
  }

  #isEarlier(one: ReadonlySet<Guest>, other: ReadonlySet<Guest>): boolean {
    const at = (guests: ReadonlySet<Guest>) => this.#places.get(guests.values().next().value!)!.cameAt;
    return at(one) < at(other);
  }

  #dismiss(guests: ReadonlySet<Guest>): void {
    const first = guests.values().next().value;
    if (!first) return;
    this.leave(first);
    first.close(1013, "Too many connections that have not signed in");
  }

  #sweep(): void {
    const since = this.#clock.monotonic() - SILENT_MS_MAX;
    for (const [guest, { heardAt }] of this.#places) {
      if (heardAt > since) continue;
      this.leave(guest);
      guest.close(1008, `Not signed in, and silent for ${SILENT_MS_MAX / 1_000} seconds`);
    }
  }
}
