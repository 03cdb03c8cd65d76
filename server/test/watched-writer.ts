/** What the writer's thread executes on the keys' database, statement by statement, from every store that is opened meanwhile. */
import type { WorkerRequest } from "../src/store/sqlite/worker.ts";

export interface WatchedWriter {
  /** SQL, in its order; emptied by whoever looks. */
  written: string[];
  stop(): void;
}

type Post = (message: unknown, ...more: unknown[]) => void;

export function watchWriter(): WatchedWriter {
  const prototype = Worker.prototype as unknown as { postMessage: Post };
  const post = prototype.postMessage;
  const writers = new WeakSet<object>();
  const watched: WatchedWriter = {
    written: [],
    stop: () => {
      prototype.postMessage = post;
    },
  };
  prototype.postMessage = function (this: object, message: unknown, ...more: unknown[]): void {
    const { request } = message as { request: WorkerRequest };
    if (request.kind === "open" && request.role === "writer") writers.add(this);
    if (writers.has(this) && request.kind === "run" && request.database === "main")
      watched.written.push(request.sql);
    post.call(this, message, ...more);
  };
  return watched;
}
