/**
 * Secrets are masked by their looks, over what is finished: a record of the audit, a line of the log, an event, a metric.
 * Nobody who writes one of these has to know where a key might stand in it: as a value, a member's name, a path, a user
 * agent, inside a longer text, percent-encoded, without its number, or with a slip of the hand.
 *
 * What counts as a secret's looks is said here and nowhere else; what is kept and shown is refused where it has them
 * (`kept-text.ts`). Held by `masking.test.ts`, and from outside by `canaries.test.ts`.
 */

export const MASK = "********";
/** What tokens, cookies and setup links begin with. */
export const TOKEN_MARK = "CT1";

/** What a slip puts between the characters of a key. No quote, bracket or comma, so that JSON stays JSON. */
const SLIP = String.raw`[-‐‑‒–—_.~ /\\|+*%\t]`;
/** Characters that no word has in this mixture. */
const CHUNK = "(?=[0-9A-Za-z]*(?:[0-9]|[a-z][A-Z]))[0-9A-Za-z]{6,}";
/** The rest of a key after a slip. */
const REST = `(?:${SLIP}{1,2}${CHUNK})*`;
const NUMBER = String.raw`(?:(?<![0-9A-Za-z])\d{1,16}${SLIP}{0,2})?`;

/** The texts of keys and tokens themselves. */
const TEXTS: readonly RegExp[] = [
  // Any key with its number; ours without one, in whichever case; our tokens.
  new RegExp(`\\d{1,16}-[0-9A-Za-z]{56,}${REST}`, "g"),
  new RegExp(`${NUMBER}CK1[0-9A-Za-z]{40,}${REST}`, "g"),
  new RegExp(`${NUMBER}ck1[0-9a-z]{50,}${REST}`, "gi"),
  new RegExp(`(?<![0-9A-Za-z])${TOKEN_MARK}[0-9A-Za-z_-]{55,}`, "g"),
];
/** 64 bytes in base64: client key, stored key, server key and proof of SCRAM. */
const SCRAM = /(?<![0-9A-Za-z+/])[0-9A-Za-z+/]{86}==/g;
/** Parts of keys, where what they are made of says so: a half of one of ours; the body of any, in one piece or several. */
const PARTS: readonly RegExp[] = [/CK1[0-9A-Za-z]{20,}/g, new RegExp(`(?<![0-9A-Za-z])${CHUNK}${REST}`, "g")];
const PART_CHARS_MIN = 40;
/** Anything shorter is no secret of ours. */
const SHORTEST = /[0-9A-Za-z_-]{20}|[0-9A-Za-z+/]{20}/;
const DECODINGS_MAX = 3;
/** As long as a key's body, longer than any word of a client's name or label of a host. */
const LONG_WORD = /[0-9A-Za-z+/_=%-]{64,}/g;

type Range = readonly [from: number, to: number];

/** The text with a mask in the place of whatever looks like a secret. */
export function maskText(text: string): string {
  const ranges = rangesIn(text, true);
  if (ranges.length === 0) return text;
  let masked = "";
  let end = -1;
  for (const [from, to] of ranges) {
    if (from > end) masked += text.slice(Math.max(end, 0), from) + MASK;
    end = Math.max(end, to);
  }
  return masked + text.slice(end);
}

/** What strangers say of themselves, such as a user agent: no long word of it is kept either, in whichever spelling. */
export function maskForeign(text: string): string {
  return maskText(text).replace(LONG_WORD, MASK);
}

/** A copy of a JSON value in which all texts are masked, those of members' names too. */
export function maskDeep<Value>(value: Value): Value {
  return copy(value) as Value;
}

/** Whether there is something in it that `maskText` would mask. */
export function holdsSecret(text: string): boolean {
  return rangesIn(text, true).length > 0;
}

/** Whether a whole key or token is in it: for texts in which long random words are no sign, such as addresses. */
export function holdsKeyText(text: string): boolean {
  return rangesIn(text, false).length > 0;
}

function copy(value: unknown): unknown {
  if (typeof value === "string") return maskText(value);
  if (Array.isArray(value)) return value.map(copy);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [maskText(name), copy(member)]));
}

/** In order, where each stands in the text as it was given. */
function rangesIn(text: string, withParts: boolean): Range[] {
  const isEncoded = text.includes("%");
  if (!isEncoded && !SHORTEST.test(text)) return [];
  const { plain, places } = isEncoded ? decoded(text) : { plain: text, places: undefined };
  const found: Range[] = [];
  const add = ({ index, 0: match }: RegExpExecArray): void => void found.push([index, index + match.length]);
  for (const shape of TEXTS) plain.matchAll(shape).forEach(add);
  if (withParts) {
    plain.matchAll(SCRAM).forEach(add);
    for (const shape of PARTS) plain.matchAll(shape).filter(isPart).forEach(add);
  }
  const placed = places ? found.map(([from, to]): Range => [places[from]!, places[to]!]) : found;
  return placed.sort(([a], [b]) => a - b);
}

/** Whether capitals, small letters and digits change about as often as in a key, and oftener than in any name. */
function isPart({ 0: match }: RegExpExecArray): boolean {
  const run = match.replaceAll(/[^0-9A-Za-z]/g, "");
  if (run.length < PART_CHARS_MIN && !run.startsWith("CK1")) return false;
  if (!/[a-z]/.test(run) || !/[A-Z]/.test(run)) return false;
  const turns = run.match(/[a-z](?=[A-Z])|[A-Za-z](?=[0-9])|[0-9](?=[A-Za-z])/g)?.length ?? 0;
  return turns * 4 >= run.length;
}

/** @returns the text without percent-encoding, however often it was encoded, and where each character stood; the end too */
function decoded(text: string): { plain: string; places: readonly number[] } {
  let plain = text;
  let places = Array.from({ length: text.length + 1 }, (_, at) => at);
  for (let times = 0; times < DECODINGS_MAX && /%[0-9A-Fa-f]{2}/.test(plain); times++) {
    let next = "";
    const nextPlaces: number[] = [];
    for (let at = 0; at < plain.length; ) {
      const code = plain[at] === "%" ? hexByte(plain, at + 1) : undefined;
      next += code === undefined ? plain[at] : String.fromCharCode(code);
      nextPlaces.push(places[at]!);
      at += code === undefined ? 1 : 3;
    }
    nextPlaces.push(places[plain.length]!);
    plain = next;
    places = nextPlaces;
  }
  return { plain, places };
}

function hexByte(text: string, at: number): number | undefined {
  const digits = text.slice(at, at + 2);
  return /^[0-9A-Fa-f]{2}$/.test(digits) ? Number.parseInt(digits, 16) : undefined;
}
