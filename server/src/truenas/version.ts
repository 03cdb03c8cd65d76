/**
 * What differs from version to version of the API (`conformance/1-endpoints.txt`). There is one implementation, the newest; each version bends
 * what goes in and what comes out, and its file says only how it differs from the next.
 */
export type Entry = Readonly<Record<string, unknown>>;

export interface Version {
  readonly name: string;
  /** Methods that it does not know. */
  readonly lacks: readonly string[];
  /** Methods that work and are not told of. */
  readonly hides: readonly string[];
  readonly hasScram: boolean;
  readonly hasReconnectToken: boolean;
  /** Parameters are judged before rights. */
  readonly validatesFirst: boolean;
  /** Result of `core.set_options`. */
  optionsResult(options: object): object | null;
  keyEntry(entry: Entry): Entry;
  userEntry(entry: Entry): Entry;
  sessionEntry(entry: Entry): Entry;
  /** Result of a sign-in. */
  signInResult(result: Entry): Entry;
}

export function omit(entry: Entry, ...names: readonly string[]): Entry {
  return Object.fromEntries(Object.entries(entry).filter(([name]) => !names.includes(name)));
}
