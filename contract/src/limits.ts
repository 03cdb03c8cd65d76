/** Limits that more than one door tells and holds. */

/** Characters of a key's name. */
export const KEY_NAME_CHARS_MAX = 200;
