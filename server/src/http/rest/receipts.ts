/** Says of a change that took a right away where it stands in the feed, and how long it took until it held. */
import type { Inside } from "@chatelaine/contract/codec";
import type { Receipt } from "@chatelaine/contract/operations/operation";
import type { Feed } from "../../activity/feed.ts";
import type { Clock } from "../../domain/clock.ts";

export interface Receipts {
  /** Does the work, and waits until this process has taken the change in. */
  of<Result>(work: () => Promise<Result>): Promise<{ result: Result; receipt: Inside<typeof Receipt> }>;
  close(): void;
}

export function createReceipts(feed: Feed, clock: Clock): Receipts {
  let last = 0;
  const leave = feed.subscribe((change) => {
    last = change.seq;
  });
  return {
    of: async (work) => {
      const start = clock.monotonic();
      const result = await work();
      await feed.follow();
      const totalMs = Math.round((clock.monotonic() - start) * 1000) / 1000;
      return { result, receipt: { sequence: last, nodes: [], totalMs } };
    },
    close: leave,
  };
}
