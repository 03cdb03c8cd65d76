import { expect, test } from "bun:test";
import { collect, inSlices, jsonInSlices, mapInSlices, mapSlices, SLICE_LENGTH } from "./slices.ts";

const LENGTHS = [0, 1, SLICE_LENGTH, SLICE_LENGTH + 1, 3 * SLICE_LENGTH, 3 * SLICE_LENGTH + 7];

/** How often others had a turn while the work went on. */
async function turnsDuring(work: Promise<unknown>): Promise<number> {
  let turns = 0;
  let isOver = false;
  const turn = (): void => {
    turns++;
    if (!isOver) setImmediate(turn);
  };
  setImmediate(turn);
  await work;
  isOver = true;
  return turns;
}

test("what is made in slices is what would be made at once", async () => {
  for (const length of LENGTHS) {
    const list = Array.from({ length }, (_, at) => ({ at, text: `"${at}` }));
    expect(await mapInSlices(list, ({ at }) => at)).toEqual(list.map(({ at }) => at));
    expect(await jsonInSlices(list)).toBe(JSON.stringify(list));
    const slices = () =>
      mapSlices(
        inSlices(list, ({ at }) => at),
        String,
      );
    expect(await collect(slices())).toEqual(list.map(({ at }) => `${at}`));
    expect(await jsonInSlices(slices())).toBe(JSON.stringify(list.map(({ at }) => `${at}`)));
  }
  for (const value of [null, 5, "text", { a: [1] }])
    expect(await jsonInSlices(value)).toBe(JSON.stringify(value));
});

test("others have a turn between the slices of a long list", async () => {
  const list = Array.from({ length: 10 * SLICE_LENGTH }, (_, at) => at);
  expect(await turnsDuring(mapInSlices(list, String))).toBeGreaterThan(5);
  expect(await turnsDuring(jsonInSlices(list))).toBeGreaterThan(5);
});
