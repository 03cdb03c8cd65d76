import { expect, test } from "bun:test";
import fc from "fast-check";
import { FairQueue, type Party } from "./fair-queue.ts";

/** Enters many at once; each stays until it is told to leave. */
class Crowd {
  readonly queue: FairQueue;
  readonly inside: { party: Party; leave: () => void }[] = [];
  /** By party. */
  readonly turnedAway: Party[] = [];
  readonly began: Party[] = [];

  constructor(atOnce: number, eachAtOnce: number, waiting: number) {
    this.queue = new FairQueue({ atOnce, eachAtOnce, waiting });
  }

  come(party: Party, times = 1): void {
    for (let time = 0; time < times; time++) {
      void this.queue.enter(party).then((leave) => {
        if (!leave) {
          this.turnedAway.push(party);
          return;
        }
        this.began.push(party);
        this.inside.push({ party, leave });
      });
    }
  }

  async oneLeaves(): Promise<void> {
    this.inside.shift()?.leave();
    await this.settled();
  }

  async all(): Promise<void> {
    await this.settled();
    while (this.inside.length > 0) await this.oneLeaves();
  }

  settled(): Promise<void> {
    return new Promise((resolve) => setImmediate(resolve));
  }
}

test("so many are inside at once, of one party fewer, and the rest wait", async () => {
  const crowd = new Crowd(3, 2, 10);
  crowd.come("a", 4);
  crowd.come("b", 3);
  await crowd.settled();
  expect(crowd.began).toEqual(["a", "a", "b"]);
  await crowd.oneLeaves();
  expect(crowd.began).toEqual(["a", "a", "b", "a"]);
  await crowd.all();
  expect(crowd.began.toSorted()).toEqual(["a", "a", "a", "a", "b", "b", "b"]);
  expect(crowd.turnedAway).toEqual([]);
});

test("one who has much waiting is served in turn with one who has little", async () => {
  const crowd = new Crowd(1, 1, 20);
  crowd.come("a", 10);
  crowd.come("b", 2);
  crowd.come("c", 1);
  await crowd.settled();
  await crowd.all();
  expect(crowd.began.slice(0, 6)).toEqual(["a", "a", "b", "c", "a", "b"]);
});

test("a full queue turns away the last of the one who has most in it, never one who has less", async () => {
  const crowd = new Crowd(1, 1, 10);
  crowd.come("a", 20);
  await crowd.settled();
  expect(crowd.turnedAway).toEqual(Array(9).fill("a"));
  crowd.come("b", 3);
  crowd.come("c", 1);
  await crowd.settled();
  expect(crowd.turnedAway).toEqual(Array(13).fill("a"));
  crowd.come("a");
  await crowd.settled();
  expect(crowd.turnedAway).toEqual(Array(14).fill("a"));
  await crowd.all();
  expect(crowd.began.toSorted()).toEqual([...Array(7).fill("a"), "b", "b", "b", "c"]);
});

test("the server itself is never turned away, and makes no room at its own cost", async () => {
  const crowd = new Crowd(1, 1, 2);
  crowd.come(null, 20);
  await crowd.settled();
  crowd.come("a", 2);
  await crowd.settled();
  expect(crowd.turnedAway).toEqual(["a", "a"]);
  await crowd.all();
  expect(crowd.began).toEqual(Array(20).fill(null));
});

test("a place is given back once, also where the work fails", async () => {
  const queue = new FairQueue({ atOnce: 1, eachAtOnce: 1, waiting: 0 });
  const leave = await queue.enter("a");
  leave!();
  leave!();
  expect(
    queue.pass("a", async () => {
      throw new Error("no");
    }),
  ).rejects.toThrow("no");
  await new Promise((resolve) => setImmediate(resolve));
  expect(await queue.pass("b", async () => 1)).toEqual({ of: 1 });
  const [first, second] = [await queue.enter("a"), await queue.enter("b")];
  expect([first === undefined, second === undefined]).toEqual([false, true]);
});

test("whatever comes and goes, the bounds hold and nobody is forgotten", async () => {
  const step = fc.oneof(fc.constantFrom("a", "b", "c", "d"), fc.constant("leave"));
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const crowd = new Crowd(3, 2, 4);
      let came = 0;
      for (const one of steps) {
        if (one === "leave") await crowd.oneLeaves();
        else {
          crowd.come(one);
          came++;
          await crowd.settled();
        }
        expect(crowd.inside.length).toBeLessThanOrEqual(3);
        for (const party of ["a", "b", "c", "d"])
          expect(crowd.inside.filter((inside) => inside.party === party).length).toBeLessThanOrEqual(2);
      }
      await crowd.all();
      expect(crowd.began.length + crowd.turnedAway.length).toBe(came);
    }),
    { numRuns: 200 },
  );
});

test("who goes away while they wait leaves their place, and is not let in later", async () => {
  const queue = new FairQueue({ atOnce: 1, eachAtOnce: 1, waiting: 1 });
  const leave = await queue.enter("a");
  const going = new AbortController();
  const waiting = queue.enter({ party: "b", gone: going.signal });
  expect(await queue.enter("b")).toBeUndefined();
  going.abort();
  expect(await waiting).toBeUndefined();
  const after = queue.enter("b");
  leave?.();
  expect(await after).toBeFunction();
  expect(await queue.enter({ party: "c", gone: going.signal })).toBeUndefined();
});

test("every wait ends, also where nobody leaves; the server's own goes on", async () => {
  const queue = new FairQueue({ atOnce: 1, eachAtOnce: 1, waiting: 9, waitMs: 1 });
  const leave = await queue.enter("a");
  const own = queue.enter(null);
  expect(await Promise.all([queue.enter("a"), queue.enter("b")])).toEqual([undefined, undefined]);
  leave?.();
  expect(await own).toBeFunction();
});
