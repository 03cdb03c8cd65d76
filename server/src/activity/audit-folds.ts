/**
 * Refusals of strangers: one record a minute for each network, act and reason, with how many there were. The first of each
 * is kept in full, the others are counted, so that a flood costs a counter and not a record (held by `audit-folds.test.ts`).
 *
 * A process makes at most FOLDS_A_MINUTE_MAX different ones a minute; what comes from still other networks is told of all
 * of them together.
 */
import { networkOf } from "../domain/address.ts";
import type { AuditRecord } from "../domain/audit.ts";
import type { Clock } from "../domain/clock.ts";
import type { Fold } from "../store/store.ts";

export type Note = Pick<AuditRecord, "event" | "action" | "description" | "success"> &
  Partial<Omit<AuditRecord, "id" | "at">>;

export const FOLDS_A_MINUTE_MAX = 1_000;
/** While they cannot be written; the oldest go first. */
const FOLDS_WAITING_MAX = 10_000;
const MINUTE_MS = 60_000;

/** What refusals of one minute are told apart by, beside the network. */
export interface StrangerAct extends Pick<AuditRecord, "event" | "action" | "address" | "door"> {
  /** One of a closed set. */
  readonly reason: string;
  /** Whose secret was right all the same, key or user. */
  readonly proven?: string | undefined;
}

/** The rest of the record, made for the first alone. */
export type StrangerNote = Omit<Note, "event" | "action" | "address" | "door" | "success">;

export class Folds {
  readonly #clock: Pick<Clock, "now">;
  readonly #finish: (note: Note) => AuditRecord;
  #waiting = new Map<string, Fold>();
  /** Those of the running minute, written or not. */
  #known = new Set<string>();
  #minute = 0;

  constructor(clock: Pick<Clock, "now">, finish: (note: Note) => AuditRecord) {
    this.#clock = clock;
    this.#finish = finish;
  }

  add(act: StrangerAct, note: () => StrangerNote): void {
    const now = this.#clock.now();
    const name = this.#nameOf(act, now);
    const before = this.#waiting.get(name.text);
    if (before) {
      this.#waiting.set(name.text, { ...before, count: before.count + 1, lastAt: now });
      return;
    }
    const { event, action, door } = act;
    const address = name.isOfAll ? null : act.address;
    const record = this.#finish({ ...note(), event, action, door, address, success: false });
    this.#waiting.set(name.text, { name: name.text, record, count: 1, lastAt: now });
  }

  /** What is to be written; it is given back where it could not be. */
  take(): readonly Fold[] {
    const taken = [...this.#waiting.values()];
    this.#waiting = new Map();
    return taken;
  }

  /** @returns how many refusals there was no room for */
  putBack(folds: readonly Fold[]): number {
    const later = this.#waiting;
    this.#waiting = new Map(folds.map((fold) => [fold.name, fold]));
    for (const fold of later.values()) {
      const first = this.#waiting.get(fold.name);
      const both = first && { ...first, count: first.count + fold.count, lastAt: fold.lastAt };
      this.#waiting.set(fold.name, both ?? fold);
    }
    let lost = 0;
    for (const [name, { count }] of this.#waiting) {
      if (this.#waiting.size <= FOLDS_WAITING_MAX) break;
      this.#waiting.delete(name);
      lost += count;
    }
    return lost;
  }

  #nameOf(act: StrangerAct, now: number): { readonly text: string; readonly isOfAll: boolean } {
    const minute = Math.floor(now / MINUTE_MS);
    if (minute !== this.#minute) {
      this.#minute = minute;
      this.#known = new Set();
    }
    const text = textOf(act, networkOf(act.address), minute);
    if (this.#known.has(text)) return { text, isOfAll: false };
    if (this.#known.size >= FOLDS_A_MINUTE_MAX) return { text: textOf(act, "all", minute), isOfAll: true };
    this.#known.add(text);
    return { text, isOfAll: false };
  }
}

function textOf(
  { event, action, door, reason, proven = "" }: StrangerAct,
  network: string,
  minute: number,
): string {
  return [network, door, event, action, reason, proven, minute].join("|");
}
