/** Limits that more than one door tells and holds. */

/** Characters of a key's name. */
export const KEY_NAME_CHARS_MAX = 200;

/** Characters of what a list is searched for, and entries of it that may be skipped. */
export const SEARCH_CHARS_MAX = 200;
export const OFFSET_MAX = 10_000_000;

/** Of JSON that comes from outside, counted in its text before anything is made of it. */
export const JSON_DEPTH_MAX = 32;
/** Members of objects and elements of lists, all together. */
export const JSON_MEMBERS_MAX = 4_096;

/** Of a regular expression in a filter, looked at before it is compiled. */
export const PATTERN_CHARS_MAX = 256;
/** What `{n,m}` may ask for. */
export const PATTERN_REPEAT_MAX = 100;
/** Sets of characters: in brackets, or as `\d`. They cost far more than letters to compile, those of Unicode (`\pL`) most. */
export const PATTERN_CLASSES_MAX = 16;
export const PATTERN_UNICODE_CLASSES_MAX = 4;
/** Regular expressions of one query. */
export const PATTERNS_MAX = 4;

/** Bytes of a request's body. */
export const BODY_BYTES_MAX = 65_536;

/** A connection is kept so long between two requests. */
export const KEEP_ALIVE_SECONDS = 30;

/** A long answer is cut where its client takes nothing for so long. */
export const UNTAKEN_SECONDS = 60;

/** A request's body has this long from the end of its headers, however it drips. */
export const BODY_MS = 15_000;

/** Hashes of passwords, and derivations of SCRAM keys, that run at once; and that wait, before others get 503. Each by itself. */
export const HASHES_AT_ONCE_MAX = 2;
export const HASHES_WAITING_MAX = 20;

/**
 * Searches and long lists of one user that run at once, and that run in all; and that wait, and how long, before others, or they, get
 * 503. A list said by comparisons alone, a page at a time, does not stand behind them and has places of its own.
 */
export const SEARCHES_EACH_MAX = 2;
export const SEARCHES_AT_ONCE_MAX = 3;
export const SEARCHES_WAITING_MAX = 40;
export const LISTS_EACH_MAX = 2;
export const LISTS_AT_ONCE_MAX = 4;
export const LISTS_WAITING_MAX = 200;
export const SEARCH_WAIT_MS = 15_000;

/** Text of the rows of one list, in characters, before it is refused: ask for less at a time. */
export const LIST_CHARS_MAX = 64 * 1024 * 1024;
/** Lists that are asked for whole at JSON-RPC are made one at a time, each for its client to take, and wait so long. */
export const WHOLE_LIST_WAIT_MS = 30_000;
