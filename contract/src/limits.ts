/**
 * Limits that more than one place states or holds: the schemas, the rules of the use cases, the command line, the screens.
 * `scripts/limits.ts` refuses a second statement of any of them.
 */
import { DAY_SECONDS } from "./instant.ts";

/** Numbers of keys are positive 32-bit integers. */
export const KEY_ID_MAX = 2_147_483_647;
/** Characters of a key's name. */
export const KEY_NAME_CHARS_MAX = 200;
/** Bytes of a key's description and tags together, UTF-8. */
export const KEY_WORDS_BYTES_MAX = 4_096;
export const TAGS_MAX = 32;
export const TAG_CHARS_MAX = 64;
/** Of the reason why a key is revoked. */
export const REASON_CHARS_MAX = 500;
/** A key that ends within so many days ends soon. */
export const SOON_DAYS = 7;
/** Keys that one call revokes by filter: no more than are done before a client that waits is given up. */
export const REVOKED_AT_ONCE_MAX = 1_000;

/** Uses in a window of a rate limit, and so of what one use may cost. */
export const RATE_USES_MAX = 1_000_000;
export const RATE_WINDOW_SECONDS_MAX = DAY_SECONDS;
/** Of the longest life that a user's keys may have: a minute to a hundred years. */
export const LIFETIME_SECONDS_MIN = 60;
export const LIFETIME_SECONDS_MAX = 100 * 365 * DAY_SECONDS;
/** Addresses and CIDR blocks of one list. */
export const ALLOWED_IPS_MAX = 100;
export const ADDRESS_CHARS_MAX = 64;

export const SCOPE_CHARS_MAX = 128;
/** Scopes of a key, a user or a group. */
export const SCOPES_MAX = 100;
/** More than a user or a group may have, so that the rule says of a list that is too long how long it may be. */
export const GRANTED_SCOPES_SENT_MAX = 200;

/** 1 to 32 of `A-Za-z0-9_.-`, beginning with a letter or `_`, as in the TrueNAS API. Groups are named alike. */
export const USERNAME = /^[A-Za-z_][A-Za-z0-9_.-]{0,31}$/;
export const USERNAME_CHARS_MAX = 32;
export const FULL_NAME_CHARS_MAX = 255;
export const EMAIL_CHARS_MAX = 254;
export const USER_GROUPS_MAX = 100;
export const PASSWORD_CHARS_MIN = 12;
export const PASSWORD_BYTES_MAX = 1_024;
/** Of what a user's screens remember. */
export const ATTRIBUTE_NAME_CHARS_MAX = 200;

/** Of a text that may be a key or a token, before anybody looks at it. */
export const SECRET_CHARS_MAX = 200;
export const UUID_CHARS_MAX = 64;
export const TOKEN_TTL_SECONDS_MAX = 30 * DAY_SECONDS;
/** Of what a client calls itself. */
export const CLIENT_CHARS_MAX = 200;
export const VERIFY_KEYS_MAX = 100;

export const CERTIFICATE_CHARS_MAX = 16_384;
/** Of the policy's longest life of a key: a hundred years. */
export const KEY_DAYS_MAX = 36_500;
/** Below it, a session that is written down as seen once a minute would end under its user's hands. */
export const SESSION_IDLE_MINUTES_MIN = 5;
export const SESSION_IDLE_MINUTES_MAX = 1_440;
export const SESSION_HOURS_MAX = 720;
export const ORIGIN_CHARS_MAX = 300;
export const URL_CHARS_MAX = 2_048;
export const WEBHOOK_SECRET_CHARS_MIN = 16;
export const WEBHOOK_SECRET_CHARS_MAX = 256;

/** Entries of one page of a list, where the caller does not say how many, and at most. */
export const PAGE_ENTRIES = 50;
export const PAGE_ENTRIES_MAX = 1_000;
export const FILTER_CHARS_MAX = 4_096;
export const CURSOR_CHARS_MAX = 2_048;
export const ORDER_CHARS_MAX = 200;
/** Owners that a list of keys may be asked for at once. */
export const OWNERS_ASKED_MAX = 100;
export const AUDIT_FILTER_CHARS_MAX = 64;
/** Alerts of each kind, where the caller does not say how many, and at most. */
export const ALERTS_SHOWN = 20;
export const ALERTS_MAX = 200;
/** Days of use that are reported where the caller names no first day. */
export const USE_DAYS = 90;

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
