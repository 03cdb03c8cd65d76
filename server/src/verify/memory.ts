/**
 * Good keys in memory, 48 bytes each, used only while each request proves again that nothing at all was committed since
 * (`Store.stamp`); never for a time. A commit, by whichever process, forgets everything at once, whatever it was about; only those that touch sessions
 * and tokens alone are told apart.
 *
 * The stamp is read before the row is, and remembered with it: a commit in between leaves an entry that is old from
 * the start. Only keys with one lasting secret are kept, and never a text: a digest that means nothing outside this
 * process takes its place.
 */
import { DIGEST_BYTES, type TextDigest } from "../crypto.ts";
import type { Allowance } from "./allowance.ts";

const CHUNK_KEYS = 4_096;
/** 80 MB: 1.6 million keys. */
const CHUNKS_MAX = 400;
const ALLOWANCES_MAX = 20_000;

/** All of a key lies together, so that a key that was not asked for lately costs one wait for memory: digest, epoch, allowance, end. */
const DIGEST_CELLS = DIGEST_BYTES / Uint32Array.BYTES_PER_ELEMENT;
const EPOCH = DIGEST_CELLS;
const ALLOWANCE = EPOCH + 1;
const KEY_CELLS = 12;
const END = 5;
const KEY_DOUBLES = KEY_CELLS / 2;

/** Two typed views of one buffer. Epoch 0 marks an empty slot. */
interface Chunk {
  readonly cells: Uint32Array;
  /** The earlier of the key's own end and its secret's longest life; Infinity: never. */
  readonly doubles: Float64Array;
}

export interface Remembered {
  readonly allowance: Allowance;
  readonly endsAt: number;
}

export class Memory {
  readonly #chunks = new Map<number, Chunk>();
  #allowances: Allowance[] = [];
  readonly #places = new Map<string, number>();
  readonly #digestOf: TextDigest;
  #stamp = -1;
  #epoch = 0;

  constructor(digestOf: TextDigest) {
    this.#digestOf = digestOf;
  }

  /** Before anything else in a request: what is old is forgotten. @returns the epoch, to remember under */
  enter(stamp: number): number {
    if (stamp !== this.#stamp) {
      this.#stamp = stamp;
      this.#forget();
    }
    return this.#epoch;
  }

  /** Compares in time that depends on nothing but whether anything is kept under the id. */
  find(id: number, text: string): Remembered | undefined {
    const digest = this.#digestOf(text);
    const chunk = this.#chunks.get(Math.floor(id / CHUNK_KEYS));
    if (chunk === undefined) return undefined;
    const { cells: words, doubles } = chunk;
    const place = id % CHUNK_KEYS;
    const from = place * KEY_CELLS;
    if (words[from + EPOCH] !== this.#epoch) return undefined;
    let differing = 0;
    for (let at = 0; at < DIGEST_CELLS; at++) differing |= words[from + at]! ^ digest[at]!;
    if (differing !== 0) return undefined;
    return {
      allowance: this.#allowances[words[from + ALLOWANCE]!]!,
      endsAt: doubles[place * KEY_DOUBLES + END]!,
    };
  }

  /** @param name equal for keys with equal limits of one user */
  findAllowance(name: string): Allowance | undefined {
    const place = this.#places.get(name);
    return place === undefined ? undefined : this.#allowances[place];
  }

  /** @param epoch what `enter` said before the row was read */
  keep(id: number, name: string, key: Remembered & { readonly text: string }, epoch: number): void {
    if (epoch !== this.#epoch) return;
    let allowed = this.#places.get(name);
    if (allowed === undefined) {
      if (this.#allowances.length >= ALLOWANCES_MAX) this.#forget();
      allowed = this.#allowances.push(key.allowance) - 1;
      this.#places.set(name, allowed);
    }
    const { cells: words, doubles } = this.#chunkOf(Math.floor(id / CHUNK_KEYS));
    const place = id % CHUNK_KEYS;
    const from = place * KEY_CELLS;
    words.set(this.#digestOf(key.text), from);
    words[from + ALLOWANCE] = allowed;
    doubles[place * KEY_DOUBLES + END] = key.endsAt;
    words[from + EPOCH] = this.#epoch;
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
    const buffer = new ArrayBuffer(CHUNK_KEYS * KEY_CELLS * Uint32Array.BYTES_PER_ELEMENT);
    chunk = { cells: new Uint32Array(buffer), doubles: new Float64Array(buffer) };
    this.#chunks.set(number, chunk);
    return chunk;
  }
}
