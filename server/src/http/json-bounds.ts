/**
 * How deep and how wide JSON is, told from its text before anything is made of it: what walks or validates it later costs
 * a bounded time and cannot run out of stack. The same for every door (held by `server/test/json-bounds.test.ts`).
 */
import { JSON_DEPTH_MAX, JSON_MEMBERS_MAX } from "@chatelaine/contract/limits";

const QUOTE = 34;
const BACKSLASH = 92;
const COMMA = 44;
const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [91, 93, 123, 125];

/** @returns what there is too much of; a text that is no JSON is judged by its brackets, commas and quotes alone */
export function jsonExcess(text: string): "depth" | "members" | undefined {
  let depth = 0;
  let members = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) at = endOfString(text, at);
    else if (code === COMMA) members++;
    else if (code === OPEN_LIST || code === OPEN_OBJECT) {
      if (++depth > JSON_DEPTH_MAX) return "depth";
      if (!isClosedNext(text, at)) members++;
    } else if (code === CLOSE_LIST || code === CLOSE_OBJECT) depth--;
  }
  return members > JSON_MEMBERS_MAX ? "members" : undefined;
}

/** For people. */
export const EXCESS_MESSAGES = {
  depth: `nested deeper than ${JSON_DEPTH_MAX} levels`,
  members: `of more than ${JSON_MEMBERS_MAX} members`,
} as const;

function endOfString(text: string, from: number): number {
  let at = from + 1;
  for (; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === BACKSLASH) at++;
    else if (code === QUOTE) break;
  }
  return at;
}

/** Whether a list or object has nothing in it. */
function isClosedNext(text: string, from: number): boolean {
  let at = from + 1;
  while (at < text.length && text.charCodeAt(at) <= 32) at++;
  const code = text.charCodeAt(at);
  return code === CLOSE_LIST || code === CLOSE_OBJECT;
}
