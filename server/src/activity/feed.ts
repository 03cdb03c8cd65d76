/**
 * Follows the numbered feed of changes and tells everybody in this process who hangs on it: sessions that end, events
 * that are sent.
 *
 * `follow()` is asked before anything that relies on a session, so a change that was committed before it, by whichever
 * process, has taken effect when it returns, however many there are (held by `feed.test.ts`). A timer asks too, so that what
 * is idle learns of changes as well.
 */
import { othersFirst } from "../domain/slices.ts";
import type { Log } from "../log.ts";
import type { Change, MaybePromise, Store } from "../store/store.ts";

export type { Change } from "../store/store.ts";

const FOLLOW_EVERY_MS = 50;
const LONG_READ = 1_000;

export interface Feed {
  /** Tells all listeners every change that was committed before this call. */
  follow(): MaybePromise<void>;
  /**
   * Listeners run in the order of changes and must not throw; the feed waits for those that answer later.
   * @returns the way out
   */
  subscribe(listener: (change: Change) => unknown): () => void;
  stop(): void;
}

export function createFeed(store: Pick<Store, "poll">, log: Log): Feed {
  const listeners = new Set<(change: Change) => unknown>();
  const tell = (changes: readonly Change[]): MaybePromise<void> => {
    const later: Promise<unknown>[] = [];
    for (const change of changes) {
      const fail = (error: unknown): void =>
        log.error("A listener of the feed failed", { seq: change.seq, error });
      for (const listener of listeners) {
        try {
          const done = listener(change);
          if (done instanceof Promise) later.push(done.catch(fail));
        } catch (error) {
          fail(error);
        }
      }
    }
    return later.length === 0 ? undefined : Promise.all(later).then(() => {});
  };
  /** A read of the feed is bounded, so it is read until nothing is left; between long reads others have a turn. */
  const follow = (isThorough = false): MaybePromise<void> => {
    for (;;) {
      const changes = store.poll(isThorough);
      if (changes instanceof Promise) return changes.then((read) => goOn(read));
      if (changes.length === 0) return undefined;
      if (changes.length >= LONG_READ) return goOn(changes);
      const later = tell(changes);
      if (later instanceof Promise) return later.then(() => follow());
    }
  };
  const goOn = async (changes: readonly Change[]): Promise<void> => {
    if (changes.length === 0) return;
    await tell(changes);
    if (changes.length >= LONG_READ) await othersFirst();
    await follow();
  };
  const timer = setInterval(async () => {
    try {
      await follow(true);
    } catch (error) {
      log.warn("The feed of changes cannot be read", { error });
    }
  }, FOLLOW_EVERY_MS);
  timer.unref();
  return {
    follow: () => follow(),
    subscribe: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    stop: () => clearInterval(timer),
  };
}
