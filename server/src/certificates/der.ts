/**
 * As much DER (ITU-T X.690) as it takes to walk through a certificate: definite lengths, tags below 31.
 * Whatever does not fit throws; nothing is guessed.
 */
export interface DerValue {
  /** The identifier octet: class, constructed bit and tag number. */
  readonly tag: number;
  readonly content: Uint8Array;
}

export const DER = { oid: 0x06, sequence: 0x30, octets: 0x04 } as const;

/** @returns the values that stand in a row in `bytes`. */
export function readDer(bytes: Uint8Array): DerValue[] {
  const values: DerValue[] = [];
  let at = 0;
  while (at < bytes.length) {
    const tag = byteAt(bytes, at);
    if ((tag & 0x1f) === 0x1f) throw new Error("DER: a tag of more than one octet");
    const { length, start } = readLength(bytes, at + 1);
    if (start + length > bytes.length) throw new Error("DER: a value longer than what holds it");
    values.push({ tag, content: bytes.subarray(start, start + length) });
    at = start + length;
  }
  return values;
}

/** @returns the members of the one SEQUENCE that `bytes` are. */
export function readSequence(bytes: Uint8Array): DerValue[] {
  const [value, ...more] = readDer(bytes);
  if (value?.tag !== DER.sequence || more.length > 0) throw new Error("DER: not one SEQUENCE");
  return readDer(value.content);
}

/** The dotted text of an object identifier's content. */
export function readOid(value: DerValue | undefined): string {
  if (value?.tag !== DER.oid || value.content.length === 0) throw new Error("DER: not an object identifier");
  const arcs: number[] = [];
  let arc = 0;
  for (const byte of value.content) {
    arc = arc * 128 + (byte & 0x7f);
    if (byte < 0x80) {
      arcs.push(arc);
      arc = 0;
    }
  }
  const first = arcs[0] ?? 0;
  const top = Math.min(2, Math.floor(first / 40));
  return [top, first - top * 40, ...arcs.slice(1)].join(".");
}

function readLength(bytes: Uint8Array, at: number): { length: number; start: number } {
  const first = byteAt(bytes, at);
  if (first < 0x80) return { length: first, start: at + 1 };
  const count = first & 0x7f;
  if (count === 0 || count > 4) throw new Error("DER: a length that is indefinite or too large");
  let length = 0;
  for (let index = 1; index <= count; index++) length = length * 256 + byteAt(bytes, at + index);
  return { length, start: at + 1 + count };
}

function byteAt(bytes: Uint8Array, at: number): number {
  const byte = bytes[at];
  if (byte === undefined) throw new Error("DER: cut off");
  return byte;
}
