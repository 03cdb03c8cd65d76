/** Names of members: snake case on the wire, camel case inside. Apart from `codec.ts`, for those who load no schema. */

/** Where the two names are not equal up to case. `codec.test.ts` holds that each of them is in use. */
const EXCEPTIONS = {
  /** The TrueNAS API calls a key's owner so, and the REST API with it. */
  user_identifier: "userId",
  /** Is kept in the data as the TrueNAS API shows it. */
  credentials_data: "credentials_data",
} as const;

type CamelCase<Name extends string> = Name extends `${infer Head}_${infer Tail}`
  ? `${Head}${Capitalize<CamelCase<Tail>>}`
  : Name;

export type InsideName<Name extends string> = Name extends keyof typeof EXCEPTIONS
  ? (typeof EXCEPTIONS)[Name]
  : CamelCase<Name>;

const WIRE_NAMES: ReadonlyMap<string, string> = new Map(
  Object.entries(EXCEPTIONS).map(([wire, inside]) => [inside, wire]),
);

/** `user_identifier` is `userId`, `created_at` is `createdAt`. */
export function insideName<Name extends string>(wire: Name): InsideName<Name> {
  const name = Object.hasOwn(EXCEPTIONS, wire)
    ? EXCEPTIONS[wire as keyof typeof EXCEPTIONS]
    : wire.replaceAll(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
  return name as InsideName<Name>;
}

/** The other way. A name on the wire stays as it is, and so does one that is of neither kind (`Name`). */
export function wireName(inside: string): string {
  return (
    WIRE_NAMES.get(inside) ?? inside.replaceAll(/(?<=[a-z])[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
  );
}
