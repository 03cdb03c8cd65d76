/**
 * What a regular expression would cost to compile, told from its text alone and before anything is compiled: how often
 * it repeats, how large its program would be, how many classes of characters it has. Compiling one of a few hundred
 * characters could take tens of milliseconds otherwise, at the choice of the client (held by `server/test/pattern-bounds.test.ts`).
 *
 * The reader knows RE2's syntax as far as it must: escapes, quoted text, classes, groups and repetitions. It refuses a
 * bracket that closes nothing, so that an expression that is put into a group stays in it; every other error is the compiler's.
 */
import {
  PATTERN_CLASSES_MAX,
  PATTERN_REPEAT_MAX,
  PATTERN_UNICODE_CLASSES_MAX,
} from "@chatelaine/contract/limits";

/** Instructions of all programs of one query together: the factor of a match's cost. */
export const PATTERN_SIZE_MAX = 1000;
export const TOO_LARGE = "the regular expressions are too large";
/** Where case does not count, each character of a range is folded by itself. */
const FOLDED_RANGE_MAX = 0x100;
/** What a class of Unicode weighs among instructions: it has hundreds of ranges. */
const UNICODE_WEIGHT = 16;

interface Group {
  /** Instructions before the last part. */
  size: number;
  /** Of the last part, which a repetition repeats. */
  last: number;
}

/**
 * @returns about how many instructions the program would have, rather too many than too few; Unicode's classes weigh more
 * @throws Error, with a text for people, when it would cost too much
 */
export function measurePattern(source: string): number {
  return new PatternReader(source).read();
}

const REPEAT = /\{(\d+)(?:,(\d*))?\}/y;
const QUOTED = /\\Q[\s\S]*?(?:\\E|$)/y;
const UNICODE = /\\[pP](?:\{[^}]*\}|[\s\S])/y;
const PERL_CLASS = /\\[dDsSwW]/y;
const CODE_POINT = /\\x\{([0-9A-Fa-f]{1,8})\}|\\x([0-9A-Fa-f]{2})/y;
const ESCAPED = /\\[\s\S]/uy;
const GROUP_START = /\(\?(?:P?<[^>]*>|[a-zA-Z-]*:?)/y;
const NAMED_SET = /\[:\^?\w*:\]/y;
/** Too wide rather than too narrow: a flag anywhere counts everywhere. */
const IGNORES_CASE = /\(\?[a-zA-Z]*i/;

class PatternReader {
  readonly #source: string;
  readonly #ignoresCase: boolean;
  readonly #outer: Group[] = [];
  #group: Group = { size: 0, last: 0 };
  #at = 0;
  #classes = 0;
  #unicodeClasses = 0;

  constructor(source: string) {
    this.#source = source;
    this.#ignoresCase = IGNORES_CASE.test(source);
  }

  read(): number {
    while (this.#at < this.#source.length) {
      this.#step();
      this.#requireBounds();
    }
    return this.#group.size + this.#group.last;
  }

  #step(): void {
    const next = this.#source[this.#at];
    if (next === "\\") this.#escape();
    else if (next === "[") this.#set();
    else if (next === "(") this.#open();
    else if (next === ")") this.#close();
    else if (next === "{") this.#repeat();
    else this.#part(1, 1);
  }

  #escape(): void {
    const quoted = this.#take(QUOTED);
    if (quoted) this.#part(quoted[0].length, 0);
    else if (this.#take(UNICODE)) {
      this.#unicodeClasses++;
      this.#part(UNICODE_WEIGHT, 0);
    } else {
      if (this.#take(PERL_CLASS)) this.#classes++;
      else this.#take(CODE_POINT) ?? this.#take(ESCAPED) ?? this.#at++;
      this.#part(1, 0);
    }
  }

  #open(): void {
    if (!this.#take(GROUP_START)) this.#at++;
    this.#outer.push(this.#group);
    this.#group = { size: 0, last: 0 };
  }

  #close(): void {
    const outer = this.#outer.pop();
    if (!outer) throw new Error("invalid or unsupported regular expression: unexpected )");
    const inner = this.#group;
    this.#group = outer;
    this.#part(inner.size + inner.last + 2, 1);
  }

  #repeat(): void {
    const repeat = this.#take(REPEAT);
    if (!repeat) {
      this.#part(1, 1);
      return;
    }
    const times = Math.max(Number(repeat[1]), Number(repeat[2] || 0));
    if (times > PATTERN_REPEAT_MAX)
      throw new Error(`a regular expression may repeat at most ${PATTERN_REPEAT_MAX} times`);
    // What may be left out has an instruction that says so.
    const isFixed = repeat[2] === undefined;
    this.#group.last = (this.#group.last + (isFixed ? 0 : 1)) * Math.max(times, 1);
  }

  /** A set in brackets; a `]` that comes first is one of its characters. */
  #set(): void {
    const unicodeBefore = this.#unicodeClasses;
    this.#classes++;
    this.#at++;
    if (this.#source[this.#at] === "^") this.#at++;
    let from: number | undefined;
    for (let isFirst = true; this.#at < this.#source.length; isFirst = false) {
      if (this.#source[this.#at] === "]" && !isFirst) break;
      if (this.#take(NAMED_SET)) continue;
      const is = this.#member();
      if (from !== undefined && is !== undefined) this.#requireNarrow(is - from);
      from = undefined;
      if (this.#source[this.#at] !== "-" || this.#source[this.#at + 1] === "]") continue;
      this.#at++;
      from = is;
    }
    this.#part(1 + (this.#unicodeClasses - unicodeBefore) * UNICODE_WEIGHT, 1);
  }

  #requireNarrow(span: number): void {
    if (!this.#ignoresCase || span <= FOLDED_RANGE_MAX) return;
    throw new Error(
      `a range of characters may have at most ${FOLDED_RANGE_MAX} of them where case does not count`,
    );
  }

  /** @returns the code point of a member of a set; undefined where it is a class */
  #member(): number | undefined {
    if (this.#take(UNICODE)) {
      this.#unicodeClasses++;
      return undefined;
    }
    const point = this.#take(CODE_POINT);
    if (point) return Number.parseInt(point[1] ?? point[2] ?? "", 16);
    const escaped = this.#take(ESCAPED)?.[0];
    if (escaped !== undefined) return escaped.codePointAt(1);
    const code = this.#source.codePointAt(this.#at) ?? 0;
    this.#at += code > 0xffff ? 2 : 1;
    return code;
  }

  /** @param chars that are read with it */
  #part(size: number, chars: number): void {
    this.#at += chars;
    this.#group.size += this.#group.last;
    this.#group.last = size;
  }

  #requireBounds(): void {
    if (this.#group.size + this.#group.last > PATTERN_SIZE_MAX) throw new Error(TOO_LARGE);
    if (this.#classes > PATTERN_CLASSES_MAX)
      throw new Error(`a regular expression may have at most ${PATTERN_CLASSES_MAX} sets of characters`);
    if (this.#unicodeClasses > PATTERN_UNICODE_CLASSES_MAX)
      throw new Error(
        `a regular expression may have at most ${PATTERN_UNICODE_CLASSES_MAX} classes of Unicode`,
      );
  }

  #take(shape: RegExp): RegExpExecArray | null {
    shape.lastIndex = this.#at;
    const found = shape.exec(this.#source);
    if (found) this.#at += found[0].length;
    return found;
  }
}
