/**
 * Regular expressions from outside, in linear time (RE2): matched at the start of a text, as Python's `re.match` does.
 * Look-around and back references are refused. Time is text times program, so the program's size is bounded too, and what
 * compiling would cost is bounded before (`pattern-bounds.ts`).
 */
import { PATTERN_CHARS_MAX } from "@chatelaine/contract/limits";
import { RE2JS } from "re2js";
import { codePoints } from "./filter-values.ts";
import { measurePattern, TOO_LARGE } from "./pattern-bounds.ts";

/** Plain data, so that conditions pass between threads. */
export interface Pattern {
  readonly source: string;
  /** What every matching text begins with. */
  readonly prefix: string;
  /** Whether every text with that prefix matches. */
  readonly prefixSuffices: boolean;
  /** A text without line breaks matches if and only if it holds this; undefined where there is no such text. */
  readonly within?: { readonly text: string; readonly anyCase: boolean };
  /** About how many instructions the program has: the factor of a match's cost. */
  readonly size: number;
}

/**
 * @param sizeLeft what its size may be
 * @throws Error, with a text for people, when the pattern is too long, too costly or not understood
 */
export function compilePattern(source: string, sizeLeft: number): Pattern {
  if (codePoints(source) > PATTERN_CHARS_MAX) {
    throw new Error(`a regular expression may have at most ${PATTERN_CHARS_MAX} characters`);
  }
  const size = measurePattern(source);
  if (size > sizeLeft) throw new Error(TOO_LARGE);
  try {
    const program = compileAnchored(source);
    const pattern = {
      source,
      ...literalPrefix(source),
      within: literalWithin(source),
      size,
    };
    programs.set(pattern, program);
    return pattern;
  } catch (error) {
    throw new Error(`invalid or unsupported regular expression: ${reasonOf(error)}`);
  }
}

/** Whether a match begins at the first character. */
export function matchesPattern(pattern: Pattern, text: string): boolean {
  let program = programs.get(pattern);
  if (!program) {
    program = compileAnchored(pattern.source);
    programs.set(pattern, program);
  }
  return program.test(text);
}

const programs = new WeakMap<Pattern, RE2JS>();

/** An anchored search is several times as fast as `lookingAt`. No bracket of the source closes the group around it. */
function compileAnchored(source: string): RE2JS {
  return RE2JS.compile(`\\A(?:${source})`);
}

const LITERAL = /^\^?([^\\.+*?()[\]{}|^$]*)/;

function literalPrefix(source: string): Pick<Pattern, "prefix" | "prefixSuffices"> {
  if (source.includes("|")) return { prefix: "", prefixSuffices: false };
  const [all, literal] = LITERAL.exec(source)!;
  const rest = source.slice(all.length);
  if (/^[*?{]/.test(rest)) {
    return { prefix: Array.from(literal!).slice(0, -1).join(""), prefixSuffices: false };
  }
  return { prefix: literal!, prefixSuffices: rest === "" || rest === ".*" };
}

/** The search that people write: `(?i).*word.*`. Of printable ASCII, where it is plain what the other case of a letter is. */
const WITHIN = /^(\(\?i\))?\^?\.\*([^\\.+*?()[\]{}|^$]+)(?:\.\*)?$/;

function literalWithin(source: string): Pattern["within"] {
  const [, flag, text = ""] = WITHIN.exec(source) ?? [];
  return /^[ -~]+$/.test(text) ? { text, anyCase: flag !== undefined } : undefined;
}

function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.replace(/^error parsing regexp: /, "");
}
