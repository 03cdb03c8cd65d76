/** Rows that were read before, given again only while each asking proves that nothing was committed since. */

const KEPT_MAX = 10_000;

/** @param stamp the same number as before only if nothing was committed since (`commit-stamp.ts`) */
export function remembering<Row>(read: (id: number) => Row, stamp: () => number): (id: number) => Row {
  const kept = new Map<number, Row>();
  let keptUnder = -1;
  return (id) => {
    const now = stamp();
    if (now !== keptUnder) {
      kept.clear();
      keptUnder = now;
    }
    const known = kept.get(id);
    if (known !== undefined) return known;
    const row = read(id);
    if (kept.size >= KEPT_MAX) kept.clear();
    // A commit between the stamp and the read has changed the stamp: the next asking forgets this row.
    kept.set(id, row);
    return row;
  };
}
