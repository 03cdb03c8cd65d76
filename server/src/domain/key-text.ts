/**
 * The text of a key: `<id>-<64 characters of A-Za-z0-9>`.
 *
 * Bodies that we make are `CK1`, 55 random characters (327 bits) and 6 base62 characters of CRC-32 over
 * `<id>-` and the 58 characters before them, so that scanners find our keys and typing errors are told from wrong
 * keys without I/O. Any other 64-character body is valid too (imported keys), unless it begins with `CK1`: those carry the
 * checksum. Parsing is strict: what is accepted formats back to the same text.
 */
import { KEY_ID_MAX } from "@chatelaine/contract/limits";

export const KEY_BODY_CHARS = 64;
const PREFIX = "CK1";
const RANDOM_CHARS = 55;
const ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

export interface KeyText {
  readonly id: number;
  readonly body: string;
}

export type KeyTextFault =
  /** Not the shape of a key at all. */
  | "shape"
  /** A body without its `id-`: a double click cuts there. */
  | "id_missing"
  /** A `CK1` body whose checksum does not fit: a typing error. */
  | "checksum";

export type ParsedKeyText =
  | ({ readonly ok: true } & KeyText)
  | { readonly ok: false; readonly fault: KeyTextFault };

const SHAPE: ParsedKeyText = { ok: false, fault: "shape" };
const CHECKSUM: ParsedKeyText = { ok: false, fault: "checksum" };
const ID_MISSING: ParsedKeyText = { ok: false, fault: "id_missing" };
const OURS = /^CK1[0-9A-Za-z]{61}$/;

/** Reads a key's text. Never throws, costs no I/O, and looks at no more than the first 75 characters. */
export function parseKeyText(text: string): ParsedKeyText {
  if (text.length === KEY_BODY_CHARS && OURS.test(text)) return ID_MISSING;
  const dash = text.length - KEY_BODY_CHARS - 1;
  if (dash < 1 || dash > 10 || text.charCodeAt(dash) !== 45) return SHAPE;
  const id = parseId(text, dash);
  if (id === 0) return SHAPE;
  for (let at = dash + 1; at < text.length; at++) if (!isAlphanumeric(text.charCodeAt(at))) return SHAPE;
  const body = text.slice(dash + 1);
  if (body.startsWith(PREFIX) && checksumOf(text.slice(0, -6)) !== body.slice(-6)) return CHECKSUM;
  return { ok: true, id, body };
}

/**
 * The id by its place alone, whatever the other characters are: enough to ask whether this text is known.
 * @returns undefined where it has no such place
 */
export function keyIdOf(text: string): number | undefined {
  const dash = text.length - KEY_BODY_CHARS - 1;
  if (dash < 1 || dash > 10 || text.charCodeAt(dash) !== 45) return undefined;
  return parseId(text, dash) || undefined;
}

export function formatKeyText(key: KeyText): string {
  return `${key.id}-${key.body}`;
}

/**
 * A fresh body but for its checksum, which needs the id.
 * @param random uniformly random bytes; values of 248 and more are thrown away, so give it about 70
 */
export function makeKeyStem(random: (count: number) => Uint8Array): string {
  let stem = PREFIX;
  while (stem.length < PREFIX.length + RANDOM_CHARS) {
    for (const byte of random(70)) {
      if (byte < 248 && stem.length < PREFIX.length + RANDOM_CHARS) stem += ALPHABET[byte % 62];
    }
  }
  return stem;
}

/** Completes a stem of `makeKeyStem` with the checksum for this id. */
export function completeKeyBody(id: number, stem: string): string {
  return stem + checksumOf(`${id}-${stem}`);
}

/** The end of a key that lists may show. */
export function keyHint(body: string): string {
  return body.slice(-4);
}

function parseId(text: string, end: number): number {
  if (text.charCodeAt(0) === 48) return 0;
  let id = 0;
  for (let at = 0; at < end; at++) {
    const digit = text.charCodeAt(at) - 48;
    if (digit < 0 || digit > 9) return 0;
    id = id * 10 + digit;
  }
  return id <= KEY_ID_MAX ? id : 0;
}

function isAlphanumeric(code: number): boolean {
  return (code >= 48 && code <= 57) || (code >= 65 && code <= 90) || (code >= 97 && code <= 122);
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, index) => {
  let value = index;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value >>> 0;
});

/** CRC-32 (ISO 3309, as in PNG and zip) of ASCII text, as 6 base62 digits. */
function checksumOf(ascii: string): string {
  let crc = 0xffffffff;
  for (let at = 0; at < ascii.length; at++) {
    crc = (crc >>> 8) ^ CRC_TABLE[(crc ^ ascii.charCodeAt(at)) & 0xff]!;
  }
  let rest = (crc ^ 0xffffffff) >>> 0;
  let digits = "";
  for (let place = 0; place < 6; place++) {
    digits = ALPHABET[rest % 62] + digits;
    rest = Math.floor(rest / 62);
  }
  return digits;
}
