/**
 * What somebody changed in a form, and how it goes together with what somebody else changed meanwhile. Pure; held by
 * `changes.test.ts`.
 */

type Members = Readonly<Record<string, unknown>>;

/** The members that differ from those before. */
export function changedOf<Body extends object>(now: Body, before: object): Partial<Body> {
  const was = before as Members;
  const changed = Object.entries(now).filter(([name, value]) => !isSame(value, was[name]));
  return Object.fromEntries(changed) as Partial<Body>;
}

/**
 * Mine where I have changed something, theirs elsewhere. Of lists of words both are kept: what I put in or took out is put
 * into theirs, or taken out of it.
 */
export function mergeValues<Values extends Members>(mine: Values, before: Values, theirs: Values): Values {
  const merged = Object.entries(mine).map(([name, value]) => {
    const [was, is] = [before[name], theirs[name]];
    if (isSame(value, was)) return [name, is];
    return [name, isWords(value) && isWords(was) && isWords(is) ? mergeWords(value, was, is) : value];
  });
  return Object.fromEntries(merged) as Values;
}

export function isSame(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

function mergeWords(mine: readonly string[], before: readonly string[], theirs: readonly string[]): string[] {
  const kept = theirs.filter((word) => mine.includes(word) || !before.includes(word));
  return [...kept, ...mine.filter((word) => !before.includes(word) && !kept.includes(word))];
}

function isWords(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((one) => typeof one === "string");
}
