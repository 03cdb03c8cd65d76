/** What an operator should look at, at most once a minute: clients cannot fill the log. */
import type { Clock } from "../../domain/clock.ts";
import type { Log } from "../../log.ts";

const HINT_EVERY_MS = 60_000;

/** @param message one of a few: each has a minute of its own */
export type WarnOncePerMinute = (message: string, fields: Record<string, unknown>) => void;

export function createWarnOncePerMinute({
  log,
  clock,
}: {
  readonly log: Log;
  readonly clock: Clock;
}): WarnOncePerMinute {
  const toldAt = new Map<string, number>();
  return (message, fields) => {
    const now = clock.monotonic();
    if (now - (toldAt.get(message) ?? Number.NEGATIVE_INFINITY) < HINT_EVERY_MS) return;
    toldAt.set(message, now);
    log.warn(message, fields);
  };
}
