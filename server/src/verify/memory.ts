/**
 * Good keys in memory, 48 bytes each, used only while each request proves anew that nothing at all was committed since
 * (`Store.stamp`); never for a time. A commit, by whichever process, forgets everything at once, whatever it was about.
 *
 * The stamp is read before the row is, and remembered with it: a commit in between leaves an entry that is old from
 * the start. Only keys with one lasting secret are kept, and digests, never texts.
 */
import { DIGEST_BYTES } from "../crypto.ts";
import type { Allowance } from "./allowance.ts";

const CHUNK_KEYS = 4_096;
/** 80 MB: 1.6 million keys. */
const CHUNKS_MAX = 400;
const ALLOWANCES_MAX = 20_000;

interface Chunk {
  /** Under which a place was filled; 0: never. */
  readonly epochs: Uint32Array;
  readonly digests: Uint8Array;
  readonly allowances: Uint32Array;
  /** The earlier of the key's own end and its secret's longest life; Infinity: never. */
  readonly ends: Float64Array;
}

export interface Remembered {
  readonly allowance: Allowance;
  readonly endsAt: number;
}

export class Memory {
  readonly #chunks = new Map<number, Chunk>();
  #allowances: Allowance[] = [];
  readonly #places = new Map<string, number>();
  #stamp = -1;
  #epoch = 0;

  /** Before anything else in a request: what is old is forgotten. @returns the epoch, to remember under */
  enter(stamp: number): number {
    if (stamp !== this.#stamp) {
      this.#stamp = stamp;
      this.#forget();
    }
    return this.#epoch;
  }

  /** @param digest of what was presented; compared in time that does not depend on it */
  find(id: number, digest: Uint8Array): Remembered | undefined {
    const chunk = this.#chunks.get(Math.floor(id / CHUNK_KEYS));
    const place = id % CHUNK_KEYS;
    if (chunk === undefined || chunk.epochs[place] !== this.#epoch) return undefined;
    const { digests } = chunk;
    const from = place * DIGEST_BYTES;
    let differing = digest.length ^ DIGEST_BYTES;
    for (let at = 0; at < DIGEST_BYTES; at++) differing |= digests[from + at]! ^ digest[at]!;
    if (differing !== 0) return undefined;
    return { allowance: this.#allowances[chunk.allowances[place]!]!, endsAt: chunk.ends[place]! };
  }

  /** @param name equal for keys with equal limits of one user */
  findAllowance(name: string): Allowance | undefined {
    const place = this.#places.get(name);
    return place === undefined ? undefined : this.#allowances[place];
  }

  /** @param epoch what `enter` said before the row was read */
  keep(id: number, name: string, key: Remembered & { readonly digest: Uint8Array }, epoch: number): void {
    if (epoch !== this.#epoch) return;
    let allowed = this.#places.get(name);
    if (allowed === undefined) {
      if (this.#allowances.length >= ALLOWANCES_MAX) this.#forget();
      allowed = this.#allowances.push(key.allowance) - 1;
      this.#places.set(name, allowed);
    }
    const chunk = this.#chunkOf(Math.floor(id / CHUNK_KEYS));
    const place = id % CHUNK_KEYS;
    chunk.digests.set(key.digest, place * DIGEST_BYTES);
    chunk.allowances[place] = allowed;
    chunk.ends[place] = key.endsAt;
    chunk.epochs[place] = this.#epoch;
  }

  #forget(): void {
    this.#epoch++;
    this.#allowances = [];
    this.#places.clear();
  }

  #chunkOf(number: number): Chunk {
    let chunk = this.#chunks.get(number);
    if (chunk) return chunk;
    if (this.#chunks.size >= CHUNKS_MAX) this.#chunks.delete(this.#chunks.keys().next().value!);
    chunk = {
      epochs: new Uint32Array(CHUNK_KEYS),
      digests: new Uint8Array(CHUNK_KEYS * DIGEST_BYTES),
      allowances: new Uint32Array(CHUNK_KEYS),
      ends: new Float64Array(CHUNK_KEYS),
    };
    this.#chunks.set(number, chunk);
    return chunk;
  }
}
