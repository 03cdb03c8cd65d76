/**
 * Holds what is asked of the threads for searches, so that a test says when they answer. A real thread then does it: only
 * the message to it is late.
 */
import type { WorkerRequest } from "../src/store/sqlite/worker.ts";

type Post = (message: unknown, ...more: unknown[]) => void;

export interface HeldThreads extends Disposable {
  /** Messages that wait. */
  readonly held: readonly WorkerRequest[];
  hold(): void;
  /** All that wait, and all that come, go on. */
  release(): void;
}

/** Before any thread is started. */
export function holdSearches(): HeldThreads {
  const prototype = Worker.prototype as unknown as { postMessage: Post };
  const post = prototype.postMessage;
  const searchers = new WeakSet<object>();
  const waiting: { readonly request: WorkerRequest; send(): void }[] = [];
  let isHolding = false;
  prototype.postMessage = function (this: object, message: unknown, ...more: unknown[]): void {
    const { request } = message as { request: WorkerRequest };
    if (request.kind === "open" && request.role === "searcher") searchers.add(this);
    const send = (): void => post.call(this, message, ...more);
    const isHeld = isHolding && searchers.has(this) && request.kind !== "open" && request.kind !== "close";
    if (isHeld) waiting.push({ request, send });
    else send();
  };
  const release = (): void => {
    isHolding = false;
    for (const { send } of waiting.splice(0)) send();
  };
  return {
    get held() {
      return waiting.map(({ request }) => request);
    },
    hold: () => {
      isHolding = true;
    },
    release,
    [Symbol.dispose]: () => {
      release();
      prototype.postMessage = post;
    },
  };
}
