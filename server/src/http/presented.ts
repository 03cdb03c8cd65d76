/**
 * Finds the key in a request's headers, for every door: exactly one, or none. Beside `X-API-Key` a credential that has not
 * the shape of a key is somebody else's, and left alone; two that have it and differ are refused, because nobody could say
 * which one counts. The name that Basic puts beside a key counts for nothing: the key has its owner. `client/src/presented.ts` has the same rules (held by `presented.test.ts`).
 */
import { parseKeyText } from "../domain/key-text.ts";

export type PresentedKey =
  | {
      readonly kind: "key";
      readonly text: string;
      /** Whether `Authorization` carries it. */
      readonly isAuthorization: boolean;
    }
  /** Something that was meant as a key and is none, or two keys. */
  | { readonly kind: "bad"; readonly words: string }
  | { readonly kind: "none" };

const BASIC_CHARS_MAX = 512;
const NONE: PresentedKey = { kind: "none" };
const TWO: PresentedKey = {
  kind: "bad",
  words: "Two different credentials in the headers; send exactly one",
};
const JOINED: PresentedKey = { kind: "bad", words: "Two credentials in one header; send exactly one" };

/** @param header the one header that the proxy's own configuration names; null: the usual ones */
export function readPresentedKey(headers: Headers, header: string | null): PresentedKey {
  if (header !== null) {
    const value = headers.get(header);
    const isAuthorization = header.toLowerCase() === "authorization";
    return value === null ? NONE : presentedKey(withoutScheme(value), isAuthorization);
  }
  const authorization = headers.get("authorization");
  const own = headers.get("x-api-key")?.trim();
  const shown = authorization === null ? undefined : readAuthorization(authorization);
  if (!own) return shown === undefined ? NONE : presentedKey(shown, true);
  const isOurs = shown !== undefined && looksLikeKey(shown);
  if (!isOurs) return presentedKey(own, false);
  return shown === own ? presentedKey(own, true) : TWO;
}

function presentedKey(text: string, isAuthorization: boolean): PresentedKey {
  if (text === "") return NONE;
  // No key has a comma in it: one that has is two headers, which were joined on the way.
  return text.includes(",") ? JOINED : { kind: "key", text, isAuthorization };
}

/** With a slip of the hand, or without its number, it is a key all the same: nobody else's business. */
function looksLikeKey(text: string): boolean {
  const parsed = parseKeyText(text);
  return parsed.ok || parsed.fault !== "shape";
}

/** @returns undefined for a scheme that is none of ours */
function readAuthorization(value: string): string | undefined {
  if (value.startsWith("Bearer ") && value.charCodeAt(7) > 32) return value.slice(7).trimEnd();
  const space = value.indexOf(" ");
  const scheme = value.slice(0, space).toLowerCase();
  const rest = value.slice(space + 1).trim();
  if (scheme === "bearer") return rest;
  return scheme === "basic" ? fromBasic(rest) : undefined;
}

/** The key is the password; or the name, where there is no password that is a key. */
function fromBasic(credentials: string): string | undefined {
  if (credentials.length > BASIC_CHARS_MAX || !/^[A-Za-z0-9+/]+={0,2}$/.test(credentials)) return undefined;
  const pair = Buffer.from(credentials, "base64").toString("utf8");
  const colon = pair.indexOf(":");
  if (colon < 0) return undefined;
  const [name, password] = [pair.slice(0, colon), pair.slice(colon + 1)];
  return !looksLikeKey(password) && looksLikeKey(name) ? name : password;
}

function withoutScheme(value: string): string {
  return /^bearer /i.test(value) ? value.slice(7).trim() : value.trim();
}
