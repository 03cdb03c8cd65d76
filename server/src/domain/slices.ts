/** Long work in slices: between two of them everybody else has a turn. What fits into one slice is done at once. */

export const SLICE_LENGTH = 250;

/** Resolves when whatever else is ready has run. */
export function othersFirst(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** A list that is made slice by slice while it is read, so that it is never there in whole. */
export type Slices<Item> = AsyncIterable<readonly Item[]>;

export function areSlices(value: unknown): value is Slices<unknown> {
  return typeof value === "object" && value !== null && Symbol.asyncIterator in value;
}

export async function* inSlices<Item, Result>(
  items: readonly Item[],
  map: (item: Item) => Result,
): Slices<Result> {
  for (let from = 0; from < items.length; from += SLICE_LENGTH) {
    if (from > 0) await othersFirst();
    yield items.slice(from, from + SLICE_LENGTH).map(map);
  }
}

export async function* mapSlices<Item, Result>(
  slices: Slices<Item>,
  map: (item: Item) => Result,
): Slices<Result> {
  for await (const slice of slices) yield slice.map(map);
}

export async function collect<Item>(slices: Slices<Item>): Promise<Item[]> {
  const items: Item[] = [];
  for await (const slice of slices) for (const item of slice) items.push(item);
  return items;
}

export async function mapInSlices<Item, Result>(
  items: readonly Item[],
  map: (item: Item) => Result,
): Promise<Result[]> {
  return items.length <= SLICE_LENGTH ? items.map(map) : collect(inSlices(items, map));
}

/** As `JSON.stringify` of a value that is no `undefined`, or of the list that slices make; long lists in slices. */
export async function jsonInSlices(value: unknown): Promise<string> {
  if (areSlices(value)) return jsonOf(value);
  if (!Array.isArray(value) || value.length <= SLICE_LENGTH) return JSON.stringify(value);
  return jsonOf(inSlices(value, (item) => item));
}

async function jsonOf(slices: Slices<unknown>): Promise<string> {
  // Added up, not joined: the engine makes one text of the parts when it is sent, and not before.
  let text = "";
  for await (const slice of slices) {
    if (slice.length === 0) continue;
    text += `${text === "" ? "" : ","}${JSON.stringify(slice).slice(1, -1)}`;
  }
  return `[${text}]`;
}
