/**
 * The log's line for each refused sign-in, with the address that it came from: what fail2ban and CrowdSec read (filters in
 * `deploy/`). Its words and fields are a format that others rely on; nothing in it is of the client's choice.
 *
 * Of one network ten lines a second, of all a thousand; the rest of a second is one line with a count (held by
 * `refused-sign-ins-log.test.ts`).
 */
import { networkOf } from "../domain/address.ts";
import type { Origin } from "../domain/caller.ts";
import type { Clock } from "../domain/clock.ts";
import type { Log } from "../log.ts";
import { isProven, type SignInRefusal } from "./credential.ts";

export const LINES_A_SECOND_MAX = 10;
const LINES_IN_ALL_MAX = 1_000;
const NETWORKS_MAX = 4_096;
const SECOND_MS = 1_000;

export interface RefusedSignIn {
  readonly kind: string;
  readonly reason: SignInRefusal;
}

interface Told {
  lines: number;
  /** Beyond the lines. */
  more: number;
  /** Of those, how many had a wrong secret. */
  guesses: number;
  address: string;
}

export interface RefusalLogDeps {
  readonly log: Pick<Log, "warn">;
  readonly clock: Pick<Clock, "monotonic">;
}

export class RefusalLog {
  readonly #deps: RefusalLogDeps;
  readonly #networks = new Map<string, Told>();
  #second = Number.NEGATIVE_INFINITY;
  #lines = 0;
  /** Of networks beyond those that are counted one by one. */
  #others = 0;
  #timer: Timer | undefined;

  constructor(deps: RefusalLogDeps) {
    this.#deps = deps;
  }

  tell({ kind, reason }: RefusedSignIn, origin: Pick<Origin, "address" | "door">): void {
    const second = Math.floor(this.#deps.clock.monotonic() / SECOND_MS);
    if (second !== this.#second) this.#settle();
    this.#second = second;
    const address = origin.address ?? "local";
    const told = this.#toldOf(networkOf(origin.address), address);
    if (told && told.lines < LINES_A_SECOND_MAX && this.#lines < LINES_IN_ALL_MAX) {
      told.lines++;
      this.#lines++;
      this.#deps.log.warn("Sign-in refused", { address, door: origin.door, kind, reason });
      return;
    }
    if (told) {
      told.more++;
      if (!isProven(reason)) told.guesses++;
    } else this.#others++;
    this.#timer ??= setTimeout(() => this.#settle(), SECOND_MS);
  }

  close(): void {
    this.#settle();
  }

  #toldOf(network: string, address: string): Told | undefined {
    const known = this.#networks.get(network);
    if (known) {
      known.address = address;
      return known;
    }
    if (this.#networks.size >= NETWORKS_MAX) return undefined;
    const told = { lines: 0, more: 0, guesses: 0, address };
    this.#networks.set(network, told);
    return told;
  }

  /** What the last second had beyond its lines. */
  #settle(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const { log } = this.#deps;
    for (const [network, { more, guesses, address }] of this.#networks) {
      if (more > 0) log.warn("More sign-ins refused", { address, network, count: more, guesses });
    }
    if (this.#others > 0) log.warn("More sign-ins refused", { network: "others", count: this.#others });
    this.#networks.clear();
    this.#lines = 0;
    this.#others = 0;
  }
}
