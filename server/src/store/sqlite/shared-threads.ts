/**
 * The threads of lists and searches, and whose turn it is.
 *
 * There are two lanes, each with threads of its own: lists, said to SQL by comparisons alone and a page at a time, and searches, which
 * are all the rest. So nobody's list stands behind a search. In each lane users have their turns one after the other, two at
 * once of each, and never all the places; who has waited too long, or finds the queue full of their own, gets 503. A
 * search whose asker has gone gives up (held by `search-places.test.ts`).
 */
import {
  LISTS_AT_ONCE_MAX,
  LISTS_EACH_MAX,
  LISTS_WAITING_MAX,
  SEARCH_WAIT_MS,
  SEARCHES_AT_ONCE_MAX,
  SEARCHES_EACH_MAX,
  SEARCHES_WAITING_MAX,
} from "@chatelaine/contract/limits";
import type { Kysely } from "kysely";
import { AppError } from "../../domain/errors.ts";
import { type Asking, FairQueue, type FairShares } from "../../domain/fair-queue.ts";
import type { Tables } from "../schema.ts";
import { overThread, type Thread } from "./threads.ts";

export interface Reading {
  readonly thread: Pick<Thread, "ask">;
  readonly db: Kysely<Tables>;
}

interface Place {
  readonly thread: Thread;
  readonly db: Kysely<Tables>;
  busy: number;
}

class Lane {
  readonly #queue: FairQueue;
  readonly #places: readonly Place[];

  constructor(shares: FairShares, threads: readonly Thread[]) {
    this.#queue = new FairQueue(shares);
    this.#places = threads.map((thread) => ({ thread, db: overThread(thread, "main"), busy: 0 }));
  }

  /** Throws unavailable, and does nothing, where it is nobody's turn to wait. */
  async pass<Result>(asking: Asking, work: (reading: Reading) => Promise<Result>): Promise<Result> {
    const passed = await this.#queue.pass(asking, async () => {
      // The first that does the least: a thread starts at its first use.
      const place = this.#places.reduce((least, one) => (one.busy < least.busy ? one : least));
      place.busy++;
      try {
        if (!asking.gone) return await work(place);
        const ask: Thread["ask"] = (request) => place.thread.ask(request, asking.gone);
        return await work({ thread: { ask }, db: overThread({ ask }, "main") });
      } finally {
        place.busy--;
      }
    });
    if (!passed) throw new AppError("unavailable", "Too many searches are under way; try again");
    return passed.of;
  }
}

export class SharedThreads {
  readonly lists: Lane;
  readonly searches: Lane;

  constructor(lists: Thread, searches: readonly Thread[]) {
    const waitMs = SEARCH_WAIT_MS;
    this.lists = new Lane(
      { atOnce: LISTS_AT_ONCE_MAX, eachAtOnce: LISTS_EACH_MAX, waiting: LISTS_WAITING_MAX, waitMs },
      [lists],
    );
    this.searches = new Lane(
      { atOnce: searches.length, eachAtOnce: SEARCHES_EACH_MAX, waiting: SEARCHES_WAITING_MAX, waitMs },
      searches,
    );
  }
}

export const SEARCH_THREADS = SEARCHES_AT_ONCE_MAX;
