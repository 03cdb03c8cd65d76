/** Values as the dialect writes them: instants with whole seconds, sets. */

export type Instant = { readonly $date: number };

export function instant(at: number): Instant {
  return { $date: Math.floor(at / 1000) * 1000 };
}

export function instantOrNull(at: number | null): Instant | null {
  return at === null ? null : instant(at);
}

export function set(members: Iterable<string>): { readonly $set: readonly string[] } {
  return { $set: [...members].sort() };
}

export function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64");
}

export { MASK } from "../domain/masking.ts";
