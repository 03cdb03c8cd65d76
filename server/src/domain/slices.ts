/** Long work in slices: between two of them everybody else has a turn. What fits into one slice is done at once. */

export const SLICE_LENGTH = 500;

/** Resolves when whatever else is ready has run. */
export function othersFirst(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

export async function mapInSlices<Item, Result>(
  items: readonly Item[],
  map: (item: Item) => Result,
): Promise<Result[]> {
  if (items.length <= SLICE_LENGTH) return items.map(map);
  const results: Result[] = [];
  for (let from = 0; from < items.length; from += SLICE_LENGTH) {
    if (from > 0) await othersFirst();
    for (const item of items.slice(from, from + SLICE_LENGTH)) results.push(map(item));
  }
  return results;
}

/** As `JSON.stringify` of a value that is no `undefined`; long lists in slices. */
export async function jsonInSlices(value: unknown): Promise<string> {
  if (!Array.isArray(value) || value.length <= SLICE_LENGTH) return JSON.stringify(value);
  // Added up, not joined: the engine makes one text of the parts when it is sent, and not before.
  let text = "[";
  for (let from = 0; from < value.length; from += SLICE_LENGTH) {
    if (from > 0) await othersFirst();
    text += `${from > 0 ? "," : ""}${JSON.stringify(value.slice(from, from + SLICE_LENGTH)).slice(1, -1)}`;
  }
  return `${text}]`;
}
