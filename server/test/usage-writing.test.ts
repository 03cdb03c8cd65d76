/** How the use of many keys is written: with rests, that a stop ends, and that leave nothing behind. */
import { heapStats } from "bun:jsc";
import { expect, test } from "bun:test";
import { createUsage } from "../src/activity/use.ts";
import { movedClock } from "./installation.ts";

const SEEN = { address: null, client: null, host: null };

/** @param takesMs what the writing of a slice takes */
function openUsage(takesMs: number) {
  const clock = movedClock();
  const written: number[] = [];
  let monotonic = 0;
  const errors: string[] = [];
  const nothing = async () => [];
  const usage = createUsage({
    store: {
      recordUse: async (tallies) => {
        if (tallies.length === 0) return;
        monotonic += takesMs;
        written.push(tallies.length);
      },
      listKeyDays: nothing,
      listKeyHosts: nothing,
      listKeyClients: nothing,
      listRefusals: nothing,
      findRefusal: async () => undefined,
    },
    keys: { get: () => Promise.reject(new Error("not asked")) },
    clock: { now: clock.now, monotonic: () => monotonic },
    log: {
      debug: () => {},
      info: () => {},
      warn: () => {},
      error: (message) => {
        errors.push(message);
      },
    },
  });
  const note = (keys: number): void => {
    for (let id = 1; id <= keys; id++) usage.note(id, "ok", SEEN);
  };
  return { usage, note, written, errors };
}

test("a stop ends the rest between two slices, writes what its time allows, and tells what it gave up", async () => {
  const { usage, note, written, errors } = openUsage(1_000);
  note(20_000);
  const flushed = usage.flush();
  while (written.length === 0) await Bun.sleep(1);
  await usage.close();
  await flushed;
  expect(written.length).toBeGreaterThan(5);
  expect(written.length).toBeLessThan(10);
  expect(errors).toEqual(["Use of keys could not be recorded"]);
});

test("a stop writes all that waits where the disk is quick enough", async () => {
  const { usage, note, written, errors } = openUsage(1);
  note(200_000);
  await usage.close();
  expect(written.reduce((sum, keys) => sum + keys, 0)).toBe(200_000);
  expect(errors).toEqual([]);
});

test("rests leave nothing behind in memory", async () => {
  const { usage, note, written } = openUsage(0);
  const promises = () => {
    Bun.gc(true);
    return heapStats().objectTypeCounts.Promise ?? 0;
  };
  const before = promises();
  for (let batch = 0; batch < 5; batch++) {
    note(200_000);
    await usage.flush();
  }
  expect(written.length).toBe(1_000);
  expect(promises() - before).toBeLessThan(200);
  await usage.close();
});
